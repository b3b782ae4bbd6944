#!/bin/sh
# What certificates are for, done by programs nobody here wrote: mail signed and sealed, code signed,
# time stamped, OCSP answered; and nobody takes what a certificate of another profile did.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'EOF'
profiles = ( { name = "stamps"; eku = ( "timeStamping" ); eku_critical = true; san_kinds = ();
               san_required = false; cn_must_be_san = false; subject_required = ( "CN" ); } );
EOF
ca_start || bail 'it does not start'
root_ca=$ca_dir/ca/root.pem
issuing_ca=$ca_dir/ca/issuing.pem
echo 'what is signed' >text

issue() { # PROFILE TYPE options...
    profile=$1 type=$2
    shift 2
    ok "$profile with a key of type $type is issued" cerca issue --profile "$profile" \
        --key-type "$type" --key-out "$profile-$type.key" --out "$profile-$type.pem" "$@"
}

issue tls-client p256 --san dns:client.example
for type in p256 rsa2048; do
    issue smime "$type" --san email:someone@example.org
    issue stamps "$type" --subject 'CN=Example Time Stamps'
    issue ocsp-responder "$type" --subject 'CN=Example Responder'
done
for type in p256 rsa3072; do
    issue code-signing "$type" --subject 'CN=Example Build'
done

# --- mail: S/MIME, RFC 8551 -----------------------------------------------------------------------

sign_mail() { # NAME
    openssl cms -sign -in text -signer "$1.pem" -inkey "$1.key" -certfile "$issuing_ca" -out mail
}

verify_mail() {
    openssl cms -verify -in mail -CAfile "$root_ca" -purpose smimesign
}

for type in p256 rsa2048; do
    ok "mail is signed ($type)" sign_mail "smime-$type"
    ok '... and its signature is good' verify_mail
    ok '... for openssl smime too' openssl smime -verify -in mail -CAfile "$root_ca"
    like '... and it says what it said' "$out" 'what is signed'
    ok "mail is sealed ($type)" openssl cms -encrypt -aes256 -in text -out sealed "smime-$type.pem"
    ok '... and opened' openssl cms -decrypt -in sealed -recip "smime-$type.pem" \
        -inkey "smime-$type.key"
    like '... and it says what it said' "$out" 'what is signed'
done
ok 'a client signs mail' sign_mail tls-client-p256
fails '... which nobody takes for mail' 4 'unsuitable certificate purpose' verify_mail

# --- code: a signature beside it, as GnuTLS makes and checks it -------------------------------------

sign_code() { # NAME
    certtool --p7-detached-sign --outder --load-certificate "$1.pem" --load-privkey "$1.key" \
        --infile text --outfile code.p7s
}

verify_code() { # [PURPOSE]: that of signing code unless given
    certtool --p7-verify --inder --infile code.p7s --load-data text \
        --load-ca-certificate chain.pem --verify-purpose "${1:-1.3.6.1.5.5.7.3.3}"
}

cat "$root_ca" "$issuing_ca" >chain.pem
for type in p256 rsa3072; do
    ok "code is signed ($type)" sign_code "code-signing-$type"
    ok '... and its signature is good, for code' verify_code
    echo 'what is not' >text
    fails '... but not of other code' 1 'verification failed' verify_code
    echo 'what is signed' >text
done
ok 'a client signs code' sign_code tls-client-p256
fails '... which nobody takes for code' 1 'verification failed' verify_code
ok '... though the signature is good, for a client' verify_code 1.3.6.1.5.5.7.3.2

# --- time stamps: RFC 3161 ------------------------------------------------------------------------

cat >ts.conf <<'EOF'
[tsa]
default_tsa = stamper
[stamper]
serial = stamp.serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
EOF

stamp() { # NAME
    openssl ts -query -data text -sha256 -cert -out query.tsq 2>/dev/null &&
        openssl ts -reply -config ts.conf -section stamper -queryfile query.tsq -signer "$1.pem" \
            -inkey "$1.key" -chain "$issuing_ca" -out reply.tsr
}

for type in p256 rsa2048; do
    ok "a time is stamped ($type)" stamp "stamps-$type"
    ok '... and the stamp is good' openssl ts -verify -queryfile query.tsq -in reply.tsr \
        -CAfile "$root_ca"
done
fails 'a client cannot even make a stamp' 1 'invalid signer certificate purpose' stamp tls-client-p256

# --- OCSP: RFC 6960 -------------------------------------------------------------------------------

serial=$(openssl x509 -in tls-client-p256.pem -noout -serial | sed 's/.*=//')
printf 'V\t351231000000Z\t\t%s\tunknown\t/CN=client\n' "$serial" >index
openssl ocsp -issuer "$issuing_ca" -cert tls-client-p256.pem -no_nonce -reqout request.der ||
    bail 'openssl ocsp failed'

answer() { # NAME: openssl answers with this certificate, openssl asks
    openssl ocsp -index index -CA "$issuing_ca" -rsigner "$1.pem" -rkey "$1.key" \
        -reqin request.der -respout answer.der -ndays 1 >answer.log 2>&1 &&
        openssl ocsp -respin answer.der -issuer "$issuing_ca" -cert tls-client-p256.pem \
            -no_nonce -CAfile "$root_ca" -verify_other "$issuing_ca"
}

for type in p256 rsa2048; do
    ok "a responder answers for its CA ($type)" answer "ocsp-responder-$type"
    like '... and the answer is taken' "$err" 'Response verify OK'
    like '... for what it says' "$out" 'tls-client-p256.pem: good'
done
run answer tls-client-p256
like 'nobody takes the answer of a client' "$err" 'missing ocspsigning usage'

done_testing
