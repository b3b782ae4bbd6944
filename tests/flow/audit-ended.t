#!/bin/sh
# The audit logs that restores ended: listed, verified, exported, and proved from, as the log in force.
# Proofs and exports are checked by check_log.py too, which knows nothing of ours.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

issue() { # NAME
    cerca issue --profile tls-server --san "dns:$1.ended.example" --key-out "$scratch/$1.key" \
        --out "$scratch/$1.pem" 2>/dev/null
}

serial_of() { # NAME
    openssl x509 -in "$scratch/$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

log_in_force() {
    jq -r .audit_log <"$scratch/restored.json"
}

restore() { # FILE: and open
    ca_stop
    cerca restore "$1" -o json >"$scratch/restored.json" || return
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 cerca open --reason 'all is known' && wait_until 20 cerca status
}

indexes() { # [OPTION...]: of all records, on a line each
    cerca audit log --limit 0 -o json "$@" | jq '.[].index'
}

checked() { # PROOF LOG: by the independent script; each log has keys of its own name
    python3 "$root/tests/flow/check_log.py" proof "$1" \
        "$(cerca audit checkpoint --key --log "$2" | head -n 1)"
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
for n in a b c; do issue $n; done
ok 'a checkpoint is made of the first log' cerca audit checkpoint --out "$scratch/zero.early"
for n in d e; do issue $n; done
ok 'and another one' cerca audit checkpoint --out "$scratch/zero"
issue f
ok 'a backup is made' cerca backup --out "$scratch/first.backup"
ok 'it is restored' restore "$scratch/first.backup"
one=$(log_in_force)
issue g
ok 'the second log has a checkpoint' cerca audit checkpoint --out "$scratch/one"
issue h
ok 'a backup is made of that' cerca backup --out "$scratch/second.backup"
ok 'it is restored too' restore "$scratch/second.backup"
ok 'a third log is in force' test "$(log_in_force)" -gt "$one"
issue i

# --- listed ---------------------------------------------------------------------------------------

indexes --log 0 >"$scratch/list"
ok 'the first log is listed' test "$(wc -l <"$scratch/list")" -gt "$(sed -n 2p "$scratch/zero")"
is 'from its first record on, without a hole' "$(cat "$scratch/list")" \
    "$(seq 0 $(($(wc -l <"$scratch/list") - 1)))"
of_serial() { # NAME LOG: actions of its records
    cerca audit log --serial "$(serial_of "$1")" --log "$2" -o json | jq -r '.[].action' | sort | tr '\n' ' '
}
is 'a certificate of the first log is in it' "$(of_serial f 0)" 'finish intent '
is 'and not in the second' "$(of_serial f "$one")" ''
is 'one of the second is there' "$(of_serial g "$one")" 'finish intent '
is 'and not in the first' "$(of_serial g 0)" ''
is 'what is in force is not changed by that' \
    "$(cerca audit log --serial "$(serial_of i)" -o json | jq length)" 2
is 'it has its number as well' "$(indexes --log "$(log_in_force)" | head -n 1)" 0
is 'the backup is the last but one thing in the first log' \
    "$(cerca audit log --log 0 --limit 1 -o json | jq -r '.[0].action')" finish
fails 'a log that is none is refused, and the others named' 1 "there are 0, $one, $(log_in_force)" \
    cerca audit log --log 5
fails 'so it is by verify' 1 'audit.log' cerca audit verify --log 5
fails 'and by an export' 1 'audit.log' cerca audit export --log 5 --out "$scratch/none"
ok 'which makes no folder' test ! -e "$scratch/none"
fails 'a number is a number' 2 'number of an audit log' cerca audit log --log first

# --- checkpoints and verification -----------------------------------------------------------------

is 'the newest checkpoint of the first log is what it was' "$(cerca audit checkpoint --log 0)" \
    "$(cat "$scratch/zero")"
is 'that of the second too' "$(cerca audit checkpoint --log "$one")" "$(cat "$scratch/one")"
for log in 0 "$one"; do
    ok "log $log verifies" cerca audit verify --log "$log" -o json
    json "log $log is covered, but for what came after its last checkpoint" \
        '.ok and .verified > 0 and .records > .verified'
done
ok 'with a checkpoint that was kept' cerca audit verify --log 0 --checkpoint "$scratch/zero.early"
run cerca audit verify --log 0 --checkpoint "$scratch/one"
is 'a checkpoint of another log is none of it' "$status" 1
like 'which is named' "$out" '^audit\.origin: '
fails 'an export is of one log' 2 'one log' cerca audit verify "$scratch" --log 0

# --- exported -------------------------------------------------------------------------------------

ok 'the first log is exported' cerca audit export --log 0 --out "$scratch/export"
ok 'the export verifies' cerca audit verify "$scratch/export" --checkpoint "$scratch/zero.early"
is 'it goes as far as the newest checkpoint' "$(wc -l <"$scratch/export/records.jsonl")" \
    "$(sed -n 2p "$scratch/zero")"
early=$(sed -n 2p "$scratch/zero.early")
ok 'from a checkpoint on' cerca audit export --log 0 --since-checkpoint "$early" --out "$scratch/since"
is 'there are the records since' "$(head -n 1 "$scratch/since/records.jsonl" | jq .index)" "$early"
ok 'that verifies' cerca audit verify "$scratch/since"
is 'and has all hashes' "$(sha256sum <"$scratch/since/leaf-hashes")" \
    "$(sha256sum <"$scratch/export/leaf-hashes")"

# --- proved ---------------------------------------------------------------------------------------

ok 'a certificate of the first log is proved' cerca audit prove "$(serial_of b)" --log 0 \
    --consistency "$scratch/zero.early" --out "$scratch/proof.json"
is 'against its newest checkpoint' "$(jq -r .checkpoint <"$scratch/proof.json" | sed -n 2p)" \
    "$(sed -n 2p "$scratch/zero")"
ok 'a script that knows nothing of ours agrees' checked "$scratch/proof.json" 0
ok 'one of the second log is proved there' cerca audit prove "$(serial_of g)" --log "$one" \
    --out "$scratch/proof1.json"
ok 'and agreed with' checked "$scratch/proof1.json" "$one"
fails 'what came after the last checkpoint of an ended log cannot be proved' 1 'audit.uncovered' \
    cerca audit prove "$(serial_of f)" --log 0
fails 'nor a checkpoint of another log continued' 1 'audit\.(forked|truncated)' \
    cerca audit prove --consistency "$scratch/one" --log 0
ca_stop
rm -rf "$ca_dir"/view/*
cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
ok 'without the view that was there' wait_until 20 cerca status
ok 'it is proved all the same' cerca audit prove "$(serial_of b)" --log 0

done_testing
