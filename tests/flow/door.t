#!/bin/sh
# The door seen from outside: request keys, renewals, dry runs, roles, intents that are given up,
# signatures that come too late, the clock, and stopping with requests under way.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
conf=$ca_dir/cerca.conf
log=$scratch/cercad.log
order_file=$ca_dir/signer/shim.control
cd "$scratch" || exit 1

order() {
    echo "$*" >"$order_file.new"
    mv "$order_file.new" "$order_file"
}

csr() { # NAME...
    for name in "$@"; do
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
            -addext "subjectAltName=DNS:$name.door.example" -keyout "$name.key" -out "$name.csr" \
            2>/dev/null || return 1
    done
}

request_key() {
    printf 'door %s' "$1" | sha256sum | cut -d ' ' -f 1
}

ask() { # CSR REQUEST-KEY OUT [OPTION]...
    asked_csr=$1
    asked_key=$(request_key "$2")
    asked_out=$3
    shift 3
    cerca issue --profile tls-server --csr "$asked_csr.csr" --request-key "$asked_key" \
        --out "$asked_out.pem" "$@"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

recorded() { # DNS-NAME
    cerca list --name "$1.door.example" -o json | jq length
}

audited() {
    cerca status -o json | jq -r '.items[] | select(.name == "audit").text' | cut -d ' ' -f 1
}

shown() { # PATTERN
    cerca status --timeout 5 | grep -Eq -- "$1"
}

logged() { # PATTERN
    grep -Eq -- "$1" "$log"
}

operator_is() { # ROLE: of the only operator, from a new start on
    ca_stop
    sed -i "/^operators/,/^)/s/role = \"[a-z]*\"/role = \"$1\"/" "$conf"
    ca_start || bail "it does not start for the role $1"
}

ca_init || bail 'no CA'
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' \
    -e 's|read_paths = .*|& call_limit = "10m";|' "$conf"
csr same many other first second dry role late behind stop || bail 'no CSRs'
ca_start || bail 'it does not start'

# --- request keys ---------------------------------------------------------------------------------

jobs=
for n in 1 2 3 4 5 6 7 8; do
    ask same once "same$n" >/dev/null 2>"same$n.err" &
    jobs="$jobs $!"
done
answered=0
for job in $jobs; do wait "$job" && answered=$((answered + 1)); done
is 'eight connections ask at once with one request key: all are answered' "$answered" 8
is '... with one and the same certificate' "$(cat same?.pem | sha256sum)" \
    "$(cat same1.pem same1.pem same1.pem same1.pem same1.pem same1.pem same1.pem same1.pem | sha256sum)"
is '... of which one is recorded' "$(recorded same)" 1
fails 'the same request key with another request is refused' 1 'request\.key' ask other once other
fails '... with another validity too' 1 'request\.key' ask same once other --validity 5d
is '... and nothing is recorded' "$(recorded other)" 0
ok 'another request key is another request' ask same twice same-twice
isnt() {
    test "$2" != "$3"
    report $? "$1"
}
isnt '... with a serial of its own' "$(serial_of same1)" "$(serial_of same-twice)"

# --- keys and replacements ------------------------------------------------------------------------

openssl req -new -key same.key -subj / -addext 'subjectAltName=DNS:stolen.door.example' \
    -out stolen.csr 2>/dev/null
fails 'a key that serves one name is refused for another' 1 'key\.reuse' ask stolen stolen stolen
ok 'a first certificate' ask first first first
ok 'its renewal' cerca renew "$(serial_of first)" --csr first.csr --out renewed.pem
ok 'shows' cerca show "$(serial_of renewed)" -o json
json 'what it replaces' ".replaces == \"$(serial_of first)\""
ok '... a file shows as its serial does' cerca show renewed.pem -o json
json 'the same one' ".serial == \"$(serial_of renewed)\""
fails '... unless it holds no certificate' 1 'selector\.file' cerca show first.csr
ok '... and the first shows' cerca show "$(serial_of first)" -o json
json 'what replaced it' ".replaced_by == \"$(serial_of renewed)\""
fails 'what was never recorded cannot be renewed' 1 'rule|not|no certificate' \
    cerca renew 40000000000000000000000000000000 --csr first.csr

# --- dry runs -------------------------------------------------------------------------------------

before=$(audited)
ok 'a dry run says that it would be issued' ask dry dry dry --dry-run
is '... and records no certificate' "$(recorded dry)" 0
is '... nor anything else' "$(audited)" "$before"
test ! -e dry.pem
report $? '... and writes no file'
ok '... of what is issued already too' ask same once again --dry-run
fails '... not for a key that serves another name' 1 'key\.reuse' ask stolen stolen stolen --dry-run
cerca close --reason 'a look' 2>/dev/null
fails '... nor while issuing is closed' 1 'store\.closed' ask dry dry dry --dry-run
cerca open 2>/dev/null
before=$(recorded dry)
ok '... which takes nothing from what comes of it later' ask dry dry dry
is '... once' "$(recorded dry)" "$((before + 1))"

# --- roles ----------------------------------------------------------------------------------------

operator_is auditor
before=$(audited)
fails 'an auditor may not issue' 1 'requester\.role' ask role role role
is '... which is recorded' "$(audited)" "$((before + 1))"
ok 'an auditor may list' cerca list
ok '... and show' cerca show "$(serial_of first)"
ok '... and look at the status' cerca status
ok '... and check the store' cerca store check
operator_is operator
ok 'an operator may issue' ask role role role
operator_is admin

# --- too late -------------------------------------------------------------------------------------

ca_stop
sed -i -e 's|^store = {|& intent_grace = "10s";|' "$conf"
echo 'ca = { sign_timeout = "1s"; };' >>"$conf"
ca_start || bail 'it does not start with short limits'
order C_Sign hold
fails 'a token that is too slow is told as something to retry' 1 'did not sign within 1 s' \
    ask late late late --timeout 3s
cerca list --name late.door.example --status open -o json >late.json
is '... and leaves an open intent' "$(jq length late.json)" 1
given_up() {
    [ "$(cerca list --name late.door.example --status revoked -o json | jq length)" -eq 1 ]
}
ok '... which is given up after its grace time, and listed as revoked' wait_until 20 given_up
rm "$order_file"
ok 'its signature comes after all' wait_until 15 logged 'signer\.late'
dropped() {
    grep -qa 'the signature came after its request had been given up' "$ca_dir"/store/durable/data.mdb
}
ok '... is dropped, and recorded so' wait_until 10 dropped
ok 'a retry is a new request' ask late late late
isnt '... with a new serial' "$(serial_of late)" "$(jq -r '.[0].serial' late.json)"
ok '... while the old one' cerca show "$(jq -r '.[0].serial' late.json)" -o json
json 'stays revoked' '.status != "valid"'

# --- stopping with requests under way -------------------------------------------------------------

ca_stop
sed -i 's|sign_timeout = "1s"|sign_timeout = "50s"|' "$conf"
ca_start || bail 'it does not start with a longer limit'
order C_Sign delay 30000 1
ask stop stop stop --timeout 20s >stop.out 2>&1 &
asking=$!
underway() {
    shown '1 requests under way'
}
ok '... while one waits for its token' wait_until 10 underway
ca_pid_before=$ca_pid
ca_stop
is_gone "$ca_pid_before"
report $? 'it stops though a request waits for its token'
status=0
wait "$asking" || status=$?
is 'the request is not answered with a certificate' "$status" 1
like '... but told to try again' stop.out 'retry|try again|again'
unlike '... and nothing broke' "$log" 'AddressSanitizer|runtime error|program=cerca-ca .*killed by signal'
rm -f "$order_file"
ca_start || bail 'it does not start again'
ok 'the same request is answered after the new start' ask stop stop stop
ca_stop

# --- the clock ------------------------------------------------------------------------------------

CERCA_TEST_CLOCK_OFFSET=-7200
export CERCA_TEST_CLOCK_OFFSET
cercad -c "$conf" >>"$log" 2>&1 &
ca_pid=$!
ok 'a clock behind the last serial is shown by the status' wait_until 20 shown \
    'issuing +stopped .*clock is [0-9]+ s behind'
fails '... and stops issuing' 1 'clock is [0-9]+ s behind' ask behind behind behind --timeout 10s
ok '... but not reading' cerca show "$(serial_of first)"
ca_stop
unset CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'it does not start with the right clock'
ok 'with the right clock it issues' ask behind behind behind
ok 'and the store is sound' cerca store check

done_testing
