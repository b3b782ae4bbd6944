#!/bin/sh
# Stop and start again: everything is still there. Another token with a module of its own
# beside the first. Each program alone in the foreground.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

alone=

# in_foreground NAME COMMAND...: starts a program by hand, its log in $scratch/NAME.log.
in_foreground() {
    log=$scratch/$1.log
    shift
    "$@" 2>"$log" &
    alone="$alone $!"
}

stop_alone() {
    for pid in $alone; do
        kill -TERM "$pid"
        wait "$pid"
        report $? "a program started by hand ends cleanly"
    done
    alone=
}

issue() { # NAME OPTION...
    name=$1
    shift
    cerca issue --key-out "$scratch/$name.key" --san "dns:$name.restart.example" \
        --out "$scratch/$name.pem" "$@"
}

verifies() {
    openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" -untrusted "$1" "$1"
}

everything() {
    cerca list --limit 0 -o json | jq -S 'sort_by(.serial)'
}

# A second tokendir, so SoftHSM in the second signer is another token store altogether; its
# issuer is below the root that lives in the first.
add_token() {
    mkdir "$ca_dir/tokens2"
    sed "s|^directories.tokendir.*|directories.tokendir = $ca_dir/tokens2|" \
        "$ca_dir/softhsm2.conf" >"$ca_dir/softhsm2-second.conf"
    openssl rand -hex 8 >"$ca_dir/secrets/second.pin"
    openssl rand -hex 8 >"$ca_dir/secrets/second.so-pin"
    module=$(sed -n 's/.*module = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
    awk -v module="$module" '
        /^tokens = \(/ { print; print "    { name = \"second\"; module = \"" module "\";" \
            " uri = \"pkcs11:token=second\"; pin_file = \"secrets/second.pin\";" \
            " environment = ( \"SOFTHSM2_CONF=%d/softhsm2-second.conf\" );" \
            " paths = ( \"tokens2\" ); read_paths = ( \"softhsm2-second.conf\" ); },"; next }
        /^issuers = \(/ { print; print "    { name = \"branch\"; subject = \"CN=Branch CA\";" \
            " token = \"second\"; key = \"pkcs11:object=branch\"; key_type = \"rsa2048\";" \
            " parent = \"root\"; signs_leaves = true; path_len = \"0\"; validity = \"5y\"; },"; next }
        { print }
        END { print "profiles = ( { name = \"mtls\"; issuer = \"branch\"; } );" }' \
        "$ca_dir/cerca.conf" >"$ca_dir/new.conf" && mv "$ca_dir/new.conf" "$ca_dir/cerca.conf"
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
for n in 1 2 3; do ok "issue $n" issue "n$n" --profile tls-server --owner "team-$n"; done
everything >"$scratch/before"
ca_stop
ca_start || bail 'it does not start again'
everything >"$scratch/after"
ok 'stopped and started again, every certificate is still there' \
    cmp "$scratch/before" "$scratch/after"
cerca show n2.restart.example -o pem >"$scratch/shown.pem"
openssl x509 -in "$scratch/n2.pem" >"$scratch/leaf.pem"
openssl x509 -in "$scratch/shown.pem" >"$scratch/shown.leaf"
ok '... byte for byte' cmp "$scratch/leaf.pem" "$scratch/shown.leaf"
ca_stop

# --- each program alone, and with that a second token set up by hand ----------------------------

add_token
ok 'the configuration with two tokens is good' cerca conf check
ok 'the second token and its key are made' \
    cerca-signer -c "$CERCA_CONF" --token second --provision
in_foreground signer1 cerca-signer -c "$CERCA_CONF" --token default
in_foreground signer2 cerca-signer -c "$CERCA_CONF" --token second
ok 'the certificate of the new issuer is made' cerca-ca -c "$CERCA_CONF" --bootstrap
in_foreground core cerca-ca -c "$CERCA_CONF"
wait_until 20 cerca status
report $? 'every program runs by hand, each in the foreground'
ok '... and issues' issue byhand --profile tls-server
stop_alone

ca_start || bail 'it does not start with two tokens'
cerca status -o json >"$out"
json 'two tokens are ready' '[.items[] | select(.name | startswith("hsm.")) | .ok] == [true, true]'
ok 'the first token signs' issue first --profile tls-server
ok 'the second token signs' issue second --profile mtls
ok 'a certificate of the second verifies' verifies "$scratch/second.pem"
openssl x509 -in "$scratch/second.pem" -noout -text >"$out"
like '... and was signed with its RSA key' "$out" 'sha256WithRSAEncryption'
everything >"$scratch/later"
jq -e --slurpfile before "$scratch/before" \
    '($before[0] - .) == []' <"$scratch/later" >/dev/null
report $? 'what was there before is there still'
ok 'the store is sound, and both records agree with it' cerca store check
done_testing
