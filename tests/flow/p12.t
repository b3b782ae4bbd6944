#!/bin/sh
# Keys with their certificates as PKCS#12, and finding certificates by any part of them.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
printf 'a pass word\r\nsecond line\n' >password
printf '\n' >empty

p12() { # FILE [OPTION]...
    file=$1
    shift
    cerca issue --profile tls-client --san email:alice@p12.example --p12 "$file" \
        --password-file password "$@"
}

opened() { # FILE [OPTION]...
    file=$1
    shift
    openssl pkcs12 -in "$file" -passin 'pass:a pass word' "$@"
}

ok 'a key is made and sealed with its certificate' p12 new.p12
is 'nobody else may read it' "$(stat -c %a new.p12)" 600
is 'no key is left beside it' "$(ls new.p12*)" new.p12
ok 'openssl opens it with the first line of the password file' opened new.p12 -info -noenc -out new.pem
like 'with AES' "$err" 'AES-256-CBC'
like 'and a SHA-256 MAC' "$err" 'MAC: sha256'
is 'the key fits the certificate' "$(openssl pkey -in new.pem -pubout 2>/dev/null)" \
    "$(openssl x509 -in new.pem -noout -pubkey)"
is 'the chain is in it' "$(grep -c 'BEGIN CERTIFICATE' new.pem)" 2
fails 'openssl refuses another password' 1 '[Mm]ac verify' \
    openssl pkcs12 -in new.p12 -passin pass:wrong -noout
ok 'gnutls opens it' certtool --inder --p12-info --password 'a pass word' --infile new.p12
ok 'one for old programs' p12 old.p12 --p12-legacy
ok 'openssl opens that too' opened old.p12 -info -noout
like 'with 3DES' "$err" 'TripleDES'
like 'and a SHA-1 MAC' "$err" 'MAC: sha1'
ok 'gnutls too' certtool --inder --p12-info --password 'a pass word' --infile old.p12

fails 'a file that is there is not replaced' 1 '--force replaces it' p12 new.p12
ok 'unless told so' p12 new.p12 --force
ok 'a key file beside it' p12 both.p12 --key-out both.key --out both.pem
is 'has the same key' "$(openssl pkey -in both.key -pubout)" \
    "$(opened both.p12 -nodes -nocerts | openssl pkey -pubout)"
ok 'a renewal' cerca renew "serial=$(openssl x509 -in both.pem -noout -serial | sed 's/.*=//')" \
    --p12 renewed.p12 --password-file password
fails 'an empty password is refused' 1 'empty' \
    cerca issue --profile tls-client --p12 e.p12 --password-file empty
fails 'no password and no terminal is refused' 1 'password-file' \
    cerca issue --profile tls-client --p12 e.p12 </dev/null
fails 'a CSR has no key to seal' 2 'either --csr' \
    cerca issue --profile tls-client --csr x.csr --p12 e.p12 --password-file password
fails 'a password without a use is a usage error' 2 'belong to --p12' \
    cerca issue --profile tls-client --key-out k --password-file password
fails 'a folder that is not there is said before anything is issued' 1 'cannot write to the folder' \
    cerca issue --profile tls-client --p12 nowhere/e.p12 --password-file password
is 'nothing is left of what was refused' "$(ls e.p12* 2>/dev/null)" ''
fails 'a request that is refused leaves no key' 1 'san.kind|rule san' \
    cerca issue --profile tls-client --san ip:192.0.2.1 --p12 e.p12 --password-file password
is 'beside it either' "$(ls e.p12* 2>/dev/null)" ''

# --- search ---------------------------------------------------------------------------------------

cerca issue --profile tls-server --key-out printer.key --san dns:Printer-7.floor3.example \
    --owner 'Print Team' --out printer.pem 2>/dev/null || bail 'no printer'
serial=$(openssl x509 -in printer.pem -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f')
found() { # TEXT [OPTION]...
    cerca search "$@" -o json | jq -r '.[].serial'
}
is 'by a part of a name in any case' "$(found pRINTER-7.f)" "$serial"
is 'by a part of the owner' "$(found 'print te')" "$serial"
is 'by a part of the serial' "$(found "$(echo "$serial" | cut -c 9-20)")" "$serial"
is 'within a filter' "$(found printer --status revoked)" ''
is 'what nothing holds finds nothing' "$(found zzzzzz)" ''
is 'a limit holds' "$(found p12.example --limit 2 | wc -l)" 2
fails 'an empty text is a usage error' 2 'empty' cerca search ''

done_testing
