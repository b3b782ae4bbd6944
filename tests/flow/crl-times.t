#!/bin/sh
# CRLs over time: who expired leaves them, a clock that was wrong takes nobody off, a token that was
# away is made up for; and those of a root that is kept elsewhere, made by OpenSSL.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
hour=3600
day=86400
cd "$scratch" || exit 1

# --- a CA below a root that is kept elsewhere ------------------------------------------------------

# shellcheck disable=SC2046 # options
cerca init --dir "$ca_dir" $(port_options) --base-url http://pki.example --org Example --offline-root --yes \
    >init.out 2>&1 || bail 'no CA'
CERCA_CONF=$ca_dir/cerca.conf
export CERCA_CONF
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' \
    -e 's/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s";/' "$CERCA_CONF"

openssl ecparam -name secp384r1 -genkey -noout -out root.key
openssl req -x509 -new -key root.key -utf8 -subj '/O=Example/CN=Example Root CA' -days 7300 \
    -sha384 -addext basicConstraints=critical,CA:TRUE,pathlen:2 \
    -addext keyUsage=critical,keyCertSign,cRLSign -out root.pem 2>/dev/null
printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=critical,keyCertSign,cRLSign \
    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >ext
openssl x509 -req -in "$ca_dir/ca/issuing.csr" -CA root.pem -CAkey root.key -days 1800 \
    -set_serial 0x4142434445464748 -extfile ext -out issuing.pem 2>/dev/null

answers() {
    cerca list --timeout 5
}

# start [OFFSET]: seconds. A CA whose clock is in doubt is never well.
start() {
    CERCA_TEST_CLOCK_OFFSET=${1:-0} cercad -c "$CERCA_CONF" >>cercad.log 2>&1 &
    ca_pid=$!
    wait_until 30 answers
}

issue() { # NAME VALIDITY
    cerca issue --profile tls-server --key-out "$1.key" --san "dns:$1.crl.example" \
        --validity "$2" --out "$1.pem" >/dev/null 2>"$1.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

on_crl() { # NAME
    cerca crl show issuing -o json | jq -e ".revoked[] | select(.serial == \"$(serial_of "$1")\")"
}

off_crl() {
    ! on_crl "$1"
}

state_is() { # ISSUER STATE
    cerca status --timeout 5 -o json |
        jq -e --arg n "crl.$1" --arg s "$2" 'any(.items[]; .name == $n and .state == $s)'
}

start || bail 'it does not start'
cerca ca install issuing.pem root.pem >/dev/null || bail 'the issuing CA is not installed'
wait_until 20 cerca status || bail 'it is not well'

# --- the root's CRL -------------------------------------------------------------------------------

printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha384\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n' >ca.cnf
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha384\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n' >bare.cnf
: >index
utc() { # SECONDS FROM NOW
    date -u -d "@$(($(date +%s) + $1))" +%Y%m%d%H%M%SZ
}
# root_crl NUMBER FROM UNTIL FILE [KEY CERT]: times in seconds from now.
root_crl() {
    printf '%s\n' "$1" >number
    openssl ca -config ca.cnf -gencrl -keyfile "${5:-root.key}" -cert "${6:-root.pem}" \
        -crl_lastupdate "$(utc "$2")" -crl_nextupdate "$(utc "$3")" -out "$4" 2>/dev/null
}
root_crl 05 0 $((40 * day)) five.crl
root_crl 04 0 $((40 * day)) four.crl
root_crl 06 -$((9 * day)) -60 past.crl
root_crl 06 $day $((40 * day)) future.crl
printf '06\n' >number
openssl ca -config bare.cnf -gencrl -keyfile root.key -cert root.pem -crldays 40 -out bare.crl 2>/dev/null
openssl ecparam -name secp384r1 -genkey -noout -out thief.key
openssl req -x509 -new -key thief.key -utf8 -subj '/O=Example/CN=Example Root CA' -days 7300 \
    -addext keyUsage=critical,cRLSign -out thief.pem 2>/dev/null
root_crl 06 0 $((40 * day)) thief.crl thief.key thief.pem
openssl req -x509 -new -key thief.key -utf8 -subj /CN=Nobody -days 7300 -out nobody.pem 2>/dev/null
root_crl 06 0 $((40 * day)) nobody.crl thief.key nobody.pem

ok 'the root has none at first' wait_until 20 state_is root none
fails 'none is made here' 1 'key of issuer "root" is not here' cerca crl publish root
ok 'one that OpenSSL made is installed' cerca crl install five.crl
ok '... and shown' cerca crl show root -o json
json '... as it is' '.number == 5 or .number == "5"'
ok 'OpenSSL believes what is published' openssl crl -inform DER -noout -CAfile root.pem \
    -in "$(echo "$ca_dir"/view/root-*/crl.der)"
fails 'an older one is refused' 1 'number 4 is not greater than 5' cerca crl install four.crl
fails 'the same again too' 1 'number 5 is not greater than 5' cerca crl install five.crl
fails 'one that has ended' 1 'nextUpdate has passed' cerca crl install past.crl
fails 'one of tomorrow' 1 'thisUpdate lies in the future' cerca crl install future.crl
fails 'one without a number' 1 'has no number' cerca crl install bare.crl
fails 'one in its name by another key' 1 'not signed by' cerca crl install thief.crl
fails 'one of an issuer that nobody knows' 1 'of no issuer' cerca crl install nobody.crl
head -c 65536 /dev/urandom >noise.crl
fails 'noise' 1 'neither DER nor|malformed' cerca crl install noise.crl
openssl crl -in five.crl -outform DER -out five.der
{ printf '\060\204\177\377\377\377'; tail -c +4 five.der; } >long.crl
fails 'one that says that it is two gigabytes' 1 'neither DER nor|malformed' cerca crl install long.crl
{ cat five.der; echo more; } >tail.crl
fails 'one with something behind it' 1 'neither DER nor|malformed' cerca crl install tail.crl
is 'none of them took its place' "$(openssl crl -inform DER -noout -crlnumber \
    -in "$(echo "$ca_dir"/view/root-*/crl.der)")" 'crlNumber=0x05'
ok 'it is current' wait_until 20 state_is root current
mv "$ca_dir"/view/root-*/crl.der kept.der

# --- who expired, and who did not ------------------------------------------------------------------

issue short 2h || bail 'not issued'
issue long 300d || bail 'not issued'
cerca revoke short.pem --reason superseded >/dev/null || bail 'not revoked'
cerca revoke long.pem --reason keyCompromise >/dev/null || bail 'not revoked'
ok 'both are on the CRL' wait_until 20 on_crl short
ca_stop

start $((25 * hour)) || bail 'it does not start a day later'
ok 'a CRL that went away is told of' wait_until 20 state_is root none
run cerca status
is '... as something that is wrong' "$status" 1
ok 'a day later the regular CRL is due' wait_until 20 state_is issuing current
ok '... it has the expired one once more' on_crl short
ok 'one more CRL' cerca crl publish issuing
ok '... has it no longer' off_crl short
ok '... and the other one still' on_crl long
ca_stop
cp kept.der "$(echo "$ca_dir"/view/root-*)/crl.der"

# --- a clock a year ahead, and right again ----------------------------------------------------------

start $((400 * day)) || bail 'it does not start with a wrong clock'
ok 'a year ahead, a CRL comes all the same' cerca crl publish issuing
ok '... and another' cerca crl publish issuing
ok 'nobody leaves by a clock in doubt' on_crl long
ca_stop
start $((25 * hour)) || bail 'it does not start with the clock right again'
this_update_is_past() {
    cerca crl show issuing -o json |
        jq -e --arg t "$(date -u -d '+26 hours' +%Y-%m-%dT%H:%M:%SZ)" '.this_update < $t'
}
ok 'with the clock right again, the next CRL is of today' wait_until 20 this_update_is_past
ok '... with all that are revoked' on_crl long
ca_stop

# --- a token that was away ------------------------------------------------------------------------

start $((25 * hour)) || bail 'it does not start again'
wait_until 20 state_is issuing current || bail 'no CRL'
issue away 300d || bail 'not issued'
order=$ca_dir/signer/shim.control
echo 'C_Sign error CKR_DEVICE_ERROR' >"$order"
fails 'while the token is away no CRL is made' 1 'unavailable' cerca crl publish issuing --timeout 8
ok 'revoking goes on' cerca revoke away.pem --reason superseded
ok 'the CRL of before stays' openssl crl -inform DER -noout -in "$(echo "$ca_dir"/view/issuing-*/crl.der)"
rm "$order"
ok 'the token is back: the next CRL comes by itself' wait_until 90 on_crl away
ca_stop
echo 'C_Sign error CKR_DEVICE_ERROR' >"$order"
start $((51 * hour)) || bail 'it does not start without its token'
ok 'what is past its time is late' wait_until 20 state_is issuing late
rm "$order"
ok '... until the token is back' wait_until 90 state_is issuing current
ca_stop

# --- what lasts: reminders ------------------------------------------------------------------------

start $((29 * day)) || bail 'it does not start 29 days later'
ok 'the CRL of the root is current for most of its life' wait_until 20 state_is root current
ca_stop
start $((31 * day)) || bail 'it does not start 31 days later'
ok 'in its last quarter the status asks for the next one' wait_until 20 state_is root due
run cerca status
like '... by its name' "$out" 'crl.root +due .*to be installed'
ca_stop
start $((41 * day)) || bail 'it does not start 41 days later'
ok 'then it has expired' wait_until 20 state_is root expired
ca_stop

done_testing
