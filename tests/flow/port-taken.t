#!/bin/sh
# Somebody else has the HTTP port: issuing and revoking begin all the same, the status says what is
# missing, and HTTP comes by itself once the port is free.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
CERCA_CONF=$ca_dir/cerca.conf
export CERCA_CONF
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$CERCA_CONF")
port=${base##*:}

mkfifo go
perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => shift,
        ReuseAddr => 1) or die;
    open my $there, ">", "there";
    close $there;
    <STDIN>' "$port" <go &
squatter=$!
exec 9>go
wait_until 10 test -e there || bail 'the port is not taken'

cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 9>&- &
ca_pid=$!
ok 'it starts without its port' wait_until 30 cerca list
ok '... and says which in the log' wait_until 10 grep -q "port.unavailable .*port $port: Address already in use" cercad.log
ok '... and issues' cerca issue --profile tls-server --san dns:a.port.example --key-out a.key --out a.pem
ok '... and revokes' cerca revoke a.pem
like '... and warns that nobody is told' "$err" 'it is recorded, but public is .*not served here'
item() {
    cerca status -o json | jq -e "any(.items[]; .name == \"public\" and $1)"
}
ok 'the status says why there is no HTTP' wait_until 20 item \
    "(.ok | not) and (.text | test(\"port $port: Address already in use\"))"
reloads() {
    [ "$(grep -c conf.reload.done cercad.log)" -ge "$1" ]
}
kill -HUP "$ca_pid"
ok 'a new configuration is taken' wait_until 30 reloads 1
ok '... and it issues' wait_until 20 cerca issue --profile tls-server --san dns:b.port.example \
    --key-out b.key --force --out b.pem
exec 9>&-
wait "$squatter"
ok 'the port is free: HTTP comes by itself' wait_until 90 curl -sf -o issuing.crt "$base/ca/issuing.crt"
ok '... with OCSP' wait_until 30 cerca ocsp query b.pem
ok 'then revoking warns of nothing' wait_until 20 sh -c \
    'cerca hold b.pem 2>hold.err; cerca release b.pem 2>/dev/null; ! grep -q recorded hold.err'
run cerca ocsp query a.pem
like '... of what was revoked meanwhile' "$out" '^status +revoked'
ok 'all is well' wait_until 20 cerca status
done_testing
