#!/bin/bash
# What the programs that face the network count: HTTP, OCSP, EST, as cerca-ca was told of it.
# shellcheck disable=SC2317
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
http=on
read -r mport _ <<<"$(free_ports)"
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<END
metrics = { listen = "127.0.0.1"; port = "$mport"; names = ( "good.test" ); };
est = ( { name = "default"; profile = "tls-client"; } );
END
ca_start || bail 'it does not start'
est_client

scrape() { curl -sS --fail "http://127.0.0.1:$mport/metrics" >metrics; }
value() { awk -v s="$1" 'index($0, s " ") == 1 { print $NF }' metrics; }
counted() { scrape && [ "$(value "$1")" = "$2" ]; } # SAMPLE VALUE
# no fewer than that: health is asked for by others, too
over() { scrape && [ "$(value "$1")" -ge "$2" ]; }

said='cerca_ocsp_statuses_total{program="cerca-public",status='
made='cerca_ocsp_responses_total{program="cerca-public",made='
for one in good bad; do
    ok "$one is issued" cerca issue --profile tls-client --key-out "$one.key" \
        --san "dns:$one.test" --out "$one.pem"
done
ok 'bad is revoked' cerca revoke bad.pem
ok 'OCSP answers' wait_until 20 cerca ocsp query good.pem
scrape
good=$(value "$said\"good\"}")
ok 'again' cerca ocsp query good.pem
is 'and says what is revoked' "$(cerca ocsp query bad.pem | awk '$1 == "status" { print $2 }')" revoked
ok 'which counts' wait_until 10 counted "$said\"revoked\"}" 1
ok 'nonsense does too' sh -c "curl -s -d nonsense \"\$(sed -n 's/^ *ocsp_url = \"\\(.*\\)\";/\\1/p' \
    '$ca_dir/cerca.conf' | head -n 1)\" >/dev/null"
ok 'as what it is' wait_until 10 counted "$said\"malformedRequest\"}" 1
is 'what is good counted' "$(($(value "$said\"good\"}") > ${good:-0}))" 1
is 'each answer is either signed or cached' \
    "$(($(value "$made\"cached\"}") + $(value "$made\"signed\"}")))" \
    "$(($(value "$said\"good\"}") + $(value "$said\"revoked\"}")))"
base_url=$(sed -n 's/^ *crl_url = "\(.*\)\/crl\/issuing.crl";/\1/p' "$ca_dir/cerca.conf")
is 'a wrong path' "$(curl -s -o body -w '%{http_code}' "$base_url/nothing")" 404
ok 'counts as 4xx' wait_until 10 over 'cerca_http_responses_total{program="cerca-public",class="4xx"}' 1

est_of='cerca_est_requests_total{program="cerca-enroll",operation='
is 'a client asks for the CAs' "$(est cacerts)" 200
ok 'that counts' wait_until 10 counted "$est_of\"cacerts\",outcome=\"done\"}" 1
csr device /CN=device.test DNS:device.test
is 'who has no token is refused' "$(post simpleenroll device.csr)" 401
ok 'and counted' wait_until 10 counted "$est_of\"simpleenroll\",outcome=\"refused\"}" 1
secret=$(token tls-client 1 dns:device.test)
is 'who has one enrolls' "$(post simpleenroll device.csr -u "x:$secret")" 200
ok 'and counts' wait_until 10 counted "$est_of\"simpleenroll\",outcome=\"done\"}" 1
ok 'as an answer of HTTP too' over 'cerca_http_responses_total{program="cerca-enroll",class="2xx"}' 2
ok 'the end of the OCSP delegate is there' \
    [ "$(value 'cerca_ocsp_delegate_not_after{issuer="issuing"}')" -gt "$(date +%s)" ]
for word in "Needs attention" Issuing Programs Tokens CRLs OCSP Store Inventory; do
    like "the status has a group for $word" <(cerca status) "^$word"
done
ok 'promtool takes it' sh -c 'promtool check metrics <metrics'

# Every metric that dashboard and rules ask for is one that is told here.
unknown() {
    { jq -r '.panels[].targets[]?.expr' "$root/conf/grafana/cerca.json"
      sed -n 's/^ *expr: //p' "$root/conf/prometheus/cerca.rules.yml"; } |
        grep -Eo '\b(cerca|x509)_[a-z0-9_]+' | sed 's/_bucket$//' | sort -u >asked
    awk '$2 == "TYPE" { print $3 }' metrics | sort -u >told
    comm -23 asked told
}
is 'dashboard and rules ask for what there is' "$(unknown)" ''
is 'and they ask for much' "$([ "$(wc -l <asked)" -gt 35 ] && echo yes)" yes

core=$(pid_of cerca-ca)
kill -9 "$core"
ok 'after cerca-ca was killed' wait_until 20 runs_anew cerca-ca "$core"
ok 'it is told anew what was counted' wait_until 20 \
    counted "$est_of\"simpleenroll\",outcome=\"done\"}" 1
ok '... by both' wait_until 20 over "$said\"good\"}" 1

done_testing
