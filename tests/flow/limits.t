#!/bin/sh
# Limits of profiles and requesters: refused with the time to wait, counted over restarts, and not
# for a request that is repeated. Then two operators, for opening a closed CA.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

nobody=$(id -u nobody)

as_nobody() {
    as_user "$nobody" cerca "$@"
}

ask() { # PROFILE NAME [OPTION...]
    profile=$1
    host=$2
    shift 2
    cerca issue --profile "$profile" --key-out "$scratch/$host.key" --force --san "dns:$host.limit.example" \
        --out "$scratch/$host.pem" --timeout 20 "$@"
}

item() {
    cerca status -o json | jq -r ".items[] | select(.name == \"$1\") | .state + \": \" + .text"
}

open_folders() {
    chmod 0711 "$scratch" "$ca_dir" "$ca_dir/sock"
    chmod 0644 "$CERCA_CONF"
}

ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<END
profiles = (
    { name = "tls-server"; limit = "2/1d"; },
    { name = "tls-client"; san_kinds = ( "dns" ); }
);
ca = { requester_limit = "4/1d"; two_operators = ( "open", "ca-install" ); };
END
sed -i "s|^operators = (|&\n    { name = \"eve\"; uid = \"$nobody\"; role = \"admin\"; },|" \
    "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
open_folders

# --- limits ---

is 'before anything is counted there is nothing to tell' "$(item limits)" ''
ok 'the first of the profile' ask tls-server a
ok 'the second' ask tls-server b
fails 'the third is refused, with the time to wait' 1 'rule limit\.profile.*retry after [0-9]{5} s' \
    ask tls-server c
is '... and leaves no key' "$(cd "$scratch" && echo c.*)" 'c.*'
cp "$scratch/a.key" "$scratch/a.before"
fails 'nor in place of one that serves' 1 'rule limit\.profile' ask tls-server a
is '... which stays' "$(cmp "$scratch/a.key" "$scratch/a.before" && cd "$scratch" && echo a.*)" \
    'a.before a.key a.pem'
printf 'name,sans\nx,dns:x.limit.example\ny,dns:y.limit.example\n' >"$scratch/rows.csv"
fails 'of many none is asked for behind the one that is refused so' 1 'nothing more is issued now' \
    cerca bulk "$scratch/rows.csv" --out-dir "$scratch/rows" --profile tls-server -o csv
like '... for the limit' "$out" '^2,x,refused,,,limit\.profile'
is '... and no key is left' "$(ls "$scratch/rows")" ''
key=$(printf '%064d' 7)
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
    -addext subjectAltName=DNS:d.limit.example -keyout /dev/null -out "$scratch/d.csr" 2>/dev/null
same() {
    cerca issue --profile tls-client --csr "$scratch/d.csr" --request-key "$key" \
        --out "$scratch/d.pem"
}
ok 'another profile is not at its limit' same
ok 'a request that is repeated' same
ok '... counts once: the requester has one left' ask tls-client e
fails 'then the requester is at the limit' 1 'rule limit\.requester' ask tls-client f
fails '... which a dry run tells' 1 'rule limit\.requester' ask tls-client f --dry-run
ok 'what is known already is still answered' same
like 'the status tells' "$(item limits >"$scratch/limits" && echo "$scratch/limits")" \
    '^reached: profile tls-server 2 of 2/1d, operator:.* 4 of 4/1d$'
cerca token create --profile tls-client --name dns:.limit.example --out "$scratch/token" 2>/dev/null
fails 'a token counts for who made it' 1 'rule limit\.requester' \
    cerca issue --token-file "$scratch/token" --csr "$scratch/d.csr" --timeout 20
ca_stop
# Killed at the second approval, below, once.
: >"$ca_dir/view/kill-once"
CERCA_STEP_KILL=cerca-ca:approval.approved:2@$ca_dir/view/kill-once
export CERCA_STEP_KILL
ca_start || bail 'it does not start again'
unset CERCA_STEP_KILL
open_folders
fails 'a restart forgets no count' 1 'rule limit\.profile' ask tls-server c

# --- two operators ---

ok 'the CA is closed' cerca close --reason 'somebody left'
fails 'which issues nothing' 1 'rule store\.closed' ask tls-server g
is '... and no key is left' "$(cd "$scratch" && echo g.*)" 'g.*'
fails 'opening it waits for a second operator' 3 'request 1 waits for a second operator' \
    cerca open --reason 'all well'
fails '... once, however often it is asked for' 3 'request 1 waits' cerca open --reason 'all well'
like '... and it is still closed' "$(item gate >"$scratch/gate" && echo "$scratch/gate")" '^closed'
is 'the status tells' "$(item requests)" 'ready: 1 wait for a second operator, 0 certificates for approval'
fails 'who asked cannot approve' 1 'rule request\.second' cerca request approve 1
as_nobody request list -o json >"$out"
json 'the other operator sees what it is' \
    '.[0].id == 1 and .[0].kind == "open" and .[0].state == "waiting" and
     (.[0].text | test("somebody left.*all well"))'
ok 'a dry run approves nothing' as_nobody request approve 1 --dry-run
is '...' "$(item requests)" 'ready: 1 wait for a second operator, 0 certificates for approval'
ok 'the other operator approves' as_nobody request approve 1
is '... and it is open' "$(item gate)" ''
fails 'nobody approves twice' 1 'rule request\.closed' as_nobody request approve 1
cerca request show 1 -o json >"$out"
json 'the request tells what became of it' '.state == "done" and .decided_by == "operator:eve"'
is 'nothing waits' "$(cerca request list -o json)" '[]'
cerca close --reason again >"$out"
cerca open --reason x -o json >"$out" 2>"$err"
is 'a program is told the number' "$? $(jq -r .request <"$out")" '3 2'
ok 'it is denied' as_nobody request deny 2 --reason 'not yet'
fails '... and cannot be approved then' 1 'rule request\.closed' as_nobody request approve 2
fails 'a number that is none' 2 'number of a request' cerca request show x
fails 'a number that is not there' 1 'rule request\.unknown' cerca request show 99

# A certificate of a CA.
ok 'a dry run of installing one asks nobody' cerca ca install "$ca_dir/ca/issuing.pem" --dry-run
fails 'installing one waits for a second operator' 3 'request 3 waits' \
    cerca ca install "$ca_dir/ca/issuing.pem"
as_nobody request show 3 -o json >"$out"
json '... who sees which' "(.text | test(\"issuing.*$(openssl x509 -in "$ca_dir/ca/issuing.pem" \
    -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f' | cut -c 1-32)\"))"
ok '... and says no' as_nobody request deny 3

# Killed after the approval is durable and before it is carried out: done at the next start.
cerca open --reason third >"$out" 2>&1
as_nobody request approve 4 >/dev/null 2>&1
test ! -e "$ca_dir/view/kill-once"
report $? 'the CA is killed between an approval and what it is for'
is_done() {
    [ "$(cerca request show 4 -o json | jq -r .state)" = "done" ]
}
wait_until 20 is_done
report $? 'what was approved when the CA was killed is carried out at the next start'
is '... so that the CA is open' "$(item gate)" ''
ok 'the store is sound' cerca store check

# Who asked is no administrator any more when it is approved.
fails 'a request is left behind' 3 'request 5 waits' cerca ca install "$ca_dir/ca/issuing.pem"
ca_stop
sed -i "/uid = \"$(id -u)\"/s/role = \"admin\"/role = \"operator\"/" "$CERCA_CONF"
ca_start || bail 'it does not start with another role'
open_folders
fails 'what a former administrator asked for is not approved' 1 'rule request\.asker' \
    as_nobody request approve 5
ok '... but can be denied' as_nobody request deny 5
done_testing
