#!/bin/sh
# EST at its bounds: bodies as long as they may be and one octet longer, in one piece, in chunks and
# asked about first; requests as large as keys after quantum computers make them are told in words
# what is wrong with them.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
echo 'est = ( { name = "default"; profile = "tls-client"; } );' >>"$conf"
ca_start || bail 'it does not start'
port=$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' "$conf")
base=https://localhost:$port/.well-known/est
cp "$ca_dir/ca/root.pem" root.pem

# post FILE [OPTION...]: the status; the body in `body`, what went over the line in `line`.
post() {
    file=$1
    shift
    : >body
    curl -sv -m 20 --cacert root.pem -o body -w '%{http_code}' -u "x:$secret" \
        -H 'Content-Type: application/pkcs10' --data-binary "@$file" "$@" "$base/simpleenroll" 2>line
}

is_up() {
    curl -sf -m 20 --cacert root.pem -o body "$base/cacerts"
}

says() { # NAME PATTERN
    like "$1" body "$2"
}

# request FILE OID KEY_OID KEY_OCTETS SIGNATURE_OCTETS: a request in the form of PKCS#10, DER.
request() {
    python3 - "$@" <<'der'
import sys
path, signature, key, key_octets, octets = sys.argv[1:]

def element(tag, *parts):
    body = b"".join(parts)
    n = len(body).to_bytes(4, "big").lstrip(b"\0") or b"\0"
    return bytes([tag]) + (n if len(body) < 128 else bytes([0x80 | len(n)]) + n) + body

def oid(text):
    arcs = [int(x) for x in text.split(".")]
    out = b""
    for arc in [40 * arcs[0] + arcs[1]] + arcs[2:]:
        digits = [arc & 127]
        while arc := arc >> 7:
            digits.insert(0, arc & 127 | 128)
        out += bytes(digits)
    return element(6, out)

def bits(n):
    return element(3, b"\0" + b"\x5a" * int(n))

spki = element(0x30, element(0x30, oid(key)), bits(key_octets))
info = element(0x30, element(2, b"\0"), element(0x30), spki, element(0xa0))
with open(path, "wb") as f:
    f.write(element(0x30, info, element(0x30, oid(signature)), bits(octets)))
der
    base64 <"$1" >"$1.b64"
}

body_max() { # SIZE
    sed -i '/^ *body_max/d; s/^https = {/&\n    body_max = "'"$1"'";/' "$conf"
    ca_stop
    ca_start || bail 'it does not start again'
    wait_until 20 is_up || bail 'HTTPS does not come back'
}

wait_until 20 is_up || bail 'HTTPS does not come'
secret=$(cerca token create --profile tls-client --uses 9 --ttl 1h --name dns:a.test -o json |
    jq -r .token)

# --- large requests -----------------------------------------------------------------------------------

nist=2.16.840.1.101.3.4
request ml-dsa-87 $nist.3.19 $nist.3.19 2592 4627
request slh-dsa-256s $nist.3.24 $nist.3.24 64 29792
request slh-dsa-256f $nist.3.25 $nist.3.25 64 49856
request ml-kem 1.2.840.10045.4.3.2 $nist.4.3 1568 72
request over $nist.3.25 $nist.3.25 64 53200
is 'ML-DSA-87 is refused, not malformed' "$(post ml-dsa-87.b64)" 400
says '... in words' "rule csr.signature.algorithm;.* value $nist.3.19; allowed: Ed25519"
is 'SLH-DSA-256s' "$(post slh-dsa-256s.b64)" 400
says '... in words' "rule csr.signature.algorithm;.* value $nist.3.24"
is 'a key that signs nothing' "$(post ml-kem.b64)" 400
says '... in words' "rule csr.key;.* value $nist.4.3;.* allowed: RSA, EC or Ed25519"
is 'SLH-DSA-256f as DER fits' "$(post slh-dsa-256f)" 400
says '... in words' "value $nist.3.25"
is '... and in base64 does not' "$(post slh-dsa-256f.b64)" 413
says '... it says' 'The body is too large'
is 'a request over the bound' "$(post over)" 413
says '... it says' 'may have 53248 octets .*rule est.body.size'

# --- at the bound ---------------------------------------------------------------------------------------

# Blanks do not count in base64.
pad() { # FILE OCTETS
    cp ml-dsa-87.b64 "$1"
    head -c $(($2 - $(stat -c %s ml-dsa-87.b64))) /dev/zero | tr '\0' '\n' >>"$1"
}

check_bound() { # OCTETS
    pad full "$1"
    pad more $(($1 + 1))
    is "$1 octets" "$(post full)" 400
    says '... are read' 'csr.signature.algorithm'
    is '... in chunks' "$(post full -H 'Transfer-Encoding: chunked')" 400
    says '... are read' 'csr.signature.algorithm'
    is '... and one more' "$(post more)" 413
    is '... in chunks' "$(post more -H 'Transfer-Encoding: chunked')" 413
    is "$1 octets after 100-continue" "$(post full -H 'Expect: 100-continue')" 400
    like '... it is told to go on' line '^< HTTP/1.1 100 Continue'
    is '... and one more' "$(post more -H 'Expect: 100-continue')" 413
    unlike '... it is not' line '100 Continue'
}

check_bound 65536
head -c 4000000 /dev/zero >flood
is 'far too much' "$(post flood)" 413
is '... in chunks' "$(post flood -H 'Transfer-Encoding: chunked')" 413
ok '... harms nobody' is_up
body_max 96KiB
check_bound 98304
is 'SLH-DSA-256f in base64, with room for it' "$(post slh-dsa-256f.b64)" 400
says '... in words' "value $nist.3.25"
is '... over the bound of requests' "$(post over.b64)" 413
says '... it says' 'rule est.body.size'
openssl req -x509 -newkey rsa:4096 -nodes -keyout client.key -out client.pem -subj /CN=x 2>"$err"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do cat client.pem; done >client-chain.pem
is '... together with what TLS brings' \
    "$(post slh-dsa-256f.b64 --cert client-chain.pem --key client.key)" 413
says '... it says' 'rule est.request.size'
sed -i 's/^ *body_max.*/    body_max = "8KiB";/' "$conf"
fails 'a bound that is no bound' 1 'body_max' cerca conf check -c "$conf"

done_testing
