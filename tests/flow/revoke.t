#!/bin/sh
# Revoking from the command line: one by one, in bulk, hold and release, what is blocked with it,
# and kills while revoking.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

issue() { # NAME [OPTION]...
    name=$1
    shift
    cerca issue --profile tls-server --key-out "$name.key" --force --san "dns:$name.revoke.example" \
        --out "$name.pem" "$@" 2>"$name.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

status_of() {
    cerca show "$(serial_of "$1")" -o json | jq -r .status
}

for name in one two three four five six; do
    issue "$name" --owner alice || bail "$name is not issued"
done
issue bob --owner bob || bail 'bob is not issued'

ok 'a certificate file says which' cerca revoke one.pem --reason superseded -o json
json 'the answer tells what was done' '.[0].result == "revoked"'
is 'it is revoked' "$(status_of one)" revoked
is 'with its reason' "$(cerca show "$(serial_of one)" -o json | jq -r .reason)" superseded
fails 'revoking it again says so' 1 'was refused' cerca revoke one.pem
like 'with the reason' "$out" 'revoked already'
ok 'a serial as openssl prints it' cerca revoke "serial=$(openssl x509 -in two.pem -noout -serial |
    sed 's/serial=//')" --reason cessationOfOperation
is 'two is revoked' "$(status_of two)" revoked
fingerprint=$(openssl x509 -in three.pem -noout -fingerprint -sha256 | sed 's/.*=//')
ok 'a fingerprint with colons' cerca revoke "$fingerprint"
is 'three is revoked' "$(status_of three)" revoked
fails 'a name alone is not taken' 1 'means every certificate with that name' cerca revoke four.revoke.example
fails 'an unknown serial is said' 1 'No certificate has this serial' cerca revoke 4f1d5c0a9b3e77a2c4d8e6f001122334
fails 'a key file is no certificate' 1 'holds no certificate' cerca revoke one.key
fails 'an unknown reason is a usage error' 2 'should be unspecified, keyCompromise' cerca revoke four.pem --reason whim
fails 'nothing named is a usage error' 2 'which' cerca revoke
fails 'both ways at once is a usage error' 2 'either' cerca revoke four.pem --owner alice
fails 'an invalidity date in the future is refused' 1 'was refused' \
    cerca revoke four.pem --reason keyCompromise --invalidity-date 2099-01-01
is 'four is still valid' "$(status_of four)" valid

# --- hold and release -----------------------------------------------------------------------------

ok 'a certificate is put on hold' cerca hold four.pem
is 'four is held' "$(status_of four)" held
ok 'and released' cerca release four.pem
ok 'by its reason too' cerca revoke four.pem --reason certificateHold
like 'which says so' "$out" ' held '
is 'four is held' "$(status_of four)" held
fails 'once' 1 'was refused' cerca hold four.pem
ok 'and released' cerca release four.pem
is 'four is valid again' "$(status_of four)" valid
fails 'what is not on hold is not released' 1 'was refused' cerca release one.pem

# --- keys and identities --------------------------------------------------------------------------

openssl req -new -key four.key -subj /CN=four.revoke.example -addext 'subjectAltName=DNS:four.revoke.example' -out four.csr
ok 'a second certificate for the same key' cerca issue --profile tls-server --csr four.csr --out again.pem
ok 'keyCompromise with every certificate of the key' \
    cerca revoke four.pem --reason keyCompromise --all-with-key --yes
is 'the one named is revoked' "$(status_of four)" revoked
is 'and the other one' "$(status_of again)" revoked
fails 'the key gets no certificate any more' 1 'key.blocked' \
    cerca issue --profile tls-server --csr four.csr --out never.pem
ok 'the identity is blocked with the revocation' cerca revoke five.pem --block-identity
fails 'and gets no certificate with another key either' 1 'rule identity.blocked' \
    cerca issue --profile tls-server --key-out new.key --san dns:five.revoke.example --out never.pem

# --- in bulk --------------------------------------------------------------------------------------

fails 'a filter asks first' 1 '1 certificate would be revoked' cerca revoke --owner alice </dev/null
ok 'a dry run lists what is meant' cerca revoke --owner alice --dry-run
like 'and only that' "$out" "^$(serial_of six) valid"
is 'one line' "$(wc -l <"$out")" 1
ok '... as JSON too' cerca revoke --owner alice --dry-run -o json
json 'with what would become of it' \
    "map(.serial + \" \" + .result) == [\"$(serial_of six) would be\"]"
is 'nothing was changed' "$(status_of six)" valid
ok 'by owner' cerca revoke --owner alice --yes --reason affiliationChanged -o csv
is 'six is revoked' "$(status_of six)" revoked
fails 'a dry run counts it no more' 1 '^cerca revoke: 0 certificates would be revoked' \
    cerca revoke "$(serial_of six)" --dry-run -o json
json '... and says why' '.[0].result == "refused" and .[0].rule == "revoke.already"'
ok '... but for a lost key' cerca revoke "$(serial_of six)" --reason keyCompromise --dry-run
is 'another owner is not touched' "$(status_of bob)" valid
fails 'a filter without a match says so' 1 'no certificate that could be revoked' \
    cerca revoke --owner alice --yes
ok 'by time of issue and profile' cerca revoke --profile tls-server --issued-from 2020-01-01 --yes
is 'bob is revoked' "$(status_of bob)" revoked
is 'an open list is empty' "$(cerca list --profile tls-server --status valid -o json | jq length)" 0

# --- killed while revoking ------------------------------------------------------------------------

core_pid() {
    tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r pid; do
        case $(tr '\0' ' ' <"/proc/$pid/cmdline") in
        *cerca-ca\ *) echo "$pid" ;;
        esac
    done
}

for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
    issue "k$n" || bail "k$n is not issued"
done
revoke_all() {
    for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
        cerca revoke "k$n.pem" -o json >"k$n.json" 2>/dev/null && echo "k$n" >>acknowledged
    done
}
: >acknowledged
revoke_all &
revoking=$!
for _ in 1 2 3; do
    wait_until 10 cerca status --timeout 5
    kill -KILL "$(core_pid)"
done
wait "$revoking"
wait_until 20 cerca status --timeout 5
while read -r name; do
    is "acknowledged and so revoked after kills ($name)" "$(status_of "$name")" revoked
done <acknowledged
ok 'the store is sound' cerca store check

done_testing
