#!/bin/sh
# Killed in the middle, cerca-ca or the command: the import goes on, or is run again, and every
# certificate is there once.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

n=40000
ca_init
ca_start || exit 1

# bundle NAME: n certificates that differ in their serial numbers; nothing verifies the signatures.
bundle() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \
        -set_serial 0x5151515151515151515151515151515 -subj "/CN=$1.example" -days 365 \
        -outform DER -out "$scratch/$1.der" 2>/dev/null
    perl -MMIME::Base64 -0777 -ne '
        my $at = index($_, "\x05\x15\x15\x15");
        for my $i (1 .. '$n') {
            substr($_, $at + 4, 4) = pack("N", $i);
            print "-----BEGIN CERTIFICATE-----\n", encode_base64($_), "-----END CERTIFICATE-----\n";
        }' "$scratch/$1.der" >"$scratch/$1.pem"
}

imported() { # NAME: how many are in the inventory
    cerca list --name "$1.example" --limit 0 -o csv | grep -c "$1.example"
}

some() { # NAME
    [ "$(cerca list --name "$1.example" --limit 600 -o csv | grep -c "$1.example")" -gt 500 ]
}

bundle core
cerca import "$scratch/core.pem" >"$scratch/core.out" 2>"$scratch/core.err" &
importing=$!
wait_until 20 some core
ok 'cerca-ca is killed in the middle' kill -KILL "$(pid_of cerca-ca)"
wait $importing
is 'the import waits for it and goes on' "$?" 0
is '... and every certificate is there once' "$(imported core)" $n
like '... those of the message that was under way perhaps known' "$scratch/core.err" \
    "$n new, 0 known|[0-9]+ new, [0-9]{1,3} known"

bundle command
cerca import "$scratch/command.pem" >/dev/null 2>&1 &
importing=$!
wait_until 20 some command
ok 'the command is killed in the middle' kill -KILL $importing
wait $importing 2>/dev/null
before=$(imported command)
run cerca import "$scratch/command.pem"
ended=$status
new=$(sed -n 's/.*import: \([0-9]*\) new.*/\1/p' "$err")
known=$(sed -n 's/.* new, \([0-9]*\) known.*/\1/p' "$err")
is 'run again it takes the rest' "$ended $((new + known))" "0 $n"
# A message of the killed command may have been under way while it was counted.
ok '... and knows what was there' test "$known" -ge "$before"
is '... so that every certificate is there once' "$(imported command)" $n
run cerca import "$scratch/command.pem" "$scratch/core.pem"
like 'all of it again is known' "$err" "import: 0 new, $((2 * n)) known"
ok 'the store is sound' cerca store check
ok 'no sanitizer complained' no_sanitizer_complained
done_testing
