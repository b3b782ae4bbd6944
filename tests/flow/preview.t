#!/bin/sh
# Which recorded certificates a changed configuration would no longer allow, before it is taken.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

issue() { # NAME PROFILE [OPTION]...
    name=$1
    profile=$2
    shift 2
    cerca issue --profile "$profile" --key-out "$name.key" --out "$name.pem" "$@" 2>"$name.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

issue inside tls-server --san dns:a.inside.example || bail 'inside'
issue outside tls-server --san dns:a.outside.example || bail 'outside'
issue long tls-server --san dns:long.inside.example --validity 300d || bail 'long'
issue rsa tls-client --san email:a@inside.example --key-type rsa2048 || bail 'rsa'
issue gone tls-server --san dns:gone.outside.example || bail 'gone'
cerca revoke gone.pem >/dev/null 2>&1 || bail 'not revoked'

changed() { # TEXT OF PROFILES
    {
        cat "$CERCA_CONF"
        echo "profiles = ( $1 );"
    } >new.conf
}

cp "$CERCA_CONF" new.conf
ok 'the same configuration refuses nothing' cerca policy preview new.conf -o json
json 'an empty list' '. == []'
like 'and says how many were looked at' "$err" '0 of [0-9]+ valid certificates would no longer'

changed '{ name = "tls-server"; dns = ( ".inside.example" ); validity_max = "100d"; },
    { name = "tls-client"; key_types = ( "p256" ); }'
ok 'a narrower one tells what it would no longer allow' cerca policy preview new.conf -o json
is 'each with its rule' "$(jq -r '.[] | "\(.serial) \(.rule)"' <"$out" | sort)" "$(printf '%s\n' \
    "$(serial_of outside) san.dns.pattern" "$(serial_of long) validity.max" \
    "$(serial_of rsa) key.type" | sort)"
ok 'as a table' cerca policy preview new.conf
like 'with the name' "$out" 'a.outside.example'
ok 'as CSV' cerca policy preview new.conf -o csv
is 'nothing was changed by looking' "$(cerca list --status valid --profile tls-server -o json | jq length)" 3

# What was got with a token counts for who made the token.
cerca token create --profile tls-client --name email:t@inside.example --out t.token 2>/dev/null || bail 'token'
issue token tls-client --token-file t.token --san email:t@inside.example || bail 'by token'
changed '{ name = "tls-client"; operators = ( "'"$(id -un)"'" ); }'
ok 'a profile of named operators' cerca policy preview new.conf -o json
json 'allows what one of them made a token for' '. == []'

changed '{ name = "tls-server"; validity_mx = "1d"; }'
fails 'a mistake is told with its line' 1 'new.conf:[0-9]+' cerca policy preview new.conf
fails 'a file that is not there is named' 1 'nowhere.conf' cerca policy preview nowhere.conf

done_testing
