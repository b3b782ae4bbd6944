#!/bin/sh
# cerca-watch as a user of its own, watch.user: it reads secrets that nobody else reads, is alone on
# its socket, and says which file it cannot read. Needs root to change the user.
# shellcheck disable=SC2317 # functions are called by name
[ "$(id -u)" -eq 0 ] || exec sudo -nE "$0" "$@"
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
start_http
ca_init || bail 'no CA'
chmod 0711 "$scratch" "$peers" "$ca_dir"
chmod 0644 "$peers/ca.pem"
cp "$peers/hook" "$peers/key"
chown nobody "$peers/key"
channels "$(hook hook /ok | sed 's|/hook";|/key";|')"
echo 'watch = { user = "nobody"; };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

chmod 0711 "$ca_dir/sock"
delivers() { cerca notify test hook --timeout 5; }
wait_until 20 delivers
ok 'a notice arrives' delivers
like 'and is taken' "$err" 'delivered: HTTP 204'
is 'from a process of that user' "$(ps -o user= -p "$(pid_of cerca-watch)")" nobody
is 'and no other' "$(ps -o user= -p "$(pid_of cerca-ca)")" root
ok 'the receiver finds the signature right' sh -c "jq -s -e 'any(.[]; .signed)' '$peers/http.log'"
for socket in "$ca_dir"/sock/watch*; do
    is 'its socket is its own' "$(stat -c '%U %a' "$socket")" 'nobody 600'
done

# --- a secret that it may not read -----------------------------------------------------------------

chown root "$peers/key"
kill -HUP "$ca_pid"
told() { grep -q 'channel hook: .*/key: Permission denied' "$scratch/cercad.log"; }
ok 'whose file is not its own, that is said' wait_until 20 told
ok 'nothing of the secret is in a log' sh -c "! grep -q 'a key for' '$scratch/cercad.log'"
chown nobody "$peers/key"
kill -HUP "$ca_pid"
ok 'once it is, all is well' wait_until 60 delivers
ok 'the store is sound' cerca store check

done_testing
