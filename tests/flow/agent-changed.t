#!/bin/sh
# What people do to the files of an entry while the agent runs: folders are made after it has begun,
# files move, entries are removed and added again, two want one path, and check says what would fail.
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
est = ( { name = "default"; profile = "tls-server"; ways = ( "token", "certificate" ); } );
labels
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init
rmdir conf/conf.d

says() { # ENTRY FILTER
    agent status "$1" -o json 2>/dev/null | jq -e "$2" >/dev/null
}
add() { # NAME KEY CERTIFICATE [--now]
    agent add "$1" --san "dns:$1.test" --token-file "$1.token" --file "key=$scratch/tls/$2" \
        --file "fullchain=$scratch/tls/$3" ${4:+"$4"}
}
fit() { # KEY CERTIFICATE
    key=$(openssl pkey -in "tls/$1" -pubout) && [ "$key" = "$(openssl x509 -in "tls/$2" -noout -pubkey)" ]
}
reads() { # COUNT: so often the daemon has taken a configuration with one entry
    [ "$(grep -c 'agent.conf entries=1' agent.log)" -gt "$1" ]
}
for entry in web other; do
    token tls-server 1 "dns:$entry.test" >"$entry.token"
done

# --- the daemon is there first ---------------------------------------------------------------------

begin() {
    : >agent.log
    agent_start || bail 'no agent'
}
begin
ok 'an entry is added where there was no folder for it yet' add web web.key web.pem
ok 'the daemon sees it' wait_until 60 says web '.state == "verified"'
ok 'and does what it says' fit web.key web.pem
serial=$(serial_of tls/web.pem)
chmod 666 conf/conf.d/web.conf
fails 'a file that anybody may write to is not used' 1 'others than root and this user' agent check
ok 'which the daemon says' wait_until 60 grep -q 'rule=agent.files' agent.log
before=$(grep -c 'agent.conf entries=1' agent.log)
chmod 644 conf/conf.d/web.conf
ok 'once that is mended it goes on' wait_until 60 reads "$before"

# --- files move --------------------------------------------------------------------------------------

sed -i "s#tls/web.pem#tls/moved.pem#" conf/conf.d/web.conf
ok 'a file with another path is brought there' wait_until 60 says web '.state == "verified" and .version == 2'
ok 'with the key that is there' fit web.key moved.pem
report "$([ "$serial" != "$(serial_of tls/moved.pem)" ]; echo $?)" 'by a new certificate'
sed -i 's#format = "key";#format = "key"; mode = "0640";#' conf/conf.d/web.conf
ok 'so is another mode' wait_until 60 says web '.state == "verified" and .version == 3'
is '... which it has' "$(stat -L -c %a tls/web.key)" 640
before=$(grep -c 'agent.conf entries=1' agent.log)
touch conf/conf.d/web.conf
ok 'a file that is written again' wait_until 60 reads "$before"
agent_stop
ok '... and says the same changes nothing' says web '.state == "verified" and .version == 3'
jq 'del(.files)' state/web/state >older && cat older >state/web/state
ok 'what an older agent has written down is read' agent renew web --if-due
ok '... for what it is' says web '.state == "verified" and .version == 3 and .fingerprint != ""'

# --- removed, and added again -------------------------------------------------------------------------

rm tls/web.pem
ok 'it is removed' agent remove web --quiet
is 'the files stay, as files' "$([ -L tls/web.key ] || [ -L tls/moved.pem ] || echo both)" both
ok 'added again with other paths' add web again.key again.pem --now
ok '... its files are there' fit again.key again.pem
serial=$(serial_of tls/again.pem)
agent remove web --quiet 2>/dev/null
ok 'added again with the same' add web again.key again.pem --now
is '... they are what the agent changes' "$(readlink tls/again.key)" "$scratch/state/web/current/again.key"
report "$([ "$serial" != "$(serial_of tls/again.pem)" ]; echo $?)" '... and has'

# --- taken away ------------------------------------------------------------------------------------------

rm tls/again.key
begin
ok 'a file that was deleted while no daemon ran is brought back' wait_until 60 says web '.version == 6 and .state == "verified"'
ok '... with the key of the certificate' fit again.key again.pem
cp root.pem conf/roots.pem
mkdir conf/trust.d
cat >conf/trust.d/cas.conf <<CONF
sources = ( { name = "cas"; kind = "ca"; url = "file://$scratch/root.pem"; issuer = "roots.pem"; } );
files = ( { path = "$scratch/tls/cas.pem"; } );
CONF
ok 'an entry of trust.d is seen, too' wait_until 60 test -s tls/cas.pem
agent_stop
rm tls/cas.pem
ok '... whose file is brought back' agent renew cas
is '... as it was' "$(cat tls/cas.pem)" "$(cat state/cas/current/cas.pem)"
rm conf/trust.d/cas.conf

# --- one path, two entries ------------------------------------------------------------------------------

ln -s tls link
begin
fails 'no second entry has the same path' 1 'again.key" is a path of web, too .rule conf.duplicate' \
    agent add other --san dns:other.test --token-file other.token --file "key=$scratch/link/again.key"
report "$([ ! -e conf/conf.d/other.conf ]; echo $?)" 'nothing is written then'
sed 's/web.test/other.test/; s/web.token/other.token/' conf/conf.d/web.conf >conf/conf.d/an-other.conf
fails 'one that is written by hand is told' 1 'an-other.conf: ".*again.key" is a path of web, too' agent check
ok 'the daemon tells' wait_until 60 grep -q 'entry=an-other .*rule=conf.duplicate' agent.log
agent_stop
ok '... and the one whose path it is goes on' agent renew web
is '... as before' "$(readlink tls/again.key)" "$scratch/state/web/current/again.key"
rm conf/conf.d/an-other.conf
begin

# --- what would fail ----------------------------------------------------------------------------------

echo 'somebody else' >tls/there.pem
ok 'where something lies' add other other.key there.pem
fails '... it is told before anything is asked of the CA' 1 'there.pem is there already, and take_over is false' agent check
ok '... and the daemon stops at that' wait_until 60 says other '.state == "stuck" and .rule == "deploy.path"'
report "$([ ! -e state/other/next/key.pem ]; echo $?)" '... with no key made'
is 'what lies there stays' "$(cat tls/there.pem)" 'somebody else'
sed -i 's#there.pem#other.pem#' conf/conf.d/other.conf
ok 'mended, it is tried at once' wait_until 60 says other '.state == "verified"'
is '... with the token, which nobody had used' "$(openssl x509 -in tls/other.pem -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" DNS:other.test
cat >>conf/conf.d/other.conf <<CONF
services = ( { name = "svc"; reload = ( "no-such-program", "-q" ); } );
CONF
fails 'a command that is not there is told' 1 'svc: no-such-program: No such file' agent check
sed -i '/^services/d' conf/conf.d/other.conf
echo 'hooks = { after = ( "/etc/passwd" ); };' >>conf/conf.d/other.conf
fails 'and a hook that cannot be run' 1 'hooks: /etc/passwd: Permission denied' agent check
sed -i '/^hooks/d' conf/conf.d/other.conf
ok 'all is well in the end' agent check
agent add late --san dns:late.test --token-file "$scratch/late.token" 2>/dev/null
fails 'a token that is not there is told' 1 'late: token_file .*late.token: cannot be read' agent check

done_testing
