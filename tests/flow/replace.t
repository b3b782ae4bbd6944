#!/bin/sh
# cerca renew --revoke: a successor, and what it replaces is revoked once the successor is in the
# files; killed between the two, both stay as they are and the rest can be typed.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --san "dns:$1.replace.example" \
        --out "$1.pem" 2>"$1.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

of() { # NAME FIELD
    cerca show "$(serial_of "$1")" -o json | jq -r "$2"
}

for name in web lost mail vpn; do
    issue "$name" || bail "$name is not issued"
done

# --- both at once ---------------------------------------------------------------------------------

cp web.pem old.pem
ok 'a successor, and its predecessor is revoked' \
    cerca renew web.replace.example --key-out web.key --force --out web.pem --revoke superseded
like 'which is said' "$err" "$(serial_of old), which it replaces, is revoked"
is 'the old one is revoked' "$(of old '.status + " " + .reason')" 'revoked superseded'
is 'the new one is valid' "$(of web .status)" valid
is 'and says what it replaces' "$(of web .replaces)" "$(serial_of old)"
is '... as does the old one' "$(of old .replaced_by)" "$(serial_of web)"
ok 'key and certificate fit' sh -c \
    'test "$(openssl pkey -in web.key -pubout)" = "$(openssl x509 -in web.pem -noout -pubkey)"'
ok 'as JSON' cerca renew "$(serial_of mail)" --key-out mail2.key -o json --revoke cessationOfOperation
json 'the answer is the successor, alone' ".replaces == \"$(serial_of mail)\" and .status == \"valid\""
is '... and the predecessor is revoked' "$(of mail .reason)" cessationOfOperation

# --- a lost key -------------------------------------------------------------------------------------

openssl req -new -key lost.key -subj / -addext 'subjectAltName=DNS:lost.replace.example' -out same.csr
fails 'a lost key gets no successor' 1 'rule renew.key' \
    cerca renew lost.replace.example --csr same.csr --revoke keyCompromise
is '... and nothing was revoked for it' "$(of lost .status)" valid
is '... nor issued' "$(of lost .replaced_by)" null
ok 'another key does' cerca renew lost.replace.example --key-out lost2.key --out lost2.pem \
    --revoke keyCompromise
is 'the old one is revoked' "$(of lost '.status + " " + .reason')" 'revoked keyCompromise'
fails 'its key gets no certificate any more' 1 'key.blocked' cerca issue --profile tls-server \
    --csr same.csr
ok 'a dry run' cerca renew vpn.replace.example --key-out no.key --revoke superseded --dry-run
is '... revokes nothing' "$(of vpn '.status + " " + (.replaced_by | tostring)')" 'valid null'
fails 'an unknown reason is a usage error' 2 'should be unspecified, keyCompromise' \
    cerca renew vpn.replace.example --key-out no.key --revoke whim
fails 'without a successor nothing is revoked' 1 'more names|renew.names' cerca renew \
    vpn.replace.example --csr same.csr --revoke superseded
is '...' "$(of vpn .status)" valid

# --- killed in between --------------------------------------------------------------------------------

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout vpn2.key -subj / \
    -addext 'subjectAltName=DNS:vpn.replace.example' -out vpn2.csr 2>/dev/null
key=$(printf '%064d' 4)
again() {
    cerca renew "$(serial_of vpn)" --csr vpn2.csr --request-key "$key" --out vpn2.pem \
        --revoke superseded
}
CERCA_STEP_KILL=cerca:renew.released:1 again >/dev/null 2>&1
is 'killed between issuing and revoking' $? 137
is 'the successor is there' "$(of vpn2 .status)" valid
is '... and the predecessor still valid' "$(of vpn '.status + " " + .replaced_by')" \
    "valid $(serial_of vpn2)"
serial=$(serial_of vpn2)
ok 'the same again' again
is '... makes no second successor' "$(serial_of vpn2)" "$serial"
is '... and revokes' "$(of vpn .status)" revoked
ok 'once more' again
like '... says that it is done' "$err" 'is revoked already'

# The core is killed at the revocation: the command asks again.
issue late || bail 'late is not issued'
ca_stop
: >"$ca_dir/view/kill-once"
CERCA_STEP_KILL=cerca-ca:revoke.answer:1@$ca_dir/view/kill-once ca_start || bail 'no start'
ok 'cerca-ca is killed before it answers' \
    cerca renew late.replace.example --key-out late2.key --out late2.pem --revoke superseded
ok '... and was' test ! -e "$ca_dir/view/kill-once"
is 'the predecessor is revoked' "$(of late .status)" revoked
is '... and the successor valid' "$(of late2 .status)" valid
ok 'the store is sound' cerca store check
done_testing
