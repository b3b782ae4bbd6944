#!/bin/bash
# One CA with keys behind two PKCS#11 modules of different make, both real: root and an issuing CA in
# SoftHSM2, others in NSS softokn. Both issue and answer; one is away while the other goes on; the
# status says which.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

softokn=$(find /usr/lib -name libsoftokn3.so | head -n 1)
[ -n "$softokn" ] || bail 'no NSS softokn'
cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
mkdir "$ca_dir/nss"
openssl rand -hex 8 >"$ca_dir/secrets/nss.pin"
ok "the other module's token is made by its own program" \
    certutil -N -d "sql:$ca_dir/nss" -f "$ca_dir/secrets/nss.pin"

into() { # LIST: entries from standard input, in front of the others
    cat >entry
    sed -i "/^$1 = (/r entry" "$conf"
}
into tokens <<END
    { name = "nss"; module = "$softokn"; uri = "pkcs11:token=second%20make";
      init_reserved = "configdir='sql:$ca_dir/nss' certPrefix='' keyPrefix='' secmod='' flags= dbTokenDescription='second make'";
      pin_file = "secrets/nss.pin"; paths = ( "nss" ); read_paths = ( "/dev/urandom" ); },
END
echo 'audit = { token = "default"; };' >>"$conf"
# Each mechanism that Cerca asks a module for.
kinds='p256 p521 rsa2048 pss'
for kind in $kinds; do
    type=$kind alg=
    [ "$kind" != pss ] || type=rsa2048 alg='alg = "rsa-pss-sha256";'
    into issuers <<END
    { name = "nss-$kind"; subject = "CN=$kind,O=Flow"; token = "nss"; key = "pkcs11:object=$kind";
      key_type = "$type"; $alg parent = "root"; signs_leaves = true; path_len = "0"; validity = "2y";
      crl_delay = "1s"; crl_url = "$base/crl/nss-$kind.crl"; ocsp_url = "$base/ocsp"; },
END
done
for kind in $kinds; do
    printf '{ name = "tls-%s"; issuer = "nss-%s"; eku = ( "serverAuth" ); }\n' "$kind" "$kind"
done | paste -sd , | sed 's/.*/profiles = ( & );/' >>"$conf"
ok 'a configuration with both is right' cerca conf check -c "$conf"
ok 'its keys are made there' cerca-signer -c "$conf" --token nss --provision
is '... each of its kind' "$(cut -f 2,3 "$out" | sort | xargs)" \
    'p256 made p521 made rsa2048 made rsa2048 made'
ok '... once' cerca-signer -c "$conf" --token nss --provision
is '... which a second time finds' "$(cut -f 3 "$out" | sort | uniq -c | xargs)" '4 found'
# Not well yet: the issuers of the other module have no certificates.
export CERCA_CONF="$conf"
cercad -c "$conf" >>cercad.log 2>&1 &
ca_pid=$!
answers() {
    cerca status --timeout 5 -o json | jq -e '.items | length > 0'
}
ok 'it starts' wait_until 60 answers

issue() { # NAME PROFILE [OPTION...]
    issue_to=$1
    issue_by=$2
    shift 2
    rm -f "$issue_to.pem"
    cerca issue --profile "$issue_by" --key-out "$issue_to.key" --force \
        --san "dns:$issue_to.modules.example" --out "$issue_to.pem" "$@"
}
verifies() { # NAME
    openssl verify -x509_strict -CAfile "$ca_dir/ca/root.pem" -untrusted "$1.pem" "$1.pem"
}
says() { # STATUS NAME
    cerca ocsp query "$2.pem" --nonce -o json >said 2>&1
    jq -e --arg s "$1" '.status == $s' said
}
crl_is_served() { # ISSUER
    curl -sf -o served.crl "$base/crl/$1.crl" &&
        openssl crl -inform DER -in served.crl -noout -CAfile "$ca_dir/ca/$1.pem"
}
signer_of() { # TOKEN
    tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r child; do
        tr '\0' ' ' <"/proc/$child/cmdline" | grep -q "cerca-signer.*--token $1 " && echo "$child"
    done
}
token_is() { # TOKEN STATE
    cerca status --timeout 10 -o json |
        jq -e --arg n "hsm.$1" --arg s "$2" 'any(.items[]; .name == $n and .state == $s)'
}
well() {
    cerca status --timeout 10
}

# --- both at work ---------------------------------------------------------------------------------------

for kind in $kinds; do
    ok "the root in one module signs the CA in the other: $kind" cerca ca create "nss-$kind"
    ok '... which issues' issue "$kind" "tls-$kind"
    ok '... what OpenSSL verifies' verifies "$kind"
done
ok 'the first one issues too' issue first tls-server
ok 'all is well with both' wait_until 60 well
for kind in $kinds; do
    ok "OCSP by a responder of $kind" wait_until 60 says good "$kind"
    ok '... and its CRL' wait_until 60 crl_is_served "nss-$kind"
done
ok 'a certificate of the other module is revoked' cerca revoke p521.pem
ok '... which OCSP says' wait_until 30 says revoked p521
on_crl() { # ISSUER NAME
    crl_is_served "$1" && openssl crl -inform DER -in served.crl -noout -text |
        grep -qi "Serial Number: $(openssl x509 -in "$2.pem" -noout -serial | sed 's/.*=//')"
}
ok '... and the CRL that it signed' wait_until 60 on_crl nss-p521 p521
is 'each signer has its own module, and that alone' \
    "$(for token in default nss; do
        sed -n 's/.*\/\(libsofthsm2\|libsoftokn3\)[.]so$/\1/p' "/proc/$(signer_of "$token")/maps" | sort -u
    done | xargs)" 'libsofthsm2 libsoftokn3'

# --- one away, the other goes on -----------------------------------------------------------------------------

# away TOKEN FOLDER WORKS LACKS: the folder of its token is gone, and its signer with it.
away() {
    mv "$2" "$2.away"
    kill -KILL "$(signer_of "$1")"
    ok "$1 is away: the status names it" wait_until 60 token_is "$1" unavailable
    ok '... and calls the other ready' token_is "$3" ready
    ok '... which issues' wait_until 60 issue going "$4" --timeout 10s
    ok '... rightly' verifies going
    fails '... nobody is issued to by what is away' 1 'HSM unavailable|no answer|retry after' \
        issue none "$5" --timeout 5s
    ok '... whose OCSP goes on' says good "$6"
    ok '... and whose CRL is served' crl_is_served "$7"
}
back() { # TOKEN FOLDER PROFILE
    mv "$2.away" "$2"
    ok "$1 is back, by itself" wait_until 60 token_is "$1" ready
    ok '... and issues' wait_until 60 issue again "$3" --timeout 10s
    ok '... rightly' verifies again
}
tokens=$(sed -n 's/^directories.tokendir = //p' "$ca_dir/softhsm2.conf")
[ -d "$tokens" ] || bail 'no folder of tokens'
away nss "$ca_dir/nss" default tls-server tls-p256 p256 nss-p256
back nss "$ca_dir/nss" tls-p256
away default "$tokens" nss tls-p256 tls-server first issuing
back default "$tokens" tls-server

# --- its PIN ---------------------------------------------------------------------------------------------------

cp "$ca_dir/secrets/nss.pin" pin
echo 0000 >"$ca_dir/secrets/nss.pin"
kill -KILL "$(signer_of nss)"
says_why() {
    cerca status --timeout 10 | grep -q 'hsm.nss .*wrong PIN'
}
ok 'a wrong PIN of the other module is told as one' wait_until 60 says_why
ok '... the first one goes on' issue still tls-server
cp pin "$ca_dir/secrets/nss.pin"
kill -HUP "$ca_pid"
ok '... until a reload' wait_until 60 issue righted tls-p256 --timeout 10s
ok 'all is well with both' wait_until 60 well
ok 'the store is sound, each signature of both has an intent' cerca store check
done_testing
