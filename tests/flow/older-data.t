#!/bin/bash
# What earlier versions left is taken over: whole folders of CAs as their own programs wrote them
# (tests/data/older), one for the oldest schema of the store that can be brought up to date and one of a later
# time, on which today's programs are started. Nothing of it is lost, all of it goes on, twice.
# The clock is held at the time at which each was made, so that no age of theirs changes anything.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
module=$(find /usr/lib -name libsofthsm2.so -print -quit)
schema=$(sed -n 's/^#define STORE_SCHEMA //p' "$root/ca/store/store.h")

# unpack NAME: what it has of the machine where it was made becomes this one's; nothing else is touched.
unpack() {
    mkdir "$1" && tar -C "$1" -xzf "$root/tests/data/older/$1.tar.gz" || return
    ca_dir=$scratch/$1/ca
    known=$scratch/$1/known
    mkdir -p "$ca_dir/sock"
    read -r plain tls <<<"$(free_ports)"
    sed -i -e "/^http = {/,/};/s/port = \"[0-9]*\"/port = \"$plain\"/" \
        -e "/^https = {/,/};/s/port = \"[0-9]*\"/port = \"$tls\"/" \
        -e "s|module = \"[^\"]*\"|module = \"$module\"|" \
        -e "/name = \"second\"/!s/uid = \"[0-9]*\"/uid = \"$(id -u)\"/" "$ca_dir/cerca.conf"
    sed -i "s|^directories.tokendir = .*|directories.tokendir = $ca_dir/tokens|" "$ca_dir/softhsm2.conf"
    CERCA_TEST_CLOCK_OFFSET=$(($(cat "$known/made") + 60 - $(date +%s)))
    CERCA_CONF=$ca_dir/cerca.conf
    export CERCA_TEST_CLOCK_OFFSET CERCA_CONF
    : >cercad.log
}

serial() { # NAME
    openssl x509 -in "$known/$1.pem" -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f'
}

# kept NAME COMMAND...: each row of before is among those of today, with all that it said; what it left open
# (null) may be known by now.
kept() {
    kept_file=$known/$1.json
    shift
    cerca "$@" -o json >now.json || return
    jq -n --slurpfile before "$kept_file" --slurpfile now now.json '
        def told($row): del(.age, .next) | to_entries | all(.[]; .value == null or .value == $row[.key]);
        [$before[0][] | select(. as $b | any($now[0][]; . as $n | $b | told($n)) | not)]' >lost.json
    jq -c '.[]' lost.json
    [ "$(jq length "$kept_file")" -gt 0 ] && [ "$(jq length lost.json)" -eq 0 ]
}

# ocsp STATUS NAME
ocsp() {
    cerca ocsp query "$known/$2.pem" --issuer "$ca_dir/ca/issuing.pem" --url "http://127.0.0.1:$plain/ocsp" \
        --nonce -o json | jq -e --arg status "$1" '.status == $status'
}

verifies() { # FILE
    openssl verify -x509_strict -attime "$(($(date +%s) + CERCA_TEST_CLOCK_OFFSET))" \
        -CAfile "$ca_dir/ca/root.pem" -untrusted "$ca_dir/ca/issuing.pem" "$1"
}

number() {
    cerca crl list -o json | jq '.[] | select(.issuer == "issuing" and .list == "full") | .number'
}

# --- what was there is there ------------------------------------------------------------------------------

everything() {
    ok '... every certificate is listed, as it was' kept list list --limit 0
    ok '... and every issuer' kept cas ca list
    ok '... the store is sound, compared with the records of the signer' cerca store check
    for gone in lost superseded held; do
        ok "... OCSP says that $gone is revoked" wait_until 30 ocsp revoked "$gone"
    done
    for there in good named successor; do
        ok "... and that $there is not" ocsp good "$there"
    done
    cerca crl show issuing -o pem >crl.pem
    openssl crl -in crl.pem -noout -text >crl.text
    is '... the CRL has who was revoked' "$(for gone in lost superseded held; do
        grep -ci "Serial Number: $(serial "$gone")" crl.text
    done | xargs)" '1 1 1'
}

# What versions before tokens, imports and notes did not have.
later_things() {
    for what in 'tokens token list' 'requests request list' 'inventory inventory show good.older.example' \
        'filters filter list' 'blocks block list' 'campaigns campaign list' 'exceptions findings exceptions' \
        'audit audit log --limit 0'; do
        # shellcheck disable=SC2086 # words
        ok "... and of ${what%% *}" kept $what
    done
    ok '... the audit log goes on from the checkpoint of before' cerca audit verify \
        --key "$(cat "$known/log.vkey")" --checkpoint "$known/checkpoint"
    fails '... who was blocked is blocked' 1 'rule identity.blocked' cerca issue --profile tls-server --key-out blocked.key \
        --force --subject CN=lost.older.example --san dns:lost.older.example
    ok '... EST is served' wait_until 30 cerca est cacerts --url "https://localhost:$tls" \
        --trust "$ca_dir/ca/root.pem"
    ok '... and a token of before enrolls' enroll
    ok '... what it got verifies' verifies later.pem
    ok '... a request that waited is approved' second request approve "$(jq '.[0].id' "$known/requests.json")"
    ok '... and who asked gets the certificate' ask_again
    ok '... which verifies' verifies waiting.pem
}

# The other operator, who may reach the socket for that.
second() {
    chmod 0711 "$scratch" "$scratch/$older" "$ca_dir" "$ca_dir/sock"
    chmod 0644 "$CERCA_CONF"
    as_user 65533 cerca "$@"
}

enroll() {
    cerca est enroll --url "https://localhost:$tls" --trust "$ca_dir/ca/root.pem" --token-file "$known/later.token" \
        --key-out later.key --san dns:later.older.example --out later.pem
}

ask_again() {
    cerca issue --profile watched --csr "$known/waiting.csr" --san dns:waiting.older.example \
        --token-file "$known/waiting.token" --out waiting.pem
}

# --- and goes on ------------------------------------------------------------------------------------------

going_on() { # NAME
    before=$(jq '.[] | select(.issuer == "issuing") | .number' "$known/crls.json" 2>/dev/null)
    before=${before:-$(number)}
    ok '... a CRL is published' cerca crl publish issuing
    is '... under a greater number' "$(($(number) > before))" 1
    ok '... the key of before issues' cerca issue --profile tls-server --key-out "$1.key" \
        --san "dns:$1.older.example" --out "$1.pem"
    ok '... what verifies' verifies "$1.pem"
    ok '... and one of before gets its successor' cerca renew "$(serial named)" --key-out "$1-named.key" \
        --key-type rsa2048 --out "$1-named.pem"
    ok '... a checkpoint is signed' cerca audit checkpoint --out "$1.checkpoint"
}

for older in schema-1 schema-4; do
    unpack "$older" || bail "$older cannot be unpacked"
    if [ ! -e "$ca_dir/secrets/audit.key" ]; then
        ok "$older: the key of checkpoints is made, as there is none" cerca-signer -c "$CERCA_CONF" --token default --provision
    fi
    ok "$older: it starts" ca_start "$ca_dir"
    [ "$status" -eq 0 ] || bail 'nothing else can be seen of it'
    if [ "${older#schema-}" -lt "$schema" ]; then
        like '... and is brought up to date' cercad.log "store.migrated schema=$schema"
    fi
    everything
    sed 's/owner-good/owner-lost/' "$known/list.json" >"$known/lie.json"
    ok '... a certificate that is another would be found' eval '! kept lie list --limit 0'
    [ ! -e "$known/tokens.json" ] || later_things
    going_on "$older"
    ca_stop
    cp cercad.log first.log
    : >cercad.log
    ok "$older: it starts a second time" ca_start "$ca_dir"
    [ "$status" -eq 0 ] || bail 'nothing else can be seen of it'
    unlike '... and there is nothing to bring up to date' cercad.log 'store.migrate'
    everything
    ok '... with what was issued since' eval "cerca list --name $older.older.example -o json | jq -e 'length == 1'"
    ok '... the audit log goes on' cerca audit verify --checkpoint "$older.checkpoint"
    ca_stop
done
done_testing
