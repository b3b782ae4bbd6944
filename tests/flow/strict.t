#!/bin/sh
# Strict readers: pyasn1 and asn1crypto read all that we publish by the modules of the RFCs and write the
# same octets again, Python's cryptography and NSS believe it, and NSS takes our PKCS#12 and makes requests.
# shellcheck disable=SC2086,SC2317 # $all and $key are words; functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
sed -i 's/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s"; crl_delta = "1h";/' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
openssl x509 -in issuing.pem -outform DER -out issuing.der

issue() { # FILE PROFILE OPTION...
    file=$1
    profile=$2
    shift 2
    cerca issue --profile "$profile" --out "$file.pem" "$@" >"$file.log" 2>&1 || bail "$file: $(cat "$file.log")"
    openssl x509 -in "$file.pem" -outform DER -out "$file.der"
}

# Names of every kind, with a subject and without, keys of each kind, every profile's extensions.
issue server tls-server --key-out server.key --san dns:xn--grn-hoa.example --san ip:2001:db8::1 --san ip:192.0.2.1
issue server-rsa tls-server --key-type rsa2048 --key-out server-rsa.key --san dns:b.example
issue server-ed tls-server --key-type ed25519 --key-out server-ed.key --san dns:ed.example
issue client tls-client --key-out client.key --san dns:client.example --subject 'CN=client.example,O=Größe & Söhne,C=DE'
issue stolen tls-client --key-out stolen.key --san dns:stolen.example
issue held tls-client --key-out held.key --san dns:held.example
issue vpn vpn-server --key-out vpn.key --san dns:vpn.example
issue device device --key-out device.key --san dns:d.example --subject serialNumber=1234
issue code code-signing --key-out code.key --subject 'CN=Code'
issue mail smime --key-type rsa2048 --key-out mail.key --san email:a@mail.example
all='server server-rsa server-ed client stolen held vpn device code mail'
cerca revoke --yes --reason keyCompromise stolen.pem >/dev/null 2>&1 || bail 'not revoked'
cerca hold held.pem >/dev/null 2>&1 || bail 'not on hold'
cerca crl publish issuing >/dev/null || bail 'no CRL'
for list in full delta; do
    cerca crl show issuing --list $list -o der >$list.crl 2>err || bail "no $list CRL: $(cat err)"
done
cerca crl show root -o der >root.crl || bail 'no CRL of the root'
answers() {
    for file in $all; do
        openssl ocsp -sha256 -issuer issuing.pem -cert "$file.pem" -CAfile root.pem -url "$base/ocsp" -nonce \
            -respout "$file.ocsp" >verdict 2>&1 && grep -q 'Response verify OK' verdict || return 1
    done
}
wait_until 20 answers || bail "no OCSP: $(cat verdict)"

# --- Python -------------------------------------------------------------------------------------------

# Debian's, which has the modules.
ok 'pyasn1 and asn1crypto read all of it, and write the same again' \
    /usr/bin/python3 -W ignore "$root/tests/flow/strict.py" reencode $all
like '... certificates' "$out" '^certificates [1-9][0-9]'
like '... each extension by its own type' "$out" '^extensions [1-9][0-9][0-9]*$'
is '... three CRLs and an answer about each' "$(grep -E '^(lists|answers)' "$out" | xargs)" 'lists 3 answers 10'
ok "cryptography verifies every signature" \
    /usr/bin/python3 -W ignore "$root/tests/flow/strict.py" believe $all
is '... and reads the same in the CRL as in answers' "$(sort "$out" | xargs)" \
    'client=good code=good device=good held=certificate_hold mail=good server-ed=good server-rsa=good server=good stolen=key_compromise vpn=good'

# --- NSS ----------------------------------------------------------------------------------------------

db=sql:$scratch/nss
mkdir nss
certutil -N -d "$db" --empty-password >nss.log 2>&1 || bail "no NSS database: $(cat nss.log)"
certutil -A -d "$db" -n root -t CT,C,C -i root.pem
certutil -A -d "$db" -n issuing -t ,, -i issuing.pem

nss_takes() { # USAGE METHOD FILE: having fetched what the certificate points to, or not at all
    vfychain -d "$db" -pp -u "$1" -g leaf -m "$2" -s failIfNoInfo -h requireFreshInfo -a "$3.pem" >verdict 2>&1 &&
        grep -q 'Chain is good' verdict
}
nss_says_revoked() {
    ! nss_takes "$@" && grep -q revoked verdict
}
for how in crl ocsp; do
    ok "NSS takes a server, by $how" nss_takes 1 $how server
    ok "... with an RSA key" nss_takes 1 $how server-rsa
    ok "... a client" nss_takes 0 $how client
    ok "... mail" nss_takes 4 $how mail
    ok "... nobody who is revoked" nss_says_revoked 0 $how stolen
    ok "... nor on hold" nss_says_revoked 0 $how held
done
ok 'a full CRL is taken in' crlutil -I -d "$db" -i full.crl
is '... with two entries' "$(crlutil -L -d "$db" -n issuing | grep -c 'Entry [0-9]')" 2
fails 'a delta, which NSS does not know, is not taken for a full one' 1 'CRITICAL_EXTENSION' \
    crlutil -I -d "$db" -i delta.crl

printf 'a pass word\n' >password
for how in '' --p12-legacy; do
    cerca issue --profile tls-client --san "dns:p12$how.example" --p12 "p12$how.p12" --password-file password $how \
        >p12.log 2>&1 || bail "no PKCS#12: $(cat p12.log)"
    ok "PKCS#12 is taken in${how:+, by $how}" pk12util -i "p12$how.p12" -d "$db" -w password
    like '... with its key' "$out" 'IMPORT SUCCESSFUL'
    ok '... and Python opens it' /usr/bin/python3 "$root/tests/flow/strict.py" p12 "p12$how.p12" 'a pass word'
done
is 'both keys are there' "$(certutil -K -d "$db" | grep -c 'dns:p12')" 2

head -c 64 /dev/urandom >noise
for key in '-k rsa -g 2048' '-k ec -q nistp256' '-k ec -q secp384r1'; do
    certutil -R -d "$db" $key -z noise -s 'CN=nss.example,O=Example' --extSAN dns:nss.example,ip:192.0.2.7 \
        --keyUsage digitalSignature --extKeyUsage serverAuth -a -o nss.csr >nss.log 2>&1 || bail "$(cat nss.log)"
    ok "a request of NSS is taken, with $key" cerca issue --profile tls-server --csr nss.csr --out nss.pem --force
    ok '... and NSS has the key for what comes back' sh -c \
        "certutil -A -d '$db' -n '$key' -t ,, -i nss.pem && certutil -L -d '$db' | grep -e '^$key *u,u,u'"
done
done_testing
