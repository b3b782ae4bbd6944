#!/bin/sh
# Renewals that are refused, over EST and by operators: joined to what they were for, told until one
# succeeds, and written seldom however often somebody asks.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
CERCA_TEST_CLOCK_OFFSET=-7200 # so that what is made later on is no certificate of tomorrow
export CERCA_TEST_CLOCK_OFFSET
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
cat >>"$conf" <<'END'
profiles = ( { name = "short"; eku = ( "clientAuth" ); validity = "1h"; cn_must_be_san = false;
               san_required = false; },
             { name = "guarded"; eku = ( "clientAuth" ); san_kinds = ( "dns" ); approval = "one";
               approve_renewals = true; } );
est = (
    { name = "default"; profile = "tls-client"; },
    { name = "short"; profile = "short"; },
    { name = "guarded"; profile = "guarded"; ways = ( "certificate" ); from = ( "tls-client" ); }
);
ca = { request_retry = "1s"; };
alerts = { after = "none"; backup_age = "none"; contact = "pki@example.com"; };
END
ca_start || bail 'it does not start'
est_client
ok 'the server is there' wait_until 20 is_up

# line NAME FILTER: of what explain says.
line() {
    cerca explain "$1" -o json >line.json && jq -e "any(.[]; $2)" line.json
}
# alert NAME FILTER: of its alert about a failed renewal.
alert() {
    cerca alerts list --all -o json | jq -e \
        "any(.[]; .rule == \"renewal.failed\" and .name == \"dns:$1\" and ($2))"
}
serial() {
    openssl x509 -in "$1" -noout -serial | cut -d = -f 2 | tr 'A-F' 'a-f'
}

# --- a device ------------------------------------------------------------------------------------

csr a /CN=a.example.test DNS:a.example.test
public a
is 'a device has a certificate' "$(post simpleenroll a.csr \
    -u "x:$(token tls-client 1 dns:a.example.test)")" 200
ok '... that verifies' taken a
ok 'nothing is wrong with it' line a.example.test '.state == "ok" and .refused == null'

csr x /CN=b.example.test DNS:b.example.test
is 'it asks for other names' "$(post_as a simplereenroll x.csr)" 403
ok 'explain says when and why' wait_until 10 line a.example.test '.refused.rule == "authorisation.name"'
ok '... and by whom' jq -e --arg by "certificate:$(serial a.pem)" \
    '.[0].refused | .by == $by and .from == "est 127.0.0.1" and .times == 1 and
    (.at | startswith("20")) and (.renewed_since | not)' line.json
ok '... that it is stuck, with that reason' jq -e \
    '.[0] | .state == "stuck" and (.stuck | test("^refused 20.*b.example.test"))' line.json
ok 'for people too' cerca explain a.example.test
like '... its state' "$out" 'dns:a.example.test: stuck'
like '... and the attempt' "$out" 'refused +20.* to certificate:.*est 127.0.0.1.*authorisation.name'
ok 'somebody is told' wait_until 20 alert a.example.test '.state == "raised" and
    .severity == "warning" and (.summary | test("its renewal failed: .*b.example.test"))'
ok '... which explain says as well' line a.example.test 'any(.alerts[]; .rule == "renewal.failed")'

n=0
while [ $n -lt 30 ]; do
    post_as a simplereenroll x.csr >status
    n=$((n + 1))
done
is 'it asks again and again' "$(cat status)" 403
ok '... and that is written once' line a.example.test '.refused.times == 1'
ok '... and told once' alert a.example.test '.times == 1'
is 'a dry run of an operator is no attempt' "$(cerca renew a.example.test --csr x.der --dry-run \
    >"$out" 2>&1; cerca explain a.example.test -o json | jq -r '.[0].refused.by')" \
    "certificate:$(serial a.pem)"
ca_stop
ca_start || bail 'it does not start again'
ok 'a restart knows it' line a.example.test '.state == "stuck" and .refused.rule == "authorisation.name"'
wait_until 20 is_up
sleep 1 # the next certificate ends later
csr n /CN=a.example.test DNS:a.example.test
public n
is 'then it asks as it should' "$(post_as a simplereenroll n.csr)" 200
ok '... and has the next one' taken n
ok 'that is that' wait_until 20 alert a.example.test '.state == "resolved"'
ok '... and what was refused is history' line a.example.test \
    '.state != "stuck" and .refused.renewed_since'
is 'who still shows the old one is refused' "$(post_as a simplereenroll x.csr)" 403
ok '... which alarms nobody' alert a.example.test '.state == "resolved"'

# --- an operator says no -----------------------------------------------------------------------------

csr g /CN=a.example.test DNS:a.example.test
is 'the next one has to be approved' "$(post_as n guarded/simplereenroll g.csr)" 202
ok '... which is no failure' line a.example.test '.state != "stuck"'
ok 'an operator denies it' cerca request deny 1 --reason 'not this year'
is '... and the device is told' "$(post_as n guarded/simplereenroll g.csr)" 403
ok '... and whoever asks why it is not renewed' wait_until 10 line a.example.test '.state == "stuck" and
    .refused.rule == "request.denied" and (.stuck | test("not this year"))'
ok '... and told anew' wait_until 20 alert a.example.test '.state == "raised" and .times == 2'

# --- an operator asks ----------------------------------------------------------------------------------

ok 'an operator has one' cerca issue --profile tls-server --san dns:o.example.test --key-out o.key --out o.pem
openssl req -new -newkey rsa:1024 -nodes -keyout w.key -subj / -out w.csr 2>"$err"
fails 'and renews it with a key that is weak' 1 'key' cerca renew o.example.test --csr w.csr
ok '... which is known' wait_until 10 line o.example.test '.state == "stuck" and
    (.refused.rule | startswith("key")) and (.refused.by | startswith("operator:"))'
ok '... and told' wait_until 20 alert o.example.test '.state == "raised"'
sleep 1
ok 'then with a better one' cerca renew o.example.test --key-out p.key --out p.pem
ok '... and all is well' wait_until 20 alert o.example.test '.state == "resolved"'

# --- too late ------------------------------------------------------------------------------------------

csr s /CN=s.example.test DNS:s.example.test
public s
is 'one for an hour' "$(post short/simpleenroll s.csr -u "x:$(token short 1 dns:s.example.test)")" 200
base64 -d <body | openssl pkcs7 -inform DER -print_certs -out s.pem
ca_stop
CERCA_TEST_CLOCK_OFFSET=0
ca_start || bail 'it does not start two hours later'
wait_until 20 is_up
is 'who comes too late is refused' "$(post_as s short/simplereenroll s.csr)" 403
ok '... and it is known why' wait_until 10 line s.example.test \
    '.state == "stuck" and .refused.rule == "est.certificate.expired"'
ok 'the store is sound' cerca store check

done_testing
