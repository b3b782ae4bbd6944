#!/bin/bash
# docs/notifications.md, typed word by word but for hosts and ports: a real mail server, and the
# receiver of webhooks that the guide has.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
peer_certificates || bail 'no certificates'
echo 'password of the mail account' >"$peers/mail/password"
secret hook 'of the peers'
start_mail
start_http
fenced "$root/docs/notifications.md"
read -r hook_port _ <<<"$(free_ports)"
ca_init || bail 'no CA'
cd "$ca_dir" || exit 1

# Whose certificates are those of the peers.
ca="ca_file = \"$peers/ca.pem\";"
sed -i "s|smtp://mail.example.com:587\";|smtp://localhost:$mail_port\"; $ca|
    s|https://hook.example.com/cerca\";|http://localhost:$hook_port/cerca\"; tls = \"none\";|" "$scratch/conf1"
sed -i "s|https://events.pagerduty.com/\([^\"]*\)\";|https://localhost:$http_port/\1\"; $ca|
    s|url_file = |$ca url_file = |; s|https://jira.example.com\";|https://localhost:$http_port\"; $ca|" "$scratch/conf2"
echo 'alerts = { heartbeat = "1h"; after = "none"; backup_age = "none"; };' >>cerca.conf
ok 'secrets are made' bash -e "$scratch/sh1"
is 'that nobody else reads' "$(stat -c %a secrets secrets/smtp secrets/hook | xargs)" '700 600 600'

# The others of the guide, for there is a server for each here.
printf '%s\n' R0UT1NGKEY >secrets/pagerduty
printf '%s\n' "https://localhost:$http_port/slack/T0/B0/x" >secrets/slack
printf '%s\n' token >secrets/jira
chmod 600 secrets/*
ca_start || bail 'it does not start'
sed -e '$d' "$scratch/conf1" >>cerca.conf
sed -i '$s/$/,/' cerca.conf
cat "$scratch/conf2" >>cerca.conf
echo ');' >>cerca.conf
ok 'the channels of the guide are some' cerca conf check

sed "s/8080/$hook_port/" "$scratch/conf3" >"$scratch/receiver.py"
python3 "$scratch/receiver.py" >"$scratch/received" 2>>"$scratch/peers.log" &
pids="$pids $!"
listening() { curl -s -o /dev/null "http://localhost:$hook_port/"; }
wait_until 10 listening

type_it() { # FILE; systemctl reload is what a service has for HUP
    {
        echo 'set -e'
        echo "systemctl() { kill -HUP $ca_pid; $root/tests/flow/await-generation \"\$CERCA_CONF\"; until cerca notify list >/dev/null; do sleep 0.05; done; }"
        cat "$1"
    } >"$1.typed"
    bash "$1.typed"
}
mails() { # NUMBER
    [ "$(find "$peers/mail" -name '*.eml' | wc -l)" -ge "$1" ]
}
received() { # PATTERN
    grep -q "$1" "$scratch/received"
}

ok 'they are taken, and tested' type_it "$scratch/sh2"
like 'by the mail server' "$err" 'delivered: 250 2.0.0 OK'
like 'and the receiver of the guide' "$err" 'delivered: HTTP 204'
ok 'a mail is there' mails 1
ok 'the receiver believes it' wait_until 10 received '^test info this is a test'
ok 'and has a heartbeat by itself' wait_until 20 received '^heartbeat info'
for channel in pager chat desk; do
    ok "the others of the guide work: $channel" cerca notify test $channel
done
is 'who has no key is not believed' "$(curl -s -o "$scratch/body" -w '%{http_code}' -d '{}' -H 'webhook-id: 1' \
    -H "webhook-timestamp: $(date +%s)" -H 'webhook-signature: v1,AAAA' "http://localhost:$hook_port/cerca")" 403

# --- it does not arrive ------------------------------------------------------------------------------

echo "$mail_port" >"$peers/mail/port"
kill "$mail_pid"
wait "$mail_pid" 2>/dev/null
ok 'something happens while the mail server is away' cerca close --reason 'a drill'
ok 'the webhook tells it' wait_until 30 received '^raised .*gate'
waits() { [ "$(cerca notify list --channel team -o json | jq '.[0].tries')" -ge 1 ]; }
ok 'mail waits' wait_until 20 waits
ok 'and is tried again as the guide says' type_it "$scratch/sh3"
like 'what waits is listed' "$out" 'team +waiting +critical'
like 'and shown, with why' "$out" 'team: waiting, [0-9]+ tries; .*onnect'
start_mail
ok 'once it is there' cerca notify retry --all --channel team
ok 'it has everything' wait_until 20 mails 2
ok 'and the CA is open again' cerca open
ok 'which is told' wait_until 20 received '^resolved .*gate'

# --- another password --------------------------------------------------------------------------------

echo 'the new password' >"$peers/mail/password"
fails 'another password' 1 'not delivered: .*[Ll]ogin.*535' cerca notify test team
ok 'is taken as the guide says' type_it "$scratch/sh4"
like 'and works' "$err" 'delivered: 250 2.0.0 OK'
is 'the guide has nothing else to type' "$(find "$scratch" -maxdepth 1 -name 'sh?' | wc -l)" 4
unlike 'no secret is in a log' "$scratch/cercad.log" 'new password|R0UT|/slack/T0'

done_testing
