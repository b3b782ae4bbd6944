#!/bin/bash
# cerca init --dev: one command, nothing asked, nothing outside the folder, and finished by
# running it again however it was interrupted.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

read -r http https <<<"$(free_ports)"
ports=(--http-port "$http" --https-port "$https")

mode() {
    stat -c %a "$1"
}

# Every file below a folder with its contents, but not what programs write while they run.
contents() {
    (cd "$1" && find . -type f ! -name '*.lock' ! -path './sock/*' -exec sha256sum {} + | sort -k 2)
}

# --- usage ---

fails 'init without a folder is a usage error' 2 '^cerca init: --dir is missing' cerca init
fails 'a port past 65535 is a usage error' 2 'port from 1 to 65535' \
    cerca init --dev "$scratch/x" --http-port 65536
fails 'one port for both is a usage error' 2 'are the same' \
    cerca init --dev "$scratch/x" --http-port 8443
is 'a usage error leaves no folder' "$(ls -d "$scratch/x" 2>/dev/null)" ''
fails 'a missing SoftHSM2 module is named' 1 '/nonexistent.so' \
    cerca init --dev "$scratch/nomodule" --module /nonexistent.so
fails 'a folder that cannot be made is named' 1 '/proc/nothing' cerca init --dev /proc/nothing/here

# --- a whole CA ---

ok 'init makes a CA in a folder whose parents are missing' \
    cerca init --dev "$scratch/deep/er/ca" "${ports[@]}" --operator tester </dev/null
dir=$scratch/deep/er/ca
like 'it tells the SHA-256 fingerprint of the root' "$out" 'SHA-256 +([0-9a-f]{2}:){31}[0-9a-f]{2}$'
like 'it tells the endpoints' "$out" "127\.0\.0\.1:$http"
like 'it tells how to run it' "$out" "cercad -c $dir/cerca.conf"
is 'the fingerprint is that of ca/root.pem' \
    "$(grep -oE '([0-9a-f]{2}:){31}[0-9a-f]{2}' "$out")" \
    "$(openssl x509 -in "$dir/ca/root.pem" -noout -fingerprint -sha256 | sed 's/.*=//' | tr A-F a-f)"
ok 'the issuing certificate is signed by the root' \
    openssl verify -x509_strict -CAfile "$dir/ca/root.pem" "$dir/ca/issuing.pem"
is 'the folder is for its owner alone' "$(mode "$dir")" 700
is 'the PINs are for their owner alone' \
    "$(mode "$dir/secrets/default.pin") $(mode "$dir/secrets/default.so-pin")" '600 600'
is 'no file in it can be read by others' "$(find "$dir/secrets" "$dir/tokens" "$dir/store" -perm /077)" ''
is 'the two PINs differ' \
    "$(cmp -s "$dir/secrets/default.pin" "$dir/secrets/default.so-pin" && echo same)" ''
unlike 'no PIN is printed' "$out" "$(cat "$dir/secrets/default.pin")"
is 'nothing of the making is left behind' "$(ls "$dir/.cerca-init" 2>/dev/null)" ''
ok 'the configuration is good' cercad --check -c "$dir/cerca.conf"
like 'the operator is named as asked' "$dir/cerca.conf" 'name = "tester"'

contents "$dir" >"$scratch/before"
ok 'init on a whole CA succeeds' cerca init --dev "$dir" "${ports[@]}"
like 'and says that it is there already' "$out" '^there is a CA already in '
like 'and how to run it' "$out" '^  cercad -c '
ok 'with --brief too' cerca init --dev "$dir" "${ports[@]}" --brief
unlike 'which does not say what to type next' "$out" 'cercad -c'
contents "$dir" >"$scratch/after"
ok 'and changes nothing' cmp "$scratch/before" "$scratch/after"

# --- folders of another making ---

mkdir "$scratch/shared"
chmod 777 "$scratch/shared"
fails 'a folder that others may write into is refused, since they could replace what is in it' 1 \
    'others may write into .*chmod go-w' cerca init --dev "$scratch/shared" "${ports[@]}"
chmod 770 "$scratch/shared"
fails 'so is one that a group may write into' 1 \
    'others may write into' cerca init --dev "$scratch/shared" "${ports[@]}"
ln -s shared "$scratch/link"
fails 'also through a symbolic link' 1 \
    'others may write into' cerca init --dev "$scratch/link" "${ports[@]}"
is 'and nothing is written into it' "$(ls -A "$scratch/shared")" ''

mkdir "$scratch/foreign"
echo 'log = { level = "info"; };' >"$scratch/foreign/cerca.conf"
fails 'a cerca.conf of another making is refused and says why' 1 \
    'cerca.conf names no issuer; mend it or choose another folder' cerca init --dev "$scratch/foreign" "${ports[@]}"
is 'and left as it was' "$(ls -A "$scratch/foreign")" cerca.conf
echo 'logg = 1;' >"$scratch/foreign/cerca.conf"
fails 'one that is wrong is refused with its line' 1 'cerca.conf:1: .* mend it or choose' \
    cerca init --dev "$scratch/foreign" "${ports[@]}"
mkdir -p "$scratch/mine/store"
fails 'a folder that holds a store of another making is refused' 1 '"store" that is not ours' \
    cerca init --dev "$scratch/mine" "${ports[@]}"
mkdir "$scratch/empty"
ok 'an empty folder will do' cerca init --dev "$scratch/empty" "${ports[@]}"
ok 'an odd name will do' cerca init --dev "$scratch/a b%d\"c" "${ports[@]}"
like 'and is shown as a shell takes it' "$out" "^  cercad -c '$scratch/a b%d\"c/cerca.conf'\$"
mkdir "$scratch/more"
sed 's/ca\/issuing\.pem//; s/name = "issuing"/name = "second"/' "$dir/cerca.conf" >"$scratch/more/cerca.conf"
fails 'an issuer without a certificate is named, and what makes it' 1 \
    '"root" has no certificate yet; start cercad and say cerca ca create root' cerca init --dev "$scratch/more" "${ports[@]}"

# --- interrupted ---

# Killed as soon as FILE stands, then finished.
interrupted_at() {
    local folder=$scratch/killed$tests
    cerca init --dev "$folder" "${ports[@]}" >"$out" 2>"$err" &
    begun=$!
    # It may be through before it is seen: then there is nothing to finish, which is fine too.
    while [ ! -e "$folder/$1" ] && kill -0 "$begun" 2>/dev/null; do :; done
    kill -KILL "$begun" 2>/dev/null
    wait "$begun" 2>/dev/null
    ok "killed once $1 stands, init is run again" cerca init --dev "$folder" "${ports[@]}"
    run cerca init --dev "$folder" "${ports[@]}"
    [ "$status" -eq 0 ] && grep -q '^there is a CA already' "$out" &&
        openssl verify -CAfile "$folder/ca/root.pem" "$folder/ca/issuing.pem" >/dev/null 2>&1
    report $? "and has finished it ($1)"
}

for file in .cerca-init secrets/default.pin softhsm2.conf cerca.conf signer/default.record ca/root.pem; do
    interrupted_at "$file"
done

pin=$(cat "$scratch/empty/secrets/default.pin")
touch "$scratch/empty/.cerca-init"
ok 'a second making over a marked folder succeeds' cerca init --dev "$scratch/empty" "${ports[@]}"
is 'and keeps the PIN that the token was made with' "$(cat "$scratch/empty/secrets/default.pin")" "$pin"

exec 9<"$scratch/empty"
flock 9
fails 'two at once do not get in each other'"'"'s way' 1 'another cerca init is at work' \
    cerca init --dev "$scratch/empty" "${ports[@]}"
exec 9<&-

# --- moved ---

mv "$scratch/empty" "$scratch/moved"
ok 'after the folder was moved init repairs it' cerca init --dev "$scratch/moved" "${ports[@]}"
like 'by pointing SoftHSM2 at the new place' "$scratch/moved/softhsm2.conf" \
    "tokendir = $scratch/moved/tokens\$"
ok 'and the moved CA runs' ca_start "$scratch/moved"
ok 'and issues' cerca issue --profile tls-server --key-out "$scratch/key" --san dns:moved.example
ca_stop

done_testing
