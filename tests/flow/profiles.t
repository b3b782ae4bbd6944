#!/bin/sh
# Every built-in profile gives out what the programs that rely on it want, and nothing else; what a
# configuration adds (templates, short lives, stapling, grants) is in the certificates that OpenSSL
# and GnuTLS read; cerca policy explain says why, without issuing.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'EOF'
profiles = (
    { name = "wifi-client"; upn = ( "corp.example" ); },
    { name = "short"; eku = ( "serverAuth" ); no_rev_avail = "1d"; hash = "sha384";
      subject = "CN={dns},O=Example"; validity = "12h"; validity_max = "7d"; },
    { name = "stapled"; eku = ( "serverAuth" ); must_staple = true; },
    { name = "stamps"; eku = ( "timeStamping" ); eku_critical = true; san_kinds = ();
      san_required = false; cn_must_be_san = false; },
    { name = "idevid"; eku = ( "clientAuth" ); no_expiry = true; san_required = false;
      cn_must_be_san = false; },
    { name = "tolerant"; eku = ( "serverAuth" ); drop = ( "subject", "san", "extensions" ); }
);
EOF
run cerca conf check -c "$ca_dir/cerca.conf"
adding=$(sed -n 's/^the profile "subordinate-ca" is off, .* add \({ name .*}\) to profiles$/\1/p' "$out")
is 'the check says how a profile that makes CAs is named' "$adding" \
    '{ name = "subordinate-ca"; issuer = "root"; }'
ca_start || bail 'it does not start'
root_ca=$ca_dir/ca/root.pem

issue() { # PROFILE [options]
    profile=$1
    shift
    cerca issue --profile "$profile" --key-out "$profile.key" --out "$profile.pem" --force "$@"
}

verifies() { # FILE PURPOSE
    openssl verify -x509_strict -purpose "$2" -CAfile "$root_ca" -untrusted "$1" "$1"
}

gnutls_verifies() { # FILE PURPOSE
    certtool --verify --verify-purpose "$2" --load-ca-certificate "$root_ca" --infile "$1"
}

# has NAME FILE REGEX: openssl's text of the certificate on one line.
has() {
    openssl x509 -in "$2" -noout -text -certopt ext_dump | tr -s ' \n' '  ' >"$scratch/text"
    like "$1" "$scratch/text" "$3"
}

lacks() {
    openssl x509 -in "$2" -noout -text -certopt ext_dump | tr -s ' \n' '  ' >"$scratch/text"
    unlike "$1" "$scratch/text" "$3"
}

# --- each profile as it stands --------------------------------------------------------------------

serves() { # PROFILE GNUTLS-PURPOSE OPENSSL-PURPOSE OTHER-PURPOSE options...
    profile=$1 gnutls=$2 good=$3 bad=$4
    shift 4
    ok "$profile is issued" issue "$profile" "$@"
    ok "... openssl takes it as $good" verifies "$profile.pem" "$good"
    fails "... and not as $bad" 2 'purpose' verifies "$profile.pem" "$bad"
    ok '... certtool too' gnutls_verifies "$profile.pem" "$gnutls"
}

server=1.3.6.1.5.5.7.3.1 client=1.3.6.1.5.5.7.3.2
serves tls-server $server sslserver sslclient --san dns:web.example --san ip:192.0.2.1
serves tls-client $client sslclient sslserver --san email:a@b.example
serves mtls $server sslclient smimesign --san uri:spiffe://prod.example/ns/a
serves vpn-server $server sslserver sslclient --key-type rsa2048 --san dns:vpn.example
has 'it carries the purposes of IKE' vpn-server.pem '(ipsec Internet Key Exchange|1.3.6.1.5.5.7.3.17).*1.3.6.1.5.5.8.2.2'
has 'and the key usages that remote-cert-tls wants' vpn-server.pem 'Digital Signature, Key Encipherment'
serves vpn-client $client sslclient sslserver --subject 'CN=laptop 7'
serves wifi-client $client sslclient sslserver --san email:a@corp.example
serves radius-server $server sslserver sslclient --key-type rsa2048 --san dns:radius.example
serves device $client sslclient sslserver --subject 'CN=Pump,serialNumber=4711'
serves code-signing 1.3.6.1.5.5.7.3.3 any sslserver --key-type rsa3072 --subject 'CN=Example Build,O=Example'
has 'it has one purpose' code-signing.pem 'Extended Key Usage: Code Signing '
serves smime 1.3.6.1.5.5.7.3.4 smimesign sslserver --san email:a@b.example
has 'an EC key agrees on keys' smime.pem 'Digital Signature, Key Agreement'
serves ocsp-responder 1.3.6.1.5.5.7.3.9 ocsphelper sslserver --subject 'CN=Responder'
has 'nobody asks about the responder itself' ocsp-responder.pem 'OCSP No Check'
lacks '... so that there is no address to ask at' ocsp-responder.pem 'OCSP - URI|CRL Distribution'

serves key-maker 1.3.6.1.5.5.7.3.32 any sslserver --subject 'CN=Maker'

openssl ecparam -genkey -name prime256v1 -out sub.key 2>/dev/null
openssl req -new -key sub.key -subj '/CN=Department CA' -out sub.csr \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
fails 'no CA is made by a configuration that does not name the profile' 1 \
    'is off, .*add \{ name = "subordinate-ca"; issuer = "root"; \} to profiles' \
    cerca issue --profile subordinate-ca --csr sub.csr --out subordinate-ca.pem
fails '... nor a token for one' 1 'rule profile.off' \
    cerca token create --profile subordinate-ca --name dns:a.example --out ca.token
fails '... nor is there such a profile to see' 1 'to profiles' cerca policy show subordinate-ca
fails '... or to explain' 1 'would be refused' cerca policy explain --profile subordinate-ca --csr sub.csr
like '... which says why' "$out" 'profile.off'
ok '... and that is on record' cerca audit log --rule profile.off -o json
json '... as a refusal' 'any(.[]; .rule == "profile.off" and .profile == "subordinate-ca")'
sed -i "s/^profiles = ($/&\n    $adding,/" "$ca_dir/cerca.conf"
ok 'with what it said to add it is sound' cerca conf check -c "$ca_dir/cerca.conf"
unlike '... and nothing is off' "$out" 'is off'
kill -HUP "$ca_pid"
ok 'which is taken' "$root/tests/flow/await-generation" "$CERCA_CONF"
ok '... by all programs' wait_until 30 cerca status --timeout 5
ok 'subordinate-ca is issued' cerca issue --profile subordinate-ca --csr sub.csr --out subordinate-ca.pem
has '... below which there is no CA' subordinate-ca.pem 'Basic Constraints: critical CA:TRUE, pathlen:0'
openssl ecparam -genkey -name prime256v1 -out leaf.key 2>/dev/null
openssl req -new -key leaf.key -subj /CN=leaf.example -out leaf.csr
openssl x509 -req -in leaf.csr -CA subordinate-ca.pem -CAkey sub.key -days 1 -out leaf.pem 2>/dev/null
ok '... and what it signs verifies' openssl verify -CAfile "$root_ca" -untrusted subordinate-ca.pem leaf.pem
fails 'no other profile makes a CA' 1 'csr.ca' cerca issue --profile tls-server --csr sub.csr

# --- what a configuration adds ----------------------------------------------------------------------

ok 'a short-lived one' issue short --san dns:a.example
has '... says that it is never revoked' short.pem 'No Revocation Available|2.5.29.56'
lacks '... names nobody to ask' short.pem 'OCSP - URI|CRL Distribution'
has '... has the subject of the template' short.pem 'Subject: O ?= ?Example, CN ?= ?a.example '
has '... and the hash of the profile' short.pem 'ecdsa-with-SHA384'
ok '... openssl verifies it' verifies short.pem sslserver
ok 'a longer one of the same profile' issue short --san dns:a.example --validity 2d
has '... can be asked about' short.pem 'OCSP - URI.*CRL Distribution'
ok 'a stapled one' issue stapled --san dns:a.example
has '... says so' stapled.pem 'TLS Feature: status_request'
ok 'one for time stamps' issue stamps --subject 'CN=Stamps'
has '... has a critical purpose' stamps.pem 'Extended Key Usage: critical Time Stamping'
ok 'one without an end' issue idevid --subject 'CN=Sensor'
has '... ends in 9999' idevid.pem 'Not After : Dec 31 23:59:59 9999 GMT'

openssl req -new -key leaf.key -subj '/CN=other.example/emailAddress=a@b.example' -out wide.csr \
    -addext subjectAltName=DNS:a.example,email:a@b.example -addext keyUsage=keyCertSign \
    -addext extendedKeyUsage=codeSigning -addext 1.2.3.4=DER:0500
fails 'what a profile does not allow is refused' 1 'csr.key_usage' \
    cerca issue --profile tls-server --csr wide.csr
ok '... or dropped where it says so' cerca issue --profile tolerant --csr wide.csr --out wide.pem
lacks '... so that nothing of it is left' wide.pem 'other.example|a@b|Code Signing|Certificate Sign|1.2.3.4'

# --- identities of directories -----------------------------------------------------------------------

openssl req -new -key leaf.key -subj / -out upn.csr \
    -addext 'subjectAltName=otherName:msUPN;UTF8:boss@corp.example'
fails 'a UPN from a CSR is refused' 1 'san.upn.source' cerca issue --profile wifi-client --csr upn.csr
fails '... and from an operator without a grant' 1 'san.upn.source' \
    issue wifi-client --san upn:boss@corp.example

# --- explaining -----------------------------------------------------------------------------------

before=$(cerca list -o csv | wc -l)
fails 'explain says everything that is wrong' 1 'would be refused' \
    cerca policy explain --profile tls-server --csr wide.csr -o json
json '... each rule once' '([.steps[] | select(.ok | not) | .rule] | sort) ==
    ["csr.eku", "csr.extension", "csr.key_usage", "san.kind", "subject.attribute", "subject.cn.san"]'
json '... and that there is no certificate' '.allowed == false and .certificate == null'
ok 'explain says what would be issued' \
    cerca policy explain --profile tolerant --csr wide.csr --san dns:b.example -o json
json '... as issue would' '.allowed and .certificate.sans == ["dns:a.example", "dns:b.example"] and
    .certificate.extended_key_usage == "serverAuth" and (.certificate.key_usage == "digitalSignature")'
ok '... as a table too' cerca policy explain --profile tolerant --csr wide.csr
like '... step by step' "$out" '^ok +validity '
is 'and nothing was issued' "$(cerca list -o csv | wc -l)" "$before"
fails 'an unknown profile comes with those there are' 1 'would be refused' \
    cerca policy explain --profile nope --csr leaf.csr
like '... by name' "$out" 'profile.unknown: nope .*subordinate-ca'
ok 'a profile is shown with every key' cerca policy show smime
like '... and where it comes from' "$out" 'ku_ec = \( "digitalSignature", "keyAgreement" \); # built in'
ok 'all of them as JSON' cerca policy show -o json
json '... by name' '[.[].name] | index("device") and index("short")'
fails 'one that is not there' 1 'there is no profile' cerca policy show nope

# --- grants -----------------------------------------------------------------------------------------

ca_stop
operator=$(sed -n 's/.*{ name = "\([^"]*\)"; uid.*/\1/p' "$ca_dir/cerca.conf")
cat >>"$ca_dir/cerca.conf" <<EOF
grants = (
    { name = "web"; operator = "$operator"; profiles = ( "tls-server" ); dns = ( ".web.example" ); },
    { name = "wifi"; operator = "$operator"; profiles = ( "wifi-client" );
      upn = ( "corp.example" ); sid = true; }
);
EOF
ca_start || bail 'it does not start with grants'
ok 'a grant allows its names' issue tls-server --san dns:a.web.example
fails '... no others' 1 'grant.name' issue tls-server --san dns:a.example
fails '... and no other profile' 1 'grant.profile' issue mtls --san dns:a.web.example
ok 'one who may vouches for a UPN and a SID' issue wifi-client --san upn:boss@corp.example \
    --san uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500
has '... which the certificate has' wifi-client.pem '1.3.6.1.4.1.311.25.2:'
has '... as an otherName' wifi-client.pem 'Alternative Name: critical otherName: ?(UPN|1.3.6.1.4.1.311.20.2.3|msUPN)::boss@corp.example|othername: UPN::boss@corp.example'
openssl asn1parse -in wifi-client.pem >asn1
like '... and the identifier as octets' asn1 'S-1-5-21-1-2-3-500|532D312D352D32312D312D322D332D353030'
fails '... of its own domain only' 1 'san.upn' issue wifi-client --san upn:boss@other.example

done_testing
