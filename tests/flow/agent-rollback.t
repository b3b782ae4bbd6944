#!/bin/sh
# A deployment that goes wrong, at each place where it can, with a real nginx under connections that
# never stop: the pair that was there stays, or is back, and no handshake fails.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
load_pid=
stop_all() {
    [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null
    return "$1"
}
trap 'stop_all $?; cleanup' EXIT
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "hour"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "1h"; validity_max = "1h"; backdate = "1m"; cn_must_be_san = false; } );
est = ( { name = "default"; profile = "hour"; ways = ( "token", "certificate" ); grace = "30d"; } );
labels
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init

# nginx takes no key below 128 bits of strength: RSA of 2048 bits will not do.
cat >strict.cnf <<'CNF'
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = strict
[strict]
CipherString = DEFAULT@SECLEVEL=3
CNF
nginx_port=$(free_ports | cut -d ' ' -f 1)
cerca issue --profile hour --key-out tls/web.key --san dns:web.test >tls/web.pem 2>/dev/null
cat >nginx.part <<PART
server { listen 127.0.0.1:$nginx_port ssl; ssl_certificate $scratch/tls/web.pem;
         ssl_certificate_key $scratch/tls/web.key; location / { return 200 "well"; } }
PART
OPENSSL_CONF=$scratch/strict.cnf
export OPENSSL_CONF
nginx_start nginx.part
unset OPENSSL_CONF
wait_until 10 served_serial || bail 'no nginx'

# Connections one after the other; each that fails leaves a line.
load() {
    while :; do
        curl -sk --max-time 60 -o /dev/null "https://127.0.0.1:$nginx_port/" || echo "$?" >>failed
        echo >>made
    done
}
load &
load_pid=$!

# entry KEY_TYPE TEST RELOAD HOOKS: "": as it should be.
nginx_words="\"nginx\", \"-t\", \"-q\", \"-p\", \"$scratch/nginx\", \"-c\", \"$scratch/nginx/nginx.conf\", \"-e\", \"error.log\""
strict_test="\"env\", \"OPENSSL_CONF=$scratch/strict.cnf\", $nginx_words"
entry() {
    # Short only where that time passes.
    limit=30s seen=30s
    case ${3:-}${4:-} in *sleep*) limit=3s ;; esac
    [ -z "${2:-}${3:-}" ] || seen=3s
    cat >conf/conf.d/web.conf <<CONF
certificate = { names = ( "dns:web.test" ); take_over = true; key_type = "$1"; };
files = ( { path = "$scratch/tls/web.key"; format = "key"; },
          { path = "$scratch/tls/web.pem"; format = "fullchain"; } );
services = ( { name = "nginx"; test = ( ${2:-$strict_test} );
    reload = ( ${3:-\"/bin/kill\", \"-HUP\", \"$nginx_pid\"} ); probes = ( "127.0.0.1:$nginx_port sni=web.test" );
    time_limit = "$limit"; probe_for = "$seen"; } );
hooks = { ${4:-} time_limit = "$limit"; };
CONF
    chmod 600 conf/conf.d/web.conf
}
status_is() { # FILTER
    agent status web -o json | jq -e "$1" >/dev/null
}
stays() { # WHAT: nginx serves what it did, and that is what lies there
    is "$1: nginx serves what it did" "$(served_serial)" "$old"
    is "$1: and that lies at its paths" "$(serial_of tls/web.pem)" "$old"
}

first=$(served_serial)
cp tls/web.pem first.pem
entry p256
ok 'what nginx had is taken over and renewed' agent renew web
report "$([ "$(served_serial)" != "$first" ]; echo $?)" 'another one is served'
is 'it is the one at the path' "$(served_serial)" "$(serial_of tls/web.pem)"
ok 'what was there is kept' cmp first.pem state/web/versions/0/web.pem
old=$(served_serial)

# --- nginx refuses the new pair ---------------------------------------------------------------------

entry rsa2048
fails 'a key that nginx refuses is found by its test' 1 'deploy.test|test of nginx' agent rekey web
like 'which says why' "$err" 'key too small'
stays 'refused by the test'
run agent explain web
like 'what is in force is the one before' "$out" '^in force: version 1, valid from'
like 'and the other one waits' "$out" '^waiting: version 2, which services do not see'
ok 'as JSON' status_is '.in_force == 1 and .version == 2'

entry rsa2048 '"/bin/true"'
fails 'without a test it is found by the probe' 1 'deploy.probe|another certificate' agent rekey web
like 'nginx had refused it' nginx/error.log 'key too small'
stays 'refused by the reload'
ok 'the status has it' status_is '.rule == "deploy.probe"'

# --- what is called fails or hangs ------------------------------------------------------------------

entry p256 '' '"/bin/true"'
fails 'a reload that does nothing is found by the probe' 1 'another certificate' agent rekey web
stays 'no reload'
entry p256 '' '"/bin/sh", "-c", "echo it is broken; exit 7"'
fails 'a reload that fails' 1 'status 7: it is broken' agent rekey web
stays 'failed reload'
entry p256 '' "\"/bin/sh\", \"-c\", \"echo \$\$ >$scratch/hangs; sleep 300\""
fails 'a reload that hangs is killed' 1 'did not end in time' agent rekey web
ok 'whole' is_gone "$(cat hangs)"
stays 'hanging reload'
entry p256 '' '' 'before = ( "/bin/sleep", "300" );'
fails 'a hook before that hangs is killed' 1 'did not end in time' agent rekey web
stays 'hanging hook'
entry p256 '' '' 'before = ( "/bin/false" );'
fails 'a hook before that fails stops it' 1 'status 1' agent rekey web
stays 'failing hook'

entry p256 '"/bin/true"' '' "failed = ( \"/bin/sh\", \"-c\", \"echo \$CERCA_NAME \$CERCA_RULE >>$scratch/told\" );"
sed -i "s/probes = .*sni/probes = ( \"127.0.0.1:1\", \"127.0.0.1:$nginx_port sni/" conf/conf.d/web.conf
fails 'an address where nobody answers' 1 'refused|no certificate' agent rekey web
stays 'nobody answers'
like 'the hook for failures is told' told 'web deploy.probe'

# --- and goes on ------------------------------------------------------------------------------------

entry p256 '' '' 'after = ( "/bin/false" );'
run agent rekey web
report "$([ "$(served_serial)" != "$old" ]; echo $?)" 'a hook after that fails takes nothing back'
is 'what is served lies at the path' "$(served_serial)" "$(serial_of tls/web.pem)"
old=$(served_serial)
entry p256
ok 'what was mended is renewed' agent rekey web
report "$([ "$(served_serial)" != "$old" ]; echo $?)" 'and served'
is 'three versions are kept' "$(find state/web/versions -mindepth 1 -maxdepth 1 | wc -l)" 3

# --- killed ------------------------------------------------------------------------------------------

killed_at() { # STEP
    (CERCA_STEP_KILL=cerca-agent:$1:1 cerca-agent renew web -c conf --state-dir state >/dev/null 2>&1)
    is "killed at $1" $? 137
}
for step in deploy-file deploy-written deploy-staged deploy-tested deploy-visible deploy-linked \
    deploy-reloaded deploy-good deploy-wiped; do
    killed_at $step
    ok "... it goes on from there ($step)" agent renew web
    is "... to what lies there and is served ($step)" "$(served_serial)" "$(serial_of tls/web.pem)"
done
old=$(served_serial)
entry p256 '' '"/bin/true"'
killed_at deploy-back
is 'the old pair is visible again' "$(serial_of tls/web.pem)" "$old"
entry p256
agent renew web >/dev/null 2>&1
is 'and after a mended attempt what lies there is served' "$(served_serial)" "$(serial_of tls/web.pem)"

kill "$load_pid"
wait "$load_pid" 2>/dev/null
load_pid=
is "no connection of $(wc -l <made) failed" "$(cat failed 2>/dev/null)" ''
done_testing
