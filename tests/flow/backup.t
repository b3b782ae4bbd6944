#!/bin/sh
# Backup while issuing, and restore: of a backup that is older than ten revocations, of one that is
# damaged, without room, killed at every step. Nothing is un-revoked, nothing revived, no log forked.
# docs/backup.md is typed by guide-backup.t.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

backup=$scratch/cerca.backup

issue() { # NAME [OPTION...]
    which=$1
    shift
    cerca issue --profile tls-server --csr "$scratch/$which.csr" --out "$scratch/$which.pem" \
        --request-key "$(printf '%s' "$which" | sha256sum | cut -d ' ' -f 1)" "$@"
}

issue_anew() { # NAME [OPTION...]: not a retry
    which=$1
    shift
    cerca issue --profile tls-server --csr "$scratch/$which.csr" --out "$scratch/new.pem" "$@"
}

make_csr() { # NAME
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
        -addext "subjectAltName=DNS:$1.backup.example" -keyout /dev/null \
        -out "$scratch/$1.csr" 2>/dev/null
}

serial_of() { # NAME
    openssl x509 -in "$scratch/$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

status_of() { # SERIAL
    cerca show "$1" -o json | jq -r '.. | .status? // empty' | head -n 1
}

result() { # FILTER: of the last restore
    jq -r "$1" <"$scratch/restored.json"
}

restore() { # FILE [OPTION...]
    file=$1
    shift
    cerca restore "$file" -o json "$@" >"$scratch/restored.json"
}

gate_is_closed() {
    cerca status --timeout 5 -o json |
        jq -e 'any(.items[]; .name == "gate" and .state == "restored, closed")'
}

# A CA that is closed is never well, so that ca_start would wait in vain.
start_closed() {
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 gate_is_closed
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
# The first one waits for a moment without requests; from then on the store knows by whom they are signed.
ok 'a checkpoint is signed' cerca audit checkpoint --out "$scratch/first.checkpoint"
for n in $(seq 12); do make_csr "n$n"; done
for n in $(seq 24); do make_csr "load$n"; done
for n in $(seq 11); do issue "n$n" >/dev/null 2>&1; done

ok 'a token for one use is made' cerca token create --profile tls-server \
    --name dns:n12.backup.example --ttl 1d --out "$scratch/token"

# --- while issuing --------------------------------------------------------------------------------

load() {
    for n in $(seq 24); do issue "load$n" >/dev/null 2>&1 || echo "$n" >>"$scratch/load.failed"; done
}
# With it the store has the keys by which later ones are known.
ok 'a checkpoint is signed' cerca audit checkpoint --out "$scratch/first.checkpoint"
load &
load_pid=$!
ok 'a backup is made while certificates are issued' cerca backup --out "$backup" -o json
json 'it was verified, and says what is not in it' '.verified and .not_in_it != ""'
wait "$load_pid"
ok 'every certificate of the load was issued' test ! -e "$scratch/load.failed"
is 'it is readable by its owner only' "$(stat -c %a "$backup")" 600
is 'nothing is left beside it' "$(find "$scratch" -name 'cerca.backup.*')" ''
fails 'a backup is never written over another' 1 backup.exists cerca backup --out "$backup"
# What cannot be read is no backup without it. Its signer has it open and goes on.
record=$(find "$ca_dir/signer" -name '*.record' | head -n 1)
before=$(cerca status -o json | jq -r '.items[] | select(.name == "backup").text')
mv "$record" "$scratch/kept.record"
mkfifo "$record"
fails 'a backup without the record of a token is none' 1 backup.record \
    cerca backup --out "$scratch/short" --timeout 20
fails '... nor is a check of it one' 4 record.read cerca store check --timeout 20
rm "$record"
ln -s "$(basename "$record")" "$record"
fails 'whatever stands in the way' 1 backup.record cerca backup --out "$scratch/short" --timeout 20
is 'none of them counts as one' \
    "$(cerca status -o json | jq -r '.items[] | select(.name == "backup").text')" "$before"
mv -f "$scratch/kept.record" "$record"
ok 'no part of one is left' sh -c "! [ -e '$scratch/short' ]"
ok 'it is sound' cerca backup verify "$backup" -o json
json 'it names its store, its change and its audit log' \
    '.change > 0 and .audit_size > 0 and (.audit_root | length) == 64 and (.store | length) == 32'
json 'configuration, certificates and records are in it' \
    '.parts | contains(["cerca.conf", "root-1", "issuing-2", "default"])'

# --- damaged --------------------------------------------------------------------------------------

head -c 100000 "$backup" >"$scratch/cut"
fails 'one that is cut off is refused' 1 backup.footer cerca backup verify "$scratch/cut"
cp "$backup" "$scratch/bent"
printf X | dd of="$scratch/bent" bs=1 seek=30000 conv=notrunc 2>/dev/null
fails 'one in which an octet changed is refused' 1 backup.hash cerca backup verify "$scratch/bent"
fails 'what is no backup is refused' 1 backup.footer cerca backup verify "$CERCA_CONF"

# --- ten revocations later ------------------------------------------------------------------------

for n in $(seq 10); do cerca revoke "$(serial_of "n$n")" --reason superseded >/dev/null; done
ok 'the token is used' issue n12 --token-file "$scratch/token"
later=$(serial_of n12)
ok 'a checkpoint is signed after that' cerca audit checkpoint --out "$scratch/newest.checkpoint"
lost=$(($(sed -n 2p "$scratch/newest.checkpoint") - $(cerca backup verify "$backup" -o json | jq .audit_size)))
sed '2s/$/1/' "$scratch/newest.checkpoint" >"$scratch/changed.checkpoint"
sed '1s/$/2/' "$scratch/newest.checkpoint" >"$scratch/other.checkpoint"
fails 'a CA that runs is not restored' 1 store.lock cerca restore "$backup"
ca_stop
fails 'a damaged backup is not restored' 1 backup.hash cerca restore "$scratch/bent"
ok 'a dry run only looks' cerca restore "$backup" --dry-run
is 'and moves nothing' "$(find "$ca_dir/store" -name '*.replaced-*')" ''
fails 'nor with a checkpoint of another log' 1 checkpoint.origin \
    cerca restore "$backup" --checkpoint "$scratch/other.checkpoint"
fails 'nor with one that nobody signed like that' 1 checkpoint.signature \
    cerca restore "$backup" --checkpoint "$scratch/changed.checkpoint"
fails 'nor with what is none' 1 checkpoint.form cerca restore "$backup" --checkpoint "$CERCA_CONF"
ok 'the backup is restored into the stopped CA' restore "$backup"
ok 'how much of the audit log is lost is known from the view' \
    test "$(result .audit_records_lost)" -ge "$lost"
is 'by checkpoints of keys that the store knows' "$(result .checkpoints_unverified)" null
is 'ten revocations are taken over from the view' "$(result .revocations_merged)" 10
ok 'certificates issued since are known by their serials' test "$(result .lost_certificates)" -ge 1
ok 'the store that was there is moved aside' test -d "$(result .replaced)"
ok 'it comes up, closed' start_closed
fails 'nothing is issued' 1 store.closed issue_anew n1 --timeout 5
ok 'a retry gets what was issued before' issue n11 --force
for n in $(seq 10); do status_of "$(serial_of "n$n")"; done >"$scratch/states"
is 'nothing is un-revoked' "$(sort "$scratch/states" | uniq -c | tr -s ' ')" ' 10 revoked'
is 'what was issued after the backup is still good' "$(status_of "$later")" valid
use_token() {
    issue_anew n12 --token-file "$scratch/token" --timeout 5
}
fails 'the use of the token is not forgotten' 1 'token\.void|store\.closed' use_token
ok 'it can be revoked by its serial' cerca revoke "$later" --reason keyCompromise
ok 'the store is sound' cerca store check
ok 'the public view is not behind' sh -c \
    "cerca status -o json | jq -e 'any(.items[]; .name == \"view\" and .ok)'"
first_log=$(result .audit_log)
ok 'a new audit log was begun' test "$first_log" -gt 0
ok 'an administrator opens it' cerca open --reason 'what was lost is known'
ok 'all is well again' wait_until 10 cerca status
ok 'it issues' issue_anew n11
fails 'a token older than the restore is void' 1 token.void use_token
ok 'with a serial that nobody has' test "$(serial_of new)" != "$later"
ok 'the store is sound after that' cerca store check

# --- the same backup once more, without the view -----------------------------------------------------

ca_stop
mv "$ca_dir/view" "$scratch/view.kept"
ok 'it is restored without a view' restore "$backup" --checkpoint "$scratch/newest.checkpoint"
is 'a checkpoint that was kept says how much is lost' "$(result .audit_records_lost)" "$lost"
is 'and says that no view was there' "$(result .views_missing)" 2
ok 'serials that were signed since are known from the records' \
    test "$(result .lost_certificates)" -ge 2
ok 'two restores of one backup never write the same log' test "$(result .audit_log)" -gt "$first_log"
ok 'it comes up' start_closed
ok 'sound' cerca store check
ca_stop
rm -rf "$ca_dir/view"
mv "$scratch/view.kept" "$ca_dir/view"
ok 'the view comes back' start_closed
for n in $(seq 2 10); do status_of "$(serial_of "n$n")"; done >"$scratch/states"
is 'and what it knows is taken over at the start' \
    "$(sort "$scratch/states" | uniq -c | tr -s ' ')" ' 9 revoked'
ok 'the store is sound then' cerca store check
ca_stop

# --- killed at every step of a restore ---------------------------------------------------------------

for step in restore.copied restore.merged restore.moved restore.placed; do
    CERCA_STEP_KILL="cerca-ca:$step:1"
    export CERCA_STEP_KILL
    run restore "$backup"
    is "a restore is killed at $step" "$status" 1
    unset CERCA_STEP_KILL
    if [ "$step" = restore.moved ]; then
        fails 'no empty store takes the place of the one that was moved' 1 restore.interrupted \
            cerca-ca -c "$CERCA_CONF"
    fi
    ok "it is run again" restore "$backup"
    like "the logs that were begun since are named ($step)" "$scratch/restored.json" \
        '"audit_logs_lost": "[1-9], of [1-9][0-9]* records or more"'
    ok "and comes up after $step" start_closed
    ok "sound after $step" cerca store check
    ca_stop
done
rm -rf "$ca_dir"/store/*.replaced-*

# --- killed while a backup is written ---------------------------------------------------------------

for step in store.copy backup.parts; do
    CERCA_STEP_KILL="cerca-ca:$step:1@$ca_dir/view/kill-once"
    export CERCA_STEP_KILL
    start_closed
    touch "$ca_dir/view/kill-once"
    run cerca backup --out "$scratch/killed.backup"
    is "cerca-ca is killed at $step" "$status" 1
    is 'no file has the name of a backup' "$(find "$scratch" -name 'killed.backup*')" ''
    wait_until 20 gate_is_closed
    ok 'the next backup works' cerca backup --out "$scratch/$step.backup"
    unset CERCA_STEP_KILL
    ca_stop
done

# --- parts for a new machine ----------------------------------------------------------------------

ok 'the parts are written for a new machine' cerca restore "$backup" --parts "$scratch/parts"
ok 'the configuration is what it was' cmp "$scratch/parts/cerca.conf" "$CERCA_CONF"
ok 'the certificates are there' openssl x509 -inform DER -in "$scratch/parts/issuing-2.der" -noout

done_testing
