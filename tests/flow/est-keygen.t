#!/bin/bash
# EST: keys that the server makes (RFC 7030 4.4). Clients of curl, openssl and Python get key and
# certificate, as they are or in an envelope that only they open; a lost answer means another key;
# whatever may not be is refused and nothing issued; no key is on a disk.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
cat >>"$conf" <<'labels'
profiles = ( { name = "sealer"; eku = ( "clientAuth" ); cn_must_be_san = false;
               ku_ec = ( "digitalSignature", "keyAgreement" );
               ku_rsa = ( "digitalSignature", "keyEncipherment" ); } );
est = (
    { name = "default"; profile = "tls-client"; server_keys = ( "p256", "rsa2048" ); },
    { name = "off"; profile = "tls-client"; },
    { name = "sealed"; profile = "sealer"; server_keys = ( "p384" ); server_keys_sealed = true; },
    { name = "people"; profile = "tls-client"; ways = ( "password" ); server_keys = ( "p256" ); }
);
est_users = ( { name = "alice"; names = ( "dns:.alice.test" ); } );
ca = { password_file = "enroll.passwd"; };
labels
(umask 077 && echo "alice:$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd")
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

# parts NAME: key and certificate of the last answer become NAME.part and NAME.pem.
parts() {
    python3 - "$1" <<'mime' && openssl pkcs7 -inform DER -in "$1.p7" -print_certs -out "$1.pem"
import email, sys
with open("head", "rb") as f:
    head = f.read().split(b"\r\n", 1)[1]
with open("body", "rb") as f:
    both = email.message_from_bytes(head + f.read()).get_payload()
for part, name in zip(both, (".part", ".p7")):
    with open(sys.argv[1] + name, "wb") as f:
        f.write(part.get_payload(decode=True))
print(len(both), [(p.get_content_type(), p["Content-Transfer-Encoding"]) for p in both])
mime
}

# plain NAME: the key as it is.
plain() {
    parts "$1" >"$1.types" && openssl pkcs8 -inform DER -nocrypt -in "$1.part" -out "$1.key" &&
        fits "$1"
}

fits() {
    openssl verify -CAfile root.pem -untrusted "$ca_dir/ca/issuing.pem" "$1.pem" &&
        public "$1" && openssl x509 -in "$1.pem" -noout -pubkey | cmp - "$1.pub"
}

# opened NAME WHO: the key out of the envelope for WHO.
opened() {
    parts "$1" >"$1.types" &&
        openssl cms -decrypt -binary -inform DER -in "$1.part" -recip "$2.pem" -inkey "$2.key" \
            -out "$1.signed" && wrap "$1.signed" "$1.cms" &&
        openssl cms -verify -binary -inform DER -in "$1.cms" -CAfile root.pem -purpose any \
            -out "$1.package" -signer "$1.signer" && inner "$1.package" "$1.der" &&
        openssl pkcs8 -inform DER -nocrypt -in "$1.der" -out "$1.key" && fits "$1"
}

# What an EnvelopedData holds is the SignedData itself (RFC 5652 6.1); openssl wants a ContentInfo.
wrap() {
    python3 - "$@" <<'der'
import sys
def element(tag, body):
    n = len(body)
    return bytes([tag]) + (bytes([n]) if n < 128 else b"\x82" + n.to_bytes(2, "big")) + body
with open(sys.argv[1], "rb") as f:
    signed = f.read()
with open(sys.argv[2], "wb") as f:
    f.write(element(0x30, bytes.fromhex("06092a864886f70d010702") + element(0xa0, signed)))
der
}

# The first of a SEQUENCE: a key of an AsymmetricKeyPackage (RFC 5958 2).
inner() {
    perl -e 'binmode STDIN; binmode STDOUT; local $/; $_ = <STDIN>; my $n = ord(substr($_, 1, 1));
        print substr($_, $n < 128 ? 2 : 2 + ($n & 127))' <"$1" >"$2"
}

key_id() { # NAME
    openssl x509 -in "$1.pem" -noout -ext subjectKeyIdentifier | sed -n '2s/[ :]//gp'
}

# wish NAME DNS [ATTRIBUTE ID]...: a request whose key is of a kind that nobody knows, with no
# signature; an attribute is sym, asym (with an identifier) or caps (with OIDs, in hex).
wish() {
    python3 - "$@" <<'der'
import base64, sys
name, dns, *rest = sys.argv[1:]

def element(tag, *parts):
    body = b"".join(parts)
    n = len(body).to_bytes(4, "big").lstrip(b"\0") or b"\0"
    return bytes([tag]) + (n if len(body) < 128 else bytes([0x80 | len(n)]) + n) + body

def attribute(oid, *values):
    return element(0x30, element(6, bytes.fromhex(oid)), element(0x31, *values))

pq = element(0x30, element(6, bytes.fromhex("608648016503040313")))
san = element(0x30, element(6, bytes.fromhex("551d11")),
              element(4, element(0x30, element(0x82, dns.encode()))))
attributes = attribute("2a864886f70d01090e", element(0x30, san))
for kind, value in zip(rest[::2], rest[1::2]):
    if kind == "caps":
        attributes += attribute("2a864886f70d01090f", element(0x30, *[
            element(0x30, element(6, bytes.fromhex(x))) for x in value.split(",")]))
    else:
        attributes += attribute("2a864886f70d01091002" + {"sym": "25", "asym": "36"}[kind],
                                element(4, bytes.fromhex(value)))
cn = element(0x30, element(0x31, element(0x30, bytes.fromhex("0603550403"),
                                         element(12, dns.encode()))))
info = element(0x30, b"\x02\x01\x00", cn, element(0x30, pq, element(3, b"\0" + 2592 * b"k")),
               element(0xa0, attributes))
with open(name + ".csr", "wb") as f:
    f.write(base64.encodebytes(element(0x30, info, pq, element(3, b"\0nothing"))))
der
}

count() { # STATUS
    cerca list --status "$1" --limit 1000 -o json | jq '[.. | .serial? // empty] | length'
}

serial() { # NAME
    openssl x509 -in "$1.pem" -noout -serial | sed 's/.*=//' | tr A-F a-f
}

status_of() { # NAME
    cerca show "$(serial "$1")" -o json | jq -r '[.. | .status? // empty][0]'
}

# --- as it is ------------------------------------------------------------------------------------

secret=$(token tls-client 1 dns:a.test)
csr a /CN=a.test DNS:a.test
is 'a key is made' "$(post serverkeygen a.csr -u "x:$secret")" 200
like '... and comes in parts' head 'Content-Type: multipart/mixed; boundary='
public a && mv a.pub asked.pub
ok '... with the certificate for it' plain a
like '... as RFC 7030 4.4.2 has them' a.types \
    "^2 .*'application/pkcs8', 'base64'.*'application/pkcs7-mime', 'base64'"
is '... a P-256 key' "$(openssl pkey -in a.key -noout -text | grep -c prime256v1)" 1
fails '... which is not that of the request' 1 differ sh -c 'cmp a.pub asked.pub >&2'
openssl req -new -newkey rsa:2048 -nodes -keyout r.key -subj /CN=r.test \
    -addext subjectAltName=DNS:r.test -outform DER 2>"$err" | base64 >r.csr
is 'who shows an RSA key' "$(post serverkeygen r.csr -u "x:$(token tls-client 1 dns:r.test)")" 200
ok '... gets one' plain r
is '... of that size' "$(openssl pkey -in r.key -noout -text | grep -c '(2048 bit')" 1
openssl req -new -newkey ed25519 -nodes -keyout e.key -subj /CN=e.test \
    -addext subjectAltName=DNS:e.test -outform DER 2>"$err" | base64 >e.csr
is 'who shows one that is not made' \
    "$(post serverkeygen e.csr -u "x:$(token tls-client 1 dns:e.test)")" 200
ok '... gets the first of the list' plain e
is '... P-256' "$(openssl pkey -in e.key -noout -text | grep -c prime256v1)" 1
wish any any.test
is 'key and signature of the request are not looked at' \
    "$(post serverkeygen any.csr -u "x:$(token tls-client 1 dns:any.test)")" 200
ok '... and mean nothing' plain any
csr p /CN=p.alice.test DNS:p.alice.test
is 'a user by password' "$(post people/serverkeygen p.csr -u 'alice:open sesame')" 200
ok '... too' plain p
is 'a client by its certificate' "$(post_as a serverkeygen a.csr)" 200
ok '... too' plain next
is '... whose certificate stays' "$(status_of a)" valid
ok 'cerca est' cerca est serverkeygen --url "https://localhost:$port" --trust root.pem \
    --token-file <(token tls-client 1 dns:c.test) --san dns:c.test --key-out c.key --out c.pem
ok '... has both' fits c

# --- what may not be -----------------------------------------------------------------------------

before=$(cerca list --limit 1000 -o json | jq '[.. | .serial? // empty] | length')
other=$(token tls-client 1 dns:b.test)
is 'a label that makes none' "$(post off/serverkeygen a.csr -u "x:$other")" 501
is 'nobody' "$(post serverkeygen a.csr)" 401
is "somebody else's name" "$(post serverkeygen a.csr -u "x:$other")" 403
says '... it says' 'rule token.name'
is 'an envelope by a secret' "$(
    wish w b.test sym 0102
    post serverkeygen w.csr -u "x:$other"
)" 400
says '... it says' 'rule est.keygen.symmetric;.* value 0102'
is 'an envelope for a certificate that is not shown' "$(
    wish w b.test asym 0102
    post serverkeygen w.csr -u "x:$other"
)" 400
says '... it says' 'rule est.keygen.recipient;.* value 0102'
id=$(key_id a)
is '... or another one' "$(
    wish w a.test asym 0102
    post_as a serverkeygen w.csr
)" 400
says '... it says' 'rule est.keygen.recipient'
is 'for a key that only signs' "$(
    wish w a.test asym "$id"
    post_as a serverkeygen w.csr
)" 400
says '... it says' 'needs keyEncipherment .RSA. or keyAgreement .EC..*rule est.keygen.recipient'
is 'for two' "$(
    wish w a.test asym "$id" sym 0102
    post_as a serverkeygen w.csr
)" 400
says '... it says' 'rule est.keygen.both'
is 'a request that is none' "$(
    head -c 300 a.csr >w.csr
    post serverkeygen w.csr -u "x:$other"
)" 400
is 'nothing was issued for any of them' \
    "$(cerca list --limit 1000 -o json | jq '[.. | .serial? // empty] | length')" "$before"

# --- in an envelope --------------------------------------------------------------------------------

csr s /CN=s.test DNS:s.test
public s
is 'a client whose key agrees' "$(post sealed/simpleenroll s.csr \
    -u "x:$(token sealer 9 dns:s.test)")" 200
ok '... enrolls' taken s
id=$(key_id s)
is 'where keys must be sealed' "$(post_as s sealed/serverkeygen s.csr)" 400
says '... none leaves as it is' 'rule est.keygen.plain'
wish s1 s.test asym "$id"
is 'one in an envelope' "$(post_as s sealed/serverkeygen s1.csr)" 200
ok '... opens' opened s1 s
like '... and is one' s1.types \
    "^2 .*'application/pkcs7-mime', 'base64'.*'application/pkcs7-mime', 'base64'"
like '... by its type' body 'smime-type=server-generated-key'
is '... P-384' "$(openssl pkey -in s1.key -noout -text | grep -c secp384r1)" 1
is '... by AES-256' "$(openssl cms -cmsout -print -inform DER -in s1.part | grep -c aes-256-cbc)" 1
openssl x509 -in s1.signer -noout -text >signer
like '... signed by who makes keys' signer 'Subject: CN = EST key maker'
like '... and does nothing else' signer 'Key Generation|1.3.6.1.5.5.7.3.32'
wish s2 s.test asym "$id" caps 60864801650304012a,608648016503040102
is '... by the strongest that the client knows' "$(post_as s sealed/serverkeygen s2.csr)" 200
ok '... opens' opened s2 s
wish s3 s.test asym "$id" caps 608648016503040102
is '... AES-128' "$(post_as s sealed/serverkeygen s3.csr)" 200
ok '... opens' opened s3 s
is '... by that' "$(openssl cms -cmsout -print -inform DER -in s3.part | grep -c aes-128-cbc)" 1
wish s4 s.test asym "$id" caps 2a864886f70d0307
is '... or none' "$(post_as s sealed/serverkeygen s4.csr)" 400
says '... it says' 'rule est.keygen.cipher'
openssl req -new -newkey rsa:2048 -nodes -keyout t.key -subj /CN=t.test \
    -addext subjectAltName=DNS:t.test -outform DER 2>"$err" | base64 >t.csr
public t
is 'a client whose key enciphers' "$(post sealed/simpleenroll t.csr \
    -u "x:$(token sealer 9 dns:t.test)")" 200
ok '... enrolls' taken t
wish t1 t.test asym "$(key_id t)" caps 60864801650304012a
is 'one in an envelope for RSA' "$(post_as t sealed/serverkeygen t1.csr)" 200
ok '... opens' opened t1 t
wish t2 t.test asym "$(key_id t)" caps 60864801650304012a,2a864886f70d010107
is '... by OAEP' "$(post_as t sealed/serverkeygen t2.csr)" 200
ok '... opens' opened t2 t
like '... by that' <(openssl cms -cmsout -print -inform DER -in t2.part) rsaesOaep
ok 'cerca est' cerca est serverkeygen --url "https://localhost:$port" --trust root.pem \
    --label sealed --cert s.pem --key s.key --san dns:s.test --key-out d.key --out d.pem \
    --open-cert s.pem --open-key s.key
ok '... has both' fits d

# --- lost answers ------------------------------------------------------------------------------------

secret=$(token tls-client 1 dns:l.test)
csr l /CN=l.test DNS:l.test
is 'an answer is lost' "$(post serverkeygen l.csr -u "x:$secret")" 200
ok '... with its key' plain first
is '... its client asks again' "$(post serverkeygen l.csr -u "x:$secret")" 200
ok '... and gets another one' plain second
fails '... another one' 1 differ sh -c 'cmp first.pub second.pub >&2'
is '... the one before is revoked' "$(status_of first)" revoked
like '... as superseded' <(cerca show "$(serial first)") superseded
is '... the new one is not' "$(status_of second)" valid
ok '... and follows it' sh -c "cerca show $(serial second) -o json | grep -q $(serial first)"
csr l /CN=l.test DNS:l.test
is '... whichever key its request shows' "$(post serverkeygen l.csr -u "x:$secret")" 200
ok '... gets one' plain third
is '... and the one before ends' "$(status_of second)" revoked
is '... for other names the token has no use' "$(
    wish w l.test
    post off/simpleenroll l.csr -u "x:$secret"
)" 403
cerca audit log --limit 1000 -o json >records 2>"$err"
like 'each is on record' records "$(serial first).*superseded: asked for again|superseded: asked for again.*$(serial first)"
for i in 1 2 3 4; do
    curl -s -m 30 --cacert root.pem -o "out.$i" -w '%{http_code}\n' -u "x:$secret" --data-binary @l.csr \
        -H 'Content-Type: application/pkcs10' "$base/serverkeygen" >"code.$i" &
    all="${all-} $!"
done
# shellcheck disable=SC2086 # words
wait $all
ok 'of four at once one has the certificate that is good' test "$(cerca list --name l.test \
    --status valid -o json | jq '[.. | .serial? // empty] | length')" -eq 1
like '... it was told so' <(cat code.*) 200

# --- who dies --------------------------------------------------------------------------------------------

secret=$(token tls-client 1 dns:k.test)
csr k /CN=k.test DNS:k.test
kill -STOP "$(pid_of cerca-signer)"
core=$(pid_of cerca-ca)
post serverkeygen k.csr -u "x:$secret" >code &
client=$!
wait_until 10 sh -c "cerca list --status open --name k.test -o json | grep -q serial"
kill -KILL "$core"
wait "$client"
is 'cerca-ca dies with the key: its client is told to try again' "$(cat code)" 503
wait_until 20 runs_anew cerca-ca "$core"
kill -CONT "$(pid_of cerca-signer)" 2>/dev/null
wait_until 20 cerca status
ok '... and gets another one' wait_until 20 sh -c "[ \"\$(curl -s -m 20 --cacert root.pem -D head -o body \
    -w '%{http_code}' -u 'x:$secret' --data-binary @k.csr -H 'Content-Type: application/pkcs10' \
    $base/serverkeygen)\" = 200 ]"
ok '... that fits' plain k
is '... one is good' "$(cerca list --name k.test --status valid -o json |
    jq '[.. | .serial? // empty] | length')" 1
is '... none is open' "$(count open)" 0
ok 'the store is sound' cerca store check

# --- nothing is kept -----------------------------------------------------------------------------------------

# Private keys as they stand in PKCS#8, and in base64 at each of its three places.
cat >search.py <<'search'
import base64, os, sys
found = []
needles = {}
for name in sys.argv[2:]:
    with open(name, "rb") as f:
        der = f.read()
    secret = der[36:68] if len(der) < 200 else der[-60:-20]
    needles[name] = [secret] + [base64.b64encode(secret[i:])[:40] for i in range(3)]
for at, _, files in os.walk(sys.argv[1]):
    for f in files:
        path = os.path.join(at, f)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as h:
            text = h.read()
        found += [path for n in needles.values() for x in n if x in text]
with open("s1.part", "rb") as h:
    found += [x for x in needles["s1.der"] if x in h.read()]
print(found)
search
is 'no key is in any file of the CA, nor outside its envelope' \
    "$(python3 search.py "$ca_dir" a.part r.part any.part first.part k.part s1.der)" '[]'
unlike 'nor in its log' "$scratch/cercad.log" 'PRIVATE'
sed -i 's/server_keys = ( "p256", "rsa2048" )/server_keys = ( "p521" )/' "$conf"
fails 'a type that the profile does not have' 1 'not among the key_types' cerca conf check -c "$conf"

done_testing
