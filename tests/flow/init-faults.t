#!/bin/bash
# cerca init against a token that fails while it and its keys are made: it says what failed and where,
# nothing that is half made is taken for a CA, and the same command again makes it whole.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
cd "$scratch" || exit 1
mkdir secrets control
openssl rand -hex 8 >secrets/user.pin
openssl rand -hex 8 >secrets/default.so-pin
order_file=$scratch/control/order
new() { # a token that is not initialised, a folder that has nothing in it
    rm -rf "$ca_dir" tokens
    mkdir tokens
    printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$scratch/tokens" >softhsm2.conf
}
init() {
    # shellcheck disable=SC2046 # options
    cerca init --dir "$ca_dir" --base-url http://pki.example.com --org Example --yes $(port_options) \
        --module "$CERCA_SHIM" --token pkcs11:token=made --pin-file "$scratch/secrets/user.pin" \
        --token-env "SOFTHSM2_CONF=$scratch/softhsm2.conf" --token-env "CERCA_SHIM_CONTROL=$order_file" \
        --token-path "$scratch/tokens" --token-path "$scratch/softhsm2.conf" --token-path "$scratch/control"
}
starts() {
    cercad -c "$ca_dir/cerca.conf" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 cerca status -c "$ca_dir/cerca.conf" --timeout 5
}
objects() {
    find tokens -name '*.object' ! -name token.object | wc -l
}

# half PATTERN ORDER: it fails and says so, then succeeds.
half() {
    new
    echo "$2" >"$order_file"
    fails "$2: cerca init fails and says why" 1 "$1" init
    like '... and which program' "$err" 'cerca-signer|cerca-ca'
    rm -f "$order_file"
    run cerca status -c "$ca_dir/cerca.conf" --timeout 1
    is '... there is no CA that answers' "$((status != 0))" 1
    ok '... the same command again succeeds' init
    is '... with each key once' "$(objects)" 6
    ok '... and the certificates' openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem"
}

half 'C_InitToken: CKR_TOKEN_WRITE_PROTECTED' 'C_InitToken error 0xe2 1'
half 'C_InitPIN: CKR_DEVICE_ERROR' 'C_InitPIN error 0x30 1'
half 'ended by signal' 'C_InitPIN late crash 1'
half 'C_GenerateKeyPair: CKR_DEVICE_MEMORY' 'C_GenerateKeyPair error 0x31 1 1'
half 'C_GenerateKeyPair: CKR_DEVICE_REMOVED' 'C_GenerateKeyPair late 0x32 1 2'
half 'ended by signal' 'C_GenerateKeyPair crash 1 1'
half 'PIN' 'C_Login error 0xa0 1 1'
half 'C_Sign' 'C_Sign error 0x30 1'
ok 'such a CA starts' starts
ok '... and issues' cerca issue -c "$ca_dir/cerca.conf" --profile tls-server --san dns:a.example.test \
    --key-out a.key --out a.pem
ok '... rightly' openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" -untrusted a.pem a.pem
ok 'the store is sound' cerca store check -c "$ca_dir/cerca.conf"
done_testing
