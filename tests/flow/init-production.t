#!/bin/sh
# cerca init without --dev: a CA to rely on, with a token that is made or one that exists, with a root
# here or offline; asked for on a terminal; run again; looked at before.
# shellcheck source=tests/flow/lib.sh
# shellcheck disable=SC2317 # functions that ok runs
. "$(dirname "$0")/lib.sh"

pems=$scratch/pems
mkdir "$pems"
url=http://pki.example.com
new() { # new DIR OPTIONS: what every set-up has
    dir=$1
    shift
    # shellcheck disable=SC2046 # options
    cerca init --dir "$dir" --base-url "$url" --org Example --yes $(port_options) "$@"
}

# --- before anything is made ----------------------------------------------------------------------

fails 'without a terminal, what is missing is named' 1 '--base-url is missing: where others fetch' \
    cerca init --dir "$ca_dir" --org Example
fails 'an HTTPS base URL is refused before anything is made' 1 'should begin with http://' \
    cerca init --dir "$ca_dir" --base-url https://pki.example.com --org Example --yes
ok 'nothing was' test ! -e "$ca_dir/cerca.conf"
fails 'a module that is not there is named' 1 'no PKCS#11 module /nowhere.so' \
    new "$ca_dir" --module /nowhere.so --token pkcs11:token=a --pin-file /dev/null
fails 'an operator is three words' 1 'NAME:USER:ROLE' new "$ca_dir" --operators bob
fails 'a dry run needs no folder' 1 '--org is missing' cerca init --dir "$scratch/dry" \
    --base-url "$url" --yes --dry-run
ok 'a dry run says what would be made' new "$scratch/dry" --dry-run --operators bob:65534:auditor
like 'every key' "$out" 'key +issuing, p256'
like 'every certificate' "$out" 'certificate +.*/dry/ca/root.pem: CN=Example Root CA,O=Example'
like 'and the whole configuration' "$out" 'base_url = "http://pki.example.com"'
ok 'and makes nothing' test ! -e "$scratch/dry"

# --- a token of its own, the root here --------------------------------------------------------------

rm -rf "$ca_dir"
ok 'a CA is set up' new "$ca_dir" --operator alice --operators bob:65534:auditor
like 'the fingerprint of the root is told' "$out" \
    "SHA-256 +$(openssl x509 -in "$ca_dir/ca/root.pem" -noout -fingerprint -sha256 |
        cut -d= -f2 | tr A-F a-f)"
like 'and what relying parties install' "$out" 'cerca ca bundle --out roots.pem'
ok 'its configuration is sound' cerca conf check -c "$ca_dir/cerca.conf"
like 'it knows the other operator' "$ca_dir/cerca.conf" '"bob"; uid = "65534"; role = "auditor"'
(cd "$ca_dir" && find . -type f ! -path './store/*' ! -name .cerca-init -exec sha256sum {} +) |
    sort >"$scratch/before"
ok 'run again, it says that it is there' new "$ca_dir" --root-key p521
like 'it says so' "$out" 'there is a CA already'
(cd "$ca_dir" && find . -type f ! -path './store/*' ! -name .cerca-init -exec sha256sum {} +) |
    sort >"$scratch/after"
ok 'and changes nothing' cmp "$scratch/before" "$scratch/after"
ok 'it starts' ca_start
ok 'it issues' cerca issue --profile tls-server --key-out "$pems/a.key" --san dns:a.example \
    --out "$pems/a.pem"
ok 'OpenSSL follows the chain' openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" \
    -untrusted "$ca_dir/ca/issuing.pem" "$pems/a.pem"
run openssl x509 -in "$pems/a.pem" -noout -ext crlDistributionPoints,authorityInfoAccess
like 'its URLs are those of the base' "$out" "URI:$url/crl/issuing.crl"
ca_stop

# --- interrupted ----------------------------------------------------------------------------------

rm "$ca_dir/ca/issuing.pem" "$ca_dir/ca/issuing.der"
touch "$ca_dir/.cerca-init"
sed -i 's/^log = .*/& # mine/' "$ca_dir/cerca.conf"
ok 'one that was interrupted is finished' cerca init --dir "$ca_dir" --yes
ok 'with the certificate that was recorded' openssl verify -x509_strict \
    -CAfile "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem"
like 'what stood stays' "$ca_dir/cerca.conf" '# mine$'

# --- the root is kept elsewhere, the token exists ----------------------------------------------------

ca_dir=$scratch/offline
mkdir "$scratch/hsm"
echo "directories.tokendir = $scratch/hsm" >"$scratch/hsm.conf"
SOFTHSM2_CONF=$scratch/hsm.conf softhsm2-util --init-token --free --label ours --pin 123456 \
    --so-pin 654321 >/dev/null
printf 123456 >"$scratch/pin"
module=$(sed -n 's/.*module = "\(.*\)";/\1/p' "$scratch/ca/cerca.conf")
ok 'a CA below an offline root is set up in a token that exists' new "$ca_dir" --offline-root \
    --module "$module" --token pkcs11:token=ours --pin-file "$scratch/pin" \
    --token-env "SOFTHSM2_CONF=$scratch/hsm.conf" --token-path "$scratch/hsm" \
    --token-path "$scratch/hsm.conf" --issuing-subject 'CN=Branch CA,O=Example'
like 'it says what to do' "$out" 'cerca ca install issuing.pem root.pem'
ok 'no token was made' test ! -e "$ca_dir/softhsm2.conf"
ok 'the request waits' openssl req -in "$ca_dir/ca/issuing.csr" -noout -verify
ok 'run again, it stays so' new "$ca_dir" --offline-root
CERCA_CONF=$ca_dir/cerca.conf
export CERCA_CONF
cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
ok 'it runs without a certificate' wait_until 30 cerca ca list --timeout 5
run cerca ca list -o json
json 'and says which are missing' '[.[] | .state == "no certificate"] | all'
fails 'it issues nothing' 1 'no certificate yet' cerca issue --profile tls-server \
    --key-out "$pems/n.key" --san dns:a.example --timeout 5
openssl ecparam -name secp384r1 -genkey -noout -out "$pems/root.key"
openssl req -x509 -new -key "$pems/root.key" -utf8 -subj '/O=Example/CN=Example Root CA' -days 7300 \
    -sha384 -addext basicConstraints=critical,CA:TRUE,pathlen:2 \
    -addext keyUsage=critical,keyCertSign,cRLSign -out "$pems/root.pem" 2>/dev/null
printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=critical,keyCertSign,cRLSign \
    subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >"$pems/ext"
openssl x509 -req -in "$ca_dir/ca/issuing.csr" -CA "$pems/root.pem" -CAkey "$pems/root.key" -days 1800 \
    -set_serial 0x4142434445464748 -extfile "$pems/ext" -out "$pems/issuing.pem" 2>/dev/null
ok 'what came back is installed' cerca ca install "$pems/issuing.pem" "$pems/root.pem"
ok 'it issues' cerca issue --profile tls-server --key-out "$pems/b.key" --san dns:b.example \
    --out "$pems/b.pem"
ok 'below the offline root' openssl verify -x509_strict -CAfile "$pems/root.pem" \
    -untrusted "$pems/issuing.pem" "$pems/b.pem"
ok 'and all is well' cerca status
ca_stop

# --- on a terminal --------------------------------------------------------------------------------

printf '%s\n' "$url" Asked online softhsm >"$scratch/answers"
run script -qec "cerca init --dir $scratch/asked" /dev/null <"$scratch/answers"
is 'on a terminal, what is missing is asked for' "$status" 0
ok 'and used' grep -q 'CN=Asked Root CA,O=Asked' "$scratch/asked/cerca.conf"

done_testing
