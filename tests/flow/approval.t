#!/bin/sh
# A profile that needs an operator's yes: whoever asks, by whatever way, waits (EST: 202), somebody
# else approves or denies, and who asks again gets the certificate, one, whatever is killed meanwhile.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

bob=$(id -u nobody)
carol=65533
dan=65532

as() { # UID COMMAND...: of cerca
    uid=$1
    shift
    as_user "$uid" cerca "$@"
}

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
sed -i "s|^operators = (|&\n    { name = \"bob\"; uid = \"$bob\"; role = \"operator\"; },\n    \
{ name = \"carol\"; uid = \"$carol\"; role = \"operator\"; },\n    \
{ name = \"dan\"; uid = \"$dan\"; role = \"operator\"; },|" "$conf"
cat >>"$conf" <<'labels'
profiles = (
    { name = "watched"; eku = ( "clientAuth" ); san_kinds = ( "dns" ); approval = "one";
      backdate = "2h"; },
    { name = "tls-server"; backdate = "2h"; },
    { name = "guarded"; eku = ( "clientAuth" ); san_kinds = ( "dns" ); approval = "two";
      approve_renewals = true; approvers = ( "bob", "carol" ); }
);
grants = ( { name = "dans"; operator = "dan"; profiles = ( "watched" ); dns = ( ".dan.test" ); } );
est = (
    { name = "default"; profile = "watched"; ways = ( "token", "password", "certificate" ); },
    { name = "open"; profile = "tls-client"; },
    { name = "step"; profile = "watched"; ways = ( "certificate" ); from = ( "tls-client" ); },
    { name = "keys"; profile = "watched"; ways = ( "token" ); server_keys = ( "p256" ); },
    { name = "guarded"; profile = "guarded"; ways = ( "token", "certificate" ); }
);
est_users = ( { name = "fleet"; names = ( "dns:.fleet.test" ); } );
ca = { password_file = "enroll.passwd"; request_retry = "7s"; request_life = "1h";
       requests_each = "3"; requests_waiting = "100"; };
labels
printf 'fleet:%s\n' "$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd"
port=$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' "$conf")
base=https://localhost:$port/.well-known/est
moved=$scratch/clock # ahead later, so that certificates are made to begin two hours ago
printf '%-40d' 0 >"$moved"
CERCA_TEST_CLOCK_OFFSET=@$moved
export CERCA_TEST_CLOCK_OFFSET

is_up() {
    curl -sf -m 20 --cacert root.pem "$base/cacerts"
}

start() {
    ca_start || bail 'it does not start'
    chmod 0711 "$scratch" "$ca_dir" "$ca_dir/sock"
    chmod 0644 "$CERCA_CONF"
    wait_until 20 is_up || bail 'HTTPS is not there'
}

cp "$ca_dir/ca/root.pem" root.pem
start

# post PATH FILE [OPTION...]: the status; the head in `head`, the body in `body`.
post() {
    path=$1
    file=$2
    shift 2
    : >body
    curl -s -m 20 --cacert root.pem -D head -o body -w '%{http_code}' \
        -H 'Content-Type: application/pkcs10' --data-binary "@$file" "$@" "$base/$path"
}

# fleet NAME: a user's request.
fleet() {
    post simpleenroll "$1.csr" -u 'fleet:open sesame'
}

field() { # NAME
    tr -d '\r' <./head | sed -n "s/^$1: //p"
}

csr() { # NAME DNS: a new key, and a request
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    again "$1" "$2"
}

again() {
    openssl req -new -key "$1.key" -subj "/CN=$2" -addext "subjectAltName=DNS:$2" \
        -outform DER -out "$1.der" && base64 <"$1.der" >"$1.csr"
}

taken() { # NAME
    base64 -d <body | openssl pkcs7 -inform DER -print_certs -out "$1.pem" &&
        openssl verify -CAfile root.pem -untrusted "$ca_dir/ca/issuing.pem" "$1.pem"
}

waits() { # the number that the last answer told
    sed -n 's/.*request \([0-9]*\) waits.*/\1/p' body
}

says() {
    like "$1" body "$2"
}

issued() { # PROFILE: how many
    cerca list --profile "$1" -o json | jq length
}

token() { # PROFILE NAME [OPTION...]
    profile=$1
    name=$2
    shift 2
    cerca token create --profile "$profile" --name "dns:$name" --ttl 1d "$@" -o json 2>/dev/null |
        jq -r .token
}

# --- asking, by EST -----------------------------------------------------------------------------------

csr a a.fleet.test
is 'what policy refuses is refused at once' "$(csr x other.test && fleet x)" 403
is 'the rest waits' "$(fleet a)" 202
is '... and is told when to come again' "$(field Retry-After)" 7
says '... and as what' 'request 1 waits for approval, 0 of 1'
is 'asked again' "$(fleet a)" 202
again a a.fleet.test
is '... with another CSR for it' "$(fleet a)" 202
is '... it is still one' "$(waits)" 1
ok 'the list has it' cerca request list -o json
json '... once, and who, what, since when' 'length == 1 and .[0].id == 1 and .[0].kind == "issue" and
    .[0].state == "waiting" and .[0].asked_by == "user:fleet" and .[0].profile == "watched" and
    .[0].names == "dns:a.fleet.test" and .[0].subject == "CN=a.fleet.test" and .[0].key == "p256" and
    (.[0].key_sha256 | length) == 64 and .[0].origin == "est 127.0.0.1" and .[0].approvals == 1 and
    .[0].created < .[0].expires and .[0].asked_uid == null'
ok 'the status counts it' sh -c "cerca status | grep -F '1 certificates for approval'"
is 'nothing is issued' "$(issued watched)" 0
ok 'one may look first' as "$bob" request approve 1 --dry-run
is '... it waits still' "$(fleet a)" 202
fails 'whose grants have not the name approves not' 1 'rule grant\.name' as "$dan" request approve 1
ok 'an operator approves' as "$bob" request approve 1
like '... which is said' "$out" '^state +approved'
is 'nothing is issued to nobody' "$(issued watched)" 0
fails 'nobody approves twice' 1 'rule request\.closed' as "$carol" request approve 1
is 'who asks again has it' "$(fleet a)" 200
ok '... it is good' taken a
cp body first
is '... and again' "$(fleet a)" 200
ok '... the same' cmp body first
is '... one' "$(issued watched)" 1
ok 'the request is done' as "$bob" request show 1 -o json
json '... names the certificate' '.state == "done" and (.serial | length) > 30 and
    .approved_by == ["operator:bob"]'
ok 'the audit log has every step' sh -c "cerca audit log -o json |
    jq -es '[.. | objects | select(.detail? // \"\" | startswith(\"request 1\")).action] as \$a |
        (\$a | index(\"request\")) != null and (\$a | index(\"approve\")) != null and
        (\$a | index(\"intent\")) != null'"

# --- denied -------------------------------------------------------------------------------------------

csr d d.fleet.test
is 'another one' "$(fleet d)" 202
ok '... is denied' as "$bob" request deny 2 --reason 'not one of ours'
is '... which who asks is told' "$(fleet d)" 403
says '... and why' 'Request 2 was denied: not one of ours.*rule request\.denied'
fails '... and is not approved any more' 1 'rule request\.closed' as "$carol" request approve 2

# --- the way back: our own client waits ---------------------------------------------------------------

printf 'open sesame\n' >password
enroll() { # NAME [OPTION...]
    name=$1
    shift
    cerca est enroll --url "https://localhost:$port" --trust root.pem --user fleet \
        --password-file password --use-key "$name.key" --san "dns:$name.fleet.test" \
        --out "$name.pem" "$@"
}
csr e e.fleet.test
fails 'our own client does not wait unasked' 3 'asks? again' enroll e
enroll e --wait 60s >client 2>&1 &
client=$!
ok 'it waits when asked to' wait_until 10 grep -q 'asking again in 7 s' client
ok '... until somebody approves' as "$bob" request approve 3
wait "$client"
is '... and has its certificate' "$?" 0
ok '... good' openssl verify -CAfile root.pem -untrusted "$ca_dir/ca/issuing.pem" e.pem

# --- who stands behind a request does not approve it ----------------------------------------------------

secret=$(token watched t.test)
csr t t.test
is 'a token that an operator made' "$(post simpleenroll t.csr -u "x:$secret")" 202
fails '... who may not approve' 1 'rule request\.second' cerca request approve 4
ok '... is said' sh -c "cerca request show 4 | grep -E '^behind it +operator:'"
fails 'nor is it denied by who may not have the name' 1 'rule grant\.name' as "$dan" request deny 4
ok 'another one approves' as "$carol" request approve 4
is '... and it is issued' "$(post simpleenroll t.csr -u "x:$secret")" 200
ok '... good' taken t
csr c c.test
is 'a certificate that an operator let have' \
    "$(post open/simpleenroll c.csr -u "x:$(token tls-client c.test)")" 200
ok '... good' taken c
csr n c.test
is '... asks for one of the watched profile' "$(post step/simpleenroll n.csr --cert c.pem \
    --key c.key)" 202
fails '... and that operator does not approve' 1 'rule request\.second' cerca request approve 5
ok '... another does' as "$bob" request approve 5
is '... it is issued' "$(post step/simpleenroll n.csr --cert c.pem --key c.key)" 200
ok '... good' taken n

# --- renewing -----------------------------------------------------------------------------------------

csr r c.test
is 'a renewal as it was needs nobody' "$(post simplereenroll r.csr --cert n.pem --key n.key)" 200
is '... but not of another profile' "$(post step/simplereenroll r.csr --cert c.pem --key c.key)" 202
ok '... denied' as "$bob" request deny 6

# --- two operators --------------------------------------------------------------------------------------

g=$(token guarded g.test)
csr g g.test
guarded() {
    post guarded/simpleenroll g.csr -u "x:$g"
}
is 'where two must say yes' "$(guarded)" 202
fails 'others than the approvers do not' 1 'rule approver\.operator' as "$dan" request approve 7
ok 'one says so' as "$bob" request approve 7
is '... it waits still' "$(guarded)" 202
says '... for the other' '1 of 2'
fails '... who is another one' 1 'rule request\.twice' as "$bob" request approve 7
ok 'the other says so' as "$carol" request approve 7
is '... it is issued' "$(guarded)" 200
ok '... good' taken g
csr h g.test
is 'here a renewal needs them too' "$(post guarded/simplereenroll h.csr --cert g.pem --key g.key)" 202
ok '... one denies' as "$carol" request deny 8
is '... which ends it' "$(post guarded/simplereenroll h.csr --cert g.pem --key g.key)" 403

# --- operators -------------------------------------------------------------------------------------------

openssl ecparam -name prime256v1 -genkey -noout -out o.key
openssl req -new -key o.key -subj /CN=o.test -addext subjectAltName=DNS:o.test -out o.csr
operator() {
    cerca issue --profile watched --csr o.csr --out o.pem "$@"
}
fails 'a dry run says that it would wait' 3 'would wait for approval by an operator' operator --dry-run
fails 'an operator waits too' 3 'request 9 waits for approval' operator
like '... and is told how to go on' "$err" 'add --request-key'
fails '... and does not approve' 1 'rule request\.second' cerca request approve 9
ok 'explain says that it is needed' sh -c \
    "cerca policy explain --profile watched --csr o.csr | grep -E 'approval +one operator'"
fails 'a dry run goes on saying so' 3 'would wait for approval by an operator' operator --dry-run
ok 'another operator approves' as "$carol" request approve 9
ok '... then a dry run says that it would be issued' operator --dry-run
ok '... and it is' operator
cp o.pem o.first
ok '... once' operator
ok '... the same' cmp o.pem o.first
serial=$(openssl x509 -in o.pem -noout -serial | sed 's/.*=//')
fails 'an operator who renews it with another key waits' 3 'waits for approval' \
    cerca renew "$serial" --key-out o2.key --out o2.pem
ok '... the key is kept' openssl pkey -in o2.key -noout
ok '... and the request, to ask again' openssl req -in o2.key.csr -verify -noout
ok 'with the same key nobody is needed' cerca renew "$serial" --csr o.csr --out o2.pem
printf 'name,sans\nb1,dns:b1.test\nb2,dns:b2.test\n' >rows.csv
fails 'bulk waits' 3 '2 wait for approval' cerca bulk rows.csv --out-dir rows --profile watched
is '... a row as the other' "$(cut -c1-7 <"$out" | grep -c '^b')" 2
cerca request list --profile watched --name b2.test -o json >"$out" || cat "$out"
json '... the list is searched' 'length == 1 and .[0].names == "dns:b2.test"'
for id in $(cerca request list --asked-by "$(jq -r '.[0].asked_by' <"$out")" -o json | jq '.[].id'); do
    as "$bob" request approve "$id" >/dev/null 2>&1
done
ok '... the same again has them' cerca bulk rows.csv --out-dir rows --profile watched
ok '... both' test -s rows/b1.pem -a -s rows/b2.pem

# --- keys that the server makes ---------------------------------------------------------------------------

k=$(token watched k.test)
csr k k.test
keygen() {
    post keys/serverkeygen k.csr -u "x:$k"
}
is 'a key that the server makes waits too' "$(keygen)" 202
id=$(waits)
is '... as one request' "$(keygen) $(waits)" "202 $id"
as "$bob" request show "$id" -o json >"$out"
json '... of no key yet' '.key == "p256, made here" and .key_sha256 == null'
ok '... approved' as "$bob" request approve "$id"
is '... made' "$(keygen)" 200
is '... and anew, in its place' "$(keygen)" 200
is '... one' "$(cerca list --name k.test -o json | jq '[.[] | select(.status == "valid")] | length')" 1

# --- bounds, and time ------------------------------------------------------------------------------------

for n in 1 2 3 4; do csr "m$n" "m$n.fleet.test"; done
is 'nobody fills the list' "$(fleet m1) $(fleet m2) $(fleet m3) $(fleet m4)" '202 202 202 503'
says '... who has so many' '3 requests of user:fleet wait.*rule request\.many'
is 'others do not mind' "$(csr z z.test &&
    post simpleenroll z.csr -u "x:$(token watched z.test)")" 202
fleet m1 >one
id=$(waits)
ca_stop
printf '%-40d' 3700 >"$moved"
start
fails 'what has expired is not approved' 1 'rule request\.expired' as "$bob" request approve "$id"
is '... and not listed' "$(cerca request list -o json | jq length)" 0
is '... and is asked for anew' "$(fleet m1)" 202
ok '... under another number' test "$(waits)" -gt "$id"
is '... and so others have room again' "$(fleet m4)" 202
is 'what was denied may be asked again too' "$(fleet d)" 202

# --- killed ------------------------------------------------------------------------------------------------

fleet m1 >one
id=$(waits)
ok 'approved' as "$bob" request approve "$id"
is 'killed before anybody fetched it' "$(cerca status -o json >status.json &&
    tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r pid; do
        [ "$(cat "/proc/$pid/comm")" = cerca-ca ] && kill -9 "$pid" && echo killed
    done | sort -u)" killed
wait_until 20 is_up
has_it() {
    [ "$(fleet m1)" = 200 ]
}
ok '... it is fetched then' wait_until 20 has_it
ok '... good' taken m1
cp body first
is '... once' "$(cerca list --name m1.fleet.test -o json | jq length)" 1
ca_stop
# Within the commit of an approval, then between the intent and the signature.
for step in store.commit.after approval.decided store.reserve.after door.signed store.finish.after; do
    CERCA_STEP_KILL=cerca-ca:$step:1@$ca_dir/view/kill-once
    export CERCA_STEP_KILL
    start
    csr k "$step.fleet.test"
    is "$step: it waits" "$(fleet k)" 202
    id=$(waits)
    : >"$ca_dir/view/kill-once"
    as "$bob" request approve "$id" >/dev/null 2>&1
    wait_until 20 is_up
    approved() {
        as "$bob" request show "$id" -o json | jq -e '.state != "waiting"' ||
            as "$bob" request approve "$id"
    }
    ok '... approved' wait_until 20 approved
    fetched() {
        [ "$(fleet k)" = 200 ]
    }
    ok '... fetched' wait_until 20 fetched
    is '... killed' "$(test -e "$ca_dir/view/kill-once" && echo alive)" ''
    ok '... good' taken k
    is '... once' "$(cerca list --name "$step.fleet.test" -o json |
        jq '[.[] | select(.status == "valid")] | length')" 1
    ca_stop
done
unset CERCA_STEP_KILL
start
ok 'the store is whole' cerca store check
done_testing
