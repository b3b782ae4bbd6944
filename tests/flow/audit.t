#!/bin/bash
# The audit log: checkpoints, tiles and proofs, checked by a program that shares no code with ours;
# what was done to a log is found and named; a kill takes back no checkpoint; old details are dropped.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

check_log() {
    python3 "$root/tests/flow/check_log.py" "$@"
}

serial_of() {
    openssl x509 -in "$1" -noout -serial | cut -d= -f2
}

issue() { # NAME
    cerca issue --profile tls-server --key-out "$scratch/$1.key" --san "dns:$1.audit.example" \
        --out "$scratch/$1.pem" >/dev/null 2>&1
}

has_files() { # N PATTERN...
    n=$1
    shift
    # shellcheck disable=SC2012 # names of our own
    [ "$(ls "$@" 2>/dev/null | wc -l)" -ge "$n" ]
}

cd "$scratch" || exit 1
ca_init || bail 'no CA'
mkdir "$ca_dir/offhost"
echo 'audit = { export_dir = "offhost"; checkpoint_every = "2s"; };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

# --- the guide, word for word ---

mkdir guide
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0; next } inside' "$root/docs/audit.md" >session
is 'the guide has something to type' "$(grep -c '^cerca ' session | awk '{ print ($1 >= 8) }')" 1
(cd guide && bash -e ../session) >guide.out 2>guide.err
is 'everything that the guide says to type succeeds' "$?" 0
like 'and the log is sound' guide.out '^the audit log is sound$'
ed=$(cerca audit checkpoint --key | head -n 1)
ec=$(cerca audit checkpoint --key | tail -n 1)

# --- a program of others ---

ok 'a checkpoint is a signed note, by an Ed25519 key and by the key of the token' \
    check_log note guide/2026-11.checkpoint "$ed" "$ec"
sed '2s/$/1/' guide/2026-11.checkpoint >changed.checkpoint
fails 'with another size its signature is wrong' 1 'signature is wrong' \
    check_log note changed.checkpoint "$ed"
ok 'the proof of a certificate holds' check_log proof guide/proof.json "$ed"
{
    echo name,sans
    seq 140 | sed 's/.*/n&,dns:n&.audit.example/'
} >bulk.csv
ok 'a few hundred records more' cerca bulk bulk.csv --profile tls-server --out-dir bulk
serial=$(serial_of bulk/n70.pem)
ok 'a certificate in their midst is proved' \
    cerca audit prove "$serial" --consistency guide/2026-11.checkpoint --out proof.json
ok 'inclusion and consistency hold' check_log proof proof.json "$ed"
like 'intent and finish are both there, and the log goes on' "$out" '^2 records included, consistent'
cerca audit checkpoint --out now.checkpoint
cerca audit checkpoint --newest >newest.checkpoint
ok 'the tiles in the view give the root that was signed' check_log tiles "$ca_dir/view/audit" "$ed"
like 'full tiles and partial ones' "$out" '^3 tiles over [23][0-9][0-9] leaves'
ok 'checkpoints are signed at intervals, and sent to the folder' \
    wait_until 20 has_files 4 "$ca_dir"/offhost/*.checkpoint
ok 'the status says how old the newest one is' cerca status
like 'and over how many records' "$out" '^ok +checkpoint +ready +[0-9]+s old, over [0-9]+ records'

# --- reading ---

cerca issue --profile '=1+1' --key-out x.key --san dns:x.example --out x.pem 2>/dev/null
ok 'refusals are in the log' cerca audit log --action refuse -o json
json 'with what was asked, by whom, from where, under which configuration' '.[-1] |
    .profile == "=1+1" and .rule == "profile.unknown" and (.actor | startswith("operator:")) and
    (.origin | startswith("admin pid=")) and (.generation | length) == 16'
ok 'as CSV too' cerca audit log --rule profile.unknown -o csv
like 'where no cell is a formula' "$out" ",'=1\+1,"
ok 'by serial' cerca audit log --serial "$serial" -o json
json 'both records of it' 'map(.action) == ["intent", "finish"]'
ok 'from an index on, in order' cerca audit log --from 3 --limit 4 -o json
json 'just these' 'map(.index) == [3, 4, 5, 6]'
ok 'the newest, in order' cerca audit log --limit 3 -o json
json 'the last three' 'length == 3 and .[2].index == .[0].index + 2'
ok 'by time' cerca audit log --until 2001-01-01 --limit 0 -o json
json 'nothing that is not of it' '. == []'
ok 'all of it' cerca audit log --limit 0 --from 0 -o json
json 'without a gap' '. as $a | all(range(length); $a[.].index == .)'

# --- what is done to a log ---

cerca audit export --out good 2>/dev/null
verify() { # DIR ...
    cerca audit verify "$@" --key "$ed"
}
altered() { # NAME: a copy of the export to alter
    rm -rf "$1"
    cp -r good "$1"
}
named() { # NAME RULE PATTERN COMMAND...
    name=$1 rule=$2 pattern=$3
    shift 3
    run "$@"
    [ "$status" -eq 1 ] && grep -Eq "^$rule: .*$pattern" "$out"
    report $? "$name"
}
ok 'an export verifies' verify good --checkpoint guide/2026-11.checkpoint --checkpoint now.checkpoint
altered bad
perl -i -pe 's/"record":"01(..)/"record":"0107/ if $. == 101' bad/records.jsonl
named 'a record that was changed is named' audit.tampered 'record 100 is not what' verify bad
is 'and no other one' "$(grep -c '^audit' "$out")" 1
altered bad
perl -i -ne 'if ($. == 51) { $a = $_ } elsif ($. == 61) { print $_, @b, $a } elsif ($. > 51 && $. < 61) { push @b, $_ } else { print }' \
    bad/records.jsonl
named 'records that changed places are named' audit.reordered 'record 50 .*was written as record 60' \
    verify bad
altered bad
size=$(sed -n 2p guide/2026-11.checkpoint)
perl -e '$n = shift; @l = <STDIN>; @l[$n - 2, $n + 2] = @l[$n + 2, $n - 2]; print @l' "$size" \
    <good/records.jsonl >bad/records.jsonl
named 'and where a checkpoint is between their places' audit.reordered \
    "record $((size - 2)) .*was written as record $((size + 2))" verify bad --checkpoint guide/2026-11.checkpoint
altered bad
sed -i 71d bad/records.jsonl
named 'a record that was taken out is named' audit.missing '70 to 70 are missing' verify bad
altered bad
head -n 200 good/records.jsonl >bad/records.jsonl
named 'a log that was cut is named' audit.truncated 'before record 200' verify bad
head -c $((200 * 32)) good/leaf-hashes >bad/leaf-hashes
named 'even with its hashes' audit.truncated '' verify bad
altered bad
perl -i -pe 's/"salt":"../"salt":"00/ if $. == 101' bad/records.jsonl
perl -e 'open F, "+<", "bad/leaf-hashes"; binmode F; seek F, 3200, 0; print F "\0" x 32'
named 'a record that was changed with its hash is found between two checkpoints' audit.tampered \
    'are not those that were signed' verify bad
named 'a checkpoint with a wrong signature is named' audit.signature 'changed.checkpoint' \
    verify good --checkpoint changed.checkpoint
altered bad
sed -i 's/"salt":"[0-9a-f]*"/"salt":1/' bad/records.jsonl
named 'what does not read is named' audit.tampered 'does not read' verify bad
altered bad
perl -i -pe 'print "x" x 100_000_000 if $. == 51' bad/records.jsonl
long() {
    (ulimit -v 400000 && verify bad) # far less than the line
}
case ${CERCA_BUILD:-} in
*asan*) ;;
*) named 'a line of a hundred million octets is one that does not read' audit.tampered 'record 50 does not read' long ;;
esac
altered bad
tail -n 1 good/records.jsonl | sed 's/"index":[0-9]*/"index":9/' >>bad/records.jsonl
named 'a line too many is named' audit.reordered 'more lines than records' verify bad
altered bad
perl -i -pe 's/\{/{"index":0,/ if $. == 51; s/$/\0/ if $. == 61' bad/records.jsonl
named 'a key twice does not read' audit.tampered 'record 50 does not read' verify bad
named 'nor does a zero octet' audit.tampered 'record 60 does not read' verify bad
altered bad
mkfifo bad/checkpoints/pipe
fails 'nobody waits for a pipe among the files' 1 'not a regular file' verify bad
altered bad
sed -i 's/"size": *[0-9]*/"size": 9000000000000000000/' bad/export.json
named 'a log that claims to be longer than it is is cut' audit.truncated 'before record' verify bad
altered bad
sed -i 's/"size": *[0-9]*/"size": -1/' bad/export.json
fails 'a negative size is refused' 1 'not an export' verify bad
altered bad
printf '\033[2J\n1\nAAAA\n\n' >"bad/checkpoints/00000000000000000001.checkpoint"
named 'what is no checkpoint is named' audit.signature 'is not a checkpoint' verify bad
unlike 'and says nothing to the terminal' "$out" "$(printf '\033')"
fails 'something else than an export is refused' 1 'export.json' verify "$scratch"

first_dir=$ca_dir
port=$(head -n 1 now.checkpoint)
ca_stop
ca_init "$scratch/other" || bail 'no second CA'
echo "audit = { origin = \"$port\"; };" >>"$scratch/other/cerca.conf"
ca_start "$scratch/other" || bail 'the second one does not start'
cerca audit checkpoint --out other-key.checkpoint
ca_stop
ca_start "$first_dir" || bail 'the first one does not start again'
named 'a checkpoint of another log with our name is named' audit.key 'other-key.checkpoint' \
    verify good --checkpoint other-key.checkpoint
sed '1s/$/2/' now.checkpoint >other-name.checkpoint
named 'one of another name too' audit.origin 'other-name.checkpoint' \
    verify good --checkpoint other-name.checkpoint
named 'online as well' audit.key 'other-key.checkpoint' \
    cerca audit verify --key "$ed" --checkpoint other-key.checkpoint

# --- a kill takes nothing back ---

while read -r program step; do
    case $program in
    cerca-ca) flag=$ca_dir/view/kill-once ;;
    *) flag=$ca_dir/signer/kill-once ;;
    esac
    ca_stop
    CERCA_STEP_KILL=$program:$step:1@$flag
    export CERCA_STEP_KILL
    : >"$flag"
    ca_start || bail "no start for $step"
    issue "$step" || issue "$step-again"
    for _ in 1 2 3; do cerca audit checkpoint --out "kill-$step.checkpoint" 2>/dev/null && break; done
    [ ! -e "$flag" ] && [ -s "kill-$step.checkpoint" ]
    report $? "$program killed at $step: a checkpoint is signed after it"
    unset CERCA_STEP_KILL
done <<'EOF'
cerca-ca ledger.tiles
cerca-ca ledger.signed
cerca-ca ledger.kept
cerca-ca ledger.published
cerca-signer checkpoint.checked
cerca-signer checkpoint.recorded
cerca-signer checkpoint.signed
EOF
set --
for file in kill-*.checkpoint guide/2026-11.checkpoint now.checkpoint "$ca_dir"/offhost/*.checkpoint; do
    set -- "$@" --checkpoint "$file"
done
ok 'the log goes on from every checkpoint that was ever given out' \
    cerca audit verify --key "$ed" "$@"
ok 'the store is sound' cerca store check

# --- a fork ---

ca_stop
cp -r "$ca_dir/store" store.old
ca_start || bail 'no start before the fork'
issue lost
cerca audit checkpoint --out lost.checkpoint
ca_stop
rm -rf "$ca_dir/store" "$ca_dir/view"
mv store.old "$ca_dir/store"
mkdir "$ca_dir/view"
cercad -c "$CERCA_CONF" >>cercad.log 2>&1 &
ca_pid=$!
wait_until 5 cerca list --timeout 5
fails 'the signer signs no log that lost what it has signed' 1 'checkpoint\.(shrinks|forks)' \
    cerca audit checkpoint --timeout 10
ca_stop
rm "$ca_dir"/signer/*.checkpoints
ca_start || bail 'no start of the fork'
issue other
issue other2
cerca audit checkpoint --out fork.checkpoint
named 'a log that forked is named' audit.forked 'lost.checkpoint' \
    cerca audit verify --key "$ed" --checkpoint lost.checkpoint
fails 'and so it is by a proof' 1 'audit.forked' cerca audit prove --consistency lost.checkpoint

# --- what is old ---

ca_stop
sed -i 's/export_dir/keep = "1d"; export_dir/' "$CERCA_CONF"
CERCA_TEST_CLOCK_OFFSET=$((3 * 86400))
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'no start three days later'
dropped() {
    cerca audit log --from 5 --limit 1 | grep -q 'details dropped'
}
ok 'details past their time are dropped' wait_until 20 dropped
ok 'that is recorded' cerca audit log --action prune -o json
json 'from where to where' '.[0].detail | test("^records 0 to [0-9]+$")'
ok 'the log is as sound as before' cerca audit verify --key "$ed" --checkpoint kill-ledger.kept.checkpoint
ok 'an export of it too' cerca audit export --out pruned
ok 'which verifies' verify pruned --checkpoint now.checkpoint
run cerca store check
unlike 'and the store finds nothing wrong with it' "$out" '^audit'
fails 'what was dropped cannot be proved' 1 'have been dropped' cerca audit prove "$serial"
done_testing
