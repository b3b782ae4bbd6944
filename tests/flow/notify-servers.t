#!/bin/bash
# Servers that are down, slow, refuse and lie, over HTTP and SMTP: no notice is lost, each comes again
# as the same one, in order. What is given up is parked, also by a restore, until somebody decides.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
clock=$scratch/clock
moved() { # SECONDS
    printf '%-32s' "$1" | dd of="$clock" conv=notrunc status=none
}
moved 0
export CERCA_TEST_CLOCK_OFFSET=@$clock
peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
secret smtp 'mail secret'
touch "$peers/mail/smtps"
start_mail
mkdir "$peers/liar"
background "$peers/liar.ports" python3 "$root/tests/flow/notify_liar.py" "$peers/liar"
read -r http lost babble <"$peers/liar.ports"
read -r closed _ <<<"$(free_ports)"

liars='head status noise hangup silent half 500'
liar() { # PATH [MORE]
    case $1 in head | silent) limit=2s ;; *) limit=30s ;; esac # who never answers
    printf '{ name = "%s"; type = "webhook"; url = "http://localhost:%s/%s"; tls = "none";
        secret_file = "%s/hook"; timeout = "%s"; rules = ( "ca.gate" ); %s },' "$1" "$http" "$1" "$peers" "$limit" "${2:-}"
}
post() { # NAME PORT
    printf '{ name = "%s"; type = "mail"; url = "smtp://localhost:%s"; tls = "none"; timeout = "2s";
        from = "pki@example.com"; to = ( "team@example.com" ); rules = ( "ca.gate" ); },' "$1" "$2"
}
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'END'
alerts = { after = "none"; backup_age = "none"; digest_at = ""; repeat = "none"; repeat_critical = "none";
    team_after = "none"; security_after = "none"; team_after_critical = "none"; security_after_critical = "none"; };
END
channels "$(for path in $liars; do liar "$path"; done) $(liar later) $(post lost "$lost") $(post babble "$babble")
  { name = \"down\"; type = \"webhook\"; url = \"http://localhost:$closed/x\"; tls = \"none\";
    secret_file = \"$peers/hook\"; give_up = \"1d\"; rules = ( \"ca.gate\" ); },
  { name = \"smtps\"; type = \"mail\"; url = \"smtps://localhost:$mail_port\"; user = \"cerca\";
    secret_file = \"$peers/smtp\"; from = \"pki@example.com\"; to = ( \"team@example.com\" );
    ca_file = \"$peers/ca.pem\"; rules = ( \"none\" ); }"
ca_start || bail 'it does not start'
answers() { cerca list --timeout 5; }
start_after() { # SECONDS
    ca_stop
    moved "$1"
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 answers || bail 'it does not start again'
}

ok 'mail over TLS from the start' cerca notify test smtps
like 'came over TLS' "$peers/mail/1.eml" 'tls=True'

# --- four notices about one condition ----------------------------------------------------------------

ok 'the CA is closed' cerca close --reason 'a drill'
raised() { cerca alerts list -o json | jq -e 'any(.[]; .rule == "ca.gate")'; }
ok 'which is an alert' wait_until 20 raised
id=$(cerca alerts list -o json | jq -r '.[] | select(.rule == "ca.gate") | .id')
for note in one two three; do
    cerca alerts ack "$id" --note $note >"$out" && cerca alerts unack "$id" >"$out"
done
cerca notify list -o json | jq -r '[.[] | select(.channel == "down") | .id] | join(" ")' >ids
is 'four notices wait' "$(wc -w <ids)" 4
failed() { # CHANNEL
    cerca notify list --channel "$1" -o json >list.json && jq -e '.[0].tries >= 1' list.json
}
said() { # CHANNEL PATTERN
    wait_until 20 failed "$1"
    is "$1: why is said" "$(jq -r '.[0].why' list.json | grep -cE "$2")" 1
    is "$1: nothing overtakes what failed" "$(jq '[.[1:][].tries] | add' list.json)" 0
}
said down '[Cc]onnect'
said head '[Hh]eader|[Tt]oo large|time'
said status 'HTTP|[Uu]nsupported|[Ii]nvalid|[Ww]eird'
said noise 'HTTP'
said hangup '[Ee]mpty|closed'
said silent 'time'
said half 'transfer closed|remaining'
said 500 'HTTP 500'
said lost '[Rr]esponse reading failed|[Rr]ecv|closed'
said babble 'Too large|time'
said later 'HTTP 429'
hour=$(jq -r '.[0] | (.next | fromdate) - (.tried | fromdate)' list.json)
ok 'who asked for an hour gets it' test "$hour" -ge 3600
kill -KILL "$(pid_of cerca-watch)"
seen() { # a second try, of whoever has the request by then
    [ "$(grep -c "^500 " "$peers/liar/log")" -ge 2 ]
}
ok 'who is killed meanwhile tries again' wait_until 30 seen
is 'none of it was taken' "$(grep -c taken "$peers/liar/log")" 0

touch "$peers/liar/good"
ok 'all servers come to their senses' cerca notify retry --all
empty() { [ "$(cerca notify list -o json | jq '[.[] | select(.channel != "down")] | length')" = 0 ]; }
ok 'and everything is told' wait_until 60 empty
for channel in $liars later lost babble; do
    is "$channel has all, in order, once" \
        "$(awk -v c="$channel" '$1 == c && $3 == "taken" { print $2 }' "$peers/liar/log" | xargs)" "$(cat ids)"
    is "$channel: what was lost was one of those" \
        "$(awk -v c="$channel" '$1 == c { print $2 }' "$peers/liar/log" | sort -u | grep -vcwF "$(tr ' ' '\n' <ids)")" 0
done

# --- given up ------------------------------------------------------------------------------------------

parked() { # NUMBER
    [ "$(cerca notify list --parked -o json | jq length)" = "$1" ]
}
day=86400
ok 'nothing is parked yet' parked 0
start_after $((2 * day))
ok 'what cannot be told for a day is given up' wait_until 60 parked 4
cerca notify list --channel down --parked -o json >list.json
ok 'with why' jq -e 'all(.[]; .state == "parked" and .next == null and (.why | test("[Cc]onnect")))' list.json
first=$(jq '.[0].number' list.json)
second=$(jq '.[1].number' list.json)
ok 'one is shown' cerca notify show "$first"
like 'with its state' "$out" 'down: parked'
ok 'nobody has to know it any more' cerca notify drop "$first"
fails 'then it is gone' 1 'outbox.unknown' cerca notify show "$first"
ok 'three are left' parked 3
ok 'another is tried once more' cerca notify retry "$second"
ok 'which waits' sh -c "cerca notify list -o json | jq -e 'any(.[]; .number == $second and .state == \"waiting\")'"
ok 'both are audited' sh -c "[ \"\$(cerca audit log -o json | jq '[.[] | select(.action | startswith(\"notify\"))] | length')\" -ge 2 ]"

# --- restored ------------------------------------------------------------------------------------------

ok 'a backup has one that waits' cerca backup --out "$scratch/backup"
ca_stop
ok 'it is restored' cerca restore "$scratch/backup"
cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
wait_until 30 answers || bail 'it does not start'
cerca notify list -o json >list.json
ok 'what waited is parked' jq -e --argjson n "$second" \
    'any(.[]; .number == $n and .state == "parked" and (.why | test("restore")))' list.json
ok 'with the others' jq -e '[.[] | select(.channel == "down" and .state == "parked")] | length == 3' list.json
ok 'all of them are dropped' cerca notify drop --all --channel down
ok 'and gone' jq -n -e "$(cerca notify list --channel down --parked -o json) | length == 0"
ok 'the store is sound' cerca store check

done_testing
