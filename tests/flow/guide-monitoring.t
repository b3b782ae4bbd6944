#!/bin/bash
# docs/monitoring.md, typed word by word but for the port.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
read -r port _ <<<"$(free_ports)"
ca_init || bail 'no CA'
fenced "$root/docs/monitoring.md"
sed -i "s/:9163/:$port/" "$scratch"/sh* "$scratch"/conf*
sed "s/listen = /port = \"$port\"; listen = /" "$scratch/conf1" >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

# shellcheck disable=SC2317 # by name
there() { curl -sS --fail -o first "http://127.0.0.1:$port/metrics"; }
ok 'metrics are turned on as the guide says' wait_until 20 there
ok 'fetched and checked' bash -e "$scratch/sh1"
like 'and all is well' "$out" '^cerca_ok 1$'
cp "$scratch/conf2" prometheus.yml
cp "$root/conf/prometheus/cerca.rules.yml" .
ok 'Prometheus would take rules and job' bash -e "$scratch/sh2"
like 'the rules too' "$out" 'SUCCESS: [0-9]+ rules'
grep -o "\`Cerca[A-Za-z]*\`" "$root/docs/monitoring.md" | tr -d "\`" | sort >told
sed -n 's/^ *- alert: //p' cerca.rules.yml | sort >there
is 'each alarm is told of, and no other' "$(diff told there)" ''

done_testing
