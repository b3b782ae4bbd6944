#!/bin/sh
# Keys that are never certified: those on the configured list, from the next reload on, and weak ones.
# shellcheck disable=SC2317 # called by ok and wait_until
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

list=$scratch/weak-keys
log=$scratch/cercad.log

logged() { # PATTERN COUNT
    [ "$(grep -c "$1" "$log")" -ge "$2" ]
}

reload() { # PATTERN COUNT
    kill -HUP "$ca_pid"
    wait_until 20 logged "$1" "$2" && wait_until 20 cerca status --timeout 5
}

ask() {
    cerca issue --profile tls-server --csr "$scratch/a.csr" --san dns:a.example.test \
        --out "$scratch/a.pem"
}

ca_init || exit 1
printf '# nothing yet\n' >"$list"
printf 'ca = { key_blocklist = "%s"; };\n' "$list" >>"$ca_dir/cerca.conf"
ca_start || exit 1
ok 'a key and a request' openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$scratch/a.key" -out "$scratch/a.csr" -subj /CN=a.example.test
ok 'the key is certified while it is on no list' ask

hash=$(openssl pkey -in "$scratch/a.key" -pubout -outform DER | openssl dgst -sha256 -r | cut -c 1-64)
echo "$hash # stolen" >>"$list"
ok 'a reload takes the list in' reload 'key.blocklist.loaded .*keys=1' 1
fails 'a key on the list is refused' 1 'key.blocklisted' ask
like 'and named by its hash' "$err" "$hash"

echo 'not a hash' >>"$list"
core=$(grep -c 'program.started program=cerca-ca' "$log")
ok 'a reload with a broken list is refused' reload 'conf.reload.refused' 1
is 'by the programs that were running' "$(grep -c 'program.started program=cerca-ca' "$log")" "$core"
like 'with file and line' "$log" "$list:3: not the SHA-256"
fails 'the list of before is in force' 1 'key.blocklisted' ask

# --- keys that are weak by themselves (tests/data/weak-keys) -----------------------------------------

refused() { # FILE RULE
    fails "$1 is refused by $2" 1 "$2" cerca issue --profile tls-server \
        --csr "$root/tests/data/weak-keys/$1.csr" --out "$scratch/weak.pem"
}

refused close-primes key.rsa.fermat
refused roca key.rsa.roca
refused exponent-3 key.rsa.exponent
ok 'nothing was written' test ! -e "$scratch/weak.pem"
ok 'a good key of that kind is certified' cerca issue --profile tls-server --key-type rsa2048 \
    --san dns:b.example.test --key-out "$scratch/b.key" --out "$scratch/b.pem"

done_testing
