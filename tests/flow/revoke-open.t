#!/bin/sh
# A key is lost while a certificate for it is being made: revoking all with that key takes the open
# request too, and what the token would sign later never leaves.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
cd "$scratch" || exit 1
ca_init || bail 'no CA'
order=$ca_dir/signer/shim.control
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

for name in lost other; do
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -subj / \
        -addext "subjectAltName=DNS:$name.open.example" -out "$name.csr" 2>/dev/null
done
key=$(printf '%064d' 5)
again() {
    cerca issue --profile tls-server --csr lost.csr --request-key "$key" --out late.pem \
        --timeout "$1"
}
count() { # STATUS
    cerca list --name lost.open.example --status "$1" -o json | jq length
}

ok 'a certificate' cerca issue --profile tls-server --csr lost.csr --out first.pem
echo 'C_Sign error CKR_DEVICE_ERROR' >"$order"
fails 'another one for its key, while the token fails' 1 'retry after|no answer in time' again 3
is 'is an open request' "$(count open)" 1
ok 'a dry run counts both' cerca revoke first.pem --reason keyCompromise --all-with-key --dry-run
is '... the certificate and the request' "$(cut -d ' ' -f 2 "$out" | sort | tr '\n' ' ')" 'open valid '
ok 'the key was lost' cerca revoke first.pem --reason keyCompromise --all-with-key --yes -o json
json 'both are revoked' '[.[] | .result] == ["revoked", "revoked"]'
is '...' "$(count revoked) $(count open)" '2 0'
rm "$order"
wait_until 60 cerca status || bail 'the token does not come back'
fails 'the request gets nothing when the token is back' 1 'rule' again 20
ok '... nor a file' test ! -e late.pem
fails 'nor does a new one' 1 'rule key.blocked' cerca issue --profile tls-server --csr lost.csr
ok 'another key does' cerca issue --profile tls-server --csr other.csr --out other.pem
ok 'both are on the CRL' cerca crl publish issuing
is '...' "$(cerca crl show issuing -o json | jq '.revoked | length')" 2
ok 'the store is sound' cerca store check
done_testing
