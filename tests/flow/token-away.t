#!/bin/sh
# The token is away for an hour, then for days: OCSP and the current CRLs are served all the while,
# revoking goes on, the status says what is late, and all comes back by itself.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
hour=3600
cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
order=$ca_dir/signer/shim.control
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' \
    -e 's/^\( *\)signs_leaves = true;/&\n\1crl_every = "30m"; crl_delay = "5s";/' "$conf"

# The clock of all programs: seconds ahead, at any time.
clock=$scratch/clock
set_clock() { # SECONDS
    printf '%-32s' "$1" >"$clock.new"
    dd if="$clock.new" of="$clock" conv=notrunc status=none
}
printf '%-32s' 0 >"$clock"
CERCA_TEST_CLOCK_OFFSET=@$clock
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
cp "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem" .

issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --force --san "dns:$1.away.example" \
        --out "$1.pem" --timeout "${2:-20}"
}

# says STATUS NAME: our own client, whose clock is moved too, believes the answer.
says() {
    cerca ocsp query "$2.pem" --nonce -o json >said 2>&1
    jq -e --arg s "$1" '.status == $s' said
}

state_is() { # ITEM STATE
    cerca status --timeout 5 -o json |
        jq -e --arg n "$1" --arg s "$2" 'any(.items[]; .name == $n and .state == $s)'
}

crl_is_served() {
    curl -sf -o served.crl "$base/crl/issuing.crl" &&
        openssl crl -inform DER -in served.crl -noout -CAfile issuing.pem
}

on_crl() { # NAME
    serial=$(openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//')
    curl -sf "$base/crl/issuing.crl" | openssl crl -inform DER -noout -text |
        grep -q "Serial Number: $serial"
}

health() { # FILTER
    curl -s "$base/health" | jq -e "$1"
}

issue one || bail 'not issued'
issue two || bail 'not issued'
wait_until 20 says good one || bail 'no OCSP'
ok 'all is well' cerca status
like 'the status tells the age and next time of the CRL' "$out" \
    '^ok +crl.issuing +current +number .* age .*, valid until .*, next '
like '... and of the responder' "$out" \
    "^ok +ocsp.issuing +current +responder's age .*, valid until .*, next "
like '... of each issuer' "$out" '^ok +ocsp.root +current'
ok 'so does the health path' health '.issuers[] | select(.name == "issuing") |
    .crl.state == "current" and .ocsp.state == "current" and
    (.crl.next_update | fromdate) > (.crl.this_update | fromdate) and
    (.ocsp.until | fromdate) > (.ocsp.next | fromdate)'

# --- an hour ----------------------------------------------------------------------------------------

echo 'token vanish' >"$order"
ok 'the token is away: the status says so' wait_until 60 state_is hsm.default unavailable
fails 'nothing is issued' 1 'unavailable|no answer in time' issue no 5
for minutes in 15 30 45 60; do
    set_clock $((minutes * 60))
    # The view's next time stamp is made within a minute of the clocks that moved.
    ok "after $minutes minutes what is good is good" wait_until 70 says good one
    ok '... the CRL is served' crl_is_served
done
ok 'revoking goes on' cerca revoke two.pem --reason keyCompromise
like '... and warns that CRLs wait' "$err" 'hsm.default is unavailable .*CRLs follow'
ok '... and OCSP says so at once' says revoked two
ok 'the status calls the CRL late' wait_until 20 state_is crl.issuing late
run cerca status
is '... and is not well' "$status" 1
ok 'the responder is current' wait_until 20 state_is ocsp.issuing current
rm "$order"
ok 'the token is back: the CRL comes by itself' wait_until 90 on_crl two
ok '... and all is well' wait_until 30 cerca status
ok '... and it issues' issue three

# --- days: the responders need new certificates --------------------------------------------------------

echo 'token vanish' >"$order"
wait_until 60 state_is hsm.default unavailable || bail 'the token is still there'
set_clock $((4 * 24 * hour))
ok 'after three days more the responder is late' wait_until 90 state_is ocsp.issuing late
ok '... and answers' wait_until 70 says good one
ok '... revoked too' says revoked two
ok 'the CRL is served' crl_is_served
ok 'revoking goes on' cerca revoke three.pem
ok '... and OCSP says so' says revoked three
rm "$order"
# The clock jumped: an administrator has to say that it is right.
wait_until 60 state_is hsm.default ready || bail 'the token does not come back'
ok 'the clock is accepted' cerca open --reason 'days have passed'
ok 'the token is back: new responders come by themselves' wait_until 90 state_is ocsp.issuing current
ok '... of each issuer' wait_until 30 state_is ocsp.root current
ok '... and answer' says good one
ok 'the CRL comes by itself' wait_until 90 on_crl three
ok 'all is well' wait_until 30 cerca status
ok 'it issues' issue four

# --- nobody asks -----------------------------------------------------------------------------------------

public=$(tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r pid; do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = cerca-public ] && echo "$pid"
done)
kill -STOP "$public"
ok 'a responder that hangs is no reason not to revoke' cerca revoke four.pem
kill -CONT "$public"
ok '... of which it knows when it goes on' says revoked four
ok 'the store is sound' cerca store check
done_testing
