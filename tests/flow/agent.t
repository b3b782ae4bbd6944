#!/bin/sh
# The agent enrolls with a token, brings certificates to a real nginx, renews them by themselves,
# takes over what is there, and says what it waits for.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "hour"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "1h"; validity_max = "1h"; cn_must_be_san = false; },
             { name = "approved"; issuer = "issuing"; eku = ( "serverAuth" ); validity = "30d"; approval = "one"; cn_must_be_san = false; } );
est = ( { name = "hour"; profile = "hour"; ways = ( "token", "certificate" ); },
        { name = "default"; profile = "tls-server"; ways = ( "token", "certificate" ); },
        { name = "approved"; profile = "approved"; ways = ( "password", "certificate" ); } );
est_users = ( { name = "fleet"; names = ( "dns:.test" ); } );
ca = { password_file = "enroll.passwd"; };
labels
printf 'fleet:%s\n' "$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init

# --- a first certificate ---------------------------------------------------------------------------

nginx_with_certificate
token tls-server 1 dns:web.test >web.token
fails 'an entry must say how it begins' 1 'token_file' agent add web --san dns:web.test
fails 'an entry is named as a file of its own is' 1 'the name of an entry [a-z ]+' agent add ../web --san dns:web.test --token-file web.token
fails 'files have a format' 2 'FORMAT=PATH' agent add web --san dns:web.test --token-file web.token --file web.key
ok 'an entry is added' agent add web --san dns:web.test --token-file web.token \
    --file "key=$scratch/tls/web.key" --file "fullchain=$scratch/tls/web.pem"
add_nginx web
ok 'it is sound' agent check
fails 'only once' 1 'is there already' agent add web --san dns:web.test --token-file web.token
ok 'the agent does all of it' agent renew web
is 'nginx serves what was issued' "$(served_serial)" "$(serial_of tls/web.pem)"
is 'for the name' "$(openssl x509 -in tls/web.pem -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" DNS:web.test
is 'the key is its own' "$(openssl x509 -in tls/web.pem -noout -pubkey)" "$(openssl pkey -in tls/web.key -pubout)"
is 'the key is for its owner' "$(stat -L -c %a tls/web.key)" 600
ok 'it is shown' agent list -o json
json 'as verified' '.[0].state == "verified" and .[0].failures == 0 and .[0].version == 1'
ok 'all is well' agent status
ok 'and explained' agent explain web
like 'when it is due' "$out" '^due: 20'
like 'the token is used up' "$out" "^token: $scratch/web.token has done its work"
no_further() { ! grep -q '^also for' "$out"; }
ok 'it is for what was asked for and no more' no_further
is 'nothing secret lies about' "$(grep -rlI 'PRIVATE KEY' state | xargs -r stat -c %a | sort -u)" 600
is 'nothing of the attempt is left' "$(find state/web/next -type f | wc -l)" 0

ok 'status says it in words' agent status web
like 'which version services have' "$out" '^in force: version 1, valid from'
ok 'a recipe is shown whole' cerca-agent recipes postgresql
like 'with its files' "$out" '^file: key, owner postgres, mode 0600$'
like 'how it takes them' "$out" '^reload: systemctl'
like 'and where it is asked' "$out" '^probe: .*5432'
run cerca-agent recipes nginx -o json
json 'as JSON' '.name == "nginx" and .files[0].format == "fullchain" and .files[0].mode == "0644" and .test[0] == "nginx"'
fails 'another is not known' 1 'no recipe iis' cerca-agent recipes iis
fails 'a probe without a recipe is told how' 2 'write "services" into conf.d/x.conf'     agent add x --san dns:x.test --token-file web.token --probe 127.0.0.1:443

# --- renewals ----------------------------------------------------------------------------------------

first=$(served_serial)
ok 'it is renewed by its own certificate' agent renew web
is 'nginx serves the new one' "$(served_serial)" "$(serial_of tls/web.pem)"
report "$([ "$first" != "$(served_serial)" ]; echo $?)" 'which is another'
ok 'nothing happens before it is due' agent renew web --if-due
like 'and that is said' "$err" 'web is verified: version 2'
before=$(openssl pkey -in tls/web.key -pubout)
ok 'rekey makes a new key' agent rekey web
report "$([ "$before" != "$(openssl pkey -in tls/web.key -pubout)" ]; echo $?)" '... indeed'

# --- an approval -----------------------------------------------------------------------------------

echo 'open sesame' >password
agent add slow --label approved --san dns:slow.test --user fleet --password-file password \
    --file key=slow.key --file cert=slow.pem 2>/dev/null
fails 'a request that waits for people is pending' 3 'waits for an approval' agent renew slow
run agent status slow -o json
json 'it is shown so' '.state == "awaiting_approval" and .failures == 0'
key_then=$(sha256sum state/slow/next/key.pem)
fails 'asked again it still waits' 3 'waits for an approval' agent renew slow
is 'with the same key' "$(sha256sum state/slow/next/key.pem)" "$key_then"
request=$(cerca request list -o json | jq -r '.[0].number // .[0].id // .[0].request')
ok 'somebody approves' cerca request approve "$request"
ok 'then it is got' agent renew slow
is 'for that key' "$(openssl x509 -in state/slow/current/slow.pem -noout -pubkey)" \
    "$(openssl pkey -in state/slow/current/slow.key -pubout)"
run agent list -o json
json 'and verified' '.[] | select(.name == "slow") | .state == "verified"'

# --- a refusal is loud at once ---------------------------------------------------------------------

token tls-server 1 dns:right.test >right.token
agent add wrong --san dns:wrong.test --token-file right.token 2>/dev/null
cat >>conf/conf.d/wrong.conf <<CONF
hooks = { failed = ( "/bin/sh", "-c", "env > $scratch/hook.env" ); };
CONF
fails 'what the CA refuses is a failure' 1 'est.status|status 403' agent renew wrong
run agent status wrong -o json
json 'it is stuck, with a reason and a time to try again' \
    '.state == "stuck" and .rule == "est.status" and (.reason | length) > 0 and .next != null'
run agent status wrong
like 'in words too' "$out" '^because: .*403.*est.status.*1 times'
like 'the hook is told the rule' hook.env '^CERCA_RULE=est.status$'
like '... the reason' hook.env '^CERCA_REASON=.*403'
like '... and whose' hook.env '^CERCA_NAME=wrong$'
fails 'the status says so' 1 '1 of 3 need attention' agent status
agent add unsound --san dns:x.test --token-file right.token 2>/dev/null
echo 'oops' >>conf/conf.d/unsound.conf
fails 'a mistake in a file is named' 1 'unsound.conf:.*syntax' agent check
ok 'and stops nobody else' agent renew slow
rm conf/conf.d/unsound.conf conf/conf.d/wrong.conf

# --- a certificate that is not quite what was asked for ---------------------------------------------

token tls-server 1 dns:twice.test >twice.token
ok 'a name that is configured twice is certified once' timeout 60 cerca-agent add twice -c conf --state-dir state \
    --san dns:twice.test --san dns:TWICE.test --token-file twice.token --now
ok 'it is looked at again' agent renew twice --if-due
run agent status twice -o json
json 'and not renewed again and again' '.state == "verified" and .version == 1'

# --- a clock that was ahead ---------------------------------------------------------------------------

jq '.next += 400000000 | .saved += 400000000' state/twice/state >ahead && cat ahead >state/twice/state
ok 'what was written by a clock that was ahead' agent renew twice --if-due
run agent status twice -o json
json 'holds nothing up' '.state == "verified" and (.next | fromdateiso8601) < now + 86400 * 30'
# So far that what the CA certifies now is due when it comes.
sed -i 's/^certificate = {/&\n    renew_at = "5";/' conf/conf.d/twice.conf
ahead() {
    CERCA_TEST_CLOCK_OFFSET=$((5 * 86400)) timeout 60 cerca-agent "$@" -c conf --state-dir state
}
ok 'where the clock is ahead it is renewed' ahead renew twice --if-due
run ahead status twice -o json
json 'once' '.state == "verified" and .version == 2 and (.next | fromdateiso8601) > now + 5 * 86400 + 3600'
ok 'and asked again it waits' ahead renew twice --if-due
run ahead status twice -o json
json 'still' '.version == 2'
cerca-agent remove twice --quiet -c conf --state-dir state 2>/dev/null

# --- what is there is taken over -------------------------------------------------------------------

mkdir old
csr old /CN=old.test DNS:old.test
cerca issue --profile tls-server --csr old.csr --out old.pem 2>/dev/null || cerca issue --profile tls-server --csr old.der --out old.pem
cp old.key old/site.key
cp old.pem old/site.pem
chmod 640 old/site.key
ok 'files that are there are taken over' agent add old --take-over \
    --file "key=$scratch/old/site.key" --file "fullchain=$scratch/old/site.pem" --now
run agent status old -o json
json 'as version 0' '.state == "verified" and .version == 0'
is 'each shows what it held' "$(cat old/site.key old/site.pem)" "$(cat old.key old.pem)"
is 'with its mode' "$(stat -L -c %a old/site.key)" 640
ok 'it is renewed by itself' agent renew old
is 'for its names' "$(openssl x509 -in old/site.pem -noout -ext subjectAltName | tail -n 1 | tr -d ' ')" DNS:old.test
is 'with its own new key' "$(openssl x509 -in old/site.pem -noout -pubkey)" "$(openssl pkey -in old/site.key -pubout)"
report "$([ "$(serial_of old/site.pem)" != "$(serial_of old.pem)" ]; echo $?)" 'and another serial number'
cerca issue --profile tls-server --san dns:old.test --san dns:more.test --key-out more.key --out more.pem 2>/dev/null
agent add more --take-over --san dns:old.test --file "key=$scratch/more.key" --file "fullchain=$scratch/more.pem" --now 2>/dev/null
ok 'one with names that were not asked for' agent explain more
like 'shows them' "$out" '^also for: dns:more.test, which the CA has added'
agent remove more --quiet 2>/dev/null
ok 'it is given up' agent remove old --quiet
is 'the files stay, as files' "$([ -L old/site.key ] || [ -L old/site.pem ] || serial_of old/site.pem)" \
    "$(serial_of state/old/current/site.pem)"
fails 'and the entry is gone' 1 'no entry old' agent status old

done_testing
