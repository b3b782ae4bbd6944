#!/bin/sh
# GnuPG relies on a CA whose keys are RSA: its dirmngr fetches our CRLs, asks our OCSP responder, and
# of elliptic curves it verifies neither. Mail is signed and sealed with a key of our PKCS#12.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
LC_ALL=C
export LC_ALL
homes=
stop_gnupg() { # STATUS
    for home in $homes; do
        GNUPGHOME=$home gpgconf --kill all >/dev/null 2>&1
    done
    return "$1"
}
trap 'stop_gnupg $?; cleanup' EXIT

# shellcheck disable=SC2046 # two words
set -- $(free_ports)
base=http://127.0.0.1:$1
cerca init --dir "$ca_dir" --base-url "$base" --http-port "$1" --https-port "$2" --org Example --yes \
    --root-key rsa3072 --issuing-key rsa2048 >init.out 2>&1 || bail "no CA: $(cat init.out)"
sed -i 's/^http = {/http = { listen = "127.0.0.1";/' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
printf 'a pass word\n' >password

# GnuPG reads no certificate without a subject (RFC 5280 4.1.2.6 has them, with a critical SAN).
issue() { # WHO OPTION...
    who=$1
    shift
    cerca issue --profile smime --key-type rsa2048 --san "email:$who@example.com" --subject "CN=$who" \
        --out "$who.pem" "$@" >"$who.log" 2>&1 || bail "$who is not issued: $(cat "$who.log")"
}
issue alice --p12 alice.p12 --p12-legacy --password-file password
issue bob --key-out bob.key
issue carol --key-out carol.key

# --- what it trusts -----------------------------------------------------------------------------------

# new_gnupg NAME: one that knows no CRL yet. It runs before anybody waits for it, which GnuPG does for 5 s.
new_gnupg() {
    GNUPGHOME=$scratch/$1
    export GNUPGHOME
    homes="$homes $GNUPGHOME"
    mkdir -m 700 "$GNUPGHOME"
    printf '%s\n' allow-ocsp disable-ldap 'connect-timeout 60' 'connect-quick-timeout 60' \
        >"$GNUPGHOME/dirmngr.conf"
    echo "$(openssl x509 -in root.pem -noout -fingerprint -sha1 | sed 's/.*=//') S relax" \
        >"$GNUPGHOME/trustlist.txt"
    for part in dirmngr gpg-agent; do
        wait_until 20 gpgconf --launch $part || bail "$part does not start"
    done
    for who in root issuing alice bob carol; do
        gpgsm --batch --import "$who.pem" >>import.log 2>&1 || bail "$who: $(tail -n 3 import.log)"
    done
}

# verdict WHO OPTION...: what GnuPG says of that one and its chain.
verdict() {
    id=$(openssl x509 -in "$1.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
    shift
    gpgsm --batch --list-keys --with-validation "$@" "0x$id" 2>&1 | sed -n 's/^ *\[\(.*\)\]$/\1/p' | head -n 1
}

ocsp_ready() {
    openssl ocsp -issuer "$1.pem" -cert "$2.pem" -CAfile root.pem -url "$base/ocsp" >answer 2>&1 &&
        grep -q 'Response verify OK' answer
}
wait_until 20 ocsp_ready issuing bob || bail 'no OCSP'
wait_until 20 ocsp_ready root issuing || bail 'no OCSP of the root'

# --- revoked or not -----------------------------------------------------------------------------------

new_gnupg first
for who in alice bob; do
    is "$who: good, by our CRLs" "$(verdict $who --disable-ocsp)" 'certificate is good'
    is '... and by OCSP' "$(verdict $who --enable-ocsp)" 'certificate is good'
done
is 'the issuing CA too, by the CRL of the root' "$(verdict issuing --disable-ocsp)" 'certificate is good'
cerca revoke --yes --reason keyCompromise bob.pem >/dev/null 2>&1
cerca revoke --yes --reason certificateHold carol.pem >/dev/null 2>&1
for who in bob carol; do
    is "$who is revoked, and OCSP says so at once" "$(verdict $who --enable-ocsp)" \
        'certificate has been revoked'
done
is '... but not of another' "$(verdict alice --enable-ocsp)" 'certificate is good'
ok 'a CRL has them' cerca crl publish issuing
new_gnupg second
for who in bob carol; do
    is "$who is revoked by that" "$(verdict $who --disable-ocsp)" 'certificate has been revoked'
done
is '... and alice is not' "$(verdict alice --disable-ocsp)" 'certificate is good'
ok 'carol is released from hold' cerca release carol.pem
is '... and good again' "$(verdict carol --enable-ocsp)" 'certificate is good'

# RFC 6960 4.3: RSA with SHA-256 is what every client can verify.
ocsp_ready issuing alice
openssl ocsp -issuer issuing.pem -cert alice.pem -CAfile root.pem -url "$base/ocsp" -resp_text \
    >text 2>/dev/null
is 'answers, and the certificates of responders, are signed with RSA and SHA-256' \
    "$(sed -n 's/^ *Signature Algorithm: //p' text | sort -u)" sha256WithRSAEncryption
like '... by a key of their own' text 'Public-Key: \(2048 bit\)'

# --- mail ---------------------------------------------------------------------------------------------

with_key() { # ARGUMENT...
    gpgsm --batch --pinentry-mode loopback --passphrase-fd 0 "$@" <password
}

echo 'a letter' >letter
ok 'a key in PKCS#12 is taken' with_key --import alice.p12
like '... with its certificates' "$err" 'secret keys imported: 1'
ok 'mail is signed with it' with_key --local-user alice@example.com --output letter.p7s --sign letter
ok '... and verified, the chain and its CRLs too' gpgsm --batch --verify letter.p7s
like '... by its address' "$err" 'Good signature from'
ok 'OpenSSL verifies it as well' openssl cms -verify -inform DER -in letter.p7s -CAfile root.pem \
    -certfile issuing.pem -purpose smimesign -out opened
is '... and reads the same' "$(tr -d '\r' <opened)" 'a letter'
ok 'mail is sealed' gpgsm --batch --recipient alice@example.com --output letter.p7m --encrypt letter
ok '... and opened' with_key --output again --decrypt letter.p7m
is '... by whom it is for' "$(cat again)" 'a letter'
is 'nothing is sealed for who is revoked' "$(gpgsm --batch --recipient bob@example.com --output no.p7m \
    --encrypt letter 2>&1 | grep -ci 'revoked' | sed 's/^[1-9].*/said/')" said
is '... and nothing is there' "$(ls no.p7m 2>/dev/null)" ''
done_testing
