#!/bin/bash
# docs/hsm.md, typed word by word: keys that other programs made in a token, and keys that were
# files, become those of a CA.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
{
    echo 'set -e; trap '\''kill %1; wait'\'' EXIT'
    typed "$root/docs/hsm.md"
} >"$scratch/session"
is 'the guide has something to type' \
    "$(grep -cE '^(cerca|pkcs11-tool|softhsm2-util) ' "$scratch/session" | awk '{ print ($1 >= 6) }')" 1
ok 'everything that the guide says to type succeeds' bash "$scratch/session"
like 'a certificate verifies' "$out" '^web.pem: OK$'
like 'the key that was a file is named' "$out" 'signer.key.weak.*issuer=root'
unlike 'the one that was made in the token is not' "$out" 'signer.key.weak.*issuer=issuing'
is 'no token but that one was made' "$(find . -name softhsm2.conf)" ./hsm/softhsm2.conf
export SOFTHSM2_CONF=$scratch/here/hsm/softhsm2.conf
pin=$(cat hsm/user.pin)
pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label hsm1 --login --pin "$pin" \
    --list-objects --type privkey >"$scratch/keys" 2>&1
is 'and no key but that of the audit log' \
    "$(sed -n 's/^ *label: *//p' "$scratch/keys" | sort | xargs)" 'audit cerca-issuing cerca-root'
is 'the certificate of the issuing CA is for the key that was made in the token' \
    "$(openssl x509 -in ca/ca/issuing.pem -noout -pubkey)" \
    "$(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label hsm1 --read-object \
        --type pubkey --id 02 2>/dev/null | openssl pkey -pubin -inform der)"

done_testing
