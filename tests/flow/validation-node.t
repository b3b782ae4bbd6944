#!/bin/sh
# A validation node in another network, which gets files and nothing else: it answers as the CA would,
# follows it while it serves, and refuses what is older, damaged, forged or of another CA.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
own_network "$0" "$@"

cd "$scratch" || exit 1
http=on
node=$scratch/node
export=$ca_dir/export
node_pid=
node_offset=0
trap 'result=$?; [ -z "$node_pid" ] || kill "$node_pid"; (exit "$result"); cleanup' EXIT

carry() {
    # Exports follow one another within a second here: times do not tell them apart.
    rsync -ac --delete "$export/" "$node/export/"
}

take() {
    cerca view import -c "$node/cerca.conf"
}

# All three: what was published reaches the node.
follow() {
    cerca view export && carry && take
}

node_start() { # CONF
    # Not by in_network: $! is to be the program's.
    CERCA_TEST_CLOCK_OFFSET=$node_offset nsenter --net="/proc/$network_pid/ns/net" \
        cerca-public -c "$1" >>node.log 2>&1 &
    node_pid=$!
    wait_until 10 in_network curl -s -o /dev/null "$base/health"
}

node_stop() {
    kill -TERM "$node_pid"
    wait "$node_pid"
    node_pid=
}

ask() { # CERTIFICATE OPTION...
    certificate=$1
    shift
    in_network openssl ocsp -issuer issuing.pem -cert "$certificate" -CAfile root.pem \
        -url "$base/ocsp" -attime $(($(date +%s) + node_offset)) "$@" >answer 2>verdict && grep -q 'Response verify OK' verdict
}

says() { # STATUS CERTIFICATE OPTION...
    want=$1
    shift
    ask "$@" && grep -q "^$1: $want\$" answer
}

# An export of another CA, of the same name.
other=$scratch/other
ca_init "$other" || bail 'no other CA'
mkdir "$other/export"
sed -i "s|^view = .*|view = { dir = \"view\"; export_dir = \"export\"; };\naudit = { origin = \"pki.test/audit\"; };|" \
    "$other/cerca.conf"
ca_start "$other" || bail 'the other CA does not start'
ok 'another CA of the same name makes an export' cerca view export
ca_stop

# --- setting up -------------------------------------------------------------------------------------

ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
echo 'audit = { origin = "pki.test/audit"; };' >>"$conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
fails 'there is no export without a folder for it' 1 'view.export_dir' cerca view export
fails 'nothing is taken without a key that is believed' 1 'view.import_key' cerca view import
new_network || bail 'no network for the node'
mkdir -p "$node/export" "$export"
ok "the node's configuration is made on the CA's host" cerca view node --out "$node/cerca.conf"
ok '... and sound' cerca conf check -c "$node/cerca.conf"
fails 'without its key it does not start' 4 'ocsp.key_file.*cerca ocsp csr' \
    cerca-public -c "$node/cerca.conf"
fails 'a key of another kind is none for a responder' 2 'rsa2048' \
    cerca ocsp csr -c "$node/cerca.conf" --key-type ed25519
ok 'it makes a key' cerca ocsp csr -c "$node/cerca.conf" --key-type rsa2048 --out "$ca_dir/node.csr"
is '... that nobody else may read' "$(stat -c %a "$node/ocsp.key")" 600
ok '... once' sh -c "cerca ocsp csr -c '$node/cerca.conf' | openssl req -noout -pubkey >again &&
    openssl req -in '$ca_dir/node.csr' -noout -pubkey | cmp - again"
fails '... which stays' 1 'its key stays' cerca ocsp csr -c "$node/cerca.conf" --key-type p256
sed -i 's|^view = .*|view = { dir = "view"; export_dir = "export"; nodes = ( "node.csr" ); };|' "$conf"
kill -HUP "$ca_pid"
responders() {
    find "$ca_dir/view" -name 'responder-*.der' | wc -l
}
two_responders() {
    [ "$(responders)" -eq 2 ]
}
ok 'each issuer certifies it as its responder' wait_until 20 two_responders
wait_until 20 cerca status || bail 'the CA is not well'
ok '... and its responders' sh -c "cerca status | grep -E '^ok +node.node +current'"
ok 'status shows the exports' sh -c "cerca status | grep -E '^ok +view-export +ready'"
for name in a b c; do
    cerca issue --profile tls-server --san dns:$name.example.test --key-out $name.key \
        --out $name.pem 2>/dev/null
done

# --- the first export ---------------------------------------------------------------------------------

fails 'an export that has not arrived is not taken' 1 'import.incomplete' take
ok 'an export is made' cerca view export
ok 'it is taken' follow
ok 'once' sh -c "cerca view import -c '$node/cerca.conf' | grep 'taken already'"
ok 'the CA can be reached' curl -sf -o /dev/null "$base/health"
in_network curl -s -o /dev/null "$base/health"
is '... but not from the node' $? 7
ok 'the node serves it' node_start "$node/cerca.conf"
is 'its health' "$(in_network curl -s -o "$out" -w '%{http_code}' "$base/health")" 200
json '... is that of both issuers' '.status == "ok" and (.issuers | length) == 2'
ok 'good, says its own responder' wait_until 5 says good a.pem
ok '... and of the root' in_network sh -c "openssl ocsp -issuer root.pem -cert issuing.pem \
    -CAfile root.pem -url '$base/ocsp' 2>&1 | grep -qx 'issuing.pem: good'"
in_network curl -s -o issuing.crl "$base/crl/issuing.crl"
in_network curl -s -o issuing.crt "$base/ca/issuing.crt"
ok 'CRL and certificate are those of the CA' sh -c \
    "cmp issuing.crl '$ca_dir/view/issuing-2/crl.der' && openssl x509 -inform DER -in issuing.crt | cmp - issuing.pem"

# --- what changes -------------------------------------------------------------------------------------

served_by=$node_pid
cerca revoke --reason keyCompromise --yes a.pem >/dev/null 2>&1
cerca crl publish issuing >/dev/null
ok 'a revocation is not there before the next export' says good a.pem
cp -r "$export" first
ok 'with it' follow
ok '... the next answer says revoked' says revoked a.pem
ok '... and with a nonce' says revoked a.pem -nonce
ok 'others are good' says good b.pem
in_network curl -s -o issuing.crl "$base/crl/issuing.crl"
fails 'it is in the CRL' 2 'certificate revoked' openssl verify -CAfile root.pem -untrusted issuing.pem \
    -crl_check -CRLfile issuing.crl a.pem
before=$(find "$export/pieces" -type f | wc -l)
cerca view export >/dev/null
cerca view export >/dev/null
ok "pieces that are needed no more are gone (of $before)" test \
    "$(find "$export/pieces" -type f | wc -l)" -le "$((before + 2))"

# --- what is refused -----------------------------------------------------------------------------------

# refused NAME RULE: that export is not taken, and what was served goes on.
refused() {
    fails "$1 is refused" 1 "$2" take
    ok '... and all goes on as before' says revoked a.pem
}

refill() {
    rm -rf "$node/export"
    cp -r "$export" "$node/export"
}

# piece PATH [COUNT]: the file that the last piece of a file of the view is in.
piece() {
    # The root of the seal names the manifest.
    manifest=$(sed -n 3p "$node/export/seal" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    [ "$1" = manifest ] && echo "$node/export/pieces/$manifest" && return
    echo "$node/export/pieces/$(awk -v path="$1" '$3 == path { hash = $1 } END { print hash }' \
        "$node/export/pieces/$manifest")"
}

flip() { # FILE OFFSET
    perl -e 'open my $f, "+<", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $c, 1;
        seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 1)' "$1" "$2"
}

rm -rf "$node/export" && cp -r first "$node/export"
refused 'an older export' 'import.older'
cerca issue --profile tls-server --san dns:d.example.test --key-out d.key --out d.pem 2>/dev/null
cerca view export >/dev/null
# What is as it was before is not read again, unless nothing says how it was.
for part in manifest issuing-2/current issuing-2/log.1 issuing-2/snapshot.1 issuing-2/issuer.der \
    issuing-2/crl.der; do
    rm -f "$node/view/.import/manifest"
    refill
    flip "$(piece $part)" 1
    refused "a flipped bit in $part" 'import.(damaged|manifest)'
    refill
    truncate -s -1 "$(piece $part)"
    refused "a shorter $part" 'import.(damaged|manifest)'
    refill
    rm "$(piece $part)"
    refused "an export without $part" 'import.incomplete'
done
refill
head -c 100 "$export/seal" >"$node/export/seal"
refused 'half a seal' 'import.seal'
refill
sed -i "2s/.*/$(($(sed -n 2p "$export/seal") + 1000))/" "$node/export/seal"
refused 'a seal with another number' 'import.seal'
refill
sed -i 's/^pki.test/pki.other/' "$node/export/seal"
refused 'an export of another name' 'import.origin'
rm -rf "$node/export" && cp -r "$other/export" "$node/export"
refused 'an export of another CA of the same name' 'import.seal'
refill
rm "$node/export/seal" && mkfifo "$node/export/seal"
refused 'a pipe for a seal' 'import.seal'
refill
ok 'the real one is taken' take
ok '... with what is new in it' says good d.pem
is 'all by one process' "$node_pid" "$served_by"

# --- killed on the way --------------------------------------------------------------------------------

for step in import.file import.records import.log import.current; do
    # A log that does not go on is another pair.
    if [ $step = import.log ] || [ $step = import.current ]; then
        ca_stop
        flip "$ca_dir/view/issuing-2/log.$(cat "$ca_dir/view/issuing-2/current")" 4100
        ca_start || bail 'the CA does not start'
    fi
    cerca issue --profile tls-server --san dns:$step.example.test --key-out $step.key --out $step.pem 2>/dev/null
    cerca revoke --yes --reason superseded $step.pem >/dev/null 2>&1
    cerca view export >/dev/null && carry
    CERCA_STEP_KILL=cerca:$step:1 cerca view import -c "$node/cerca.conf" >/dev/null 2>&1
    is "killed at $step" $? 137
    ok '... what was revoked stays so' says revoked a.pem
    ok '... and the next import finishes it' take
    ok '... for all to see' says revoked $step.pem
done
like 'the last was another pair' "$node/view/issuing-2/current" '^[2-9]'
is 'still by one process' "$node_pid" "$served_by"
for step in export.piece export.sealed export.published; do
    ca_stop
    : >"$ca_dir/view/kill-once"
    CERCA_STEP_KILL=cerca-ca:$step:1@$ca_dir/view/kill-once
    export CERCA_STEP_KILL
    ca_start
    unset CERCA_STEP_KILL
    wait_until 20 test ! -e "$ca_dir/view/kill-once"
    report $? "cerca-ca is killed at $step"
    ok '... and its exports go on' wait_until 20 follow
done

# --- time ----------------------------------------------------------------------------------------------

# --- who is a node ------------------------------------------------------------------------------------

cp "$conf" good.conf
sed -i 's|nodes = ( "node.csr" )|nodes = ( "node.csr", "other.csr" )|' "$conf"
kill -HUP "$ca_pid"
ok 'a request that is not there: the configuration is refused' \
    wait_until 10 grep -q 'view.nodes.refused.*other.csr' cercad.log
ok '... and all goes on' follow
sed 's|nodes = ( "node.csr" )|nodes = ()|' good.conf >"$conf"
kill -HUP "$ca_pid"
no_responders() {
    [ "$(responders)" -eq 0 ]
}
ok 'who is no node any more gets no certificates' wait_until 20 no_responders
wait_until 20 cerca status
ok '... with the next export' follow
is '... not even those that it had' "$(find "$node/view" -name 'responder-*.der' | wc -l)" 0
cp good.conf "$conf"
kill -HUP "$ca_pid"
wait_until 20 two_responders
wait_until 20 cerca status
ok 'and is a node again' follow

node_stop
is 'TERM ends it cleanly' $? 0
node_offset=7200
node_start "$node/cerca.conf"
is 'an old view is ill' "$(in_network curl -s -o "$out" -w '%{http_code}' "$base/health")" 503
json '... and says so' '.status == "stale"'
ask b.pem
like '... OCSP says later' answer 'trylater'
like '... and so does the log' node.log 'error cerca-public view.stale'
node_stop

# --- the view as it is ----------------------------------------------------------------------------------

# By a clock that is 100 s ahead: a log of less than 90 s is not looked for again.
plain=$scratch/plain
sed '/import_dir/d; /import_key/d' "$node/cerca.conf" >"$scratch/plain.conf"
sed -i "s|dir = .*|dir = \"$plain\";|; s|key_file = .*\"|key_file = \"$node/ocsp.key\"|" "$scratch/plain.conf"
carry_plain() {
    rsync -ac --delete "$ca_dir/view/" "$plain/"
}
carry_plain
node_offset=100
node_start "$scratch/plain.conf"
ok 'a carried view is served as it is' wait_until 5 says good b.pem
cerca revoke --yes --reason superseded b.pem >/dev/null 2>&1
ok '... and carried again, followed' sh -c "rsync -ac --delete '$ca_dir/view/' '$plain/'"
ok '... by the running program' wait_until 5 says revoked b.pem
node_stop

# --- a clock that was wrong ---------------------------------------------------------------------------

follow >/dev/null
: >node.log
printf '%-32s' -86400 >clock
node_offset=@$scratch/clock
node_start "$node/cerca.conf"
ok "a day ago, its certificates are of to-morrow" wait_until 5 grep -q 'ocsp.delegate.refused' node.log
printf '%-32s' 0 | dd of=clock conv=notrunc status=none
node_offset=0
ok '... and are taken once the clock is right' wait_until 20 says good c.pem
node_stop

# --- days later ----------------------------------------------------------------------------------------

# Four days later, by all clocks: nothing was done by hand.
serial() {
    ask b.pem -resp_text
    awk '/^Certificate:/ { inside = 1 } inside && seen { print $1; exit } inside && /Serial Number:/ { seen = 1 }' answer
}
node_offset=0
node_start "$node/cerca.conf"
wait_until 5 says good c.pem
old=$(serial)
node_stop
ca_stop
CERCA_TEST_CLOCK_OFFSET=$((4 * 86400))
export CERCA_TEST_CLOCK_OFFSET
ca_start || bail 'the CA does not start four days later'
unset CERCA_TEST_CLOCK_OFFSET
node_offset=$((4 * 86400))
node_start "$node/cerca.conf"
other_serial() {
    CERCA_TEST_CLOCK_OFFSET=$node_offset follow >/dev/null 2>&1
    new=$(serial)
    [ -n "$old" ] && [ -n "$new" ] && [ "$new" != "$old" ]
}
ok 'after half its life the responder has another certificate' wait_until 30 other_serial
# OpenSSL's clock is not moved: it says that these times are not now's.
ask a.pem
ok '... with which it answers' grep -qx revoked answer
node_stop
done_testing
