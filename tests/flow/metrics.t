#!/bin/bash
# Metrics: what cerca-admin serves is what promtool takes and a real Prometheus stores.
# Functions are called by ok and wait_until.
# shellcheck disable=SC2317
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

read -r port prom <<<"$(free_ports)"
url=http://127.0.0.1:$port
metrics=$scratch/metrics
scrape() { curl -sS --fail "$url/metrics" >"$metrics"; }
# value SAMPLE: its value in the last scrape.
value() { awk -v s="$1" 'index($0, s " ") == 1 { print $NF }' "$metrics"; }
# grown SAMPLE VALUE: a scrape that has this value now.
grown() { scrape && [ "$(value "$1")" = "$2" ]; }

ca_init
cat >>"$ca_dir/cerca.conf" <<END
metrics = { listen = "127.0.0.1"; port = "$port"; names = ("www.example.com", "gone.example.com"); };
END
ca_start
ok 'there are metrics' wait_until 10 scrape
ok 'promtool takes them' promtool check metrics <"$metrics"
is 'all is well' "$(value cerca_ok)" 1
like 'and each component' "$metrics" '^cerca_component_ok\{component="hsm.default"\} 1$'
is 'the root ends when it ends' \
    "$(awk '/^x509_cert_not_after\{issuer="root"/ { print $NF }' "$metrics")" \
    "$(date -d "$(openssl x509 -in "$ca_dir/ca/root.pem" -noout -enddate | cut -d= -f2)" +%s)"
cerca crl show issuing -o pem >"$scratch/crl"
is 'a CRL is due when it says' \
    "$(value 'x509_crl_next_update{issuer="issuing",list="full"}')" \
    "$(date -d "$(openssl crl -in "$scratch/crl" -noout -nextupdate | cut -d= -f2)" +%s)"

is 'a chosen name without a certificate is told of' \
    "$(value 'cerca_name_has_certificate{name="www.example.com"}')" 0
ok 'which gets one' cerca issue --profile tls-server --key-out "$scratch/key" \
    --san dns:www.example.com --out "$scratch/cert"
ok 'an issued certificate counts' grown 'cerca_certificates_issued_total{profile="tls-server"}' 1
is 'and its name has one' "$(value 'cerca_name_has_certificate{name="www.example.com"}')" 1
is 'that ends when it ends' \
    "$(awk '/^x509_cert_not_after\{name="www.example.com"/ { print $NF }' "$metrics")" \
    "$(date -d "$(openssl x509 -in "$scratch/cert" -noout -enddate | cut -d= -f2)" +%s)"
is 'each step was timed once' \
    "$(value 'cerca_issue_step_duration_seconds_count{step="sign"}')" \
    "$(value cerca_issue_duration_seconds_count)"
fails 'what is refused' 1 . cerca issue --profile tls-server --key-out "$scratch/no" \
    --san dns:a.example --validity 5000d
ok 'counts by its rule' grown 'cerca_requests_total{outcome="refused"}' 1
like 'which has a name' "$metrics" '^cerca_request_faults_total\{rule="[a-z.-]+"\} 1$'
ok 'it is revoked' cerca revoke "$scratch/cert" --reason keyCompromise
ok 'a revocation counts by its reason' grown 'cerca_revocations_total{reason="keyCompromise"}' 1
is 'the name has no valid certificate any more' \
    "$(value 'cerca_name_has_certificate{name="www.example.com"}')" 0

like 'no backup was made' "$metrics" '^cerca_backup_timestamp_seconds 0$'
ok 'one is made' cerca backup --out "$scratch/backup"
fresh() { scrape && [ $(($(date +%s) - $(value "$1"))) -lt 600 ]; }
ok 'and is of now' fresh cerca_backup_timestamp_seconds
is 'each program runs' "$(value 'cerca_program_up{program="cerca-admin",token=""}')" 1
is 'the signer too' "$(value 'cerca_program_up{program="cerca-signer",token="default"}')" 1
ok 'the jobs have worked' fresh 'cerca_job_last_success_timestamp_seconds{task="evaluation"}'
ok 'promtool takes all of that too' promtool check metrics <"$metrics"

is 'anything but GET is refused' "$(curl -s -o /dev/null -w '%{http_code}' -d x "$url/metrics")" 405
is 'there is nothing else' "$(curl -s -o /dev/null -w '%{http_code}' "$url/nothing")" 404
ok 'HEAD is answered' curl -sS --fail -I "$url/metrics"
is 'eight scrapes at once are all answered' "$(curl -s --fail -Z --parallel-immediate \
    "$url/metrics?[1-8]" | grep -c '^cerca_ok ')" 8
like 'it is jailed and reads no file' "$scratch/cercad.log" 'sandbox.entered program=cerca-admin .*paths=1'

ok 'another is issued, for a week' cerca issue --profile tls-server --key-out "$scratch/short.key" \
    --san dns:short.example.com --validity 6d --out "$scratch/short"
core=$(pid_of cerca-ca)
kill -9 "$core"
ok 'after cerca-ca was killed' wait_until 20 runs_anew cerca-ca "$core"
ok 'metrics go on' wait_until 20 scrape
evaluated() { scrape && [ "$(value cerca_evaluated_timestamp_seconds)" -gt 0 ]; }
ok 'the inventory is evaluated anew' wait_until 20 evaluated
is 'a revoked one is retired' "$(value 'cerca_identities{state="retired"}')" 1
is 'one that ends next week' "$(value 'cerca_identities_expiring{within="7d"}')" 1
is '... and is not due yet, as its life of a week has just begun' "$(value 'cerca_identities_due_expiring{within="7d"}')" 0
is 'does not within three days' "$(value 'cerca_identities_expiring{within="3d"}')" 0
is 'nobody was told of anything bad' "$(value 'cerca_alerts{state="raised",severity="critical"}')" 0
admin=$(pid_of cerca-admin)
kill -9 "$admin"
ok 'and after cerca-admin was' wait_until 20 runs_anew cerca-admin "$admin"
ok 'too' wait_until 20 scrape

mkdir "$scratch/prometheus"
cat >"$scratch/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [ "$root/conf/prometheus/cerca.rules.yml" ]
scrape_configs: [{ job_name: cerca, static_configs: [{ targets: ["127.0.0.1:$port"] }] }]
END
prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/prometheus" \
    --web.listen-address="127.0.0.1:$prom" >"$scratch/prometheus.log" 2>&1 &
prom_pid=$!
asked() { # QUERY: its first value, as Prometheus has it
    curl -sS --fail -G --data-urlencode "query=$1" "http://127.0.0.1:$prom/api/v1/query" |
        jq -er '.data.result[0].value[1]'
}
has() { [ "$(asked "$1")" = "$2" ]; }
ok 'a real Prometheus scrapes it' wait_until 30 has 'up{job="cerca"}' 1
ok 'and knows the CA' has 'count(x509_cert_not_after{issuer=~"root|issuing"})' 2
rules() { curl -sS --fail "http://127.0.0.1:$prom/api/v1/rules" >"$scratch/rules"; }
well() { rules && jq -e '[.data.groups[].rules[].health] | length > 25 and all(. == "ok")' "$scratch/rules"; }
ok 'it takes and evaluates every rule that comes along' wait_until 20 well
# shellcheck disable=SC2016 # a variable of the dashboard
jq -r '.panels[].targets[]?.expr' "$root/conf/grafana/cerca.json" |
    sed 's/\$instance/.*/g' >"$scratch/exprs"
taken() { # each query of the dashboard
    while read -r expr; do
        curl -sS -G --data-urlencode "query=$expr" "http://127.0.0.1:$prom/api/v1/query" |
            jq -e '.status == "success"' || return 1
    done <"$scratch/exprs"
}
ok 'and every query of the dashboard' taken
is 'which are many' "$([ "$(wc -l <"$scratch/exprs")" -gt 30 ] && echo yes)" yes
ok 'those of what there is give something' [ "$(asked 'count(cerca_component_ok == 1)')" -gt 5 ]
kill "$prom_pid"
wait "$prom_pid"

ok 'the rules are sound' promtool check rules "$root/conf/prometheus/cerca.rules.yml"
ok 'and raise an alarm when they should' promtool test rules "$root/tests/flow/cerca.rules.test.yml" \
    "$root/tests/flow/cerca.rules.days.yml"
raised() { # each alarm that the tests see raised
    awk '/alertname: / { name = $0; sub(/.*alertname: /, "", name); sub(/ .*/, "", name) }
        /exp_alerts:/ { print name }' "$root"/tests/flow/cerca.rules.*.yml | sort -u
}
is '... each of them' "$(raised)" "$(sed -n 's/.*- alert: //p' "$root/conf/prometheus/cerca.rules.yml" | sort -u)"
quiet() { # and each that they see not raised, by a CA that is well
    sed -n 's/.*eval_time: [^,]*, alertname: \([A-Za-z]*\) }/\1/p' "$root/tests/flow/cerca.rules.test.yml" | sort -u
}
is '... and none of them without a reason' "$(quiet)" "$(raised)"

done_testing
