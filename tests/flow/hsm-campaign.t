#!/bin/bash
# The HSM campaign for a whole CA (docs/reliability.md): a token that errs, hangs, crashes and lies at
# calls of every kind, one that is another one, and PINs. Whoever asks gets a refusal with a reason or a
# right certificate; OCSP and CRLs go on; the status says which token; all comes back by itself.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
order_file=$ca_dir/signer/shim.control
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", "CERCA_SHIM_LOG=%d/signer/shim.log", |' \
    -e 's|read_paths = .*|& call_limit = "2s";|' -e 's|^store = {|& intent_grace = "10s";|' "$conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
cp "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem" .

order() {
    if [ $# -eq 0 ]; then
        rm -f "$order_file"
    else
        echo "$*" >"$order_file.new"
        mv "$order_file.new" "$order_file"
    fi
}
count=0
issue() { # [OPTION...]
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:h$count.example.test" \
        --key-out "$count.key" --out "$count.pem" "$@"
}
# Right, or nothing: never a certificate that nobody can verify.
right_or_refused() {
    issue --timeout 6s || { [ ! -e "$count.pem" ] && grep -Eq 'retry after|does not verify|no answer|HSM' "$err"; }
    [ ! -e "$count.pem" ] || openssl verify -x509_strict -CAfile root.pem -untrusted "$count.pem" "$count.pem"
}
is_served() {
    cerca ocsp query first.pem -o json >said 2>&1 && jq -e '.status == "good"' said &&
        curl -sf -o served.crl "$base/crl/issuing.crl" &&
        openssl crl -inform DER -in served.crl -noout -CAfile issuing.pem
}
state() { # STATE: of the token
    cerca status --timeout 10 -o json |
        jq -e --arg s "$1" 'any(.items[]; .name == "hsm.default" and .state == $s and .text != "")'
}
well() {
    cerca status --timeout 10
}
signer_dies() {
    pid=$(pid_of cerca-signer)
    [ -z "$pid" ] || kill -KILL "$pid"
}
comes_back() {
    order
    ok '... once the module is right, all is well by itself' wait_until 60 issue --timeout 6s
    ok '... and the status says so' wait_until 60 well
}

cerca issue --profile tls-server --san dns:first.example.test --key-out first.key --out first.pem 2>first.err ||
    bail 'not issued'
wait_until 60 is_served || bail 'OCSP and CRLs are not served'
wait_until 60 well || bail 'not well'

# --- calls that fail --------------------------------------------------------------------------------------

table=
try() { # ORDER [kill]: kill: it meets the next signer, while that starts
    order "$1"
    [ $# -eq 1 ] || signer_dies
    ok "$1: who asks gets a reason, or a right certificate" right_or_refused
    how=refused
    [ ! -e "$count.pem" ] || how=served
    table="$table# $1 ${2:+at start}: $how\n"
    ok '... OCSP and CRLs are served' is_served
    comes_back
}
try 'C_Sign error 0x80000451'
try 'C_Sign hang'
try 'C_SignInit crash'
try 'C_Initialize error CKR_HOST_MEMORY' kill
try 'C_Login error 0x100' kill

# --- results that lie ---------------------------------------------------------------------------------------

try 'C_Sign huge'
order C_Sign wrong
fails 'a signature that does not verify is given to nobody' 1 'does not verify' issue --timeout 6s
ok '... nor recorded as a certificate' test ! -e "$count.pem"
ok '... the status names the token and says what is wrong' wait_until 20 state wrong
ok '... OCSP and CRLs are served' is_served
comes_back
order C_SignInit wrong
fails 'nor one by another key of the token' 1 'does not verify|CKR_SIGNATURE_LEN_RANGE' issue --timeout 6s
comes_back
try 'C_GetAttributeValue wrong' kill

# --- another token --------------------------------------------------------------------------------------------

# Of the same name, with the same PIN and keys of the same names.
tokens=$ca_dir/tokens
[ -d "$tokens" ] || tokens=$(sed -n 's/^directories.tokendir = //p' "$ca_dir/softhsm2.conf")
mv "$tokens" "$tokens.right"
mkdir "$tokens"
[ -e "$ca_dir/secrets/default.so-pin" ] || (umask 077 && openssl rand -hex 8 >"$ca_dir/secrets/default.so-pin")
ok 'another token is made' cerca-signer -c "$conf" --token default --provision
signer_dies
says_why() {
    cerca status --timeout 10 | grep 'hsm.default.*is not the one in its certificate'
}
ok 'a token with other keys is not taken for ours: the status says so' wait_until 60 says_why
ok '... and calls it unavailable' state unavailable
fails '... nothing is issued' 1 'not the one in its certificate|retry after|no answer' issue --timeout 6s
ok '... OCSP and CRLs are served' is_served
mv "$tokens" "$tokens.wrong"
mv "$tokens.right" "$tokens"
ok 'the right one is back: all comes back, and nobody started anything' wait_until 60 issue --timeout 6s
ok '... and the status says so' wait_until 60 well

# --- PINs ---------------------------------------------------------------------------------------------------------

logins() {
    grep -c '^C_Login$' "$ca_dir/signer/shim.log"
}
pin=$ca_dir/secrets/default.pin
cp "$pin" pin.right
echo 000000 >"$pin"
before=$(logins)
signer_dies
ok 'a wrong PIN after a restart: the status says so' wait_until 60 sh -c 'cerca status --timeout 10 | grep -q "wrong PIN"'
fails '... nothing is issued' 1 'HSM unavailable' issue --timeout 6s
is '... and it was tried once' "$(($(logins) - before))" 1
ok '... OCSP and CRLs are served' is_served
cp pin.right "$pin"
kill -HUP "$ca_pid"
ok '... until a reload' wait_until 60 issue --timeout 6s
is '... with one more login' "$(($(logins) - before))" 2

# --- what is left of it ----------------------------------------------------------------------------------------------

intents_end() {
    cerca list --limit 1000 -o json | jq -e 'all(.[]; .status != "intent" and .status != "pending" and .status != "open")'
}
ok 'each intent ends: signed, or given up' wait_until 90 intents_end
ok 'the store is sound, and each signature has an intent' cerca store check
wrong=0
for file in [0-9]*.pem; do
    openssl verify -x509_strict -CAfile root.pem -untrusted "$file" "$file" >/dev/null 2>&1 || wrong=$((wrong + 1))
done
is 'no certificate that was given out is wrong' "$wrong" 0
printf '%b' "$table"
done_testing
