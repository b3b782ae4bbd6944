#!/bin/sh
# The agent's daemon through simulated weeks: certificates of an hour are renewed in time again and
# again, the CA is away for longer than any of them lives, everything is killed at every step, two
# agents meet on one folder, nothing can be written. nginx serves a pair that fits throughout.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
stop_all() {
    agent_stop
    return "$1"
}
trap 'stop_all $?; cleanup' EXIT
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "hour"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "1h"; validity_max = "1h"; backdate = "1m"; cn_must_be_san = false; } );
est = ( { name = "default"; profile = "hour"; ways = ( "token", "certificate" ); grace = "30d"; } );
labels
clock=$scratch/clock
moved=0
move() { # SECONDS: the clock of all, and the daemon looks at it
    moved=$((moved + $1))
    printf '%-40d' "$moved" >"$clock"
    # The CA asks whether so much time has passed indeed.
    [ -z "$ca_pid" ] || cerca open --reason 'time has passed' >/dev/null 2>&1
    [ -z "$agent_pid" ] || kill -HUP "$agent_pid"
}
move 0
CERCA_TEST_CLOCK_OFFSET=@$clock
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init
nginx_with_certificate
token hour 1 dns:web.test >web.token
agent add web --san dns:web.test --token-file web.token \
    --file "key=$scratch/tls/web.key" --file "fullchain=$scratch/tls/web.pem" 2>/dev/null
add_nginx web
agent_start || bail 'no agent'

says() { # FILTER, of the entry
    agent status web -o json 2>/dev/null | jq -e "$1" >/dev/null
}

# --- several lives ---------------------------------------------------------------------------------

ok 'the daemon enrolls by itself' wait_until 20 says '.state == "verified"'
is 'and nginx serves it' "$(served_serial)" "$(serial_of tls/web.pem)"
fails 'a second agent does not run on the same folder' 1 'another agent runs' \
    timeout 60 cerca-agent run -c conf --state-dir state
for life in 1 2 3 4; do
    old=$(served_serial)
    version=$(agent status web -o json | jq .version)
    move 2700
    ok "it is renewed in time ($life)" wait_until 20 says ".version > $version and .state == \"verified\""
    is "and served ($life)" "$(served_serial)" "$(serial_of tls/web.pem)"
    report "$([ "$old" != "$(served_serial)" ]; echo $?)" "another one ($life)"
done
is 'what is older than two versions is gone' "$(find state/web/versions -mindepth 1 -maxdepth 1 | wc -l)" 3

# --- nothing wakes it while nothing is due --------------------------------------------------------

switches() {
    awk '/voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$agent_pid/task/$agent_pid/status"
}
calm() { # SECONDS
    before=$(switches)
    sleep "$1"
    [ "$(switches)" = "$before" ]
}
# A report of what changed is due five seconds after it.
ok 'nothing wakes it while nothing is due' wait_until 30 calm 8
is '... nor later' "$(calm 4 || echo woken)" ''

# --- the CA is away for a week ----------------------------------------------------------------------

ca_stop
old=$(served_serial)
move 2400
ok 'it says why it waits' wait_until 20 says '.failures > 0 and .rule == "http.failed"'
ok 'and stays calm at first' says '.state != "stuck"'
move 900
ok 'it is loud when little of the life is left' wait_until 20 says '.state == "stuck"'
fails 'for status too' 1 '1 of 1 need attention' agent status
for _ in 1 2 3 4 5 6 7; do
    tried=$(agent status web -o json | jq .failures)
    move 86400
    wait_until 20 says ".failures > $tried" || break
done
ok 'it goes on trying for a week' says '.failures >= 8'
is 'nginx serves what it had' "$(served_serial)" "$old"
ca_start || bail 'the CA does not come back'
wait_until 20 cerca est cacerts --url "https://localhost:$port" --trust root.pem --out cas.pem
move 7200
ok 'once it is back the certificate is renewed' wait_until 30 says '.state == "verified" and .failures == 0'
is 'and served' "$(served_serial)" "$(serial_of tls/web.pem)"
agent_stop

# --- killed at every step ----------------------------------------------------------------------------

fits() { # what lies there is a pair, and nginx serves one
    [ "$(openssl x509 -in tls/web.pem -noout -pubkey)" = "$(openssl pkey -in tls/web.key -pubout)" ] &&
        [ -n "$(served_serial)" ]
}
for step in agent-due agent-key agent-csr agent-submitted agent-issued deploy-file deploy-written \
    deploy-staged agent-staged deploy-tested deploy-visible agent-installed deploy-reloaded \
    agent-reloaded deploy-good deploy-wiped agent-verified; do
    old=$(serial_of tls/web.pem)
    (CERCA_STEP_KILL=cerca-agent:$step:1 cerca-agent renew web -c conf --state-dir state >/dev/null 2>&1)
    is "killed at $step" $? 137
    ok "... a pair that fits stays ($step)" fits
    ok "... and it goes on from there ($step)" agent renew web
    is "... to what is served ($step)" "$(served_serial)" "$(serial_of tls/web.pem)"
    report "$([ "$old" != "$(serial_of tls/web.pem)" ]; echo $?)" "... which is new ($step)"
done

# --- two at once, and nothing can be written -----------------------------------------------------------------------

exec 8<state/web/lock
flock 8
fails 'of two that work on an entry one gives way' 1 'another process works on web' agent renew web
exec 8<&-

old=$(serial_of tls/web.pem)
# A limit on the size of files is a disk that is full for it.
said=$( (ulimit -f 0 && trap '' XFSZ && agent renew web) 2>&1)
is 'nothing can be written: it fails' $? 1
echo "$said" >said
like 'and says so' said 'File too large'
is 'what was there stays' "$(serial_of tls/web.pem)" "$old"
ok 'as a pair' fits
ok 'and it goes on when there is room' agent renew web
ok 'with a pair that fits' fits
report "$([ "$old" != "$(serial_of tls/web.pem)" ]; echo $?)" 'which is new'

done_testing
