#!/bin/bash
# The CA watches itself as well: the token away, then CRLs, OCSP responders, checkpoint and backup that
# grow old, and the end of an issuer, are alerts, each raised once and resolved once it is well again.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
day=86400
cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
order=$ca_dir/signer/shim.control
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' "$conf"
echo 'alerts = { after = "none"; backup_age = "3d"; };' >>"$conf"
clock=$scratch/clock
moved() { # SECONDS
    printf '%-32s' "$1" | dd of="$clock" conv=notrunc status=none
}
moved 0
export CERCA_TEST_CLOCK_OFFSET=@$clock
ca_start || bail 'it does not start'

alert() { # FILTER
    cerca alerts list --all --timeout 5 -o json >"$scratch/alerts" && jq -e "any(.[]; $1)" "$scratch/alerts"
}
open_ones() { cerca alerts list --timeout 5 -o json | jq -r '[.[].name] | sort | join(" ")'; }
none() { cerca alerts list --timeout 5 && [ "$(open_ones)" = '' ]; }
raised() { # RULE NAME SEVERITY
    alert ".rule == \"$1\" and .name == \"$2\" and .severity == \"$3\" and .state == \"raised\""
}

ok 'a certificate' cerca issue --profile tls-server --san dns:a.own.example --key-out a.key --out a.pem
ok 'a backup' cerca backup --out first
ok 'all is well' wait_until 20 cerca status
ok 'and nobody is told of anything' wait_until 20 none
# What was slow to start may have been an alert for a moment.
cerca alerts list --all -o json | jq 'map({ key: (.rule + .name), value: .times }) | from_entries' >before.json

echo 'token vanish' >"$order"
ok 'the token is away: somebody is told' wait_until 60 raised ca.hsm hsm.default critical
moved $((4 * day))
ok 'four days later the CRL is late' wait_until 60 raised ca.crl crl.issuing critical
ok '... that of the root too' wait_until 20 raised ca.crl crl.root critical
ok 'so are the OCSP responders' wait_until 90 raised ca.ocsp ocsp.issuing warning
ok 'the checkpoint' wait_until 20 raised ca.checkpoint checkpoint warning
ok 'the backup' wait_until 20 raised ca.backup backup warning
ok '... and the clock has leapt' wait_until 20 raised ca.issuing issuing critical
rm "$order"
ok 'the token comes back' wait_until 60 alert '.rule == "ca.hsm" and .state == "resolved"'
ok 'the clock is right' cerca open --reason 'days have passed'
ok 'a backup is made' cerca backup --out second
ok 'all of it is resolved by itself' wait_until 120 none
is '... and was raised once' "$(cerca alerts list --all -o json | jq --slurpfile before before.json \
    '[.[] | select(.rule != "ca.issuing") | .times - ($before[0][.rule + .name] // 0)] | max')" 1

ca_stop
moved $((1780 * day))
cercad -c "$conf" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
ok 'forty-six days before its end the issuing CA is told of' wait_until 60 raised ca.expiry issuer.issuing critical
ok '... as how much is left, and what to do' alert '.rule == "ca.expiry" and (.summary | test("less than 60d .*rollover"))'
is '... not the root, which lasts longer' "$(cerca alerts list -o json | jq '[.[] | select(.rule == "ca.expiry")] | length')" 1
ok '... but cannot give another one a whole life' wait_until 20 raised ca.issuer issuer.root warning

done_testing
