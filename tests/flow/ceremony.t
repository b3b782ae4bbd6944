#!/bin/sh
# An offline root: a ceremony from one file, without a daemon, interrupted at each step and finished
# by typing it again; the CA below it, which has never seen the root's key.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
softhsm=$(find /usr/lib -name libsofthsm2.so -print -quit)

csr() { # NAME SUBJECT
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
        -keyout "$1.key" -out "$1.csr" 2>/dev/null
}

# root_conf DIR: what is needed to hold the ceremony there.
root_conf() {
    mkdir -p "$1/tokens" "$1/secrets"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$scratch/$1/tokens" >"$1/softhsm2.conf"
    openssl rand -hex 16 >"$1/secrets/root.pin"
    openssl rand -hex 16 >"$1/secrets/root.so-pin"
    cp issuing.csr responder.csr "$1"
    cat >"$1/root.conf" <<CONF
tokens = ( { name = "root"; module = "$softhsm"; uri = "pkcs11:token=offline-root";
    pin_file = "secrets/root.pin"; environment = ( "SOFTHSM2_CONF=%d/softhsm2.conf" );
    paths = ( "tokens" ); read_paths = ( "softhsm2.conf" ); } );
issuers = ( { name = "root"; subject = "CN=Example Root CA,O=Example"; token = "root";
    key = "pkcs11:object=root"; key_type = "p384"; parent = "root"; signs_cas = true;
    signs_leaves = true; path_len = "1"; validity = "20y"; leaf_validity_max = "400d";
    crl_validity = "180d"; crl_every = "90d";
    issuer_url = "http://pki.example.com/root.crt"; crl_url = "http://pki.example.com/root.crl"; } );
profiles = ( { name = "ocsp-responder"; issuer = "root"; validity = "360d"; validity_max = "365d"; } );
operators = ( { name = "alice"; uid = "$(id -u)"; role = "admin"; } );
signings = (
    { name = "sub"; csr = "issuing.csr"; sha256 = "$(sha256sum <issuing.csr | cut -d ' ' -f 1)"; },
    { name = "responder"; profile = "ocsp-responder"; csr = "responder.csr"; } );
CONF
}

serial_of() {
    openssl x509 -in "$1" -noout -serial
}

csr issuing '/CN=Example Issuing CA/O=Example'
csr responder '/CN=Example Root OCSP'
root_conf plain

ok 'a dry run says what would be made' cerca ceremony plain/root.conf --dry-run
like 'the root' "$out" 'CA certificate root: would be made'
like 'and what is signed' "$out" 'subordinate-ca sub: would be signed'
is 'and makes nothing' "$(test -e plain/ceremony && echo there)" ''
ok 'the ceremony is held' cerca ceremony plain/root.conf -o json
json 'every artifact has its SHA-256' \
    '[.artifacts[] | select(.sha256 | test("^[0-9a-f]{64}$")) | .file] == ["root.pem", "sub.pem", "responder.pem", "root.crl"]'
ok 'sha256sum confirms them' sh -c 'cd plain/ceremony && sha256sum -c SHA256SUMS'
for file in root.pem sub.pem responder.pem root.crl; do
    like "the transcript has the sum of $file" plain/ceremony/transcript.txt \
        "$file, SHA-256 $(sha256sum <"plain/ceremony/$file" | cut -d ' ' -f 1)"
done
like 'who held it' plain/ceremony/transcript.txt 'by alice \(uid'
cd plain/ceremony || exit 1
ok 'openssl verifies the subordinate' openssl verify -x509_strict -CAfile root.pem sub.pem
ok 'with the CRL' sh -c 'cat root.pem root.crl >both.pem 2>/dev/null
    openssl crl -inform DER -in root.crl -out crl.pem && openssl verify -crl_check -CAfile root.pem -CRLfile crl.pem sub.pem'
ok 'openssl verifies the CRL' openssl crl -inform DER -in root.crl -CAfile root.pem -noout
ok 'gnutls reads it' certtool --inder --crl-info --infile root.crl
like 'the subordinate may sign no CA' /dev/stdin 'pathlen:0' <<EOT
$(openssl x509 -in sub.pem -noout -ext basicConstraints)
EOT
like 'the responder is one for OCSP' /dev/stdin 'OCSP Signing' <<EOT
$(openssl x509 -in responder.pem -noout -text)
EOT
cd "$scratch" || exit 1
before=$(serial_of plain/ceremony/sub.pem)
ok 'held again it signs nothing twice' cerca ceremony plain/root.conf
is 'the subordinate is the same' "$(serial_of plain/ceremony/sub.pem)" "$before"

# --- revoking -------------------------------------------------------------------------------------

root_conf later
cerca ceremony later/root.conf >/dev/null 2>&1 || bail 'no ceremony to revoke after'
fails 'a reason that does not exist is said' 1 'should be unspecified' \
    cerca ceremony later/root.conf --revoke later/ceremony/sub.pem --reason whim
fails 'what was revoked is not signed again' 1 'was revoked: take it out of signings' \
    cerca ceremony later/root.conf --revoke later/ceremony/sub.pem --reason cACompromise
sed -i '/name = "sub"/d' later/root.conf
ok 'a ceremony revokes, and says so again when asked again' \
    cerca ceremony later/root.conf --revoke later/ceremony/sub.pem --reason cACompromise
like 'the transcript has it' later/ceremony/transcript.txt 'revoked: later/ceremony/sub.pem .*cACompromise'
openssl crl -inform DER -in later/ceremony/root.crl -out later/crl.pem
fails 'the new CRL has it' 2 'certificate revoked' \
    openssl verify -crl_check -CAfile later/ceremony/root.pem -CRLfile later/crl.pem later/ceremony/sub.pem

# --- refusals -------------------------------------------------------------------------------------

csr other '/CN=Example Issuing CA/O=Example'
cp other.csr plain/issuing.csr
fails 'a request that was exchanged is refused' 1 'is not the file whose SHA-256' \
    cerca ceremony plain/root.conf
cp issuing.csr plain/issuing.csr
fails 'a file that is not there is named' 1 'nowhere.conf' cerca ceremony nowhere.conf
sed "s/uid = \"$(id -u)\"/uid = \"54321\"/" plain/root.conf >plain/stranger.conf
fails 'who is no operator is refused before anything is made' 1 'no operator with the role admin' \
    cerca ceremony plain/stranger.conf
sed 's/profile = "ocsp-responder"; csr/profile = "nothing"; csr/' plain/root.conf >plain/wrong.conf
fails 'a profile that does not exist is named with its line' 1 'wrong.conf:[0-9]+.*no profile "nothing"' \
    cerca ceremony plain/wrong.conf

# --- interrupted at each step ---------------------------------------------------------------------

for step in cerca:ceremony.begun cerca:ceremony.keys cerca:ceremony.certified cerca:ceremony.signed \
    cerca:ceremony.listed cerca:ceremony.ending cerca-ca:store.reserve.after cerca-ca:door.signed \
    cerca-ca:store.finish.after; do
    dir=killed-$(echo "$step" | tr ':.' '--')
    root_conf "$dir"
    run env "CERCA_STEP_KILL=$step:1" cerca ceremony "$dir/root.conf"
    is "the ceremony is interrupted at $step" "$(test "$status" -ne 0 && echo yes)" yes
    ok "and finished by typing it again ($step)" cerca ceremony "$dir/root.conf" -o json
    json "with all artifacts ($step)" '.artifacts | length == 4'
    ok "which verify ($step)" openssl verify -x509_strict -CAfile "$dir/ceremony/root.pem" \
        "$dir/ceremony/sub.pem"
done

done_testing
