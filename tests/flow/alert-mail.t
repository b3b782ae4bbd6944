#!/bin/bash
# A certificate nears its end: webhook and mail tell of it once for each threshold, then that somebody
# has seen it and that it was renewed, all under one key, whoever is restarted or killed meanwhile.
# A channel that is dead keeps nobody waiting and becomes an alert itself, once.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
hour=3600
clock=$scratch/clock
moved() { # SECONDS
    printf '%-32s' "$1" | dd of="$clock" conv=notrunc status=none
}
moved 0
export CERCA_TEST_CLOCK_OFFSET=@$clock

peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
secret smtp 'mail secret'
start_mail
start_http
ca_init || bail 'no CA'
export CERCA_CONF=$ca_dir/cerca.conf
http_off "$CERCA_CONF"
# A running CA does not believe a leap of the clock, one that starts does; and `cerca status` fails
# while a channel does.
answers() { cerca list --timeout 5; }
start_after() { # SECONDS
    moved "$1"
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 answers || bail 'it does not start'
}
cat >>"$CERCA_CONF" <<'END'
alerts = { fractions = ( "30%", "20%", "10%" ); after = "none"; backup_age = "none"; digest_at = "";
    repeat = "none"; repeat_critical = "none"; team_after = "none"; security_after = "none";
    team_after_critical = "none"; security_after_critical = "none"; };
owners = ( { name = "web"; contact = "web@example.com"; } );
END
rules='rules = ( "expiry", "ca.channel" );'
channels "$(hook hook /ok "$rules"),
  $(hook once /once500 'rules = ( "expiry" );'),
  { name = \"mail\"; type = \"mail\"; url = \"smtp://localhost:$mail_port\"; user = \"cerca\";
    secret_file = \"$peers/smtp\"; from = \"pki@example.com\"; to_owner = true;
    ca_file = \"$peers/ca.pem\"; rules = ( \"expiry\" ); },
  { name = \"dead\"; type = \"syslog\"; url = \"unix://$peers/log\"; $rules }"
start_after 0

# Whoever is killed with a notice in hand may tell it again, under the same ID: such a repetition is
# the same event. Of the requests to /ok: those about the end of the certificate, as they came.
events_of='reduce .[] as $e ([]; if any(.[]; .id == $e.id) then . else . + [$e] end)'
expiry='.path == "/ok" and .signed and .body.data.rule == "expiry"'
events() { # FILTER
    jq -s -r "[.[] | select($1)] | $events_of | map(.body.data.kind) | join(\" \")" "$peers/http.log" 2>>"$scratch/peers.log"
}
told() { # KINDS
    [ "$(events "$expiry")" = "$1" ]
}
# Each mail once: what it is, and what it is about.
all_mails() {
    for mail in "$peers"/mail/*.eml; do
        sed -n 's/^\(Message-ID\|References\): *//p' "$mail" | xargs -d '\n'
    done | sort -u
}
mails() { # NUMBER
    [ "$(all_mails | grep -c .)" -ge "$1" ]
}
alert() { # FILTER
    cerca alerts list --all -o json | jq -e "any(.[]; $1)"
}

ok 'a certificate lives for a hundred hours' cerca issue --profile tls-server --owner web \
    --san dns:soon.example.com --validity 100h --key-out soon.key --out soon.pem
evaluated() { cerca findings count -o json | jq -e '.[0].evaluated != null'; }
ok 'it is evaluated' wait_until 20 evaluated
ok 'and nobody is told' told ''

# --- thresholds ------------------------------------------------------------------------------------

ca_stop
start_after $((71 * hour))
ok 'the first threshold passes while nobody is there: the webhook is told, by a signature of now' wait_until 30 told raised
ok 'and its owner by mail' wait_until 10 mails 1
like 'under the address of the configuration' "$peers/mail/1.eml" '^X-Envelope: pki@example.com web@example.com tls=True'
python3 -c 'import email, email.policy, sys
print(email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)["Subject"])' \
    "$peers/mail/1.eml" >"$out"
like 'whose subject says of what' "$out" '^info: dns:soon.example.com: 30% of its life are left: ends 20'
like 'in the thread of its condition' "$peers/mail/1.eml" '^References: <[0-9a-f]{32}.condition@example.com>'
ca_stop
start_after $((81 * hour))
ok 'the second passes' wait_until 30 told 'raised raised'
ok 'which mail tells too' wait_until 10 mails 2
ok 'who failed is told' wait_until 10 alert '.rule == "ca.channel" and .name == "channel.dead" and .state == "raised"'

# --- seen, killed, renewed -------------------------------------------------------------------------

id=$(cerca alerts list -o json | jq -r '.[] | select(.rule == "expiry") | .id')
ok 'an operator has seen it' cerca alerts ack "$id" --note 'on Monday'
kill -KILL "$(pid_of cerca-watch)" "$(pid_of cerca-ca)"
ok 'who is killed then tells that still' wait_until 30 told 'raised raised acknowledged'
ok 'by mail too' wait_until 20 mails 3
ok 'it is renewed' cerca renew "$(openssl x509 -in soon.pem -noout -serial | sed 's/serial=//')" \
    --key-out new.key --out new.pem
ok 'and resolved' wait_until 20 alert '.rule == "expiry" and .state == "resolved"'
kill -KILL "$(pid_of cerca-ca)"
ok 'that is told too' wait_until 30 told 'raised raised acknowledged resolved'
ok 'and by mail' wait_until 20 mails 4
ca_stop
start_after $((81 * hour))
ok 'all is evaluated again' wait_until 20 evaluated

jq -s "[.[] | select($expiry)]" "$peers/http.log" >"$out"
json 'all of them have the key of one condition, which is the ID of its alert' \
    "map(.body.data.key) | unique == [\"$id\"]"
json 'but each an ID of its own' '(map(.id) | unique | length) == 4'
json 'the note is among them' 'any(.[]; .body.data.facts.note == "on Monday")'
json 'and its owner' 'all(.[]; .body.data.owner == "web" and .body.data.contact == "web@example.com")'
is 'mails are of that key' "$(all_mails | grep -c " <$id")" 4
is 'and there are no others' "$(all_mails | wc -l)" 4
once() { # the channel that failed the first time has them all, in order
    [ "$(events '.path == "/once500" and .signed')" = 'raised raised acknowledged resolved' ]
}
ok 'whom the first try failed has them all, in their order' wait_until 30 once

# --- the dead channel ------------------------------------------------------------------------------

is 'a dead channel is one alert' "$(events '.path == "/ok" and .body.data.subject == "channel.dead"')" raised
ok 'that was raised once' alert '.name == "channel.dead" and .state == "raised" and .times == 1'
cerca notify list --channel dead -o json >"$out"
json 'and has everything that it was not told' \
    '[.[] | select(.rule == "expiry") | .kind] == ["raised", "raised", "acknowledged", "resolved"]'
json 'with itself once' '[.[] | select(.rule == "ca.channel" and .subject == "channel.dead")] | length == 1'
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
while True: print(s.recv(9999).decode(), flush=True)' "$peers/log" >"$peers/local.log" &
pids="$pids $!"
wait_until 5 test -S "$peers/log"
ok 'once it is there it is told at once, if asked to' cerca notify retry --all --channel dead
empty() { [ "$(cerca notify list -o json | jq length)" = 0 ]; }
ok 'until nothing waits' wait_until 30 empty
ok 'then its alert is resolved' wait_until 20 alert '.name == "channel.dead" and .state == "resolved"'
resolved() { [ "$(events '.path == "/ok" and .body.data.subject == "channel.dead"')" = 'raised resolved' ]; }
ok 'which others are told' wait_until 20 resolved
is 'all of it in the order in which it happened' \
    "$(sed -n 's/^<[0-9]*>cerca: \([a-z]*\): .*soon.example.com: .*/\1/p' "$peers/local.log" | xargs)" \
    'info critical acknowledged resolved'
ok 'the store is sound' cerca store check

done_testing
