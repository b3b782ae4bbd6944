#!/bin/sh
# A token that errs, hangs, crashes or vanishes: requests are told when to come back or are
# answered by the next signer, and service comes back by itself. tests/shim plays the token.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
conf=$ca_dir/cerca.conf
log=$scratch/cercad.log
order_file=$ca_dir/signer/shim.control

order() {
    if [ $# -eq 0 ]; then
        rm -f "$order_file"
    else
        echo "$*" >"$order_file.new"
        mv "$order_file.new" "$order_file"
    fi
}

count=0
issue() {
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:h$count.example.test" \
        --key-out "$scratch/$count.key" --out "$scratch/$count.pem" "$@"
}

# The command tries again by itself; this one says what it was told.
issue_in_vain() {
    issue --timeout 6s
}

well() {
    cerca status --timeout 5
}

ill() {
    ! well
}

shown() { # PATTERN
    cerca status --timeout 5 | grep -Eq -- "$1"
}

logged() { # PATTERN TIMES
    [ "$(grep -Ec -- "$1" "$log")" -ge "$2" ]
}

comes_back() {
    order
    ok '... once the token is right, all is well by itself' wait_until 20 well
    ok '... and it signs' issue
}

ca_init || bail 'no CA'
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' \
    -e 's|read_paths = .*|& call_limit = "1s";|' "$conf"
ca_start || bail 'it does not start'
ok 'it signs through the shim' issue

# --- errors ---------------------------------------------------------------------------------------

order C_Sign error CKR_DEVICE_ERROR
fails 'an error of the module is told as something to retry' 1 'C_Sign: CKR_DEVICE_ERROR' issue_in_vain
like '... with a time to wait' "$err" 'HSM unavailable, retry after [0-9]+ s'
ok '... is in the log by its name' logged 'signer.token.failed .*C_Sign: CKR_DEVICE_ERROR' 1
ok '... and ended that signer' wait_until 10 logged 'program.ended program=cerca-signer' 1
comes_back

order C_SignInit error CKR_KEY_HANDLE_INVALID
fails 'one of another call is told too' 1 'C_SignInit: CKR_KEY_HANDLE_INVALID' issue_in_vain
comes_back

# --- a hang ---------------------------------------------------------------------------------------

order C_Sign hang
fails 'a call that hangs is told after its limit' 1 'retry after [0-9]+ s' issue_in_vain
ok '... is in the log' logged 'signer.hang call=C_Sign limit_ms=1000' 1
comes_back

order C_Sign delay 500 1
ok 'a slow call within the limit is waited for' issue

# --- a crash --------------------------------------------------------------------------------------

order C_Sign crash 1
ok 'a draft that a crash cut off is signed by the next signer' issue
ok '... and the crash is in the log' logged 'program.ended .*killed by signal' 1

order C_Sign crash
fails 'a module that always crashes is told as something to retry' 1 'retry after [0-9]+ s' issue_in_vain
comes_back

# --- gone -----------------------------------------------------------------------------------------

order token vanish
ok 'a token that is gone is noticed though nobody asks for a signature' wait_until 15 ill
ok '... and shown by status' wait_until 15 shown 'HSM unavailable, retry after [0-9]+ s'
fails '... and told to who asks' 1 'HSM unavailable, retry after [0-9]+ s' issue_in_vain
ok '... what needs no token goes on' cerca list
comes_back

# --- the PIN --------------------------------------------------------------------------------------

order token final-try
started=$(grep -c 'program.started program=cerca-signer' "$log")
pid=$(sed -n 's/.*program.started program=cerca-signer .*pid=\([0-9]*\).*/\1/p' "$log" | tail -n 1)
kill -KILL "$pid"
ok 'a token at its last try is left alone' wait_until 10 logged 'signer.pin.final-try' 1
ok '... status says so' wait_until 10 ill
is '... and nobody tries again' "$(grep -c 'program.started program=cerca-signer' "$log")" \
    "$((started + 1))"
order
kill -HUP "$ca_pid"
ok '... until a reload' wait_until 20 well

# --- many at once ---------------------------------------------------------------------------------

order C_Sign crash 3
jobs=
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
    cerca issue --profile tls-server --san "dns:many$n.example.test" --key-out "$scratch/m$n.key" \
        --out "$scratch/m$n.pem" --timeout 20s >"$scratch/m$n.out" 2>&1 &
    jobs="$jobs $!"
done
lost=0
n=0
for job in $jobs; do
    n=$((n + 1))
    wait "$job" || grep -Eq 'retry after [0-9]+ s' "$scratch/m$n.out" || lost=$((lost + 1))
done
is 'twelve at once through three crashes: signed, or told to retry' "$lost" 0
comes_back
signed=0
for file in "$scratch"/m*.pem; do
    openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" -untrusted "$file" "$file" \
        >/dev/null 2>&1 && signed=$((signed + 1))
done
is '... and what was signed verifies' "$signed" "$(find "$scratch" -name 'm*.pem' | wc -l)"

# --- the record -----------------------------------------------------------------------------------

ok 'the store is sound' cerca store check
ok 'all certificates are listed' cerca list --limit 1000 -o json
od -An -v -tx1 -w64 "$ca_dir/signer/default.record" | tr -d ' ' >"$scratch/record"
cut -c 33-64 "$scratch/record" | sort -u >"$scratch/recorded"
jq -r '.[] | select(.status == "valid") | .serial' <"$out" | sort -u >"$scratch/serials"
is 'every certificate is in the record of its signer' \
    "$(comm -23 "$scratch/serials" "$scratch/recorded" | wc -l)" 0
numbers=$(cut -c 1-16 "$scratch/record" | while read -r hex; do printf '%d\n' "0x$hex"; done)
is '... which has no gaps' "$numbers" "$(seq 1 "$(wc -l <"$scratch/record")")"

done_testing
