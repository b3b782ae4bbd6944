#!/bin/bash
# What agents report of their hosts: where certificates are, what they are stuck with, and that one
# reports no more; from who proves who it is, bounded, and in no other form.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
echo 'est = ( { name = "default"; profile = "tls-client"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'
where=https://localhost:$port/.well-known/cerca/report

# tell NAME FILE [OPTION...]: the status of that body, posted with that client certificate.
tell() {
    who=$1 file=$2
    shift 2
    # shellcheck disable=SC2046 # words
    curl -s -m 20 --cacert root.pem -D head -o body -w '%{http_code}' $(own "$who") \
        -H 'Content-Type: application/json' --data-binary @"$file" "$@" "$where"
}
print_of() { # FILE
    openssl x509 -in "$1" -outform DER | sha256sum | cut -d' ' -f1
}
issue() { # NAME PROFILE FILE
    cerca issue --profile "$2" --san "dns:$1" --key-out "$3.key" --out "$3.pem"
}

ok "the agent's own certificate" issue web1.test tls-client agent
ok 'a certificate that it looks after' issue www.test tls-server web
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other.test -addext subjectAltName=DNS:other.test \
    -days 99 -keyout other.key -out other.pem 2>/dev/null
cat >first.json <<END
{"host": "web1", "version": "0.9", "interval": 60,
 "entries": [{"name": "www", "kind": "certificate", "state": "verified",
   "since": "2026-11-21T10:00:00Z", "reason": "", "rule": "", "next": "",
   "fingerprint": "$(print_of web.pem)", "files": ["/etc/ssl/www.pem"],
   "services": [{"recipe": "nginx", "address": "127.0.0.1:443",
     "served": "$(print_of web.pem)", "verified": "2026-11-21T10:00:05Z"}]}],
 "found": [{"path": "/etc/ssl/old.pem",
   "certificate": "$(openssl x509 -in other.pem -outform DER | base64 -w0)"}]}
END
is 'a report' 204 "$(tell agent first.json)"
is 'the agent is known' web1 "$(cerca agents list -o json | jq -r '.[].host')"
like 'as a table' <(cerca agents list) '^web1 .*well .*1 .*0 '
cerca agents show web1 -o json >agent.json
is 'by the name in its certificate' web1 "$(cerca agents show web1.test -o json | jq -r .host)"
is 'with what it looks after' verified "$(jq -r '.installed[0].state' agent.json)"
is 'and where that serves' 127.0.0.1:443 "$(jq -r '.installed[0].services[0].address' agent.json)"
like 'in words' <(cerca agents show web1) 'file  */etc/ssl/www.pem'
like 'a certificate shows where it is' <(cerca show www.test) \
    '^installed  *web1: /etc/ssl/www.pem, verified, last in use 2026-11-21T10:00:05Z'
is 'as JSON' web1 "$(cerca show www.test -o json | jq -r '.places[0].host')"
like 'the inventory does' <(cerca inventory show www.test) '^installed  *web1: /etc/ssl/www.pem'
like 'and what explains' <(cerca explain www.test) '^  installed *web1: /etc/ssl/www.pem'
is 'what lay there came into the inventory' 'scanned host web1: /etc/ssl/old.pem' \
    "$(cerca list --name other.test -o json | jq -r '.[] | .source + " " + .origin')"
like 'with its place' <(cerca show other.test) '^found  *web1: /etc/ssl/old.pem'
records() { cerca audit log -o json | jq '[.[] | select(.action == "report")] | length'; }
is 'that is recorded' 1 "$(records)"
is 'the same once more' 204 "$(tell agent first.json)"
is 'is no news' 1 "$(records)"

sed 's/"verified",$/"stuck",/; s/"reason": "", "rule": ""/"reason": "nginx -t fails", "rule": "deploy.test"/' \
    first.json >stuck.json
is 'it is stuck' 204 "$(tell agent stuck.json)"
is 'which is listed' 1 "$(cerca agents list --failing -o json | jq length)"
listed() { cerca list -o json "$@" | jq -r '[.[].sans[0]] | sort | join(" ")'; }
is 'a list of certificates that are stuck' dns:www.test "$(listed --installed stuck)"
is '... or not verified' dns:www.test "$(listed --installed unverified --installed-on web1.test)"
is '... none of these is verified' '' "$(listed --installed verified)"
is '... and of all that is on that host' 'dns:other.test dns:www.test' "$(listed --installed-on web1)"
is '... which other filters make smaller' dns:other.test \
    "$(listed --installed-on web1 --source scanned)"
is '... and those of it' dns:www.test "$(listed --name www.test --installed-on web1)"
is '... or empty' '' "$(listed --name www.test --installed-on web2)"
ok '... it can be saved' cerca list --installed-on web1 --installed stuck --save stuck-on-web1
is '... and asked again' dns:www.test "$(listed --filter stuck-on-web1)"
like '... and is told in words' <(cerca filter list) '--installed-on web1 --installed stuck'
fails 'a state that is none' 2 'should be unverified' cerca list --installed lost
like 'and shown' <(cerca agents show web1) 'why  *nginx -t fails'
alert() { # RULE
    cerca alerts list --rule "$1" -o json | jq -e '.[0]' >alert.json
}
ok 'is an alert' wait_until 20 alert agent.stuck
is 'that says what and where' 'www on web1' "$(jq -r .name alert.json)"
like 'and why' <(jq -r .summary alert.json) 'nginx -t fails .deploy.test.'
is 'it goes on' 204 "$(tell agent first.json)"
is '... and none is stuck' ' dns:www.test' "$(listed --installed stuck) $(listed --installed verified)"
no_alert() { ! alert "$1"; }
ok 'which resolves it' wait_until 20 no_alert agent.stuck

ca_stop
CERCA_TEST_CLOCK_OFFSET=100 ca_start || bail 'it does not start'
ok 'after one interval' wait_until 20 is_up
ok 'nobody minds' no_alert agent.silent
ca_stop
CERCA_TEST_CLOCK_OFFSET=200 ca_start || bail 'it does not start'
ok 'after three it is silent' wait_until 20 alert agent.silent
wait_until 20 is_up || bail 'HTTPS does not come'
is 'it is called by its host' web1 "$(jq -r .name alert.json)"
is 'once' 1 "$(jq -r .times alert.json)"
export CERCA_TEST_CLOCK_OFFSET=200
is 'the list says so' silent "$(cerca agents list --silent -o json | jq -r '.[].state')"
is 'it reports again' 204 "$(tell agent first.json)"
ok 'which resolves that' wait_until 20 no_alert agent.silent

refusals() { # WHAT STATUS FILE
    is "$1" "$2" "$(tell agent "$3")"
}
jq -c '.entries[0].state = "happy"' first.json >bad1.json
jq -c '.more = 1' first.json >bad2.json
jq -c '.entries[0].fingerprint = "xx"' first.json >bad3.json
jq -c 'del(.host)' first.json >bad4.json
jq -c '.interval = 1' first.json >bad5.json
jq -c '.entries = [range(65) as $i | .entries[0]]' first.json >bad6.json
jq -c '.found[0].certificate = "!"' first.json >bad7.json
printf '{"host": "a", "host": "b"}' >bad8.json
printf '%0200d' 0 | tr 0 '[' >bad9.json
printf '{"host": "a\\u0000b", "version": "1", "interval": 3600}' >bad10.json
for i in 1 2 3 4 5 6 7 8 9 10; do
    refusals "what is not as it should be ($i)" 400 "bad$i.json"
done
head -c 70000 /dev/zero | tr '\0' ' ' >large.json
refusals 'too much' 413 large.json
# shellcheck disable=SC2046 # words
is 'another type' 415 "$(curl -s -m 20 --cacert root.pem -o body -w '%{http_code}' $(own agent) \
    -H 'Content-Type: text/plain' --data-binary @first.json "$where")"
# shellcheck disable=SC2046 # words
is 'another method' 405 \
    "$(curl -s -m 20 --cacert root.pem -o body -w '%{http_code}' $(own agent) "$where")"
is 'without a certificate' 403 "$(curl -s -m 20 --cacert root.pem -o body -w '%{http_code}' \
    -H 'Content-Type: application/json' --data-binary @first.json "$where")"
is 'with one that somebody else made' 403 "$(tell other first.json)"
ok 'a revocation' cerca revoke agent.pem --reason superseded
is 'with one that is revoked' 403 "$(tell agent first.json)"
ok 'all that is kept agrees' cerca store check
ca_stop
done_testing
