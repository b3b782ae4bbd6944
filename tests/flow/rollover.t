#!/bin/bash
# What docs/rollover.md says, done word for word: a next generation of the issuing CA and of the root,
# while everything runs, as OpenSSL sees it.
# shellcheck source=tests/flow/lib.sh
# shellcheck disable=SC2317 # functions that ok runs
. "$(dirname "$0")/lib.sh"

guide=$root/docs/rollover.md
# shellcheck disable=SC2046 # options
cerca init --dir "$ca_dir" $(port_options) --base-url http://pki.example.com --org Flow --yes >"$out" 2>&1 ||
    bail 'no CA is set up'
ca_start || bail 'the CA does not start'
cd "$scratch" || exit 1

# Fenced blocks, one file each: those to type and those for the configuration.
awk -v dir="$scratch" '
    /^```/ && !inside { kind = $0 == "```sh" ? "sh" : "conf"; n[kind]++; inside = 1; next }
    /^```/ { inside = 0; next }
    inside { print > (dir "/" kind n[kind]) }' "$guide"

in_issuers() { # FILE: into the list
    sed -i "/^issuers = (/r $1" "$CERCA_CONF"
}
in_issuer() { # NAME FILE: into that entry
    sed -i "/^ *name = \"$1\";/r $2" "$CERCA_CONF"
}
type_it() { # FILE; systemctl reload is what a service has for HUP
    {
        echo 'set -e'
        echo "systemctl() { kill -HUP $ca_pid; $root/tests/flow/await-generation \"\$CERCA_CONF\"; }"
        cat "$1"
    } >"$1.typed"
    bash "$1.typed"
}
issued_by() { # FILE: the issuer of the leaf
    openssl x509 -in "$1" -noout -issuer | sed 's/.*CN = //'
}

ok 'a certificate of the first generation is there' cerca issue --profile tls-server \
    --key-out old.key --san dns:old.example --out old.pem

# --- the issuing CA -------------------------------------------------------------------------------

in_issuers "$scratch/conf1"
ok 'the next generation is added and certified as the guide says' type_it "$scratch/sh1"
run cerca ca list -o json
json 'the list has generations' '(.[] | select(.name == "issuing-2") | .generation == 2) and
    (.[] | select(.name == "issuing") | .successor == "issuing-2")'
ok 'the old one still issues' cerca issue --profile tls-server --key-out mid.key \
    --san dns:mid.example --out mid.pem
is 'since profiles name it' "$(issued_by mid.pem)" 'Flow Issuing CA'

in_issuer issuing "$scratch/conf2"
ok 'then profiles move, as the guide says' type_it "$scratch/sh2"
is 'the new one issues' "$(issued_by web.pem)" 'Example Issuing CA 2'
ok 'OpenSSL follows its chain' openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" \
    -untrusted "$ca_dir/ca/issuing-2.pem" web.pem
ok 'and the old one as before' openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" \
    -untrusted "$ca_dir/ca/issuing.pem" old.pem
run openssl x509 -in web.pem -noout -ext crlDistributionPoints
like 'with a CRL of its own' "$out" 'URI:http://pki.example.com/crl/issuing-2.crl'
run cerca ca list -o json
json 'the old one is crl-only' '.[] | select(.name == "issuing") | .state == "crl-only"'
ok 'what it issued is renewed under the new one' cerca renew old.example --key-out new.key --out new.pem
is 'by that' "$(issued_by new.pem)" 'Example Issuing CA 2'
ok 'what it issued can be revoked' cerca revoke mid.pem --reason superseded --yes
ok 'and is still listed' type_it "$scratch/sh3"
like 'under its issuer' "$out" 'old.example'
ok 'all is well' cerca status

# --- the root -------------------------------------------------------------------------------------

in_issuers "$scratch/conf3"
ok 'the next root is made as the guide says' type_it "$scratch/sh4"
is 'the bundle has it ahead of its use' "$(grep -c BEGIN roots.pem)" 2
run openssl pkcs7 -inform der -in roots.p7b -print_certs -noout
like 'as PKCS#7 too' "$out" 'CN = Example Root CA 2'
ok 'the old root certifies the new one, as the guide says' type_it "$scratch/sh5"
run openssl x509 -in root-2-by-root.pem -noout -subject -issuer
like 'under its own name' "$out" 'issuer=O = Flow, CN = Flow Root CA'
is 'the bundle with chains has all' "$(grep -c BEGIN all.pem)" 5
fails 'what the configuration does not name is not certified' 1 'name it in cross' \
    cerca ca cross-sign --issuer root-2 --subject root
sed 's/issuing-2/issuing-3/g; s/CA 2/CA 3/; s/"issuing"/"issuing-2"/; s/"root"/"root-2"/' \
    "$scratch/conf1" >"$scratch/conf4"
in_issuers "$scratch/conf4"
sed -i 's/{ name = "issuing-2";/& state = "crl-only";/; s/^ *name = "root";/& state = "crl-only";/' \
    "$CERCA_CONF"
sed 's/issuing-2/issuing-3/' "$scratch/sh1" >"$scratch/third"
ok 'an issuing CA below it, the old ones crl-only' type_it "$scratch/third"
ok 'it issues' cerca issue --profile tls-server --key-out third.key --san dns:third.example \
    --out third.pem
ok 'with the bundle, all three generations hold' openssl verify -x509_strict -CAfile roots.pem \
    -untrusted third.pem third.pem
cat third.pem root-2-by-root.pem >with-cross.pem
ok 'who trusts the old root alone follows the cross certificate' openssl verify -x509_strict \
    -CAfile "$ca_dir/ca/root.pem" -untrusted with-cross.pem third.pem
fails 'and nothing without it' 2 'unable to get' openssl verify -x509_strict \
    -CAfile "$ca_dir/ca/root.pem" -untrusted third.pem third.pem
ok 'the oldest too' openssl verify -x509_strict -CAfile roots.pem \
    -untrusted "$ca_dir/ca/issuing.pem" old.pem
printf '    { name = "late"; subject = "CN=late"; token = "default"; key = "pkcs11:object=late";
      key_type = "p256"; parent = "root"; signs_leaves = true; validity = "1y"; },\n' >"$scratch/conf5"
in_issuers "$scratch/conf5"
echo 'systemctl reload cercad' >"$scratch/late"
ok 'one more below the old root is configured' type_it "$scratch/late"
fails 'but a crl-only root certifies none' 1 'not allowed' cerca ca create late

fails 'nor does it cross-sign' 1 'not allowed' cerca ca cross-sign --issuer root --subject root-2
ok 'the store and the signers agree' cerca store check

done_testing
