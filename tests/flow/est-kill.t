#!/bin/sh
# kill -9 of cerca-ca and of the signer while a thousand clients enroll over EST: each ends with a
# certificate, was told nothing but to try again until then, and gets the same one when it asks
# once more; none was issued that nobody finds.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
n=1000
kills=12

ca_init || bail 'no CA'
echo 'est = ( { name = "default"; profile = "tls-client"; ways = ( "token" ); } );' \
    >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

ok "$kills kills of cerca-ca and the signer cost no client its certificate" \
    python3 "$root/tests/flow/est_load.py" "$ca_pid" "$port" "$(token tls-client $n dns:.kill.example)" \
    $n $kills serials
sed 's/^/# /' "$out"
is 'none has that of another one' "$(sort -u serials | wc -l)" $n
wait_until 20 cerca status || bail 'it does not come back'
cerca list --name .kill.example --status valid --limit 0 -o json >list.json
is 'no request has two' "$(jq length list.json)" $n
jq -r '.[].serial' list.json | sort >listed
ok '... and those are the ones that the clients have' sh -c 'sort serials | cmp - listed'
ok 'no signature is without its intent, none is lost' cerca store check
is 'every use of the token is taken, none twice' "$(cerca token list -o json)" '[]'
done_testing
