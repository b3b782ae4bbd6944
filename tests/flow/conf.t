#!/bin/sh
# cerca conf: what it accepts, shows and refuses, from the command line. No daemon runs.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

conf=$scratch/cerca.conf

ok 'the example is printed' cerca conf example
cp "$out" "$conf"
ok 'the example passes its own check' cerca conf check -c "$conf"
like 'the check says which file, and what is in it' "$out" \
    "^$conf is sound: tokens 1, issuers 2, profiles 13, operators 1\$"
like '... and what is off unless it is named' "$out" '"subordinate-ca" is off, .* to profiles$'
ok 'the check answers in JSON too' cerca conf check -c "$conf" -o json
json 'with the same numbers' '.ok and .tokens == 1 and .issuers == 2 and .profiles == 13'
json 'and the same note' '.notes | length == 1 and (.[0] | test("add { name = .* to profiles$"))'

ok 'what is in force is shown' cerca conf show -c "$conf"
like 'with defaults marked' "$out" 'quota = "64GiB"; # default'
cp "$out" "$scratch/shown.conf"
ok 'what is shown passes the check' cerca conf check -c "$scratch/shown.conf"
ok 'what is in force is shown as JSON' cerca conf show -c "$conf" -o json
json 'paths are absolute' "(.store.dir == \"$scratch/store\") and (.tokens[0].paths == [\"$scratch/tokens\"])"
json 'profiles are complete' '[.profiles[].name] == ["tls-server", "tls-client", "mtls", "vpn-server", "vpn-client", "wifi-client", "radius-server", "device", "code-signing", "smime", "ocsp-responder", "key-maker", "internal-server"]'

sed 's/^profiles = ($/& { name = "subordinate-ca"; },/' "$conf" >"$scratch/named.conf"
ok 'where it is named' cerca conf check -c "$scratch/named.conf" -o json
json 'it is there, and no note' '.profiles == 14 and .notes == []'

line=$(($(wc -l <"$conf") + 1))
echo 'colour = { };' >>"$conf"
fails 'an unknown key is refused with file and line' 1 "cerca.conf:$line: unknown key \"colour\"" \
    cerca conf check -c "$conf"
is 'and nothing is printed' "$(cat "$out")" ''
printf 'http = {\n    prot = "80";\n};\n' >"$conf"
fails 'a misspelt key comes with the right one' 1 'cerca.conf:2: .*did you mean "port"' \
    cerca conf check -c "$conf"
printf 'http = {\n    port = 4294967297;\n};\n' >"$conf"
fails 'a number without quotes is refused' 1 'cerca.conf:2: port: must be a quoted text' \
    cerca conf show -c "$conf"
fails 'a missing file is a failure' 1 'no-such.conf' cerca conf check -c "$scratch/no-such.conf"
fails 'a word too many is a usage error' 2 'too much' cerca conf example now

ok 'the keys are printed for the manual page' cerca conf manual
ok 'the manual page holds them as they are' perl -0777 -e '
    open(my $m, "<", $ARGV[0]) or die; open(my $p, "<", $ARGV[1]) or die;
    exit(index(<$m>, <$p>) < 0)' "$root/man/cerca.conf.5" "$out"
ok 'the example in conf/ is the one printed' sh -c \
    'cerca conf example | cmp - "$1"' sh "$root/conf/cerca.conf.example"

done_testing
