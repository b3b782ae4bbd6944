#!/bin/sh
# Notices to real servers: mail over STARTTLS and AUTH, signed webhooks, tickets that are opened and
# closed, syslog; by `cerca notify test`, through outbox and cerca-watch, and what servers answer.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
secret smtp 'mail secret'
secret desk 'desk secret'
secret route 'R0UT1NGKEY'
start_mail
start_http
mkfifo "$peers/none" # nobody writes
udp_port=$(free_udp_port)
cat >"$peers/rsyslog.conf" <<-END
module(load="imudp") module(load="imtcp")
input(type="imudp" address="127.0.0.1" port="$udp_port")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="$peers/tcp.port")
template(name="raw" type="string" string="%rawmsg%\n")
*.* action(type="omfile" file="$peers/syslog.log" template="raw")
END
rsyslogd -n -f "$peers/rsyslog.conf" -i "$peers/rsyslog.pid" 2>>"$scratch/peers.log" &
pids="$pids $!"
wait_until 10 test -s "$peers/tcp.port" || bail 'no rsyslogd'
openssl s_server -quiet -accept 127.0.0.1:0 -cert "$peers/cert.pem" -key "$peers/key.pem" \
    >"$peers/tls.log" 2>&1 <"$peers/none" &
tls_pid=$!
pids="$pids $tls_pid"
exec 9<>"$peers/none"
listening() { ss -ltnp 2>/dev/null | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$1,.*/\1/p" | grep .; }
wait_until 10 listening "$tls_pid" || bail 'no TLS server'
tls_port=$(listening "$tls_pid")

tls="ca_file = \"$peers/ca.pem\";"
ca_init || bail 'no CA'
channels "{ name = \"mail\"; type = \"mail\"; url = \"smtp://localhost:$mail_port\"; user = \"cerca\";
    secret_file = \"$peers/smtp\"; from = \"pki@example.com\";
    to = ( \"team@example.com\", \"gone@example.com\" ); $tls },
  $(hook hook /ok), $(hook broken /500), $(hook bad /400), $(hook moved /moved), $(hook huge /huge),
  $(hook drip /drip 'timeout = "2s";'), $(hook once /once500),
  { name = \"slack\"; type = \"slack\"; url_file = \"$peers/slack\"; $tls },
  { name = \"portal\"; type = \"slack\"; url = \"https://localhost:$http_port/garbage\"; $tls },
  { name = \"teams\"; type = \"teams\"; url = \"https://localhost:$http_port/teams/x\"; $tls },
  { name = \"pager\"; type = \"pagerduty\"; url = \"https://localhost:$http_port/v2/enqueue\";
    secret_file = \"$peers/route\"; $tls },
  { name = \"desk\"; type = \"servicenow\"; url = \"https://localhost:$http_port\"; user = \"cerca\";
    secret_file = \"$peers/desk\"; $tls },
  { name = \"jira\"; type = \"jira\"; url = \"https://localhost:$http_port\"; project = \"OPS\";
    secret_file = \"$peers/desk\"; $tls },
  { name = \"udp\"; type = \"syslog\"; url = \"udp://localhost:$udp_port\"; tls = \"none\"; },
  { name = \"tcp\"; type = \"syslog\"; url = \"tcp://localhost:$(cat "$peers/tcp.port")\";
    tls = \"none\"; format = \"cef\"; },
  { name = \"tls\"; type = \"syslog\"; url = \"tls://localhost:$tls_port\"; $tls },
  { name = \"local\"; type = \"syslog\"; url = \"unix://$peers/log\"; },
  { name = \"wrong-ca\"; type = \"webhook\"; url = \"https://localhost:$http_port/ok\";
    secret_file = \"$peers/hook\"; },
  { name = \"wrong-name\"; type = \"webhook\"; url = \"https://127.0.0.1:$http_port/ok\";
    secret_file = \"$peers/hook\"; $tls },
  { name = \"nobody\"; type = \"webhook\"; url = \"https://localhost:1/\";
    secret_file = \"$peers/hook\"; $tls }"
secret slack "https://localhost:$http_port/slack/T0/B0/x"
echo gone@example.com >"$peers/mail/refuse"
ca_start || bail 'it does not start'

delivered() { # CHANNEL [WORDS]
    run cerca notify test "$1"
    [ "$status" -eq 0 ] && grep -q "delivered: ${2:-}" "$err"
    report $? "a test reaches $1"
}

fails_with() { # CHANNEL PATTERN
    fails "a test of $1 says why it does not arrive" 1 "not delivered: .*$2" cerca notify test "$1"
}

request() { # FILTER: of the last that it is true for
    jq -s -e "[.[] | select($1)] | last" "$peers/http.log" >"$out"
}

# --- mail -----------------------------------------------------------------------------------------

delivered mail '250 2.0.0 OK queued as 1A2B'
mail=$peers/mail/1.eml
like 'it came through TLS, to who is there' "$mail" '^X-Envelope: pki@example.com team@example.com tls=True'
like 'with an id' "$mail" '^Message-ID: <[0-9a-f]{32}@example.com>'
like 'and who is not there is logged' cercad.log 'notify.recipient.refused channel=mail server="550 5.1.1'
python3 - "$mail" >"$out" <<-'END'
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
print(m["Subject"], "|", m.get_content().splitlines()[0], "|", m.defects)
END
like 'a parser of mails reads it' "$out" \
    '^test: this is a test of notifications; nothing is wrong \| this is a test .* \| \[\]$'

# --- over HTTP ------------------------------------------------------------------------------------

delivered hook 'HTTP 204'
request '.path == "/ok"'
json 'the receiver finds the signature right' '.signed and .type == "application/cloudevents+json; charset=UTF-8"'
json 'and a CloudEvent' '.body.specversion == "1.0" and .body.type == "cerca.notice.test" and .body.id == .id
    and .body.data.facts["asked by"][:9] == "operator:"'
delivered slack 'HTTP 200: ok'
delivered teams 'HTTP 202'
delivered pager 'HTTP 202'
request '.body.event_action == "resolve"'
json 'the test of a pager is resolved' '.body.routing_key == "R0UT1NGKEY"'
delivered desk
request '.method == "PATCH"'
json 'a ticket is closed with a code' '.body.state == "6" and .body.close_code == "Solution provided"
    and .auth == "Basic Y2VyY2E6ZGVzayBzZWNyZXQ="'
delivered jira
request '.path | endswith("/issue/OPS-7/transitions")'
json 'an issue is moved to done' '.body.transition.id == "31" and .auth == "Bearer desk secret"'

fails_with broken 'HTTP 500: error 500'
fails_with bad 'HTTP 400: error 400'
fails_with moved 'HTTP 302'
fails_with portal 'no .ok. in the answer: HTTP 200: <html>'
fails_with wrong-ca 'certificate'
fails_with wrong-name 'certificate'
fails_with nobody "[Cc]onnect"
fails_with drip 'time'
delivered huge 'HTTP 200: xxx'
request '.path == "/ok/elsewhere"'
is 'nobody followed the redirect' "$(cat "$out")" null

# --- syslog ---------------------------------------------------------------------------------------

delivered udp
delivered tcp
in_log() { grep -q "$1" "$peers/syslog.log"; }
wait_until 5 in_log 'CEF:0|Cerca|cerca|'
report $? 'CEF arrives over TCP'
wait_until 5 in_log '^<110>1 2.* cerca - test \[cerca@32473 id="[0-9a-f]\{32\}" kind="test"'
report $? 'RFC 5424 arrives over UDP'
delivered tls
arrived() { grep -q '^[0-9]* <110>1 .*nothing is wrong' "$peers/tls.log"; }
wait_until 5 arrived
report $? 'and over TLS, its octets counted'
fails_with local 'No such file'
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(20)
print(s.recv(9999).decode())' "$peers/log" >"$peers/local.log" &
wait_until 5 test -S "$peers/log"
delivered local
wait $!
like 'a local daemon gets it as it wants it' "$peers/local.log" '^<110>cerca: test: this is a test'

# --- afterwards -----------------------------------------------------------------------------------

is 'tests leave nothing in the outbox' "$(cerca notify list -o json | jq length)" 0
fails 'a channel that is none' 1 'no channel "none"' cerca notify test none
at broken >"$out"
like 'status tells of a channel that fails' "$out" 'failing.*HTTP 500'
unlike 'no secret is in a log' "$scratch/cercad.log" 'desk secret|mail secret|R0UT|a key for|/slack/T0'
ok 'the store is sound' cerca store check
done_testing
