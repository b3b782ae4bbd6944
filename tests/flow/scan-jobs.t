#!/bin/bash
# Scans that go by themselves against a real nginx: what it serves is compared with what is recorded,
# each finding goes when it is no longer so; paused, resumed, begun by hand, and killed.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
# shellcheck disable=SC2046 # words
set -- $(free_ports)
port=$1
other=$2

ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<END
scans = ( { name = "local"; targets = ( "127.0.0.1:$port" ); sni = ( "www.test" ); every = "1d"; },
          { name = "nobody"; targets = ( "127.0.0.1:$other" ); every = "1d"; } );
END
ca_start || bail 'it does not start'
cerca issue --profile tls-server --san dns:www.test --key-out www.key --out www.pem || bail 'no certificate'
cp www.pem first.pem
cat >servers.conf <<END
server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $scratch/www.pem;
    ssl_certificate_key $scratch/www.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM;
}
END
begin_nginx() {
    nginx_start servers.conf
    wait_until 10 listens || bail "nginx does not listen: $(cat nginx/out nginx/error.log)"
}
listens() {
    openssl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1
}
begin_nginx
served() { openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | openssl x509 -outform DER | sha256sum | cut -d' ' -f1; }
print_of() { openssl x509 -in "$1" -outform DER | sha256sum | cut -d' ' -f1; }
# compared SNI WORDS: what the last look is compared as, where it was asked with that name.
compared() {
    test "$(cerca observations list --host 127.0.0.1 -o json |
        jq -r ".[] | select(.target == \"127.0.0.1:$port\" and .sni == \"$1\") | .compare | join(\" \")")" = "$2"
}
finding() { # RULE
    cerca findings list --rule "$1" -o json | jq -e 'length > 0' >/dev/null
}
no_finding() { ! finding "$1"; }
ended() { # NAME
    cerca scans list -o json |
        jq -e ".[] | select(.name == \"$1\" and .state == \"waiting\" and .started != null and .finished >= .started)" >/dev/null
}
again() { # runs it, and waits until it has ended
    before=$(begun)
    sleep 1 # the times of looks are whole seconds
    cerca scans run local && wait_until 20 ran
}
begun() { grep -c 'scan.begun job=local' cercad.log; }
ran() { test "$(begun)" -gt "$before" && ended local; }

ok 'the first one goes by itself' wait_until 20 ended local
cerca scans run local >/dev/null
seen() { compared www.test matches; }
ok 'what nginx serves is as recorded' wait_until 20 seen
ok 'also without a name' wait_until 20 compared '' matches
like 'the certificate shows where' <(cerca show first.pem) "^served  *127.0.0.1:$port .www.test., served"
ok 'nothing is found' no_finding seen.superseded
wait_until 20 ended nobody
is 'who does not answer is kept too' refused \
    "$(cerca observations list -o json | jq -r ".[] | select(.target == \"127.0.0.1:$other\") | .outcome")"

ok 'the next certificate' cerca renew www.pem --key-out next.key --out next.pem
ok 'another scan' again
ok 'the old one is still served' wait_until 20 compared www.test superseded
ok 'is a finding' wait_until 20 finding seen.superseded
like 'that says where' <(cerca findings list --rule seen.superseded -o json | jq -r '.[].text') "127.0.0.1:$port"
cp next.pem www.pem
cp next.key www.key
kill -HUP "$nginx_pid"
new_served() { test "$(served)" = "$(print_of next.pem)"; }
ok 'nginx serves the new one' wait_until 20 new_served
ok 'another scan' again
ok 'sees it' wait_until 20 compared www.test matches
ok 'the finding is gone' wait_until 20 no_finding seen.superseded

openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=strange.test -addext subjectAltName=DNS:strange.test \
    -days 9 -keyout www.key -out www.pem 2>/dev/null
kill -HUP "$nginx_pid"
strange_served() { test "$(served)" = "$(print_of www.pem)"; }
ok 'nginx serves one that nobody told of' wait_until 20 strange_served
ok 'another scan' again
ok 'it is unknown, self-signed, and for another name' wait_until 20 compared www.test 'unknown self-signed wrong-name'
is 'and in the inventory as scanned' scanned "$(cerca list --name strange.test -o json | jq -r '.[0].source')"
ok 'that is found' wait_until 20 finding seen.unknown
nginx_stop
ok 'another scan' again
ok 'where it was served nobody answers' wait_until 20 compared www.test unreachable
ok 'that is found' wait_until 20 finding seen.unreachable

like 'a scan is paused' <(cerca scans pause local 2>&1) 'local is paused'
is 'so the list says' paused "$(cerca scans list -o json | jq -r '.[0].state')"
kill -KILL "$(pid_of cerca-ca)" "$(pid_of cerca-scan)"
up() { cerca status --timeout 5 >/dev/null; }
ok 'both killed' wait_until 30 up
is 'it is still paused' paused "$(cerca scans list -o json | jq -r '.[0].state')"
like 'and resumed' <(cerca scans resume local 2>&1) 'local is waiting'
begin_nginx
ok 'the next scan' again
ok 'sees the server' wait_until 20 compared www.test 'unknown self-signed wrong-name'
scanner=$(pid_of cerca-scan)
kill -KILL "$scanner"
ok 'killed while nothing is scanned' wait_until 30 runs_anew cerca-scan "$scanner"
ok 'the next scan' again
is 'is over when it has ended' $((before + 1)) "$(begun)"
ok 'nobody misses it any more' wait_until 20 no_finding seen.unreachable
fails 'a scan that is not there' 1 scan.unknown cerca scans run nothing

like 'by hand it is kept too' <(cerca scan --record -o csv "127.0.0.1:$port" 2>&1) '1 results recorded, 0 certificates new'
records() { cerca audit log -o json | jq '[.[] | select(.action == "scan")] | length'; }
ok 'what operators wanted is recorded' test "$(records)" -ge 7
cp "$ca_dir/cerca.conf" bad.conf
sed -i 's/"127.0.0.1:'"$port"'"/"127.0.0.1:x"/' bad.conf
fails 'targets that are none' 1 scans.targets cerca conf check -c bad.conf
echo '192.0.2.1:443' >127.0.0.1
ok 'a file of the name of a target is none' cerca conf check -c "$ca_dir/cerca.conf"
sed 's|"127.0.0.1:'"$port"'"|"./127.0.0.1"|' "$ca_dir/cerca.conf" >bad.conf
fails 'nor is one that is meant' 1 'scans.targets' cerca conf check -c bad.conf
nginx_stop
ca_stop
echo 'inventory = { forget_unseen = "5m"; };' >>"$ca_dir/cerca.conf"
CERCA_TEST_CLOCK_OFFSET=400 ca_start || bail 'it does not start'
nothing() { test "$(cerca observations list -o json | jq length)" -eq 0; }
ok 'what is looked at no more is forgotten' wait_until 30 nothing
ok '... and its findings go' wait_until 20 no_finding seen.self-signed
ok 'all that is kept agrees' cerca store check
ca_stop
done_testing
