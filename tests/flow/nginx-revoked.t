#!/bin/sh
# A real nginx that relies on what we publish: it staples our OCSP answers for curl, and refuses
# clients that are revoked, by our CRLs and by asking our responder. Each accepts first.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem

issue() { # NAME PROFILE
    cerca issue --profile "$2" --san "dns:$1.example" --key-out "$1.key" --out "$1.pem" \
        2>"$1.err" || bail "$1 is not issued"
}

revoke() { # NAME
    cerca revoke --yes --reason keyCompromise "$1.pem" >/dev/null 2>&1 || bail "$1 is not revoked"
}

for name in stapled filed; do
    issue $name tls-server
done
for name in listed asked other; do
    issue $name tls-client
done

crls() {
    for issuer in root issuing; do
        curl -sf "$base/crl/$issuer.crl" | openssl crl -inform DER || return 1
    done >crls.new && mv crls.new crls.pem
}

answer_for() { # NAME FILE
    openssl ocsp -issuer issuing.pem -cert "$1.pem" -CAfile root.pem -url "$base/ocsp" -no_nonce \
        -respout "$2" >verdict 2>&1 && grep -q 'Response verify OK' verdict
}

wait_until 20 answer_for filed filed.der || bail 'no OCSP'
crls || bail 'no CRLs'
# shellcheck disable=SC2046 # two words
set -- $(free_ports) $(free_ports)
stapled=$1 filed=$2 listed=$3 asked=$4
server() { # PORT NAME DIRECTIVES
    cat <<END
    server {
        listen 127.0.0.1:$1 ssl;
        ssl_certificate $scratch/$2.pem;
        ssl_certificate_key $scratch/$2.key;
        $3
        location / { return 200 "\$ssl_client_verify\n"; }
    }
END
}
clients="ssl_client_certificate $scratch/root.pem; ssl_verify_client on; ssl_verify_depth 2;"
{
    # Where the responder is, nginx reads in the certificate.
    server "$stapled" stapled "ssl_stapling on; ssl_stapling_verify on;
        ssl_trusted_certificate $scratch/root.pem;"
    server "$filed" filed "ssl_stapling on; ssl_stapling_file $scratch/filed.der;"
    server "$listed" stapled "$clients ssl_crl $scratch/crls.pem;"
    server "$asked" stapled "$clients ssl_ocsp leaf;"
} >servers.conf
nginx_start servers.conf

visit() { # NAME PORT OPTION...
    host=$1.example
    port=$2
    shift 2
    curl -sS -f -m 20 --noproxy '*' --cacert root.pem --capath /nonexistent \
        --resolve "$host:$port:127.0.0.1" "$@" "https://$host:$port/"
}

as() { # NAME PORT: with this client's certificate
    visit stapled "$2" --cert "$1.pem" --key "$1.key"
}

reload() { # it takes new connections with what is in files now
    workers=$(pgrep -P "$nginx_pid")
    kill -HUP "$nginx_pid"
    wait_until 20 reloaded || bail "nginx does not reload: $(tail -n 3 nginx/error.log)"
}

reloaded() {
    for worker in $workers; do
        is_gone "$worker" || return 1
    done
}

wait_until 10 visit stapled "$stapled" || bail "nginx does not listen: $(cat nginx/out nginx/error.log)"

# --- stapled answers ------------------------------------------------------------------------------

ok 'curl wants an answer about the server, and gets ours from nginx' \
    wait_until 20 visit stapled "$stapled" --cert-status
ok '... and one that nginx has in a file' visit filed "$filed" --cert-status
fails 'without one curl refuses' 91 'OCSP' visit stapled "$listed" --cert-status \
    --cert other.pem --key other.key
revoke stapled
revoke filed
reload
refuses() {
    visit stapled "$stapled" --cert-status && return 1
    grep -q 'certificate status "revoked" in the OCSP response' nginx/error.log
}
ok 'of a revoked server nginx hears that it is' wait_until 20 refuses
fails '... and has nothing to staple: curl refuses' 91 'OCSP' visit stapled "$stapled" --cert-status
ok 'a new answer is fetched' answer_for filed filed.der
reload
fails '... in which curl reads why' 91 'keyCompromise' visit filed "$filed" --cert-status

# --- clients --------------------------------------------------------------------------------------

for name in listed other; do
    ok "$name: by the CRL nginx lets it in" as "$name" "$listed"
    is '... having verified it' "$(cat "$out")" SUCCESS
done
revoke listed
ok 'a CRL that has it is published' cerca crl publish issuing
crls || bail 'no CRLs'
reload
fails 'by the CRL a revoked client is refused' 22 400 as listed "$listed"
like '... since it is revoked' nginx/error.log "verify error: \(23:certificate revoked\).*:$listed\""
ok '... and nobody else' as other "$listed"

for name in asked other; do
    ok "$name: asking our responder nginx lets it in" as "$name" "$asked"
    is '... having verified it' "$(cat "$out")" SUCCESS
done
revoke asked
fails 'from then on, without any reload, it is refused' 22 400 as asked "$asked"
like '... since our responder says so' nginx/error.log "verify error: certificate revoked .*:$asked\""
ok '... and nobody else' as other "$asked"
done_testing
