#!/bin/bash
# Metrics of what people are told: alerts by state and severity, and for each channel what waits,
# what came through, what failed and what was dropped.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

metrics=$scratch/metrics
scrape() { curl -sS --fail "http://127.0.0.1:$port/metrics" >"$metrics"; }
value() { awk -v s="$1" 'index($0, s " ") == 1 { print $NF }' "$metrics"; }
grown() { scrape && [ "$(value "$1")" = "$2" ]; }
over() { scrape && at=$(value "$1") && [ "${at:-0}" -ge "$2" ]; }
fresh() { over "$1" $(($(date +%s) - 600)); }
alerts() { # STATE: of any severity
    awk -v s="cerca_alerts{state=\"$1\"" 'index($0, s) == 1 { n += $NF } END { print n }' "$metrics"
}
are() { scrape && [ "$(alerts "$1")" = "$2" ]; }

peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
start_http
read -r port _ <<<"$(free_ports)" # now that the servers have theirs
ca_init || bail 'no CA'
export CERCA_CONF=$ca_dir/cerca.conf
cat >>"$CERCA_CONF" <<END
metrics = { listen = "127.0.0.1"; port = "$port"; };
alerts = { after = "none"; backup_age = "none"; digest_at = ""; };
END
channels "$(hook hook /ok 'heartbeat = true; rules = ( "ca.gate" );'),
  { name = \"dead\"; type = \"syslog\"; url = \"unix://$peers/log\"; rules = ( \"ca.gate\" ); }"
ca_start || bail 'it does not start'

of='{channel="hook"}'
dead='{channel="dead"}'
ok 'a sign of life was sent' wait_until 20 fresh "cerca_outbox_heartbeat_timestamp_seconds$of"
ok '... and came through' wait_until 20 over "cerca_outbox_delivered_total$of" 1
ok 'nobody is told of anything' wait_until 20 are raised 0

cerca close --reason 'a drill' >"$out" 2>"$err" || bail 'it does not close'
ok 'an alert is raised' wait_until 30 over 'cerca_alerts{state="raised",severity="critical"}' 1
ok '... and told' wait_until 20 over "cerca_outbox_delivered_total$of" 2
ok '... just now' fresh "cerca_outbox_last_success_timestamp_seconds$of"
ok 'what cannot be told waits' wait_until 20 over "cerca_outbox_waiting$dead" 1
ok '... since it fails' wait_until 20 over "cerca_outbox_failed_total$dead" 1
ok '... which was just now' fresh "cerca_outbox_last_failure_timestamp_seconds$dead"
is 'no sign of life was meant for it' "$(value "cerca_outbox_heartbeat_timestamp_seconds$dead")" 0
is '... and nothing ever came through' "$(value "cerca_outbox_last_success_timestamp_seconds$dead")" 0
id=$(cerca alerts list -o json | jq -r '.[] | select(.rule == "ca.gate") | .id')
ok 'it is seen' cerca alerts ack "$id"
ok '... and counts as that' wait_until 10 are acknowledged 1
cerca notify list --channel dead -o json | jq -r '.[].number' | while read -r n; do
    cerca notify drop "$n" --channel dead
done >"$out" 2>"$err"
ok 'what waits may be dropped' over "cerca_outbox_lost_total$dead" 1
ok '... and waits no more' grown "cerca_outbox_waiting$dead" 0
ok 'it is open again' cerca open
ok '... and nothing is open or acknowledged' wait_until 30 are acknowledged 0
ok 'promtool takes all of it' sh -c "promtool check metrics <'$metrics'"

done_testing
