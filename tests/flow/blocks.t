#!/bin/sh
# A stolen device: its certificate is revoked, its names get no other one, by whom and with what key
# ever, and the tokens that it has are useless. What is blocked is listed, and let go.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

issue() { # NAME [OPTION]...
    host=$1
    shift
    cerca issue --profile tls-server --key-out "$host.key" --force --san "dns:$host.block.example" \
        --out "$host.pem" "$@"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

status_of() {
    cerca show "$(serial_of "$1")" -o json | jq -r .status
}

token() { # FILE OPTION...: its number.
    file=$1
    shift
    cerca token create --profile tls-server --out "$file" "$@" 2>&1 | sed -n 's/.*token \([0-9]*\),.*/\1/p'
}

state_of() { # TOKEN
    cerca token list --all -o json | jq -r ".[] | select(.id == $1) | .state"
}

# --- with a revocation ------------------------------------------------------------------------------

used=$(token used.token --name dns:.block.example --uses 5)
own=$(token own.token --name dns:laptop.block.example --uses 3)
both=$(token both.token --name dns:laptop.block.example --name dns:desk.block.example)
other=$(token other.token --name dns:desk.block.example)
below=$(token below.token --name dns:.block.example --uses 3)
foreign=$(cerca token create --profile tls-client --name dns:laptop.block.example --out foreign.token \
    2>&1 | sed -n 's/.*token \([0-9]*\),.*/\1/p')
ok 'a laptop gets its certificate with a token' cerca issue --token-file used.token \
    --san dns:laptop.block.example --key-out laptop.key --out laptop.pem
ok 'it is stolen' cerca revoke laptop.pem --reason keyCompromise --block-identity -o json
json 'the answer tells what was done' '.[0].result == "revoked"'
is 'it is revoked' "$(status_of laptop)" revoked
fails 'its names get no other certificate' 1 'rule identity.blocked' issue laptop
fails '... nor its old key for other names' 1 'rule key.blocked' sh -c \
    "openssl req -new -key laptop.key -subj / -addext subjectAltName=DNS:x.block.example -out x.csr &&
        cerca issue --profile tls-server --csr x.csr"
fails '... as a dry run says' 1 'rule key.blocked' cerca issue --profile tls-server --csr x.csr --dry-run
fails '... of both' 1 'rule identity.blocked' issue laptop --dry-run
fails '... nor as a renewal' 1 'rule identity.blocked' \
    cerca renew "$(serial_of laptop)" --key-out new.key
is 'the token that it was got with is revoked' "$(state_of "$used")" revoked
fails '... for other names too' 1 'rule token.revoked' cerca issue --token-file used.token \
    --san dns:y.block.example --key-out y.key
is 'the token for its name alone is' "$(state_of "$own")" revoked
fails '... and gives nothing' 1 'rule token.revoked' cerca issue --token-file own.token \
    --san dns:laptop.block.example --key-out y.key
is 'one that is for others too is not' "$(state_of "$both") $(state_of "$other") $(state_of "$below")" \
    'usable usable usable'
is '... nor one for another profile' "$(state_of "$foreign")" usable
fails '... but gives its names nothing' 1 'rule identity.blocked' cerca issue \
    --token-file below.token --san dns:laptop.block.example --key-out y.key
ok '... and others what they are for' cerca issue --token-file below.token \
    --san dns:desk.block.example --key-out desk.key --out desk.pem
cerca audit log -o json >"$out"
json 'the audit log tells why the tokens ended' \
    '[.[] | select(.action == "token-revoke" and (.detail | test("its identity is blocked")))] | length == 2'

# --- what is blocked ----------------------------------------------------------------------------------

ok 'what is blocked is listed' cerca block list -o json
json 'the key, and the identity' \
    "[.[] | .kind] == [\"key\", \"identity\"] and all(.[]; .serial == \"$(serial_of laptop)\" and
        .reason == \"keyCompromise\" and .sans == [\"dns:laptop.block.example\"])"
json '... the key by its hash' ".[0].id == \"$(openssl pkey -in laptop.key -pubout -outform DER |
    sha256sum | cut -d ' ' -f 1)\""
id=$(jq -r '.[1].id' <"$out")
ok 'as a table' cerca block list
like '... with its name' "$out" "^identity +$id +.*laptop.block.example"
fails 'a key is not let go' 2 'a lost key stays blocked' cerca block remove \
    "$(jq -r '.[0].id' <"$out" 2>/dev/null || printf '%064d' 1)"
ok 'the identity is' cerca block remove "$id"
fails '... once' 1 'rule block.unknown' cerca block remove "$id"
fails 'what is no identity is wrong usage' 2 'digits of an identity' cerca block remove laptop
ok 'then it gets a certificate' issue laptop
is '... its tokens stay revoked' "$(state_of "$own")" revoked
is 'the key is still blocked' "$(cerca block list -o json | jq -r '.[].kind')" key
ok 'the audit log has both' sh -c "cerca audit log -o json |
    jq -e '[.[].action] | index(\"identity-unblock\") != null'"

# --- without a revocation --------------------------------------------------------------------------------

issue phone 2>phone.err || bail 'not issued'
cerca revoke phone.pem --reason superseded >/dev/null || bail 'not revoked'
late=$(token late.token --name dns:phone.block.example)
fails 'what is revoked already is not revoked again' 1 'refused' \
    cerca revoke phone.pem --reason superseded --block-identity
ok 'its names are blocked alone' cerca block add phone.pem
like '... and said so' "$out" "^$(serial_of phone) +blocked"
is '... with its token' "$(state_of "$late")" revoked
fails '... and get nothing' 1 'rule identity.blocked' issue phone
fails 'once' 1 'refused' cerca block add "$(serial_of phone)"
like '... by its rule' "$out" 'blocked already'
fails 'an unknown serial is said' 1 'No certificate' cerca block add 4f1d5c0a9b3e77a2c4d8e6f001122334

# Many at once, over pages.
{
    echo name,sans
    for n in $(seq 60); do
        echo "n$n,dns:n$n.many.example"
    done
} >list.csv
cerca bulk list.csv --out-dir many --profile tls-server -o json >many.json 2>/dev/null
cerca revoke --name .many.example --yes --reason cACompromise --block-identity -o json >"$out" 2>"$err"
json 'sixty are revoked and blocked' '[.[] | select(.result == "revoked")] | length == 60'
is 'and all are listed' "$(cerca block list -o json | jq -c '[group_by(.kind)[] | length]')" '[61,61]'
is '... none twice' "$(cerca block list -o csv | tail -n +2 | cut -d , -f 2 | sort -u | wc -l)" 122

# --- killed, restarted ---------------------------------------------------------------------------------------

issue watch 2>watch.err || bail 'not issued'
last=$(token last.token --name dns:watch.block.example)
ca_stop
: >"$ca_dir/view/kill-once"
CERCA_STEP_KILL=cerca-ca:revoke.answer:1@$ca_dir/view/kill-once ca_start || bail 'no start'
run cerca revoke watch.pem --block-identity
like 'killed before it answered, it is asked again and says that it was done' "$out" 'revoked already'
ok '... killed it was' test ! -e "$ca_dir/view/kill-once"
is 'its token is revoked' "$(state_of "$last")" revoked
fails 'and its names are blocked' 1 'rule identity.blocked' issue watch
ok 'the store is sound' cerca store check
done_testing
