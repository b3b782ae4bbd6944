#!/bin/sh
# With "restore" in two_operators, who restored a CA cannot be the one who opens it.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

nobody=$(id -u nobody)
as_nobody() { # PROGRAM ARGUMENT...
    as_user "$nobody" "$@"
}

ca_init || bail 'no CA'
sed -i "s|^operators = (|&\n    { name = \"bob\"; uid = \"$nobody\"; role = \"admin\"; },|" \
    "$ca_dir/cerca.conf"
echo 'ca = { two_operators = ( "restore" ); };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
chmod 0711 "$scratch" "$ca_dir" "$ca_dir/sock"
chmod 0644 "$ca_dir/cerca.conf"
ok 'a backup is made' cerca backup --out "$scratch/b"
ca_stop
ok 'and restored' cerca restore "$scratch/b"
cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
up() {
    cerca status | grep -q 'restored, closed'
}
ok 'the CA comes up closed' wait_until 20 up
fails 'who restored it cannot open it' 1 'restore.second' cerca open --reason 'all is known'
ok 'the refusal is recorded' sh -c "cerca audit log --rule restore.second -o json | jq -e 'length == 1'"
ok 'the restore is recorded with its operator' \
    sh -c "cerca audit log --action restore -o json | jq -e '.[0].actor | startswith(\"operator:\")'"
ok 'another administrator opens it' as_nobody cerca open --reason 'all is known'
ok 'and it issues again' wait_until 20 cerca issue --profile tls-server --key-out "$scratch/k" \
    --san dns:again.example --out "$scratch/again.pem"

done_testing
