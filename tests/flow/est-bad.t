#!/bin/sh
# EST: each request that is malformed or not allowed comes from an address of its own, gets the right
# status and the rule, stands in the audit log with that address, and nothing is issued for it.
# Tokens and passwords at once; who drips, in the handshake, the head and the body.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
cat >>"$conf" <<'labels'
profiles = ( { name = "short"; eku = ( "clientAuth" ); validity = "60s"; cn_must_be_san = false;
               san_required = false; } );
est = (
    { name = "default"; profile = "tls-client"; },
    { name = "vpn"; profile = "vpn-client"; from = ( "tls-client" ); },
    { name = "short"; profile = "short"; },
    { name = "people"; profile = "tls-client"; ways = ( "password" ); },
    { name = "linked"; profile = "tls-client"; linking = "required"; }
);
est_users = ( { name = "alice"; names = ( "dns:.alice.test" ); } );
ca = { password_file = "enroll.passwd"; };
labels
sed -i 's/^https = {/&\n    timeout = "3s";/' "$conf"
echo "alice:$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

# The n-th case comes from 127.0.1.n; what should be on record of it is a line of `wanted`.
cases=0
from() { # COMMAND [OPTION...]
    "$@" --interface "127.0.1.$cases"
}

# refused NAME STATUS RULE COMMAND...: COMMAND says a status.
refused() {
    name=$1
    want=$2
    rule=$3
    shift 3
    cases=$((cases + 1))
    is "$name" "$(from "$@")" "$want"
    grep -qE "rule ${rule}[;)]" body || like '... it says' body "rule ${rule}[;)]"
    echo "est 127.0.1.$cases $rule" >>wanted
}

issued() {
    cerca list --limit 0 -o json | jq length
}

# has NAME PROFILE: NAME.pem, by a token.
has() {
    csr "$1" "/CN=$1.example.test" "DNS:$1.example.test"
    public "$1"
    post "$2" "$1.csr" -u "x:$(token "$3" 1 "dns:$1.example.test")" >/dev/null
    taken "$1" >/dev/null || bail "$1 has no certificate"
}

for who in good revoked held blocked; do
    has $who simpleenroll tls-client
done
has expired short/simpleenroll short
cerca revoke --yes revoked.pem >"$out"
cerca revoke --reason certificateHold --yes held.pem >"$out"
ok 'an identity is blocked' cerca block add blocked.pem
csr new /CN=new.example.test DNS:new.example.test
secret=$(token tls-client 9 dns:new.example.test)
before=$(issued)

# --- what is malformed ----------------------------------------------------------------------------

perl -pe 'binmode STDIN; BEGIN { undef $/ } substr($_, -3, 1) ^= "\x01"' <new.der >pop.der
head -c 100 new.der >cut.der
(cat new.der && echo) >tail.der
cat new.der new.der >twice.der
head -c 60000 /dev/zero >large.der
head -c 300 /dev/zero >zeros.der
head -c 300 /dev/urandom >random.der
cp good.pem certificate.der
printf '\060\204\177\377\377\377' >length.der
printf '\060\200\060\200\060\200' >endless.der
for name in pop cut tail twice large zeros random length endless; do
    base64 <$name.der >$name.csr
done
echo '!!!!' >junk.csr
: >empty.csr
(head -c 200 new.csr && printf '\0' && tail -c +200 new.csr) >nul.csr
(echo A && cat new.csr) >odd.csr
(echo '-----BEGIN CERTIFICATE REQUEST-----' && cat new.csr) >unfinished.csr
cp good.pem certificate.csr
head -c 200000 /dev/zero | base64 >huge.csr
while read -r file status rule what; do
    refused "$what" "$status" "$rule" post simpleenroll "$file.csr" -u "x:$secret"
done <<'table'
pop 400 csr.pop a wrong proof of possession
cut 400 csr.der cut short
tail 400 csr.der an octet behind it
twice 400 csr.der two at once
zeros 400 csr.der nothing but zeros
random 400 csr.der noise
length 400 csr.der a length beyond everything
endless 400 csr.der lengths that are not said
junk 400 est.body.base64 no base64
nul 400 est.body.base64 a NUL in base64
odd 400 est.body.base64 base64 with a character too many
unfinished 400 pem.end PEM that does not end
certificate 400 est.body.base64 a certificate
empty 400 est.body.empty nothing
table
refused 'another scheme' 401 est.authorization post simpleenroll new.csr -H 'Authorization: Digest x'
refused 'a Basic that is none' 401 est.authorization post simpleenroll new.csr \
    -H 'Authorization: Basic !!'
cases=$((cases + 1))
is 'a body too large for the server' "$(from post simpleenroll huge.csr -u "x:$secret")" 413
echo "est 127.0.1.$cases http.size" >>wanted
cases=$((cases + 1))
is 'another Content-Type' "$(from est simpleenroll -u "x:$secret" --data-binary @new.csr)" 415
echo "est 127.0.1.$cases est.type" >>wanted
refused 'a wrong label' 404 est.label post nobody/simpleenroll new.csr -u "x:$secret"
refused 'not linked to the channel' 400 est.linking post linked/simpleenroll new.csr -u "x:$secret"

# --- who may not ----------------------------------------------------------------------------------

csr other /CN=other.example.test DNS:other.example.test
csr names /CN=good.example.test DNS:good.example.test,DNS:bad.example.test
csr good2 /CN=good.example.test DNS:good.example.test
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout foreign.key \
    -out foreign.pem -subj /CN=good.example.test -addext subjectAltName=DNS:good.example.test 2>"$err"
refused 'nobody' 401 est.unauthorised post simpleenroll new.csr
refused 'nobody, who sends nothing yet' 401 est.unauthorised post simpleenroll empty.csr
refused 'a name that the token has not' 403 token.name post simpleenroll other.csr -u "x:$secret"
refused 'a name that the user has not' 403 bearer.name \
    post people/simpleenroll other.csr -u 'alice:open sesame'
refused 'a name that the certificate has not' 403 '[a-z.]+' \
    post_as good simplereenroll names.csr
sed -i '$d' wanted
refused "somebody else's name" 403 '[a-z.]+' post_as good simplereenroll other.csr
sed -i '$d' wanted
for who in revoked held; do
    refused "a certificate that is $who" 403 est.certificate.revoked \
        post_as $who simplereenroll good2.csr
done
refused 'an identity that is blocked' 403 est.certificate.blocked \
    post_as blocked simplereenroll good2.csr
refused '... under another profile' 403 est.certificate.blocked \
    post_as blocked vpn/simpleenroll good2.csr
csr block2 /CN=blocked.example.test DNS:blocked.example.test
refused '... by a token' 403 identity.blocked post simpleenroll block2.csr \
    -u "x:$(token tls-client 1 dns:blocked.example.test)"
refused "somebody else's certificate" 403 est.certificate.unknown \
    post_as foreign simplereenroll good2.csr
refused 'no certificate, to renew' 403 est.renew post simplereenroll good2.csr -u "x:$secret"
refused 'a token that is none' 401 token.unknown post simpleenroll new.csr -u x:cerca-token-1-00
refused 'a token of another profile' 403 token.profile post vpn/simpleenroll new.csr -u "x:$secret"
gone=$(token tls-client 1 dns:new.example.test)
id=$(cerca token list -o json | jq '[.[].id] | max')
cerca token revoke "$id" >"$out" 2>&1
refused 'a token that is revoked' 403 token.revoked post simpleenroll new.csr -u "x:$gone"
refused 'a wrong password' 401 est.password post people/simpleenroll new.csr -u alice:sesame

is 'nothing was issued for any of them' "$(issued)" "$before"

# --- a token by many at once, and again ------------------------------------------------------------------

for k in 1 2 3 4 5 6 7 8; do
    csr "race$k" /CN=race.example.test DNS:race.example.test
done
one=$(token tls-client 1 dns:race.example.test)
for k in 1 2 3 4 5 6 7 8; do
    curl -s -m 20 --cacert root.pem -o "race$k.body" -w '%{http_code}\n' -u "x:$one" \
        -H 'Content-Type: application/pkcs10' --data-binary "@race$k.csr" \
        "$base/simpleenroll" >"race$k.status" &
    races="${races:-} $!"
done
# shellcheck disable=SC2086 # many words
wait $races
is 'of eight clients with one token one has a certificate' "$(cat race*.status | sort | uniq -c |
    sed 's/^ *//' | tr '\n' ' ')" '1 200 7 403 '
ok '... the others hear why' sh -c '[ "$(cat race*.body | grep -c "rule token.used")" = 7 ]'
winner=$(grep -l 200 race*.status | sed 's/\.status//')
is '... and that one gets it again' "$(post simpleenroll "$winner.csr" -u "x:$one")" 200
ok '... the same' cmp -s body "$winner.body"
is 'one more was issued' "$(issued)" $((before + 1))

# --- many passwords at once -----------------------------------------------------------------------------

python3 - "$port" >told <<'client'
import base64, http.client, math, ssl, sys, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
context = ssl.create_default_context(cafile="root.pem")
body = open("new.csr", "rb").read()

def guess(n):
    c = http.client.HTTPSConnection("localhost", int(sys.argv[1]), timeout=60, context=context,
                                    source_address=("127.0.2.1", 0))
    c.request("POST", "/.well-known/est/people/simpleenroll", body,
              {"Content-Type": "application/pkcs10",
               "Authorization": "Basic " + base64.b64encode(b"alice:guess%d" % n).decode()})
    return c.getresponse().status

begin = time.monotonic()
with ThreadPoolExecutor(40) as pool:
    told = Counter(pool.map(guess, range(40)))
took = time.monotonic() - begin
assert set(told) == {401, 429}, told
print(told[401], 3 + int(math.log2(1 + took)))  # the waits double: so many fit into that time
client
read -r wrong most <told
ok "of forty passwords at once few are said to be wrong ($wrong)" test "$wrong" -le "$most"
# Each that is heard doubles the wait, until it is longer than asking takes.
long_wait() {
    [ "$(post people/simpleenroll new.csr --interface 127.0.2.1 -u alice:guess)" = 429 ] &&
        [ "$(field Retry-After)" -ge 6 ]
}
ok 'who goes on waits longer' wait_until 30 long_wait
is 'the user waits then, wherever from' "$(post people/simpleenroll new.csr \
    -u 'alice:open sesame')" 429
ok '... and is told how long' test "$(field Retry-After)" -ge 1
echo 'est 127.0.2.1 est.password' >>wanted

# --- who drips ------------------------------------------------------------------------------------------

# drip KIND ADDRESS: octet by octet, five a second; seconds until it is cut off.
drip() {
    python3 - "$port" "$1" "$2" <<'client'
import socket, ssl, sys, time
port, kind, address = sys.argv[1:]
s = socket.create_connection(("localhost", int(port)), source_address=(address, 0))
if kind == "handshake":
    text = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 200 * b"\0"
else:
    s = ssl.create_default_context(cafile="root.pem").wrap_socket(s, server_hostname="localhost")
    head = b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: localhost\r\n"
    text = head + b"X: " + 200 * b"x"
    if kind == "body":
        s.sendall(head + b"Content-Type: application/pkcs10\r\nContent-Length: 1000\r\n\r\n")
        text = 200 * b"M"
begin = time.monotonic()
s.settimeout(0.2)
for octet in text:
    try:
        s.sendall(bytes([octet]))
        if s.recv(1) == b"":
            break
    except (TimeoutError, ssl.SSLWantReadError):
        continue
    except OSError:
        break
print(int(time.monotonic() - begin))
client
}

n=0
for kind in handshake head body; do
    n=$((n + 1))
    drip $kind 127.0.3.$n >cut$n &
    drips="${drips:-} $!"
    echo "est 127.0.3.$n http.slow" >>wanted
done
# shellcheck disable=SC2086 # many words
wait $drips
for n in 1 2 3; do
    ok "who drips is cut off ($n, after $(cat cut$n) s)" test "$(cat cut$n)" -le 20
done
ok 'nobody else is' is_up

unlike 'cerca-enroll has kept its connection to cerca-ca' cercad.log 'enroll\.ca\.lost'

# --- the end of a certificate ---------------------------------------------------------------------------

ca_stop
CERCA_TEST_CLOCK_OFFSET=120
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'it does not start later'
unset CERCA_TEST_CLOCK_OFFSET
wait_until 20 is_up || bail 'HTTPS does not come back later'
csr late /CN=expired.example.test DNS:expired.example.test
refused 'a certificate that has expired' 403 est.certificate.expired \
    post_as expired short/simplereenroll late.csr

# --- the record -----------------------------------------------------------------------------------------

all_recorded() {
    cerca audit log --limit 1000 -o json >records 2>"$err" &&
        jq -r '.[] | select(.action == "refuse") | .origin + " " + .rule' records | sort -u >found &&
        sort -u wanted | comm -23 - found >missing && [ ! -s missing ]
}
wait_until 20 all_recorded
is "all $(sort -u wanted | wc -l) are on record, each with its address" "$(cat missing)" ''
is '... and none of these addresses has an intent' "$(jq -r '.[] | select(.action == "intent") |
    .origin' records | grep -c '127\.0\.[123]\.')" 0
unlike 'no secret is in the log' cercad.log "$secret|open sesame|guess1"
ok 'the store is sound' cerca store check
done_testing
