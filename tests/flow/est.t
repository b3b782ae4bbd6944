#!/bin/sh
# EST: clients that nobody here wrote enroll, use and renew certificates over HTTPS; whatever they
# may not have, and whatever is malformed, is refused with the right status, a reason and a record.
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
    { name = "servers"; profile = "tls-server"; ways = ( "token" ); },
    { name = "vpn"; profile = "vpn-client"; ways = ( "certificate" ); from = ( "tls-client" ); },
    { name = "short"; profile = "short"; },
    { name = "people"; profile = "tls-client"; ways = ( "password" ); },
    { name = "both"; profile = "tls-client";
      ways = ( "certificate+password", "certificate+token" ); },
    { name = "born"; profile = "device"; ways = ( "certificate", "manufacturer" );
      anchors = ( "maker.pem" ); device_names = ( "dns:{serialNumber}.born.test" ); },
    { name = "vouched"; profile = "tls-client"; ways = ( "manufacturer+token" );
      anchors = ( "maker.pem" ); },
    { name = "mixed"; profile = "tls-client"; anchors = ( "maker.pem" );
      ways = ( "certificate+token", "manufacturer+token" ); },
    { name = "linked"; profile = "tls-client"; linking = "required"; },
    { name = "late"; profile = "short"; grace = "1h"; }
);
est_users = (
    { name = "alice"; names = ( "dns:.alice.test" ); owner = "alice@example.test"; },
    { name = "bob"; names = ( "dns:bob.test", "email:example.test" ); labels = ( "both" ); }
);
ca = { password_file = "enroll.passwd"; };
labels
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout maker.key \
    -out "$ca_dir/maker.pem" -subj '/O=Maker/CN=Maker CA' -days 9000 2>"$err"
printf 'alice:%s\nbob:%s\n' "$(openssl passwd -6 'open sesame')" \
    "$(perl -e 'print crypt("geheim", "\$y\$j9T\$abcdefghijklmnopqrst1.")')" \
    >"$ca_dir/enroll.passwd"
ca_start || bail 'it does not start'
log=$scratch/cercad.log
est_client

# --- the server ------------------------------------------------------------------------------------

ok 'it is there' wait_until 20 is_up
ok 'status shows it' sh -c "cerca status | grep -E '^ok +enroll +running'"
like 'it is jailed and reads no file' "$log" 'sandbox.entered program=cerca-enroll .*paths=1'
ok 'its certificate is one of this CA, for its name' sh -c \
    "openssl s_client -connect localhost:$port -CAfile root.pem -verify_return_error \
        -verify_hostname localhost -brief </dev/null"
ok '... and its address' sh -c "openssl s_client -connect localhost:$port -CAfile root.pem \
    -verify_return_error -verify_ip 127.0.0.1 -brief </dev/null"
for version in 1.2 1.3; do
    is "TLS $version" "$(est cacerts --tlsv$version --tls-max $version)" 200
done
is 'TLS 1.1 is refused' "$(OPENSSL_CONF=/dev/null est cacerts --tlsv1.0 --tls-max 1.1 \
    --ciphers ALL:@SECLEVEL=0)" 000

# --- cacerts -----------------------------------------------------------------------------------------

is 'cacerts' "$(est cacerts)" 200
is '... is certificates and nothing else' "$(field Content-Type)" \
    'application/pkcs7-mime; smime-type=certs-only'
base64 -d <body | openssl pkcs7 -inform DER -print_certs -out cas.pem
is '... root and issuer' "$(grep -c BEGIN cas.pem)" 2
ok '... which GnuTLS reads too' sh -c 'base64 -d <body | certtool --p7-info --inder'
is '... of a label' "$(est servers/cacerts)" 200
is 'HEAD' "$(est cacerts -I)" 200
is 'an unknown label' "$(est nobody/cacerts)" 404
is 'an unknown operation' "$(est nonsense)" 404
is 'fullcmc' "$(post fullcmc /dev/null)" 501
is 'cacerts takes no POST' "$(est cacerts -X POST)" 405
is '... and says so' "$(field Allow)" 'GET, HEAD'
is 'simpleenroll no GET' "$(est simpleenroll)" 405
is '... and says so' "$(field Allow)" POST
is 'nothing else is here' "$(curl -s -o body -w '%{http_code}' --cacert root.pem \
    "https://localhost:$port/")" 404

# --- enrolling by token ------------------------------------------------------------------------------

csr a /CN=a.example.test DNS:a.example.test
public a
secret=$(token tls-client 1 dns:a.example.test)
is 'nobody is asked for credentials' "$(post simpleenroll a.csr)" 401
is '... by name of the scheme' "$(field WWW-Authenticate | cut -d ' ' -f 1)" Basic
says '... and told the rule' 'rule est.unauthorised'
is 'a wrong token' "$(post simpleenroll a.csr -u x:cerca-token-1-00)" 401
is 'enrolled' "$(post simpleenroll a.csr -u "x:$secret")" 200
is '... with a certificate and nothing else' "$(field Content-Type)" \
    'application/pkcs7-mime; smime-type=certs-only'
ok '... that verifies, for the key' taken a
ok '... for one name' sh -c "openssl x509 -in a.pem -noout -ext subjectAltName |
    grep -x ' *DNS:a.example.test'"
cp body first
is 'the same request again' "$(post simpleenroll a.csr -u "x:$secret")" 200
ok '... gets the same certificate' cmp body first
again a /CN=a.example.test DNS:a.example.test
is '... another CSR of that key too' "$(post simpleenroll a.csr -u "x:$secret")" 200
ok '... the same' cmp body first
csr b /CN=a.example.test DNS:a.example.test
is 'another key, and the token is used up' "$(post simpleenroll b.csr -u "x:$secret")" 403
says '... it says' 'token.used'
is 'a name that the token has not' "$(post simpleenroll b.csr \
    -u "x:$(token tls-client 1 dns:c.example.test)")" 403
says '... it says' 'rule token.name; field san.dns; value dns:a.example.test'
is 'a token of another profile' "$(post servers/simpleenroll b.csr \
    -u "x:$(token tls-client 1 dns:a.example.test)")" 403
is 'one as Bearer, under the other label' "$(post servers/simpleenroll b.csr \
    -H "Authorization: Bearer $(token tls-server 1 dns:a.example.test)")" 200
secret=$(token tls-client 9 dns:b.example.test)
csr b /CN=b.example.test DNS:b.example.test
public b
is 'DER as it is' "$(post simpleenroll b.der -u "x:$secret")" 200
ok '... taken' taken b
(echo '-----BEGIN CERTIFICATE REQUEST-----' && cat b.csr &&
    echo '-----END CERTIFICATE REQUEST-----') >b.req
is 'PEM' "$(post simpleenroll b.req -u "x:$secret")" 200
tr -d '\n' <b.csr >b.line
is 'one long line' "$(post simpleenroll b.line -u "x:$secret")" 200
is '... gets one' "$(wc -l <body)" 0
is 'chunks' "$(post simpleenroll b.csr -u "x:$secret" -H 'Transfer-Encoding: chunked')" 200
is 'a client that waits for 100' "$(post simpleenroll b.csr -u "x:$secret" \
    -H 'Expect: 100-continue')" 200
is 'a type with parameters' "$(est simpleenroll -u "x:$secret" --data-binary @b.csr \
    -H 'Content-Type: application/pkcs10; charset=x' -H 'Content-Transfer-Encoding: base64')" 200
is 'no type at all' "$(est simpleenroll -u "x:$secret" --data-binary @b.csr \
    -H 'Content-Type:')" 200
is 'the label default by name' "$(post default/simpleenroll b.csr -u "x:$secret")" 200
ok 'two on one connection' sh -c "curl -s -v --cacert root.pem '$base/cacerts' '$base/cacerts' \
    2>&1 >/dev/null | grep -q 'Re-using existing connection'"

# --- with a certificate -------------------------------------------------------------------------------

csr n /CN=a.example.test DNS:a.example.test
public n
is 'renewed with another key' "$(post_as a simplereenroll n.csr)" 200
ok '... taken' taken n
cp body first
is '... and asked again' "$(post_as a simplereenroll n.csr)" 200
ok '... the same' cmp body first
ok 'it follows the old one' sh -c "cerca show \
    \"\$(openssl x509 -in n.pem -noout -serial | cut -d = -f 2)\" -o json |
    jq -e '.. | .replaces? // empty'"
is 'the new one renews too, with TLS 1.2' "$(csr m /CN=a.example.test DNS:a.example.test &&
    post simplereenroll m.csr --cert n.pem --key n.key --tls-max 1.2)" 200
csr m /CN=a.example.test
public m
is 'names that are left out are kept' "$(post_as a simplereenroll m.csr)" 200
ok '... taken' taken m
ok '... with them' sh -c "openssl x509 -in m.pem -noout -ext subjectAltName |
    grep -x ' *DNS:a.example.test'"
csr x /CN=a.example.test DNS:a.example.test,DNS:b.example.test
is 'one name more' "$(post_as a simplereenroll x.csr)" 403
says '... it says' 'value dns:b.example.test'
csr x /CN=b.example.test DNS:b.example.test
is 'other names' "$(post_as a simplereenroll x.csr)" 403
csr x /CN=other DNS:a.example.test
is 'another subject' "$(post_as a simplereenroll x.csr)" 400
says '... it says' 'rule renew.subject'
is 'no certificate' "$(post simplereenroll n.csr -u "x:$secret")" 403
says '... it says' 'rule est.renew'
csr x /CN=a.example.test DNS:a.example.test
is 'enrolled anew with one' "$(post_as a simpleenroll x.csr)" 200
csr x /CN=a.example.test DNS:a.example.test
is 'under a label for another profile, that takes it' "$(post_as a vpn/simpleenroll x.csr)" 200
is '... and one that does not' "$(post_as a servers/simpleenroll x.csr)" 401
is '... and one of other profiles' "$(post_as a short/simplereenroll x.csr)" 403
says '... it says' 'rule est.certificate.profile; field certificate; value tls-client'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout f.key \
    -out f.pem -subj /CN=a.example.test -addext subjectAltName=DNS:a.example.test 2>"$err"
is "somebody else's certificate" "$(post_as f simpleenroll x.csr)" 403
says '... it says' 'rule est.certificate.unknown'
serial=$(openssl x509 -in a.pem -noout -serial | cut -d = -f 2)
openssl req -x509 -key f.key -out f.pem -subj /CN=a.example.test -set_serial "0x$serial" \
    -addext subjectAltName=DNS:a.example.test 2>"$err"
is '... with the serial of one of ours' "$(post_as f simplereenroll x.csr)" 403
is 'before it is revoked' "$(post_as a simplereenroll n.csr)" 200
ok 'revoked' cerca revoke --yes a.pem
is '... it enrolls no more' "$(post_as a simplereenroll n.csr)" 403
says '... it says' 'rule est.certificate.revoked'
ok 'held' cerca revoke --reason certificateHold --yes n.pem
is '... neither does that' "$(post_as n simplereenroll m.csr)" 403

# --- passwords, and two factors -------------------------------------------------------------------------

csr p /CN=host.alice.test DNS:host.alice.test
public p
is 'a password' "$(post people/simpleenroll p.csr -u 'alice:open sesame')" 200
ok '... taken' taken p
ok '... is on record with its owner' sh -c "cerca list --requester user:alice -o json |
    jq -e '[.. | .owner? // empty] | index(\"alice@example.test\")'"
is 'a wrong one' "$(post people/simpleenroll p.csr -u 'alice:open sesam')" 401
cp body wrong
is 'an unknown user' "$(post people/simpleenroll p.csr -u 'nobody:open sesame')" 401
ok '... sounds the same' cmp body wrong
csr x /CN=other.test DNS:other.test
is 'a name that the user has not' "$(post people/simpleenroll x.csr -u 'alice:open sesame')" 403
says '... it says' 'rule bearer.name; field san.dns; value dns:other.test'
is "a user of another label" "$(post people/simpleenroll p.csr -u bob:geheim)" 401
ca_stop
ca_start || bail 'it does not start again'
wait_until 20 is_up || bail 'HTTPS does not come back'
csr q /CN=bob.test DNS:bob.test
public q
is 'a password alone where both are needed' "$(post both/simpleenroll q.csr -u bob:geheim)" 401
is '... a certificate alone' "$(post_as p both/simpleenroll q.csr)" 401
is '... a certificate and a wrong password' "$(post_as p both/simpleenroll q.csr -u bob:x)" 401
is '... both' "$(post_as p both/simpleenroll q.csr -u bob:geheim)" 200
ok '... for the names of the user' taken q
csr x /CN=host.alice.test DNS:host.alice.test
is '... and not those of the certificate' "$(post_as p both/simpleenroll x.csr -u bob:geheim)" 403
is '... a certificate and a token' "$(post_as p both/simpleenroll x.csr \
    -u "x:$(token tls-client 1 dns:host.alice.test)")" 200
csr x /CN=bob.test DNS:bob.test
is 'renewed by the certificate alone' "$(post_as q both/simplereenroll x.csr)" 401
is '... by both' "$(post_as q both/simplereenroll x.csr -u bob:geheim)" 200
chmod 644 "$ca_dir/enroll.passwd"
fails 'a file of passwords that others may read is refused' 4 'password.file' \
    cerca-ca -c "$conf" --check
chmod 600 "$ca_dir/enroll.passwd"

# --- devices that their maker certified -----------------------------------------------------------------

# born NAME SUBJECT: a device with such a certificate.
born() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
        -out born.req -subj "$2" 2>"$err" &&
        openssl x509 -req -in born.req -CA "$ca_dir/maker.pem" -CAkey maker.key -days 8000 \
            -set_serial 7 -out "$1.pem" 2>"$err" -extfile - <<'extensions'
subjectAltName = otherName:1.3.6.1.5.5.7.8.4;SEQ:hardware
[hardware]
type = OID:1.3.6.1.4.1.99999.1
serial = OCTWRAP,UTF8:12
extensions
}

born idevid /O=Maker/serialNumber=SN-12
csr d '/O=Maker/serialNumber=SN-12' DNS:sn-12.born.test
public d
is 'a device with the certificate of its maker' "$(post_as idevid born/simpleenroll d.csr)" 200
ok '... taken' taken d
cp body first
is '... asks again' "$(post_as idevid born/simpleenroll d.csr)" 200
ok '... the same' cmp body first
is '... renews by the certificate that it got' "$(post_as d born/simplereenroll d.csr)" 200
is '... and not by the one that it was born with' "$(post_as idevid born/simplereenroll d.csr)" 403
is '... under no other label' "$(post_as idevid simpleenroll d.csr)" 403
csr x '/O=Maker/serialNumber=SN-12' DNS:sn-13.born.test
is "another one's name" "$(post_as idevid born/simpleenroll x.csr)" 403
csr x '/O=Maker/serialNumber=SN-13' DNS:sn-12.born.test
is "another one's subject" "$(post_as idevid born/simpleenroll x.csr)" 403
born odd '/O=Maker/serialNumber=a.b'
is 'a number that makes no name' "$(post_as odd born/simpleenroll d.csr)" 403
says '... it says' 'rule est.device.name'
is "somebody else's certificate" "$(post_as f born/simpleenroll d.csr)" 403
says '... it says' 'rule est.manufacturer'

csr v '/CN=v.born.test' DNS:v.born.test
public v
vouched=$(token tls-client 1 dns:v.born.test)
is 'where a device needs a token too, its certificate alone is refused' \
    "$(post_as idevid vouched/simpleenroll v.csr)" 401
says '... it says' 'rule est.unauthorised'
is '... the token alone' "$(post vouched/simpleenroll v.csr -u "x:$vouched")" 401
is '... the token with a certificate of no maker' \
    "$(post_as f vouched/simpleenroll v.csr -u "x:$vouched")" 403
says '... it says' 'rule est.manufacturer'
is '... the certificate with a wrong token' \
    "$(post_as idevid vouched/simpleenroll v.csr -u x:cerca-token-1-00)" 401
is '... both, and the use of the token is still there' \
    "$(post_as idevid vouched/simpleenroll v.csr -u "x:$vouched")" 200
ok '... taken' taken v
is '... a device with any number, for the names of the token' \
    "$(post_as odd mixed/simpleenroll v.csr -u "x:$(token tls-client 1 dns:v.born.test)")" 200
is '... and no others' \
    "$(post_as idevid vouched/simpleenroll d.csr -u "x:$(token tls-client 1 dns:v.born.test)")" 403
says '... it says' 'rule token.name'
ok 'both are on record' sh -c "cerca audit log --limit 1000 -o json |
    jq -e '[.. | select(.actor? // \"\" | startswith(\"device:\")) | .detail? // \"\" |
        select(startswith(\"token:\"))] | length > 0'"

# --- linked to the channel ------------------------------------------------------------------------------

# linked PATH WHAT TOKEN: the status of a request that is signed for this very connection (right), for
# another one (wrong), or with a password that is none (other).
linked() {
    python3 - "$port" "$@" <<'client'
import base64, http.client, ssl, subprocess, sys
port, path, what, token = sys.argv[1:]

def connect():
    context = ssl.create_default_context(cafile="root.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    c = http.client.HTTPSConnection("localhost", int(port), context=context, timeout=20)
    c.connect()
    return c

c, other = connect(), connect()
if what == "other":
    secret = "hello"
else:
    channel = c if what == "right" else other
    secret = base64.b64encode(channel.sock.get_channel_binding("tls-unique")).decode()
with open("linked.conf", "w") as f:
    f.write("[req]\nprompt=no\ndistinguished_name=n\nattributes=a\nreq_extensions=e\n"
            "[n]\nCN=linked.example.test\n[a]\nchallengePassword=" + secret +
            "\n[e]\nsubjectAltName=DNS:linked.example.test\n")
der = subprocess.run(["openssl", "req", "-new", "-key", "linked.key", "-config", "linked.conf",
                      "-outform", "DER"], check=True, capture_output=True).stdout
c.request("POST", "/.well-known/est/" + path, base64.b64encode(der),
          {"Content-Type": "application/pkcs10", "Authorization": "Bearer " + token})
answer = c.getresponse()
open("body", "wb").write(answer.read())
print(answer.status)
client
}

csr linked /CN=linked.example.test DNS:linked.example.test
linked=$(token tls-client 3 dns:linked.example.test)
is 'a request must be linked where the label says so' \
    "$(post linked/simpleenroll linked.csr -u "x:$linked")" 400
says '... it says' 'rule est.linking'
is '... to this channel' "$(linked linked/simpleenroll wrong "$linked")" 400
is '... not by just any password' "$(linked linked/simpleenroll other "$linked")" 400
is 'a linked one' "$(linked linked/simpleenroll right "$linked")" 200
is 'elsewhere it may be' "$(linked simpleenroll right "$linked")" 200
is '... but not to another channel' "$(linked simpleenroll wrong "$linked")" 400
is '... and a password is one' "$(linked simpleenroll other "$linked")" 200
is 'csrattrs' "$(est linked/csrattrs)" 200
is '... is a type of its own' "$(field Content-Type)" application/csrattrs
ok '... asks for what links' sh -c \
    'base64 -d <body | openssl asn1parse -inform DER | grep -q ":challengePassword"'
is '... of another label' "$(est servers/csrattrs)" 200
ok '... for names' sh -c \
    'base64 -d <body | openssl asn1parse -inform DER | grep -q ":X509v3 Subject Alternative Name"'

# --- what is malformed --------------------------------------------------------------------------------

perl -pe 'binmode STDIN; BEGIN { undef $/ } substr($_, -3, 1) ^= "\x01"' <b.der | base64 >pop.csr
head -c 100 b.der | base64 >cut.csr
echo '!!!!' >junk.csr
: >empty.csr
(printf 0 && head -c 60000 /dev/zero) >large.csr
head -c 200000 /dev/zero | base64 >huge.csr
while read -r what file status rule; do
    is "$what" "$(post simpleenroll "$file.csr" -u "x:$secret")" "$status"
    says '... it says' "rule $rule"
done <<'table'
a_wrong_proof_of_possession pop 400 csr.pop
a_CSR_cut_short cut 400 csr.der
no_base64 junk 400 est.body
nothing empty 400 est.body.empty
too_large large 413 est.body.size
table
is 'far too large' "$(post simpleenroll huge.csr -u "x:$secret")" 413
is 'a wrong type' "$(est simpleenroll -u "x:$secret" --data-binary @b.csr)" 415
is 'no scheme that we know' "$(post simpleenroll b.csr -H 'Authorization: Digest x')" 401
is 'a Basic that is none' "$(post simpleenroll b.csr -H 'Authorization: Basic !!')" 401
like '... and is told what we know' head '^WWW-Authenticate: Basic realm='
is 'a key that the profile refuses' "$(
    openssl ecparam -name secp521r1 -genkey -noout -out b.key
    again b /CN=b.example.test DNS:b.example.test
    post simpleenroll b.csr -u "x:$secret"
)" 400
says '... it says' 'rule key.type'
head -c 100000 /dev/urandom >noise
perl -MIO::Socket::INET -e 'alarm 10; my $s = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die;
    $SIG{PIPE} = "IGNORE"; local $/; print $s <STDIN>; my $x = <$s>' <noise
ok 'noise harms nobody' is_up

# --- secrets that are tried -----------------------------------------------------------------------------

csr g /CN=g.example.test DNS:g.example.test
has_to_wait() { # or a wait was over before the next try; each is twice as long
    [ "$(post simpleenroll g.csr -u x:cerca-token-1-00)" = 429 ]
}
ok 'who tries secrets waits' wait_until 20 has_to_wait
ok '... and is told how long' test "$(field Retry-After)" -ge 1
is 'who shows a certificate does not' "$(post_as m simplereenroll n.csr)" 200

ca_stop
ca_start || bail 'it does not start again'
wait_until 20 is_up || bail 'HTTPS does not come back'

# --- programs that nobody here wrote -----------------------------------------------------------------------

ok 'strongSwan takes the CAs' pki --estca --url "https://localhost:$port" --cacert root.pem \
    --caout swan --outform pem --force
ok '... the same root' sh -c 'openssl x509 -in swan.pem -outform DER >swan.der &&
    openssl x509 -in root.pem -outform DER | cmp - swan.der'
openssl ecparam -name prime256v1 -genkey -noout -out swan.key
pki --req --type ecdsa --in swan.key --dn CN=swan.example.test --san swan.example.test \
    --outform pem >swan.req 2>"$err"
pki --est --url "https://localhost:$port" --cacert root.pem --cacert "$ca_dir/ca/issuing.pem" \
    --userpass "x:$(token tls-client 1 dns:swan.example.test)" --in swan.req --outform pem \
    >swan-1.pem 2>"$err"
ok '... enrolls by token' openssl verify -CAfile root.pem -untrusted "$ca_dir/ca/issuing.pem" \
    swan-1.pem
pki --est --url "https://localhost:$port" --cacert root.pem --cacert "$ca_dir/ca/issuing.pem" \
    --cert swan-1.pem --key swan.key --in swan.req --outform pem >swan-2.pem 2>"$err"
ok '... and renews with its certificate' openssl verify -CAfile root.pem \
    -untrusted "$ca_dir/ca/issuing.pem" swan-2.pem
ok '... which is another one' sh -c '! cmp -s swan-1.pem swan-2.pem'

# --- who dies ---------------------------------------------------------------------------------------------

shown() {
    openssl s_client -connect "localhost:$port" </dev/null 2>/dev/null |
        openssl x509 -noout -serial
}

before=$(shown)
enroll=$(pid_of cerca-enroll)
kill -KILL "$enroll"
ok 'it is started again after kill -9' wait_until 10 runs_anew cerca-enroll "$enroll"
ok '... and serves' wait_until 10 is_up
is '... with the certificate that it had' "$(shown)" "$before"
core=$(pid_of cerca-ca)
csr w /CN=w.example.test DNS:w.example.test
public w
secret=$(token tls-client 1 dns:w.example.test)
kill -STOP "$core"
curl -sv -m 90 --cacert root.pem -D waiting.head -o waiting.body -H 'Content-Type: application/pkcs10' \
    --data-binary @w.csr -u "x:$secret" "$base/simpleenroll" 2>waiting.err &
client=$!
wait_until 10 grep -q '^> Content-Length' waiting.err
ok 'others are served while one waits' is_up
kill -KILL "$core"
wait "$client"
like 'cerca-ca dies: its client is told to try again' waiting.head '^HTTP/1.1 503'
like '... and when' waiting.head '^Retry-After: [0-9]'
ok 'cerca-ca is started again' wait_until 20 runs_anew cerca-ca "$core"
wait_until 20 cerca status
ok '... and the client gets its certificate' wait_until 20 sh -c \
    "curl -sf --cacert root.pem -o body -H 'Content-Type: application/pkcs10' \
    --data-binary @w.csr -u 'x:$secret' '$base/simpleenroll'"
ok '... taken' taken w
enroll=$(pid_of cerca-enroll)
kill -HUP "$ca_pid"
lost=0
until runs_anew cerca-enroll "$enroll"; do
    is_up || lost=$((lost + 1))
done
is 'nobody is turned away while a new configuration is taken' "$lost" 0
wait_until 10 cerca status

# --- who is slow -----------------------------------------------------------------------------------------

# drip tls|tcp: octet by octet, five a second; seconds until it is cut off.
drip() {
    python3 - "$port" "$1" <<'client'
import socket, ssl, sys, time
port, kind = sys.argv[1:]
s = socket.create_connection(("localhost", int(port)))
if kind == "tls":
    s = ssl.create_default_context(cafile="root.pem").wrap_socket(s, server_hostname="localhost")
text = b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nX: " + 200 * b"x" if kind == "tls" else \
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 200 * b"\0"
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

sed -i 's/^https = {/&\n    timeout = "3s";/' "$conf"
enroll=$(pid_of cerca-enroll)
kill -HUP "$ca_pid"
ok 'a shorter timeout is taken' wait_until 20 runs_anew cerca-enroll "$enroll"
wait_until 20 is_up
for kind in tcp tls; do
    cut=$(drip $kind)
    ok "who drips is cut off, $kind, after $cut s" test "$cut" -le 20
done
ok 'nobody else is' is_up

# --- the next generation -----------------------------------------------------------------------------------

sed -i '/^issuers = (/a\
    { name = "root-2"; subject = "CN=Root 2"; replaces = "root"; token = "default";\
      key = "pkcs11:object=root-2"; key_type = "p384"; parent = "root-2"; signs_cas = true;\
      path_len = "0"; validity = "10y"; cross = ( "root" ); },\
    { name = "root-3"; subject = "CN=Root 3"; replaces = "root-2"; token = "default";\
      key = "pkcs11:object=root-3"; key_type = "p384"; parent = "root-3"; signs_cas = true;\
      validity = "10y"; },' "$conf"
sed -i '/parent = "root"; # signs itself/a\        cross = ( "root-3" );' "$conf"
core=$(pid_of cerca-ca)
kill -HUP "$ca_pid"
wait_until 20 runs_anew cerca-ca "$core"
wait_until 20 cerca ca list
ok 'a next root' wait_until 20 cerca ca create root-2
ok '... certified by the old one' cerca ca cross-sign --issuer root --subject root-2 --out cross.pem
ok '... and one after it' cerca ca create root-3
ok '... which certifies the old one' cerca ca cross-sign --issuer root-3 --subject root --out old.pem
has_all() {
    est cacerts >/dev/null
    base64 -d <body | openssl pkcs7 -inform DER -print_certs -out cas.pem
    [ "$(grep -c BEGIN cas.pem)" = 6 ]
}
ok 'cacerts has all roots, the issuer, and what leads from one to the other' \
    wait_until 20 has_all
openssl crl2pkcs7 -nocrl -certfile cas.pem | openssl pkcs7 -print_certs -noout >names
ok '... the new one by the old (NewWithOld)' sh -c "grep -A 1 -x 'subject=CN = Root 2' names |
    grep -x 'issuer=CN = Cerca Development Root CA'"
ok '... the old one by the new (OldWithNew)' sh -c "
    grep -A 1 -x 'subject=CN = Cerca Development Root CA' names | grep -x 'issuer=CN = Root 3'"
ok '... so that who trusts the new one alone accepts what is below the old' \
    openssl verify -x509_strict -CAfile "$ca_dir/ca/root-3.pem" -untrusted old.pem \
    -untrusted "$ca_dir/ca/issuing.pem" swan-2.pem

# --- the record ------------------------------------------------------------------------------------------

ok 'the store is sound' cerca store check
cerca audit log --limit 1000 -o json >records 2>"$err"
revoked=$(echo "$serial" | tr A-F a-f)
like 'the record says by which certificate' records "certificate:$revoked"
ok '... also when that was revoked, whoever else was refused at its address' sh -c \
    "jq -e '.[] | select(.action == \"refuse\" and .actor == \"certificate:$revoked\" and
        .rule == \"est.certificate.revoked\")' <records"
like '... and of refusals, by which rule and from where' records 'est 127.0.0.1.*est.unauthorised'
unlike 'no secret is in the log' "$log" "$secret"
# --- the end of a certificate ------------------------------------------------------------------------------

csr s /CN=s.example.test DNS:s.example.test
public s
is 'one for a minute' "$(post short/simpleenroll s.csr \
    -u "x:$(token short 1 dns:s.example.test)")" 200
ok '... taken' taken s
csr t /CN=s.example.test DNS:s.example.test
ca_stop
CERCA_TEST_CLOCK_OFFSET=120
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'it does not start later'
unset CERCA_TEST_CLOCK_OFFSET
wait_until 20 is_up || bail 'HTTPS does not come back later'
is 'two minutes later' "$(post_as s short/simplereenroll t.csr)" 403
says '... it says' 'rule est.certificate.expired'
is '... but in its time of grace' "$(post_as s late/simplereenroll t.csr)" 200

done_testing
