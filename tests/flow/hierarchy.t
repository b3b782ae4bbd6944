#!/bin/sh
# Several issuing CAs side by side: one that is added while everything runs, one whose certificate
# comes from a root kept elsewhere; name constraints and path lengths as OpenSSL sees them.
# shellcheck source=tests/flow/lib.sh
# shellcheck disable=SC2317 # functions that ok runs
. "$(dirname "$0")/lib.sh"

pems=$scratch/pems
mkdir "$pems"
run ca_init
ca_start || bail 'the CA does not start'

reload() {
    kill -HUP "$ca_pid"
    "$root/tests/flow/await-generation" "$CERCA_CONF"
}

# issuer NAME LINES: adds an issuer to the configuration.
issuer() {
    printf '    { name = "%s"; subject = "CN=%s,O=Flow";\n      %s },\n' "$1" "$1" "$2" >"$scratch/entry"
    sed -i "/^issuers = (/r $scratch/entry" "$CERCA_CONF"
}
profile() {
    printf 'profiles = ( %s );\n' "$1" >>"$CERCA_CONF"
}

# --- an issuer more, while everything runs ---------------------------------------------------------

issuer devices 'token = "default"; key = "pkcs11:object=devices"; key_type = "p256";
      parent = "root"; signs_leaves = true; path_len = "0"; validity = "2y";
      permitted = ( "dns:devices.example", "ip:10.0.0.0/8", "dirname:O=Flow" );
      excluded = ( "dns:secret.devices.example", "email:", "uri:.evil.example" );
      crl_url = "http://pki.example/devices.crl";'
fails 'a constraint that means nothing is refused with its line' 1 'cerca.conf:[0-9]+.*excluded' \
    cerca conf check
sed -i 's/"email:", //' "$CERCA_CONF"
profile '{ name = "box"; issuer = "devices"; eku = ( "serverAuth" ); san_kinds = ( "dns", "ip", "uri" );
      cn_must_be_san = false; }'
ok 'an issuer is added to the configuration' cerca conf check
ok 'a running CA takes it' reload
run cerca ca list -o json
json 'it has no certificate yet' '.[] | select(.name == "devices") | .state == "no certificate"'
ok 'the others go on issuing' cerca issue --profile tls-server --key-out "$pems/a.key" \
    --san dns:a.example --out "$pems/a.pem"
fails 'it issues nothing yet' 1 'has no certificate yet' cerca issue --profile box \
    --key-out "$pems/n.key" --san dns:b.devices.example --out "$pems/n.pem" --timeout 5
ok 'what would be done is said first' cerca ca create devices --dry-run
ok 'its key and certificate are made' cerca ca create devices
ok 'a second time changes nothing' cerca ca create devices
like 'and says so' "$out" 'there already'
ok 'its certificate lies where the configuration says' test -s "$ca_dir/ca/devices.pem"
ok 'it issues at once' cerca issue --profile box --key-out "$pems/b.key" \
    --san dns:b.devices.example --san ip:10.1.2.3 --subject 'CN=b.devices.example,O=Flow' --out "$pems/b.pem"
ok 'OpenSSL follows the chain, strictly' openssl verify -x509_strict -purpose sslserver \
    -CAfile "$ca_dir/ca/root.pem" -untrusted "$ca_dir/ca/devices.pem" "$pems/b.pem"
ok 'certtool too' sh -c 'certtool --verify --load-ca-certificate "$1" <"$2"' sh \
    "$ca_dir/ca/root.pem" "$pems/b.pem"
run openssl x509 -in "$ca_dir/ca/devices.pem" -noout -ext nameConstraints
like 'its constraints are critical' "$out" 'Name Constraints: critical'
like 'and as configured' "$out" 'IP:10.0.0.0/255.0.0.0'

# --- what is outside is refused -------------------------------------------------------------------

outside() {
    rm -f "$pems"/o.*
    # shellcheck disable=SC2086 # several words
    fails "$1" 1 "$2" cerca issue --profile box --key-out "$pems/o.key" --out "$pems/o.pem" $3
}
outside 'a DNS name outside is refused' 'constraints.permitted|not allowed' '--san dns:b.example'
outside 'an address outside too' 'not allowed' '--san dns:b.devices.example --san ip:11.0.0.1'
outside 'an excluded DNS name too' 'not allowed' '--san dns:x.secret.devices.example'
outside 'a wildcard that reaches an excluded one too' 'not allowed' '--san dns:*.devices.example'
outside 'an excluded URI too' 'not allowed' '--san uri:https://a.evil.example/'
outside 'a subject outside too' 'not allowed' '--san dns:b.devices.example --subject CN=b,O=Other'

# A chain that breaks the rules all the same, made by OpenSSL with a CA of the same constraints,
# must not verify: what we refuse is what relying parties would refuse.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pems/x.key" \
    -out "$pems/x.pem" -subj /O=Flow/CN=x -days 30 \
    -addext 'nameConstraints=critical,permitted;DNS:devices.example' \
    -addext 'keyUsage=critical,keyCertSign' 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pems/y.key" \
    -CA "$pems/x.pem" -CAkey "$pems/x.key" -out "$pems/y.pem" -subj /CN=y -days 9 \
    -addext 'subjectAltName=DNS:b.example' 2>/dev/null
fails 'OpenSSL refuses such a chain' 2 'permitted subtree violation' \
    openssl verify -CAfile "$pems/x.pem" "$pems/y.pem"

# --- an issuer below a root that is kept elsewhere --------------------------------------------------

issuer away 'offline = true; key_type = "p256"; parent = "away"; signs_cas = true; path_len = "1";
      validity = "10y";'
issuer branch 'token = "default"; key = "pkcs11:object=branch"; key_type = "p256"; parent = "away";
      signs_leaves = true; path_len = "0"; validity = "5y"; crl_url = "http://pki.example/branch.crl";'
sed -i 's/^profiles = ( /&{ name = "branch-tls"; issuer = "branch"; eku = ( "serverAuth" ); },\n/' "$CERCA_CONF"
ok 'the configuration names an offline root' cerca conf check
ok 'the CA takes it' reload
fails 'nothing here can certify below it' 1 'cerca ca csr branch' cerca ca create branch
ok 'the key shows itself by a request' cerca ca csr branch --out "$pems/branch.csr"
ok 'which OpenSSL verifies' openssl req -in "$pems/branch.csr" -noout -verify
run openssl req -in "$pems/branch.csr" -noout -text
like 'for the configured subject' "$out" 'Subject: O = Flow, CN = branch'
like 'as a CA' "$out" 'CA:TRUE, pathlen:0'

away() { # away DAYS: the certificate for branch
    openssl x509 -req -in "$pems/branch.csr" -CA "$pems/away.pem" -CAkey "$pems/away.key" \
        -set_serial "0x$(openssl rand -hex 8 | sed 's/^./4/')" -days "$1" -out "$pems/branch.pem" \
        -extfile "$2" 2>/dev/null
}
openssl ecparam -name prime256v1 -genkey -noout -out "$pems/away.key"
openssl req -x509 -new -key "$pems/away.key" -out "$pems/away.pem" -subj /O=Flow/CN=away -utf8 \
    -days 3650 -addext 'basicConstraints=critical,CA:TRUE,pathlen:1' \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
cat >"$pems/ca.ext" <<'END'
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
cat >"$pems/leaf.ext" <<'END'
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END

away 1000 "$pems/leaf.ext"
fails 'a certificate that is no CA is refused' 1 'not a CA certificate' \
    cerca ca install "$pems/branch.pem" "$pems/away.pem"
away 4000 "$pems/ca.ext"
fails 'one that outlives its root too' 1 'outlive' \
    cerca ca install "$pems/branch.pem" "$pems/away.pem"
sed 's/subjectKeyIdentifier=hash/subjectKeyIdentifier=01:02:03:04/' "$pems/ca.ext" >"$pems/ski.ext"
away 1000 "$pems/ski.ext"
fails 'one with a key identifier that its leaves would not name too' 1 'subject key identifier' \
    cerca ca install "$pems/branch.pem" "$pems/away.pem"
away 1000 "$pems/ca.ext"
fails 'one whose root is not known too' 1 'parent has none' cerca ca install "$pems/branch.pem"
fails 'one of a stranger too' 1 'not allowed' cerca ca install "$pems/x.pem"
openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out "$pems/evil.pub" 2>/dev/null
openssl x509 -req -in "$pems/branch.csr" -CA "$pems/away.pem" -CAkey "$pems/away.key" \
    -force_pubkey "$pems/evil.pub" -set_serial 0x4142434445464748 -days 900 \
    -extfile "$pems/ca.ext" -out "$pems/forged.pem" 2>/dev/null
ok 'what would be installed is said first' cerca ca install "$pems/branch.pem" "$pems/away.pem" -n
ok 'nothing is installed by that' test ! -e "$ca_dir/ca/branch.pem"
ok 'root and issuer are installed together, in whatever order' \
    cerca ca install "$pems/branch.pem" "$pems/away.pem"
fails 'a certificate for another key is refused from then on' 1 'another key' \
    cerca ca install "$pems/forged.pem"
ok 'the issuer issues at once' cerca issue --profile branch-tls --key-out "$pems/c.key" \
    --san dns:c.example --out "$pems/c.pem"
ok 'below its own root' openssl verify -x509_strict -CAfile "$pems/away.pem" \
    -untrusted "$ca_dir/ca/branch.pem" "$pems/c.pem"
away 1200 "$pems/ca.ext"
ok 'a later certificate for the same key replaces it' cerca ca install "$pems/branch.pem"
ok 'and is what is given out' sh -c 'cerca issue --profile branch-tls --key-out "$1/d.key" \
    --san dns:d.example --out "$1/d.pem" && tail -n +2 "$1/branch.pem" | head -5 |
    while read -r l; do grep -qF -- "$l" "$1/d.pem" || exit 1; done' sh "$pems"
run cerca ca list -o json
json 'the list tells both apart' \
    '(.[] | select(.name == "away") | .state == "offline") and
     (.[] | select(.name == "branch") | .state == "ready")'

# --- what is durable ------------------------------------------------------------------------------

ca_stop
ok 'the CA starts again with all of them' ca_start
run cerca ca list -o json
json 'and has their certificates' '[.[] | select(.fingerprint != null)] | length == 5'
ok 'the store and the signers agree, requests included' cerca store check

# --- killed while installing ------------------------------------------------------------------------

issuer torn 'token = "default"; key = "pkcs11:object=torn"; key_type = "p256"; parent = "root";
      signs_leaves = true; path_len = "0"; validity = "100d";'
sed -i 's/^profiles = ( /&{ name = "torn-tls"; issuer = "torn"; eku = ( "serverAuth" ); },\n/' "$CERCA_CONF"
ca_stop
touch "$ca_dir/view/kill-once"
CERCA_STEP_KILL=cerca-ca:install.filed:1@$ca_dir/view/kill-once
export CERCA_STEP_KILL
cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
unset CERCA_STEP_KILL
wait_until 30 cerca ca list --timeout 5
ok 'a core killed between file and store: asked again, it answers' cerca ca create torn --timeout 60
like 'what the file had is what it is' "$out" 'there already'
ok 'it was killed' test ! -e "$ca_dir/view/kill-once"
ok 'the store has it too' cerca store check

# --- near its end ---------------------------------------------------------------------------------

run cerca status
like 'an issuer with less left than a default and a quarter is named' "$out" 'issuer.torn +ends soon'
unlike 'others are not' "$out" 'issuer.devices'
ok 'what fits is issued' cerca issue --profile torn-tls --key-out "$pems/t.key" \
    --san dns:t.example --out "$pems/t.pem" --validity 99d
fails 'what asks for longer than the issuer lasts is refused' 1 'not allowed' \
    cerca issue --profile torn-tls --key-out "$pems/u.key" --san dns:t.example --validity 101d

# --- bundles --------------------------------------------------------------------------------------

ok 'a bundle has the roots' cerca ca bundle --out "$pems/roots.pem"
is 'both of them' "$(grep -c BEGIN "$pems/roots.pem")" 2
ok 'with it, every chain holds' openssl verify -x509_strict -CAfile "$pems/roots.pem" \
    -untrusted "$ca_dir/ca/branch.pem" "$pems/c.pem"
ok 'as PKCS#7' cerca ca bundle -o p7b --chain --out "$pems/all.p7b"
run openssl pkcs7 -inform der -in "$pems/all.p7b" -print_certs -noout
is 'which OpenSSL reads' "$(grep -c subject "$out")" 6
echo sesame-open >"$pems/password"
ok 'as a Java truststore' cerca ca bundle -o jks --password-file "$pems/password" --out "$pems/trust.p12"
run openssl pkcs12 -in "$pems/trust.p12" -passin pass:sesame-open -nokeys
is 'which OpenSSL opens' "$(grep -c BEGIN "$out")" 2
like 'trusted for any purpose, as Java wants it said' "$out" '2.16.840.1.113894.746875.1.1'
fails 'DER holds one certificate only' 1 'DER holds one' cerca ca bundle -o der

done_testing
