#!/bin/sh
# kill -9 of cerca-ca, and of cerca-public, while many revoke: from the moment that a revocation is
# acknowledged every OCSP answer says revoked, and no answer is older than one before it, over
# restarts of either.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
port=${base##*:}
cp "$ca_dir/ca/issuing.pem" "$ca_dir/ca/root.pem" .
each=80

{
    echo name,sans
    for n in $(seq $((2 * each))); do
        echo "n$n,dns:n$n.load.example"
    done
} >list.csv
cerca bulk list.csv --out-dir certs --profile tls-server -o json >report.json 2>bulk.err ||
    bail 'the certificates are not issued'
jq -r '.[].serial' report.json >serials
is 'certificates are issued' "$(sort -u serials | wc -l)" $((2 * each))

openssl ocsp -issuer issuing.pem -serial "0x$(head -n 1 serials)" -no_nonce -reqout request.der
answers() {
    openssl ocsp -issuer issuing.pem -serial "0x$(head -n 1 serials)" -CAfile root.pem \
        -url "$base/ocsp" 2>&1 | grep -q "$1"
}
wait_until 20 answers ': good' || bail 'no OCSP'

load() { # PROGRAM KILLS
    # shellcheck disable=SC2046 # many words
    python3 "$root/tests/flow/revoke_load.py" "$ca_pid" "$1" "$2" "$port" request.der $(cat part)
}

head -n "$each" serials >part
ok 'cerca-ca is killed six times' load cerca-ca 6
sed "s/^/# /" "$out"
tail -n "$each" serials >part
ok 'cerca-public is killed six times' load cerca-public 6
sed "s/^/# /" "$out"
wait_until 20 cerca status || bail 'it does not come back'
is 'all are revoked' "$(cerca list --name .load.example --status revoked --limit 0 -o json |
    jq length)" $((2 * each))
ok 'the store is sound' cerca store check
done_testing
