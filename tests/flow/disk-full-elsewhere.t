#!/bin/sh
# A full disk below the public view, below a backup that is written, below a restore: what was there
# stays whole, the reason is said, and it goes on once there is room.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# The small disk is a tmpfs, which takes root or a user namespace of our own.
own_namespaces --mount "$0"

small() { # DIR MIB: what is in it moves onto a small disk
    cp -a "$1" "$scratch/kept"
    mount -t tmpfs -o "size=$2m" tmpfs "$1" || bail 'a tmpfs cannot be mounted'
    cp -a "$scratch/kept/." "$1"
    rm -rf "$scratch/kept"
}

fill() { # DIR: nothing is free
    ! head -c 200m /dev/zero >"$1/filler" 2>/dev/null
}

room() { # DIR
    rm -f "$1/filler"
}

well() {
    cerca status --timeout 5
}

crl_number() {
    openssl crl -inform DER -noout -crlnumber -in "$(echo "$ca_dir"/view/issuing-*/crl.der)"
}

cd "$scratch" || exit 1
ca_init || bail 'no CA'
sed -i 's|^store = .*|store = { dir = "store"; free_watermark = "1MiB"; };|' "$ca_dir/cerca.conf"
small "$ca_dir/view" 8
ca_start || bail 'it does not start'
cerca issue --profile tls-server --san dns:a.full.example --key-out a.key --out a.pem 2>/dev/null ||
    bail 'it does not issue'
ed=$(cerca audit checkpoint --key | head -n 1)
cerca audit checkpoint --out before.checkpoint

# --- the public view ------------------------------------------------------------------------------

before=$(crl_number)
fill "$ca_dir/view"
fails 'without room no CRL is made, and it is said why' 1 'No space left' \
    cerca crl publish issuing --timeout 5
is 'the one that was there stays' "$(crl_number)" "$before"
run cerca audit checkpoint --timeout 5
is 'nor is a checkpoint published' "$status" 1
like '... and it is said why' "$err" 'No space left'
run cerca status
is 'the status is not well' "$status" 1
room "$ca_dir/view"
ok 'with room again, all is well by itself' wait_until 30 well
ok 'a CRL is made' cerca crl publish issuing
ok '... greater than the one before' test "$(crl_number)" != "$before"
ok 'a checkpoint is signed' cerca audit checkpoint --out after.checkpoint
ok 'the log goes on from those before' cerca audit verify --key "$ed" \
    --checkpoint before.checkpoint --checkpoint after.checkpoint
ok 'the store is sound' cerca store check

# --- a backup -------------------------------------------------------------------------------------

mkdir small
small small 1
fill small
fails 'a backup for which there is no room is refused' 1 'backup.room|No space left|room' \
    cerca backup --out small/cerca.backup
is '... and leaves nothing' "$(ls -A small)" filler
ok 'elsewhere there is room' cerca backup --out cerca.backup

# --- a restore ------------------------------------------------------------------------------------

serial=$(openssl x509 -in a.pem -noout -serial | sed 's/serial=//')
cerca revoke "$serial" --reason superseded >/dev/null 2>&1 || bail 'not revoked'
ca_stop
small "$ca_dir/store" 40
fill "$ca_dir/store"
fails 'a restore without room is told so' 1 'No space left|room' cerca restore cerca.backup
room "$ca_dir/store"
is '... and moved nothing' "$(find "$ca_dir/store" -name '*.replaced-*')" ''
ok 'the store of before serves on' ca_start
ok '... with what was revoked' sh -c "cerca show $serial -o json | grep -q revoked"
ca_stop
ok 'with room it is restored' cerca restore cerca.backup
ca_pid=
umount "$ca_dir/view" "$ca_dir/store" small

# --- a ceremony -----------------------------------------------------------------------------------

mkdir -p offline/tokens offline/secrets
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$scratch/offline/tokens" >offline/softhsm2.conf
openssl rand -hex 16 >offline/secrets/root.pin
openssl rand -hex 16 >offline/secrets/root.so-pin
cat >offline/root.conf <<CONF
tokens = ( { name = "root"; module = "$(find /usr/lib -name libsofthsm2.so -print -quit)";
    uri = "pkcs11:token=offline-root"; pin_file = "secrets/root.pin";
    environment = ( "SOFTHSM2_CONF=%d/softhsm2.conf" );
    paths = ( "tokens" ); read_paths = ( "softhsm2.conf" ); } );
issuers = ( { name = "root"; subject = "CN=Full Root"; token = "root"; key = "pkcs11:object=root";
    key_type = "p384"; parent = "root"; signs_cas = true; validity = "20y"; crl_validity = "180d";
    crl_every = "90d"; crl_url = "http://pki.example.com/root.crl"; } );
operators = ( { name = "alice"; uid = "$(id -u)"; role = "admin"; } );
store = { dir = "store"; free_watermark = "1MiB"; };
CONF
small offline 40
fill offline
fails 'a ceremony without room ends' 1 '.' cerca ceremony offline/root.conf
room offline
ok '... and is finished by typing it again' cerca ceremony offline/root.conf
ok '... with what sums confirm' sh -c 'cd offline/ceremony && sha256sum -c SHA256SUMS'
umount offline

done_testing
