#!/bin/sh
# cerca est against a server that nobody of Cerca wrote: Python, the openssl command, and the RFCs.
# shellcheck source=tests/flow/lib.sh
# shellcheck disable=SC2317
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
servers=
# shellcheck disable=SC2317,SC2086 # by the trap; numbers
stop_servers() { # STATUS
    kill $servers 2>/dev/null
    return "$1"
}
trap 'stop_servers $?; cleanup' EXIT

# --- a CA of openssl's, and its server with TLS 1.3, TLS 1.2, and an old TLS 1.2 ------------------

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

new_root() { # NAME
    new_key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=Their $1" -days 90 -out "$1.pem" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

certify() { # NAME CA EXTENSIONS
    new_key "$1"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%b' "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 60 -extfile "$1.ext" \
        -out "$1.pem" 2>/dev/null
}

new_root root
new_root evil
certify ca root 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
certify server ca 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n'
certify signer ca 'keyUsage=digitalSignature\n'
certify opener ca 'keyUsage=keyAgreement\n'
cat ca.pem >>server.pem

serve() { # NAME VERSION [no-ems]
    name=$1
    shift
    "$root/tests/flow/est_server.py" "$scratch" "$@" >"$name.port" 2>"$name.log" &
    servers="$servers $!"
    wait_until 20 test -s "$name.port" || bail "no server: $(cat "$name.log")"
}

serve new 1.3
serve unique 1.2
serve old 1.2 no-ems
url=https://localhost:$(cat new.port)
unique_url=https://localhost:$(cat unique.port)
old_url=https://localhost:$(cat old.port)
printf 's e:cret\nanother line\n' >password
echo wrong >wrong-password
echo 'tok-en' >token

est() { # COMMAND OPTIONS...: of the server with TLS 1.3
    command=$1
    shift
    cerca est "$command" --url "$url" --trust root.pem "$@"
}

n=0
enroll() { # LABEL OPTIONS...
    n=$((n + 1))
    label=$1
    shift
    est enroll --label "$label" --key-out "$n.key" --san dns:a.example --out "$n.pem" "$@"
}

pair() { # NAME: key and certificate belong together, and the chain is good
    openssl x509 -in "$1.pem" -noout -pubkey >"$1.certified" &&
        openssl pkey -in "$1.key" -pubout | cmp - "$1.certified" &&
        openssl verify -CAfile root.pem -untrusted "$1.pem" "$1.pem"
}

last_request() { # of those seen
    sed -n '/^Certificate Request/h; /^Certificate Request/!H; ${x;p}' seen
}

# --- enrolling ------------------------------------------------------------------------------------

ok 'a certificate for a key made here' est enroll --key-out web.key --san dns:web.example \
    --san ip:192.0.2.1 --out web.pem
like 'is told' "$err" 'enrolled [0-9a-f]+, valid until .*, written to web.pem, its key to web.key'
ok 'with its key and chain' pair web
is 'for the owner of the key alone' "$(stat -c %a web.key)" 600
is 'with the CA below the root behind it' "$(grep -c BEGIN web.pem)" 2
openssl x509 -in web.pem -noout -subject -ext subjectAltName >web.text
like 'and the names' web.text 'DNS:web.example, IP Address:192.0.2.1'
like 'the first of which is the subject' web.text 'CN = web.example'
ok 'the request in a file of openssl' openssl req -new -newkey rsa:2048 -nodes -keyout csr.key \
    -subj /CN=csr -addext subjectAltName=DNS:csr.example -out csr.csr
ok 'is enrolled too' est enroll --csr csr.csr --out csr.pem
cp csr.key csr-copy.key
ok 'for its key' pair csr
ok 'a key that is there can be used' est enroll --use-key csr.key --subject CN=again,O=Us -o json
json 'and JSON tells serial and end' '(.serial | test("^[0-9a-f]+$")) and (.not_after | test("Z$"))'
like 'with the subject that was said' seen 'Subject: O = Us, CN = again'
ok 'the whole path may stand in --url' cerca est enroll --url "$url/.well-known/est/" \
    --trust root.pem --use-key csr.key --san dns:b.example
like 'and without --out the certificate goes to standard output' "$out" '^-----BEGIN CERTIFICATE'
fails 'a key file that is there is not replaced' 1 'there already; --force' \
    est enroll --key-out web.key --san dns:web.example
ok 'but with --force' est enroll --key-out web.key --force --san dns:web.example --out web.pem
ok 'and its pair fits' pair web

for label in der pem flat untyped-not; do
    ok "answers as others write them: $label" enroll "$label"
    ok "with their certificate ($label)" pair "$n"
done
ok 'without CA certificates from the server' enroll nochain
is 'the certificate stands alone' "$(grep -c BEGIN "$n.pem")" 1

fails 'a folder that is not there is found before anything is asked for' 1 'cannot write to the folder' \
    est enroll --key-out no.key --san dns:a.example --out nowhere/a.pem
fails 'for the key too' 1 'cannot write to the folder' \
    est serverkeygen --key-out nowhere/no.key --san dns:a.example
mkdir occupied
fails 'a certificate that cannot be written' 1 'it was issued; .* --use-key kept.key' \
    est enroll --key-out kept.key --san dns:a.example --out occupied/.
ok 'can be had again' est enroll --use-key kept.key --san dns:a.example --out kept.pem
ok 'for the key that was kept' pair kept

# --- who we are -----------------------------------------------------------------------------------

ok 'HTTP Basic' enroll basic --user alice --password-file password
ok 'HTTP Digest' enroll digest --user alice --password-file password
fails 'a wrong password' 1 'status 401: Say who you are' enroll basic --user alice \
    --password-file wrong-password
is 'leaves no key' "$(ls "$n.key" 2>/dev/null)" ''
like 'and what the server said is shown' "$err" '^< HTTP/1.1 401'
like 'whole' "$err" '^Second line'
unlike 'but drives no terminal' "$err" "$(printf '\033')"
like 'and what we said' "$err" '^> POST /.well-known/est/basic/simpleenroll'
like 'without the password' "$err" '^> Authorization: Basic \(not shown\)'
unlike 'in any form' "$err" 'wrong|YWxpY2'
ok 'a password by descriptor' sh -c 'cerca est enroll "$@" 3<password' - --url "$url" \
    --trust root.pem --label basic --use-key csr.key --san dns:a.example --user alice \
    --password-file /dev/fd/3
ok 'a token' enroll bearer --token-file token
is 'is in no other request than ours' "$(grep -c 'Bearer tok-en' seen)" \
    "$(grep 'Bearer tok-en' seen | grep -c /bearer/)"
fails 'no certificate where one is needed' 1 'status 401' enroll tls
ok 'and with one' enroll tls --cert web.pem --key web.key
like 'the server sees it' seen 'POST /.well-known/est/tls/simpleenroll .* commonName=web.example'
fails 'a server below another root gets nothing' 1 'certificate' \
    cerca est enroll --url "$url" --trust evil.pem --key-out no.key --san dns:a.example
fails 'nor one below those of the system' 1 'certificate' \
    cerca est enroll --url "$url" --key-out no.key --san dns:a.example
fails 'nor one with another name' 1 'localhost|127.0.0.1|subject' cerca est enroll \
    --url "https://127.0.0.1:$(cat new.port)" --trust root.pem --key-out no.key --san dns:a.example
is 'and no key is made for it' "$(ls no.key 2>/dev/null)" ''

# --- what the server wants ------------------------------------------------------------------------

ok 'csrattrs of a template' est csrattrs --label template
like 'the key' "$out" '^key: p521$'
like 'the subject' "$out" '^subject: CN \(yours to fill in\)$'
like 'what it fills in itself' "$out" '^subject: OU 0c06746865697273$'
like 'and extensions' "$out" '^extension: 2.5.29.37 300a06082b06010505070302$'
ok 'as JSON' est csrattrs --label template -o json
json 'the same' '.template and .keys == ["p521"] and .linking == false and
    (.subject | map(.attribute)) == ["OU", "CN"] and .subject[1].value == null'
ok 'a server that wants nothing' est csrattrs --label none
like 'is told so' "$out" 'nothing in particular'
ok 'and one without csrattrs' est csrattrs
ok 'what a template wants is done' enroll template
last_request >template.text
like 'its subject' template.text 'Subject: OU = theirs, CN = a.example'
like 'its key' template.text 'NIST CURVE: P-521'
like 'its extension' template.text 'TLS Web Client Authentication'
ok 'but who says otherwise has it so' enroll template --subject CN=mine --key-type p256
last_request >template.text
like 'with their own subject' template.text 'Subject: CN = mine'
fails 'what only a person knows is asked for' 1 'CN in the subject: --subject' \
    est enroll --label template --key-out no.key --san email:a@b.example

# RFC 7030 3.5, RFC 5929: the server compares with its own end of the connection.
ok 'a linked request' cerca est enroll --url "$unique_url" --trust root.pem --label link \
    --key-out link.key --san dns:a.example --out link.pem
last_request >link.text
like 'names its connection' link.text 'challengePassword *:'
like 'has the key that was wanted' link.text 'P-384'
ok 'and its pair fits' pair link
for i in 1 2 3 4 5 6; do
    ok "whatever length the signature has ($i)" cerca est enroll --url "$unique_url" \
        --trust root.pem --label link --use-key link.key --san dns:a.example
done
fails 'without extended master secret there is no link' 1 'has no name \(TLS 1.2 without' \
    cerca est enroll --url "$old_url" --trust root.pem --label link --key-out no.key \
    --san dns:a.example
fails 'nor in a request that was signed elsewhere' 1 'signed here: --use-key or --key-out' \
    cerca est enroll --url "$unique_url" --trust root.pem --label link --csr csr.csr
is 'no key is left of that' "$(ls no.key 2>/dev/null)" ''

# RFC 9266: openssl s_server tells the exporter of its end, and sends what is written here.
serve_exporter() {
    mkfifo feed
    exporter_port=$(free_ports | cut -d' ' -f1)
    openssl s_server -accept "127.0.0.1:$exporter_port" -cert server.pem -key server.key \
        -cert_chain server.pem -tls1_3 -keymatexport EXPORTER-Channel-Binding -keymatexportlen 32 \
        <feed >served 2>&1 &
    servers="$servers $!"
    exec 3>feed
    wait_until 20 grep -q ACCEPT served
}

answer() { # STATUS TYPE BODY
    printf 'HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&3
}

request_came() {
    tr -d '\r' <served | awk '/^POST/ { p = 1 } p && /^$/ { b = 1; next } b' | grep -E '^[A-Za-z0-9+/=]+$' >posted &&
        openssl enc -d -base64 -in posted | openssl req -inform DER -verify -noout -text >linked.text
}

ok 'a server with TLS 1.3 that tells its exporter' serve_exporter
cerca est enroll --url "https://localhost:$exporter_port" --trust root.pem --key-out exporter.key \
    --san dns:a.example >exporter.out 2>&1 &
client=$!
wait_until 20 grep -q /csrattrs served || bail "no request: $(cat served exporter.out)"
answer '200 OK' application/csrattrs MAsGCSqGSIb3DQEJBw==
ok 'is sent a request' wait_until 20 request_came
answer '400 No' text/plain no
wait "$client"
is 'that is not taken' "$?" 1
hex=$(sed -n 's/.*Keying material: //p' served)
is 'and names the connection as the server does' \
    "$(sed -n 's/.*challengePassword *://p' linked.text)" \
    "$(perl -e 'print pack("H*", shift)' "$hex" | openssl base64 -A)"
exec 3>&-

# --- renewing -------------------------------------------------------------------------------------

certify router ca 'subjectAltName=DNS:r.example,IP:192.0.2.7\n'
cat ca.pem >>router.pem
cp router.key router-before.key
ok 'renewal with the same key' est reenroll --cert router.pem --key router.key --out router.pem
last_request >renewed.text
like 'has the same subject' renewed.text 'Subject: CN = router$'
like 'and names' renewed.text 'DNS:r.example, IP Address:192.0.2.7'
ok 'and pair' pair router
ok 'renewal with a new one' est reenroll --cert router.pem --key router.key --key-out router.key \
    --force --out router.pem
ok 'has a new pair' pair router
fails 'the key is another' 1 'differ' sh -c 'cmp router.key router-before.key >&2'
ok 'other names' est reenroll --cert router.pem --key router.key --subject CN=next \
    --san dns:next.example
last_request >renewed.text
like 'stand in an attribute of their own' renewed.text '1.3.6.1.5.5.7.7.36|id-cmc-changeSubjectName'
like 'the present ones stay' renewed.text 'Subject: CN = router$'

# --- keys that the server makes -------------------------------------------------------------------

ok 'a key from the server' est serverkeygen --san dns:m.example --key-out meter.key --out meter.pem
ok 'fits its certificate' pair meter
is 'is for its owner alone' "$(stat -c %a meter.key)" 600
ok 'enveloped for a key of ours' est serverkeygen --label sealed --san dns:m.example \
    --key-out sealed.key --out sealed.pem --open-cert opener.pem --open-key opener.key
ok 'it fits as well' pair sealed
last_request >keygen.text
like 'and the request says for which key' keygen.text 'id-smime-aa-asymmDecryptKeyID|1.2.840.113549.1.9.16.2.54'
fails 'an envelope for another key does not open' 1 'not enveloped for the key' \
    est serverkeygen --label sealed --san dns:m.example --key-out no.key --open-cert web.pem \
    --open-key web.key
fails 'a key without the envelope is not taken' 1 'without the envelope' \
    est serverkeygen --san dns:m.example --key-out no.key --open-cert opener.pem \
    --open-key opener.key
fails 'nor one in an envelope that nobody asked for' 1 'nobody asked for that' \
    est serverkeygen --label sealed --san dns:m.example --key-out no.key
is 'no key is written then' "$(ls no.key 2>/dev/null)" ''
fails 'nor when a file is in the way' 1 'there already; --force' \
    est serverkeygen --san dns:m.example --key-out meter.key

# --- waiting --------------------------------------------------------------------------------------

run enroll pending
is 'a request that waits for somebody is pending' "$status" 3
like 'as the server says' "$err" 'ask again in 1 s: somebody will look'
like 'and how to go on is told' "$err" "put --use-key $n.key in place of --key-out"
ok 'which gets it in time' est enroll --label pending --use-key "$n.key" --san dns:a.example \
    --out "$n.pem" --wait 30s
ok 'for that key' pair "$n"
ok 'or one waits at once' enroll pending --wait 30s
like 'and says for what' "$err" 'asking again in 1 s'
fails 'a server that stays busy' 1 'status 503: The HSM is away' enroll busy --wait 2s
like 'leaves the key' "$err" "the key is in $n.key"

# --- servers that are wrong -----------------------------------------------------------------------

fails 'a refusal' 1 'status 403: The name is not yours' enroll refuse
is 'leaves no key' "$(ls "$n.key" 2>/dev/null)" ''
fails 'a page instead of a certificate' 1 'something else than application/pkcs7-mime: text/html' \
    enroll html
like 'is shown' "$err" '<html>Log in'
fails 'an answer without a type' 1 'no Content-Type' enroll untyped
fails 'no base64' 1 'neither base64 nor DER' enroll garbage
fails 'nothing' 1 'the body is empty' enroll empty
fails 'a certificate for another key' 1 'none for the key of this request' enroll otherkey
ok 'leaves the key, for which there may be one' test -s "$n.key"
fails 'too much' 1 'over 262144 octets' enroll huge
fails 'a broken server' 1 'status 500: oops' enroll broken
fails 'a connection that is lost' 1 'localhost' enroll drop
ok 'leaves the key too' test -s "$n.key"
ok 'a redirection to the same server is followed' enroll moved
fails 'one to another is not' 1 'sends us to another one, https://localhost:1/' enroll away
fails 'nor one for ever' 1 'in circles' enroll circle
fails 'nobody there' 1 'https://localhost:1/' cerca est enroll --url https://localhost:1 \
    --trust root.pem --key-out no.key --san dns:a.example
is 'no key is made for that' "$(ls no.key 2>/dev/null)" ''

# --- CA certificates, and a server that nobody knows ----------------------------------------------

ok 'CA certificates' est cacerts --out cas.pem
is 'all of them' "$(grep -c BEGIN cas.pem)" 2
ok 'as PKCS#7' est cacerts -o p7b --out cas.p7b
is 'that openssl reads' "$(openssl pkcs7 -inform DER -in cas.p7b -print_certs | grep -c BEGIN)" 2
fingerprint=$(openssl x509 -in root.pem -noout -fingerprint -sha256 | sed 's/.*=//')
ok 'as text, with fingerprints' est cacerts -o text
like 'in the form of openssl' "$out" "SHA-256 $(echo "$fingerprint" | tr A-F a-f)"
fails 'a stranger is not believed' 1 'certificate' cerca est cacerts --url "$url" --out no.pem
fails 'nor without somebody who compares' 1 'nobody is there to compare' \
    sh -c 'cerca est cacerts --url "$1" --bootstrap --out no.pem </dev/null' - "$url"
like 'to whom the fingerprint is shown' "$err" "SHA-256 $(echo "$fingerprint" | tr A-F a-f)"
ok 'the fingerprint that was told elsewhere' cerca est cacerts --url "$url" --bootstrap \
    --sha256 "$fingerprint" --out boot.pem
ok 'is enough for the rest' cerca est enroll --url "$url" --trust boot.pem --use-key csr.key \
    --san dns:a.example
fails 'another one is not' 1 'no root with this fingerprint' cerca est cacerts --url "$url" \
    --bootstrap --sha256 "$(openssl x509 -in evil.pem -noout -fingerprint -sha256 | sed 's/.*=//')" \
    --out no.pem
ok 'roots slipped in beside the right one' cerca est cacerts --url "$url" --label liar --bootstrap \
    --sha256 "$fingerprint" --out boot.pem
openssl crl2pkcs7 -nocrl -certfile boot.pem | openssl pkcs7 -print_certs -noout >boot.text
is 'are left out' "$(grep -c 'subject=.*Their' boot.text) $(grep -c 'subject=' boot.text)" '1 2'
like 'and told' "$err" 'left out: 1 certificates'
is 'no file is left of what failed' "$(ls no.pem 2>/dev/null)" ''

# --- our own server -------------------------------------------------------------------------------

ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "linked"; eku = ( "clientAuth" ); key_types = ( "p384" );
               subject_required = ( "CN" ); } );
est = ( { name = "default"; profile = "tls-client"; },
        { name = "linked"; profile = "linked"; linking = "required"; } );
labels
ca_start || bail 'cercad does not serve'
own_url=https://localhost:$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
fingerprint=$(openssl x509 -in "$ca_dir/ca/root.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
own() { # COMMAND OPTIONS...
    command=$1
    shift
    cerca est "$command" --url "$own_url" --trust own-root.pem "$@"
}
ok 'meets cerca-enroll for the first time' wait_until 20 cerca est cacerts --url "$own_url" \
    --bootstrap --sha256 "$fingerprint" --out own-root.pem
cerca token create --profile tls-client --ttl 1h --name dns:own.example --uses 1 -o json |
    jq -r .token >own-token
ok 'enrolls there with a token' own enroll --token-file own-token --key-out own.key \
    --san dns:own.example --out own.pem
ok 'gets a certificate with its chain' openssl verify -CAfile "$ca_dir/ca/root.pem" \
    -untrusted own.pem own.pem
ok 'and renews it with a new key' own reenroll --cert own.pem --key own.key --key-out own.key \
    --force --out own.pem
ok 'that fits' sh -c 'openssl x509 -in own.pem -noout -pubkey >own.pub &&
    openssl pkey -in own.key -pubout | cmp - own.pub'
cerca token create --profile linked --ttl 1h --name dns:own.example --uses 2 -o json |
    jq -r .token >own-token
ok 'is told what a profile wants' own csrattrs --label linked -o json
json 'key, subject, names and purpose' '.linking and .template and .keys == ["p384"] and
    (.subject | map(.attribute)) == ["CN"] and
    (.extensions | map(.oid)) == ["2.5.29.17", "2.5.29.37"]'
ok 'and is linked to its channel' own enroll --label linked --token-file own-token \
    --key-out linked.key --san dns:own.example --out linked.pem
is 'with the key that was wanted' "$(openssl pkey -in linked.key -noout -text | grep -c 'P-384')" 1
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout loose.key -outform DER \
    -subj /CN=own.example -addext subjectAltName=DNS:own.example -out loose.der 2>/dev/null
openssl base64 -in loose.der -out loose.csr
curl -s --cacert own-root.pem -H "Authorization: Bearer $(cat own-token)" -w '%{http_code}' \
    -H 'Content-Type: application/pkcs10' --data-binary @loose.csr -o loose.body \
    "$own_url/.well-known/est/linked/simpleenroll" >loose.status
like 'a request that names no channel is refused by the server' loose.status '^4'
like 'for that' loose.body 'rule est.linking'
fails 'and by us' 1 'signed here: --use-key or --key-out' \
    own enroll --label linked --token-file own-token --csr csr.csr
fails 'other names are refused, and why is told' 1 'status 4[0-9][0-9]: .*' \
    own enroll --cert own.pem --key own.key --use-key own.key --san dns:other.example

# --- how it is called -----------------------------------------------------------------------------

fails 'no --url' 2 '\-\-url is missing' cerca est cacerts
fails 'no https' 2 'should be https' cerca est cacerts --url http://localhost
fails 'a label that is an operation' 2 'no operation' est cacerts --label cacerts
fails 'a certificate without its key' 2 'belong together' est cacerts --cert web.pem
fails 'a password without a user' 2 'belongs to --user' est cacerts --password-file password
fails 'a stranger gets no secret' 2 'nobody knows who the server is' cerca est cacerts --url "$url" \
    --bootstrap --user a
fails 'two requests' 2 'one of --csr' est enroll --csr csr.csr --key-out x.key
fails 'a request with names beside it' 2 'has its own' est enroll --csr csr.csr --san dns:x.example
fails 'renewing nothing' 2 '\-\-cert and --key are missing' est reenroll
fails 'a key on standard output' 2 'not written to standard output' est serverkeygen --key-out -
ok 'all that each side says is shown when asked for' est csrattrs --label template --verbose
like 'with the connection' "$err" '^\* .*TLSv1.3'
done_testing
