#!/bin/bash
# docs/runbooks.md, typed word by word against a CA whose responder answers and whose clients enrolled: each disaster
# ends as its page says.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

http=on
ca_init || bail 'no CA'
mkdir "$scratch/here"
ln -s "$ca_dir" "$scratch/here/ca"
cd "$scratch/here" || exit 1
bob=$(id -u nobody)
sed -i "s|^operators = (|&\n    { name = \"bob\"; uid = \"$bob\"; role = \"operator\"; },|" "$ca_dir/cerca.conf"
chmod 755 "$scratch" "$scratch/here" "$ca_dir" "$ca_dir/sock"
chmod 644 "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

fenced "$root/docs/runbooks.md"
typed=0
# systemctl is what a service has; the shell that types has none.
type_it() {
    typed=$((typed + 1))
    {
        echo 'set -e -o pipefail'
        echo "systemctl() {
            case \$1 in
            reload) kill -HUP $ca_pid; $root/tests/flow/await-generation \"\$CERCA_CONF\" ;;
            *) echo \"\$1\" >\"$scratch/asked\"; until [ ! -e \"$scratch/asked\" ]; do sleep 0.05; done ;;
            esac
        }"
        cat "$scratch/sh$typed"
    } >"$scratch/typed"
    bash "$scratch/typed"
}
# While something is typed, whoever asks for a stop, a start or both gets that: the CA is a child of this shell.
restarting() {
    type_it >"$scratch/said" 2>&1 &
    typing=$!
    while kill -0 "$typing" 2>/dev/null; do
        if [ -s "$scratch/asked" ]; then
            read -r word <"$scratch/asked"
            [ "$word" = start ] || ca_stop
            [ "$word" = stop ] || ca_start
            rm "$scratch/asked"
        fi
        sleep 0.05
    done
    typed=$((typed + 1))
    wait "$typing"
    said=$?
    cp "$scratch/said" "$out"
    return "$said"
}
responders() {
    cerca list --profile ocsp-responder --limit 0 -o json | jq -r '[.[].serial] | sort | join(" ")'
}
as_bob() {
    as_user "$bob" cerca "$@"
}
bob_issues() { # NAME
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" \
        -out "$1.csr" 2>/dev/null
    chmod 644 "$1.csr"
    as_bob issue --profile tls-client --csr "$1.csr" --san "dns:$1.example" --owner bob
}

# --- what there is when it happens ---------------------------------------------------------------------

ok 'a server has a certificate' cerca issue --profile tls-server --key-out web.key --san dns:web.example --out web.pem
ok 'an operator made one for a machine' bob_issues vpn
ok 'a token is out there' cerca token create --profile tls-client --name dns:new.example --uses 5 --ttl 1d
ok 'the responder has its certificates' wait_until 60 sh -c 'test "$(cerca list --profile ocsp-responder -o json | jq length)" -ge 1'

# --- evidence, a compromised issuing CA ---------------------------------------------------------------

ok 'evidence is kept' type_it
ok '... and can be verified elsewhere' cerca audit verify evidence
sed -i "/^issuers = (/r $scratch/conf1" "$CERCA_CONF"
ok 'the next issuing CA is made' type_it
sed -i "/^ *name = \"issuing\";/r $scratch/conf2" "$CERCA_CONF"
ok 'the old one issues nothing more' type_it
like 'who is affected is on a list' affected.csv 'web.example'
ok 'renewals are pulled forward' type_it
like '... and counted' "$out" issuing-gone
ok 'a server is renewed by the next CA' cerca renew web.example --key-out new.key --out new.pem
ok 'the old CA is revoked, and all below it' type_it
cerca crl show root -o pem >root.crl
cerca crl show issuing -o pem >issuing.crl
cat "$ca_dir/ca/root.pem" root.crl issuing.crl >with-crls.pem
fails 'OpenSSL accepts nothing below it' 2 'certificate revoked' openssl verify -crl_check_all \
    -CAfile with-crls.pem -untrusted "$ca_dir/ca/issuing.pem" web.pem
cerca crl publish issuing-2 >/dev/null 2>&1
cerca crl show issuing-2 -o pem >>with-crls.pem
ok '... and what its successor has issued' openssl verify -crl_check_all -CAfile with-crls.pem \
    -untrusted "$ca_dir/ca/issuing-2.pem" new.pem

# --- an OCSP key ----------------------------------------------------------------------------------------

before=$(responders)
ok 'new OCSP keys take a stop and a start' restarting
ok '... and are certified' wait_until 60 sh -c 'test "$(cerca list --profile ocsp-responder --limit 0 -o json | jq length)" -gt '"$(wc -w <<<"$before")"

# --- a front end ----------------------------------------------------------------------------------------

ok 'another certificate is issued' bob_issues late
ok 'what was issued since then is revoked' type_it
is '... all of it' "$(cerca list --name late.example -o json | jq -r '.[0].status')" revoked
like '... and on record' issued-since.csv intent
ok 'tokens go' restarting
is '... all of them' "$(cerca token list -o json | jq length)" 0

# --- an operator ----------------------------------------------------------------------------------------

ok 'bob is an operator' bob_issues kept
sed -i '/name = "bob"; uid = /d' "$CERCA_CONF"
ok 'he is taken out' type_it
fails '... and is one no more' 1 'Permission denied' as_bob list
ok 'what carries his name is looked at' type_it
like '... certificates and deeds' "$out" 'operator:bob'
ok 'somebody else owns it' type_it
is '... from now on' "$(cerca list --name kept.example -o json | jq -r '.[0].owner')" alice

# --- a token --------------------------------------------------------------------------------------------

ca_stop
(cd "$ca_dir" && tar -cf "$scratch/here/tokens.tar" tokens)
ca_start || bail 'it does not start'
mv "$ca_dir/tokens" "$scratch/lost"
mkdir "$ca_dir/tokens"
ok 'the status tells of a lost token' wait_until 60 sh -c 'cerca status | grep -i "unavailable\|token"; ! cerca status >/dev/null'
ok 'revocation needs none' cerca revoke new.pem --reason superseded --yes
ok 'the copy takes its place' restarting
ok 'certificates are issued again' cerca issue --profile tls-server --key-out again.key --san dns:again.example --out again.pem
is 'everything was typed' "$typed" "$(find "$scratch" -maxdepth 1 -name 'sh*' | wc -l)"
ok 'in the end the store is sound' cerca store check

done_testing
