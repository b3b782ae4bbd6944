#!/bin/sh
# OCSP over HTTP: whatever OpenSSL and GnuTLS ask gets an answer that they believe, a revocation is
# in the next one, and what is no request harms nobody. The delegates come by themselves.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
echo 'ocsp = { archive_cutoff = "30d"; };' >>"$conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
log=$scratch/cercad.log
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
cerca issue --profile tls-server --san dns:a.example.test --key-out a.key --out a.pem 2>/dev/null
url=$(openssl x509 -in a.pem -noout -ocsp_uri)

# ask OPTION...: OpenSSL asks about a.pem; fails unless it believes the answer.
digest=
ask() {
    # shellcheck disable=SC2086 # nothing, or one word
    openssl ocsp $digest -issuer issuing.pem -cert a.pem -CAfile root.pem "$@" >answer 2>verdict &&
        grep -q 'Response verify OK' verdict && cat answer
}

says() { # STATUS OPTION...
    want=$1
    shift
    ask "$@" && grep -q "^a.pem: $want\$" answer
}

# answers STATUS: for OpenSSL `body` is the answer to asked.der, with its nonce if it has one.
answers() {
    openssl ocsp -reqin asked.der -respin body -issuer issuing.pem -CAfile root.pem -resp_text \
        >answer 2>verdict && grep -q 'Response verify OK' verdict &&
        ! grep -Eq 'no nonce|Nonce Verify error' verdict && grep -q "Cert Status: $1\$" answer
}

# gnutls_asks STATUS OPTION...: GnuTLS asks about a.pem, and believes the answer, which is in `gnutls`.
# It looks no further than the responder's issuer, which it must trust.
gnutls_asks() {
    want=$1
    shift
    ocsptool --ask="$url" --load-issuer issuing.pem --load-cert a.pem --load-trust issuing.pem "$@" \
        </dev/null >gnutls 2>&1 && grep -q "Certificate Status: $want" gnutls &&
        grep -q 'Verifying OCSP Response: Success' gnutls
}

encoded() { # FILE
    base64 -w0 "$1" | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g'
}

# fetch URL OPTION...: the head in `head`, the body in `body`.
fetch() {
    : >body
    curl -s -m 10 --path-as-is -D head -o body "$@"
}

code() {
    fetch "$@"
    sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' head
}

field() { # NAME, of `head`
    tr -d '\r' <./head | sed -n "s/^$1: //p"
}

# What the OCSPResponse in `body` says of itself (RFC 6960 4.2.1): 0 successful, 1 malformed ...
status() {
    openssl asn1parse -inform DER -in body 2>/dev/null | sed -n 's/.*ENUMERATED *:0*//p' | head -n 1 |
        sed 's/^$/0/'
}

# --- delegates ------------------------------------------------------------------------------------

is 'it is asked at the URL of the certificate' "$url" "$base/ocsp"
ok 'good, by POST, with a nonce' wait_until 10 says good -url "$url" -nonce
unlike '... which is in the answer' verdict 'no nonce'
ok 'each issuer has its own responder' sh -c \
    "cerca list --profile ocsp-responder -o json | jq -r '.[].status' | grep -cx valid | grep -qx 2"
openssl ocsp -issuer issuing.pem -cert a.pem -reqout plain.der -no_nonce
openssl ocsp -issuer issuing.pem -cert a.pem -url "$url" -CAfile root.pem -respout r.der >/dev/null 2>&1
openssl ocsp -respin r.der -CAfile root.pem -issuer issuing.pem -cert a.pem -resp_text >text 2>/dev/null
like 'nobody is asked about the responder' text 'OCSP No Check'
like '... which may sign answers and nothing else' text 'OCSP Signing'
unlike '... and is no CA' text 'CA:TRUE'

ok 'the issuing CA itself is good, says the responder of the root' sh -c \
    "openssl ocsp -issuer root.pem -cert issuing.pem -CAfile root.pem -url '$url' 2>&1 |
        grep -qx 'issuing.pem: good'"
ok 'the audit log knows who asked' sh -c "cerca audit log -o json | grep -q '\"cerca-public\"'"

# --- who asks, and how --------------------------------------------------------------------------------

ok 'good, without a nonce' says good -url "$url" -no_nonce
digest=-sha256
ok '... by SHA-256' says good -url "$url"
digest=
ok '... several at once' sh -c \
    "openssl ocsp -issuer issuing.pem -cert a.pem -cert a.pem -CAfile root.pem -url '$url' 2>&1 |
        grep -cx 'a.pem: good' | grep -qx 2"
for nonce in --nonce --no-nonce; do
    ok "GnuTLS asks, with $nonce" gnutls_asks good $nonce
    is '... which the answer repeats, or has none' "$(grep -c 'Nonce:' gnutls | sed 's/[^0].*/1/')" \
        "$([ $nonce = --nonce ] && echo 1 || echo 0)"
done
ok 'our own asks' cerca ocsp query a.pem
for hash in sha1 sha256; do
    for nonce in -nonce -no_nonce; do
        openssl ocsp -$hash -issuer issuing.pem -cert a.pem -reqout asked.der $nonce
        fetch "$url/$(encoded asked.der)"
        ok "GET by $hash, $nonce" answers good
        fetch "$url" --data-binary @asked.der
        ok 'POST of the same' answers good
    done
done
is 'GET gets an answer' "$(code "$url/$(encoded plain.der)")" 200
is '... an OCSP response' "$(field Content-Type)" application/ocsp-response
ok '... that OpenSSL believes' says good -respin body
etag=$(field ETag)
like '... which caches may keep' head '^Cache-Control: public, max-age=[1-9][0-9]*, no-transform'
ok '... all for as long' agrees head
is '... and ask for again' "$(code "$url/$(encoded plain.der)" -H "If-None-Match: $etag")" 304
is '... by date' \
    "$(code "$url/$(encoded plain.der)" -H "If-Modified-Since: $(date -u -R -d 'now + 1 hour' |
        sed 's/+0000/GMT/')")" 304
plain=$(base64 -w0 plain.der)
for path in "$plain" "/$plain" "$(echo "$plain" | tr -d =)" "$(echo "$plain" | sed 's/+/%20/g')" \
    "$(encoded plain.der | sed 's/%2F/%2f/g; s/%2B/%2b/g')"; do
    fetch "$url/$path"
    ok "GET as clients send it: $(echo "$path" | tail -c 12)" says good -respin body
done
fetch "$url" --data-binary @plain.der -H 'Content-Type: application/ocsp-request'
ok 'POST too' says good -respin body
unlike '... which nothing caches' head '^(ETag|Cache-Control|Last-Modified):'
is 'an answer with a nonce is kept by nobody' "$(
    openssl ocsp -issuer issuing.pem -cert a.pem -reqout nonce.der -nonce
    fetch "$url/$(encoded nonce.der)"
    field Cache-Control)" no-store

# --- what they may ask for --------------------------------------------------------------------------

# prefers ALGORITHM...: the request for a.pem that prefers these, in this order (RFC 6960 4.4.7.1). Each
# is the hexadecimal of its OID.
prefers() {
    perl -e '
        sub tlv { my ($tag, $v) = @_; my $n = length $v;
            pack("C", $tag) . ($n < 128 ? pack("C", $n) : pack("CC", 0x81, $n)) . $v }
        local $/; open my $f, "<", "plain.der" or die; binmode $f; binmode STDOUT;
        # Behind two short heads stands the list of what is asked for.
        my $list = substr <$f>, 4;
        my $wanted = join "", map { tlv(0x30, tlv(0x30, tlv(6, pack "H*", $_))) } @ARGV;
        my $extension = tlv(0x30, tlv(6, pack "H*", "2b0601050507300108") . tlv(4, tlv(0x30, $wanted)));
        print tlv(0x30, tlv(0x30, $list . tlv(0xa2, tlv(0x30, $extension))))' "$@" >asked.der
    fetch "$url" --data-binary @asked.der
    answers good
}

signed_with() { # the algorithm of `answer`
    sed -n 's/^ *Signature Algorithm: //p' answer | head -n 1
}

ecdsa_sha384=2a8648ce3d040303
ecdsa_sha512=2a8648ce3d040304
rsa_sha256=2a864886f70d01010b
ok 'who prefers another signature algorithm' prefers $ecdsa_sha384
is '... gets it' "$(signed_with)" ecdsa-with-SHA384
ok 'of several' prefers $rsa_sha256 $ecdsa_sha512 $ecdsa_sha384
is '... the first that our key can do' "$(signed_with)" ecdsa-with-SHA512
ok 'who prefers what it cannot do' prefers $rsa_sha256
is '... gets the usual one' "$(signed_with)" ecdsa-with-SHA256
ok 'so does everybody else' says good -url "$url" -no_nonce -resp_text
is '... as before' "$(signed_with)" ecdsa-with-SHA256
seconds_of() { # FIELD of `answer`, whose time stands behind it or on the next line
    date -d "$(tr '\n' ' ' <answer | sed "s/.*$1: *\([A-Z][a-z]* *[0-9]* [0-9:]* [0-9]* GMT\).*/\1/")" +%s
}
is 'how far back revocations are known' \
    $(($(seconds_of 'Produced At') - $(seconds_of 'Archive Cutoff'))) $((30 * 86400))

# --- revoking ------------------------------------------------------------------------------------------

cerca hold a.pem >/dev/null 2>&1
ok 'on hold is revoked' says revoked -url "$url"
like '... with certificateHold' answer 'Reason: certificateHold'
cerca release a.pem >/dev/null 2>&1
ok 'released is good' says good -url "$url"
cerca revoke --yes --reason keyCompromise a.pem >/dev/null 2>&1
ok 'revoked is revoked with the next answer' says revoked -url "$url"
like '... and why' answer 'Reason: keyCompromise'
ok '... to GnuTLS too' gnutls_asks revoked --no-nonce
is '... by GET too: the old one is no longer it' \
    "$(code "$url/$(encoded plain.der)" -H "If-None-Match: $etag")" 200
ok '... revoked' says revoked -respin body
ok 'what was never issued is unknown' sh -c \
    "openssl ocsp -issuer issuing.pem -serial 0x5053f000000000000000000000000001 -CAfile root.pem \
        -url '$url' 2>&1 | grep -q ': unknown\$'"

# --- what is no request -----------------------------------------------------------------------------------

is 'no request at all' "$(code "$url")" 400
for path in x '!!!!' "$(head -c 3000 /dev/zero | tr '\0' A)" MA== "${plain%????????}"; do
    is "no base64 of a request: $(echo "$path" | head -c 12)" "$(code "$url/$path") $(status)" '200 1'
done
head -c 50000 /dev/urandom >noise
is 'noise is malformed' "$(code "$url" --data-binary @noise) $(status)" '200 1'
: >nothing
is 'nothing is malformed' "$(code "$url" -X POST -H 'Content-Length: 0') $(status)" '200 1'
head -c 100000 /dev/zero >large
is 'what is too large is refused' "$(code "$url" --data-binary @large)" 413
is 'PUT is refused' "$(code "$url" -X PUT)" 405
is '... with what is allowed' "$(field Allow)" 'GET, HEAD, POST'
is 'POST elsewhere is not found' "$(code "$url/else" --data-binary @plain.der)" 404
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key \
    -out other.pem -subj '/CN=Other CA' 2>/dev/null
openssl ocsp -issuer other.pem -cert a.pem -reqout other.der -no_nonce
is "another CA's certificate is unauthorized" "$(code "$url" --data-binary @other.der) $(status)" '200 6'
ok 'all is well' cerca status

# --- the delegate socket -----------------------------------------------------------------------------------

is 'it is for cerca-public alone' "$(stat -c %a "$ca_dir/sock/public.sock")" 600
ok 'it takes nothing else' perl -MSocket -e '
    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
    connect($s, pack_sockaddr_un($ARGV[0])) or die;
    # A frame (lib/frame.h) that asks for the status, as on the admin socket.
    syswrite($s, pack("CCnQ>", 1, 0, 0x0109, 1)) or die;
    alarm 5;
    my $n = sysread($s, my $answer, 65536);
    exit(defined $n && $n > 0 ? 1 : 0)' "$ca_dir/sock/public.sock"
kill -KILL "$(tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r pid; do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = cerca-public ] && echo "$pid"
done)"
ok 'after kill -9 it answers again' wait_until 10 says revoked -url "$url"
is '... with the responders of before' "$(cerca list --profile ocsp-responder -o json | jq length)" 2
like '... which were kept' "$log" 'ocsp.delegate.kept'
kill -HUP "$ca_pid"
wait_until 20 grep -q conf.reload.done "$log"
ok 'so it does with a new configuration' wait_until 10 says revoked -url "$url"
wait_until 10 cerca status
is '... with the same' "$(cerca list --profile ocsp-responder -o json | jq length)" 2
unlike 'no delegate was refused' "$log" 'ocsp.delegate.(refused|failed)'
ok 'the store is sound, and every signature has its intent' cerca store check
done_testing
