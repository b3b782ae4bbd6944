#!/bin/bash
# Every command of cerca: what it prints, its exit codes, its awkward inputs.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
quiet_openssl() {
    openssl "$@" 2>/dev/null
}

# --- without a CA ---

# The words behind each .Nm of the synopsis, up to the next: "token create ... | list | revoke".
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$root/man/cerca.1" | sed 's/^\.[A-Z][a-z] //; s/^\.Nm$/@/' |
    tr '\n@' ' \n' >synopsis
in_synopsis() { # COMMAND
    grep -E "^ (${1%% *}( |$)|[a-z]+ \| ${1%% *} )" synopsis | grep -qw -- "${1##* }" && echo yes
}

fails 'no command is a usage error' 2 'which command' cerca
fails 'an unknown command is a usage error' 2 'there is no command "frobnicate"' cerca frobnicate
fails 'half a command is a usage error' 2 '"store" needs a second word: check' cerca store
fails '... also one that goes on otherwise' 2 \
    'no command "report nosuch": report is followed by inventory, .* or owner' cerca report nosuch
fails 'a name that is empty is one' 2 'NAME is empty' cerca explain ''
ok 'help lists every command' cerca help
cp "$out" "$scratch/help"
for command in init issue renew bulk list search show revoke hold release 'block list' 'block add' 'block remove' 'ca list' 'conf check' 'conf show' 'conf example' status \
    'store check' completion; do
    like "help knows $command" "$scratch/help" "^  $command  "
done
sed -n 's/^  \([a-z]*\( [a-z]*\)\?\)  .*/\1/p' "$scratch/help" >commands
# Options that the usage text in $out shows, and none of these pages.
not_in_manual() { # PAGE...
    grep -oE -- '(^|[ [])--[a-z0-9-]+' "$out" | grep -oE -- '--[a-z0-9-]+' | sort -u | while read -r option; do
        case $option in --help | --version) continue ;; esac
        grep -q "Fl Fl ${option#--}\\( \|$\)" "$@" || echo "$option"
    done
}
while read -r command; do
    page=$root/man/cerca-${command%% *}.1 # of its own, where there is one
    [ -e "$page" ] || page=$root/man/cerca.1
    # shellcheck disable=SC2086 # two words
    ok "$command has a usage text" cerca $command --help
    like "that begins with its usage ($command)" "$out" "^usage: cerca $command"
    is "and shows by an example how it is used ($command)" \
        "$(sed -n '/^examples:$/,$p' "$out" | grep -cE "^  .*cerca $command( |$)" | sed 's/[1-9].*/some/')" some
    is "and whose options are all in the manual page ($command)" \
        "$(not_in_manual "$page" "$root/man/cerca.1")" ''
    is "and that page's synopsis has it ($command)" "$(in_synopsis "$command")" yes
done <commands
ok 'help of the agent lists its commands' cerca-agent help
sed -n 's/^  \([a-z]*\)  .*/\1/p' "$out" >commands.agent
is 'all of them' "$(grep -cE '^(add|list|status|renew|rekey|remove|explain|check|run|scan|report)$' commands.agent)" 11
while read -r command; do
    ok "cerca-agent $command has a usage text" cerca-agent "$command" --help
    like "with an example ($command)" "$out" "^  .*cerca-agent $command( |$)"
    is "and options that are in its manual page ($command)" "$(not_in_manual "$root/man/cerca-agent.8")" ''
done <commands.agent
for daemon in cercad cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan cerca-agent-key; do
    ok "$daemon has a usage text" $daemon --help
    is "with options that are in its manual page ($daemon)" "$(not_in_manual "$root/man/$daemon.8")" ''
done
ok 'the version is told' cerca --version
cp "$out" version.txt
fails 'an unknown option is a usage error' 2 'no option --colour' cerca list --colour
fails 'a missing value is a usage error' 2 'needs a value' cerca list --name
fails 'an option given twice is a usage error' 2 'given twice' cerca list --name a --name b
fails 'a word too many is a usage error' 2 '"b" is too much' cerca show a b
fails 'a word too few is a usage error' 2 '\(SERIAL \| FINGERPRINT \| NAME \| foreign:NUMBER \| FILE\) is missing' cerca show
fails '... and options are not the word' 2 'import: \(FILE \| FOLDER\) is missing' cerca import
fails 'a format that a command has not is a usage error' 2 'should be table\|json\|csv' cerca list -o pem
fails 'a status that does not exist is a usage error' 2 'should be valid' cerca list --status vaild
fails 'control characters of an argument are not echoed' 2 'x1b\[31m' cerca show a $'\e[31m'
fails 'what a command does not have is not asked for' 2 '--csr is missing' cerca policy explain --profile tls-server
fails 'a file that is no backup is named' 1 'version.txt: the file is too short' cerca backup verify version.txt
fails 'without a configuration the places tried are told' 1 \
    'CERCA_CONF is not set, and there is no ./cerca.conf and no /etc/cerca/cerca.conf' cerca list
fails 'a configuration that is not there is named' 1 '/nonexistent/c.conf' cerca list -c /nonexistent/c.conf
for shell in bash zsh; do
    ok "$shell can read its completion" bash -c 'cerca completion "$1" >"$1.completion" && "$1" -n "$1.completion"' - $shell
    while IFS='|' read -r typed completed; do
        echo "$typed" >>typed.$shell
        echo "$completed" >>completed.$shell
    done <<'END'
cerca iss|cerca issue
cerca ca ins|cerca ca install
cerca audit exp|cerca audit export
cerca est reen|cerca est reenroll
cerca est serverkeygen --open-c|cerca est serverkeygen --open-cert
cerca est cacerts -o p7|cerca est cacerts -o p7b
cerca crl pub|cerca crl publish
cerca policy prev|cerca policy preview
cerca token cre|cerca token create
cerca request appr|cerca request approve
cerca cerem|cerca ceremony
cerca backup ver|cerca backup verify
cerca backup --no|cerca backup --no-verify
cerca help rest|cerca help restore
cerca -c x ca li|cerca -c x ca list
cerca ca cross-sign --iss|cerca ca cross-sign --issuer
cerca audit prove --cons|cerca audit prove --consistency
cerca policy preview --out|cerca policy preview --output
cerca search x --requ|cerca search x --requester
cerca renew a --p12-l|cerca renew a --p12-legacy
cerca ca create x --dry|cerca ca create x --dry-run
cerca list --time|cerca list --timeout
cerca ca bundle -o p7|cerca ca bundle -o p7b
cerca list --output c|cerca list --output csv
END
    mapfile -t lines <typed.$shell
    ok "$shell completes commands of one word and of two, their options and formats" \
        "$root/tests/flow/complete.py" $shell "${lines[@]}"
    cp "$out" got.$shell
    ok "each as it should ($shell)" diff completed.$shell got.$shell
done
fails 'a shell that nobody taught us is a usage error' 2 'bash or zsh' cerca completion fish

ca_init || bail 'cerca init failed'
export CERCA_CONF=$ca_dir/cerca.conf
fails 'with no service a command fails at once' 1 'admin.sock' timeout 30 cerca list
run cerca issue --profile tls-server --key-out early.key --san dns:early.example
is 'with no service no key is written' "$status $(ls early.key 2>/dev/null)" '1 '
run cerca status -o json
is 'with no service the status is failed' "$status" 1
json 'and still one JSON object' '.ok == false and (.items | length) == 1'
ca_start || bail 'cercad does not serve'

# --- where the configuration is ---

unset CERCA_CONF
ok '-c names the configuration' cerca list -c "$ca_dir/cerca.conf"
ok '-c may stand before the command' cerca -c "$ca_dir/cerca.conf" list
ok './cerca.conf is found' env -C "$ca_dir" cerca list
CERCA_CONF=$ca_dir/cerca.conf ok 'CERCA_CONF names it' cerca list
CERCA_CONF=/nonexistent ok '-c goes before CERCA_CONF' cerca list -c "$ca_dir/cerca.conf"
export CERCA_CONF=$ca_dir/cerca.conf

# --- status, ca list, store check ---

ok 'status is well' cerca status
like 'and says so' "$out" '^all is well$'
is 'first of all' "$(head -n 1 "$out")" 'all is well'
like 'then what is to be done' "$out" '^todo backup +none yet'
like 'and the rest in groups' "$out" '^Tokens$'
is 'each item once' "$(grep -cE '^(ok|todo|FAIL) ' "$out")" "$(cerca status -o json | jq '.items | length')"
is 'of which there is a place for each' "$(grep -c '^Further$' "$out")" 0
ok 'status as JSON' cerca status -o json
json 'is an object that says so' '.ok == true and all(.items[]; .ok and (.name | length) > 0)'
ok 'ca list' cerca ca list
like 'shows the issuing CA' "$out" '^issuing +ready +p256'
ok 'ca list as JSON' cerca ca list -o json
json 'is an array of both issuers' 'map(.name) | sort == ["issuing", "root"]'
is 'with the fingerprint of the certificate' \
    "$(jq -r '.[] | select(.name == "root").fingerprint' "$out")" \
    "$(openssl x509 -in "$ca_dir/ca/root.pem" -outform der | sha256sum | cut -d' ' -f1)"
ok 'store check' cerca store check
like 'finds a sound store' "$out" '^the store is sound$'
ok 'store check as JSON' cerca store check -o json
json 'is an object without findings' '.ok == true and .findings == []'

# --- issue with a key made here ---

ok 'an empty list is an empty table' cerca list --status valid --name nothing.example
ok 'an empty list as JSON' cerca list --name nothing.example -o json
json 'is an empty array' '. == []'

ok 'issue makes a key and writes certificate and chain' cerca issue --profile tls-server \
    --key-out web.key --san dns:web.example.com --san ip:192.0.2.1 --owner 'web team' --out web.pem
like 'the summary names the serial' "$err" 'issued [0-9a-f]{32}, valid until 20[0-9-]+T[0-9:]+Z'
is 'the key is for its owner alone' "$(stat -c %a web.key)" 600
is 'the certificate is for everybody' "$(umask 077 && stat -c %a web.pem)" 644
like 'the key is PKCS#8' web.key '^-----BEGIN PRIVATE KEY-----$'
is 'key and certificate belong together' "$(openssl x509 -in web.pem -noout -pubkey)" \
    "$(openssl pkey -in web.key -pubout)"
ok 'OpenSSL verifies it with its chain' openssl verify -x509_strict -purpose sslserver \
    -CAfile "$ca_dir/ca/root.pem" -untrusted web.pem web.pem
is 'leaf and issuing certificate are in the file' "$(grep -c 'BEGIN CERTIFICATE' web.pem)" 2
is 'the subject is the first dns name' "$(openssl x509 -in web.pem -noout -subject)" \
    'subject=CN = web.example.com'
serial=$(openssl x509 -in web.pem -noout -serial | sed 's/.*=//' | tr A-F a-f)

cp web.key web.key.before
fails 'a key file is never overwritten' 1 'is there already; --force' cerca issue \
    --profile tls-server --key-out web.key --san dns:web.example.com
ok 'the key is as it was' cmp web.key web.key.before
fails '--force does not lose the old key to a refusal' 1 'rule' cerca issue --profile nosuch \
    --key-out web.key --force --san dns:web.example.com
ok 'the key is still as it was' cmp web.key web.key.before
is 'and nothing lies beside it' "$(ls web.key.new 2>/dev/null)" ''
run cerca issue --profile nosuch --key-out refused.key --san dns:web.example.com
is 'a refused request leaves no key' "$status $(ls refused.key 2>/dev/null)" '1 '
fails 'a folder for the certificate that is not there is found before asking' 1 'no/such/folder' \
    cerca issue --profile tls-server --key-out b.key --san dns:b.example --out no/such/folder/b.pem
is 'and no key is made for it' "$(ls b.key 2>/dev/null)" ''

ok 'without --out the certificate goes to standard output' cerca issue --profile mtls \
    --key-out m.key --key-type p384 --san dns:m.example
cp "$out" m.pem
ok 'and is one' openssl x509 -in m.pem -noout
ok 'issue as JSON' cerca issue --profile tls-client --key-out c.key --san dns:c.example \
    --owner carol --validity 2d --out c.pem -o json
json 'is an object with these keys and no others' 'keys == ["application", "contact",
    "criticality", "environment", "fingerprint", "identity", "issued_at", "issuer", "key", "last_seen",
    "method", "not_after", "not_before", "note", "number", "origin", "owner", "profile", "purpose",
    "replaced_by", "replaces", "requester", "retired", "reviewed", "sans", "serial", "signature", "source",
    "status", "subject", "tags"]'
json 'and what was asked for' '.sans == ["dns:c.example"] and .owner == "carol" and
    .profile == "tls-client" and .status == "valid" and .issuer == "issuing" and .replaces == null
    and (.serial | test("^[0-9a-f]{32}$")) and (.fingerprint | test("^[0-9a-f]{64}$"))
    and (.not_after | test("^20[0-9-]{8}T[0-9:]{8}Z$"))'
json 'and the validity that was asked for' \
    '(.not_after | fromdate) - now | . > 86400 and . <= 2 * 86400 + 60'
day=$(date -u -d '+3 days' +%F)
ok 'a time of day ends it when asked' cerca issue --profile tls-client --key-out d.key \
    --san dns:d.example --not-after "${day}T00:00:00Z" --out d.pem
is 'to the second' "$(openssl x509 -in d.pem -noout -enddate)" \
    "notAfter=$(LC_ALL=C date -u -d "$day" '+%b %e 00:00:00 %Y GMT')"

ok 'a dry run succeeds' cerca issue --profile tls-server --key-out dry.key --san dns:dry.example \
    --out dry.pem --dry-run
is 'and writes nothing' "$(ls dry.key dry.pem 2>/dev/null)" ''
ok 'and records no certificate' cerca list --name dry.example -o json
json '(none)' '. == []'
fails 'a dry run of a refused request is refused' 1 'rule' cerca issue --profile tls-server \
    --key-out dry.key --san dns:bad_name!.example --dry-run

fails '--profile is needed' 2 'profile is missing' cerca issue --key-out k --san dns:a.example
fails 'a key from nowhere is a usage error' 2 'either --csr' cerca issue --profile mtls
fails 'two keys are a usage error' 2 'either --csr' cerca issue --profile mtls --csr a --key-out b
fails 'a key to standard output is a usage error' 2 'not written to standard output' \
    cerca issue --profile mtls --key-out - --san dns:a.example
fails 'key and certificate in one file is a usage error' 2 'same file' \
    cerca issue --profile mtls --key-out a --out a --san dns:a.example
fails 'two ends are a usage error' 2 'cannot both be given' cerca issue --profile mtls --key-out k \
    --san dns:a.example --validity 1d --not-after 2030-01-01
fails 'a span without a sense is a usage error' 2 'a span such as' cerca issue --profile mtls \
    --key-out k --validity fortnight
fails 'a span without a unit is a usage error: seconds are hardly meant' 2 'a span such as' cerca issue \
    --profile mtls --key-out k --validity 30
fails '... also where it is looked for' 2 '"30" should be a span' cerca list --expires-within 30
fails '... but for waiting' 1 'no certificate' cerca show --timeout 30 nowhere
fails 'a request key of the wrong length is a usage error' 2 '64 hexadecimal' cerca issue \
    --profile mtls --key-out k --request-key abc
fails 'an unknown kind of key is refused with what there is' 1 'allowed: p256' cerca issue \
    --profile mtls --key-out k --key-type rsa512 --san dns:a.example
fails 'a validity past the cap is refused with the cap' 1 'allowed' cerca issue \
    --profile tls-server --key-out k --san dns:a.example --validity 30y
fails 'an unknown profile is refused' 1 'rule' cerca issue --profile nosuch --key-out k --san dns:a.example

# --- issue with a CSR in every wrapping ---

quiet_openssl req -new -newkey rsa:2048 -noenc -keyout r.key -out r.pem -subj /CN=r.example \
    -addext subjectAltName=DNS:r.example
quiet_openssl req -in r.pem -outform der -out r.der
sed 's/$/\r/' r.pem >r.crlf
quiet_openssl req -in r.pem -text -out r.text
cat r.key r.pem >r.both
: >r.empty
head -c 300 r.der >r.cut
head -c 1000000 /dev/zero >r.huge
head -c 20000 /dev/zero | openssl base64 | sed '1i -----BEGIN CERTIFICATE REQUEST-----' >r.long
echo '-----END CERTIFICATE REQUEST-----' >>r.long
echo 'hello' >r.txt

for form in pem der crlf text; do
    ok "a CSR as $form is issued" cerca issue --profile tls-server --csr "r.$form" --out "r.$form.crt"
    is "with its key ($form)" "$(openssl x509 -in "r.$form.crt" -noout -pubkey)" \
        "$(openssl pkey -in r.key -pubout)"
done
ok 'a CSR from standard input is issued' bash -c 'cerca issue --profile tls-server --csr - <r.der'
ok 'a CSR beside its key is issued' cerca issue --profile tls-server --csr r.both
fails 'a file that is not there is named' 1 'nosuch.csr' cerca issue --profile mtls --csr nosuch.csr
fails 'an empty file is called empty' 1 'r.empty is empty' cerca issue --profile mtls --csr r.empty
fails 'a huge file is refused' 1 'larger than' cerca issue --profile mtls --csr r.huge
fails 'a huge CSR is refused' 1 'rule' cerca issue --profile mtls --csr r.long
fails 'a text is no CSR' 1 'holds no certification request' cerca issue --profile mtls --csr r.txt
fails 'a folder is no CSR' 1 'cannot read' cerca issue --profile mtls --csr .
fails 'a truncated CSR is refused by its rule' 1 'rule csr' cerca issue --profile mtls --csr r.cut
fails 'a certificate is called one' 1 'holds a certificate' cerca issue --profile mtls --csr web.pem
openssl x509 -in web.pem -outform der -out web.der
fails 'in DER too' 1 'is a certificate' cerca issue --profile mtls --csr web.der
fails 'a private key is called one' 1 'holds a private key' cerca issue --profile mtls --csr r.key
is 'and not a line of it is shown' "$(grep -cFf <(sed '1d;$d' r.key) "$out" "$err" | tr '\n' ' ')" \
    "$out:0 $err:0 "
quiet_openssl pkey -in r.key -outform der -out rkey.der
fails 'in DER too, and it was not sent' 1 'is a private key.*not sent' cerca issue --profile mtls --csr rkey.der
quiet_openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout r2.key -out r2.csr \
    -subj /CN=r.example -addext subjectAltName=DNS:r.example
ok 'names of the command line come to those of the CSR' cerca issue --profile tls-server --csr r2.csr \
    --san dns:r2.example --subject 'CN=r2.example,O=Example' -o json --out r2.pem
json 'all of them' '.sans | sort == ["dns:r.example", "dns:r2.example"]'
json 'and the subject is replaced' '.subject == "CN=r2.example,O=Example"'

key=$(printf 'ab%.0s' {1..32})
ok 'a request key of one'"'"'s own' cerca issue --profile tls-server --csr r.pem --request-key "$key" --out first.pem
ok 'asked again' cerca issue --profile tls-server --csr r.pem --request-key "$key" --out second.pem
like 'says that it was issued before' "$err" 'already issued before'
ok 'and gets the same certificate' cmp first.pem second.pem
fails 'the same key with other content is refused' 1 'rule' cerca issue --profile tls-client \
    --csr r.pem --request-key "$key"

# --- show ---

upper=$(echo "$serial" | tr a-f A-F)
colons=$(echo "$upper" | sed 's/../&:/g; s/:$//')
finger=$(openssl x509 -in web.pem -noout -fingerprint -sha256)
for selector in "$serial" "$upper" "0x$serial" "$colons" "$finger" "${finger#*=}" \
    web.example.com WEB.Example.com dns:web.example.com ip:192.0.2.1 CN=web.example.com; do
    ok "show finds $selector" cerca show "$selector" -o json
    json "and it is that one ($selector)" ".serial == \"$serial\""
done
ok 'show as text' cerca show "$serial"
like 'tells the owner' "$out" '^owner +web team$'
like 'tells every name' "$out" '^ +ip:192.0.2.1$'
ok 'show as PEM' cerca show "$serial" -o pem
cp "$out" shown.pem
ok 'is what --out wrote' cmp shown.pem web.pem
fails 'what is not there is not found' 1 'rule' cerca show 4f1d5c0a9b3e77a2c4d8e6f001122334
fails 'an empty name is not found' 1 'nothing to look for' cerca show ''
ok 'of several the newest valid one is shown' cerca show r.example -o json
like 'and that there are more is said' "$err" 'certificates match; this is the newest valid one'

# --- list ---

ok 'list' cerca list
is 'has no line longer than 120 columns' "$(awk 'length > 120' "$out")" ''
like 'has a row a certificate' "$out" "^$serial +valid +20[0-9T:Z-]+ +tls-server +web.example.com \\+1\$"
COLUMNS=80 run cerca list
is 'nor than 80 where that is all there is' "$(awk 'length > 80' "$out")" ''
ok 'list as JSON' cerca list -o json
json 'is an array' 'type == "array" and length > 5'
total=$(jq length "$out")
ok 'by owner' cerca list --owner 'web team' -o json
json 'gives that one' "map(.serial) == [\"$serial\"]"
ok 'by profile' cerca list --profile tls-client -o json
json 'gives those' 'length == 2 and all(.[]; .profile == "tls-client")'
ok 'by name' cerca list --name web.example.com -o json
json 'gives that one by its name' "map(.serial) == [\"$serial\"]"
ok 'by a name above' cerca list --name .example.com -o json
json 'gives all below' "map(.serial) | index(\"$serial\") != null"
ok 'by status' cerca list --status valid -o json
json 'gives all that are valid' 'all(.[]; .status == "valid")'
ok 'by status expired' cerca list --status expired -o json
json 'gives none' '. == []'
ok 'by issuer' cerca list --issuer issuing -o json
json 'gives those of that issuer' 'length > 5 and all(.[]; .issuer == "issuing")'
ok 'by expiry' cerca list --expires-within 4d -o json
json 'gives the short ones, the next to expire first' \
    'length == 2 and (map(.not_after) | . == sort) and any(.[]; .owner == "carol")'
ok 'by requester' cerca list --requester nobody-at-all -o json
json 'gives none for somebody else' '. == []'
ok 'a limit' cerca list --limit 3 -o json
json 'holds' 'length == 3'
ok 'no limit' cerca list --limit 0 -o json
json 'gives all' "length >= $total"
run cerca list --limit 3
like 'a table that was cut says so' "$err" 'there are more'
ok 'list as CSV' cerca list -o csv
is 'has the keys as its first line' "$(head -n 1 "$out" | tr -d '\r')" \
    'serial,issuer,subject,sans,profile,owner,requester,status,not_before,not_after,fingerprint,replaces,replaced_by,issued_at,revoked_at,reason,source,number,origin,last_seen,told,stranger,identity,contact,application,environment,purpose,criticality,method,note,tags,reviewed,retired,key,signature'
is 'ends every line with CRLF' "$(grep -cv $'\r$' "$out")" 0
fails 'a filter too long for any name is a usage error' 2 'more than' cerca list --owner "$(printf '%0500d' 0)"

ok 'more certificates than fit one answer' bash -c 'seq 150 | xargs -P 4 -I N cerca issue \
    --profile tls-server --csr r.pem --owner many'
ok 'are listed' cerca list --owner many --limit 0 -o json
json 'each once' 'length == 150 and (map(.serial) | unique | length) == 150'
ok 'or as many as were asked for' cerca list --owner many --limit 141 -o json
json '(141)' 'length == 141'
ok 'in CSV too' cerca list --owner many --limit 0 -o csv
is '(a line each and the head)' "$(wc -l <"$out")" 151

ok 'an owner that looks like a formula' cerca issue --profile tls-server --csr r.pem --owner '=cmd()'
ok 'in a list' cerca list --owner '=cmd()' -o csv
is 'is harmless in CSV' "$(grep -c ",'=cmd()," "$out")" 1

# --- renew ---

ok 'renew by name' cerca renew web.example.com --key-out web.key --force --out web2.pem -o json
json 'keeps names, subject, profile and owner' '(.sans | sort) == ["dns:web.example.com", "ip:192.0.2.1"]
    and .owner == "web team" and .profile == "tls-server" and .subject == "CN=web.example.com"'
json 'and says what it replaces' ".replaces == \"$serial\""
new=$(jq -r .serial "$out")
is 'the key file is the new key' "$(openssl x509 -in web2.pem -noout -pubkey)" \
    "$(openssl pkey -in web.key -pubout)"
ok 'the old certificate' cerca show "$serial" -o json
json 'says by what it was replaced' ".replaced_by == \"$new\""
ok 'the name' cerca show web.example.com -o json
json 'leads to the new one' ".serial == \"$new\""
quiet_openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout n.key -out n.csr -subj /CN=other
ok 'renew by serial with a CSR' cerca renew "$new" --csr n.csr --out web3.pem -o json
json 'keeps the subject whatever the CSR says' '.subject == "CN=web.example.com"'
fails 'a CSR that asks for more names is no renewal' 1 'rule renew.names.*dns:r.example' \
    cerca renew "$new" --csr r2.csr
fails 'renewing what is not there fails' 1 'rule' cerca renew nothing.example --key-out z.key
is 'and makes no key' "$(ls z.key 2>/dev/null)" ''
fails 'renew needs a key too' 2 'either --csr' cerca renew web.example.com

# --- a core that does not answer, and one that dies ---

core() {
    pgrep -P "$ca_pid" -x cerca-ca
}
kill -STOP "$(core)"
run cerca status --timeout 1
is 'a core that hangs is told from one that is well' "$status" 1
fails 'a request without an answer fails in time' 1 'no answer in time' timeout 50 cerca issue \
    --profile tls-server --key-out s.key --san dns:s.example --out s.pem --timeout 1
like 'and says how to go on' "$err" '--csr s.key.csr --request-key [0-9a-f]{64}'
resume=$(grep -oE '[0-9a-f]{64}' "$err")
ok 'the key is kept' openssl pkey -in s.key -noout
kill -CONT "$(core)"
ok 'what it says gets the certificate' cerca issue --profile tls-server --csr s.key.csr \
    --request-key "$resume" --san dns:s.example --out s.pem
is 'for the key that was kept' "$(openssl x509 -in s.pem -noout -pubkey)" \
    "$(openssl pkey -in s.key -pubout)"
ok 'and the request that was not answered' cerca list --name s.example -o json
json 'was not issued twice' 'length == 1'

kill -STOP "$(core)"
cerca issue --profile tls-server --key-out w.key --san dns:w.example --out w.pem >"$out" 2>"$err" &
asking=$!
wait_until 30 test -s w.key
kill -KILL "$asking"
wait "$asking"
kill -CONT "$(core)"
ok 'the key of a command that was killed stays: it may have a certificate' openssl pkey -in w.key -noout
cp w.key w.key.before
fails '... and is not replaced' 1 'is there already' cerca issue --profile tls-server --key-out w.key \
    --san dns:w.example
ok '... it is as it was' cmp w.key w.key.before

first=$(core)
kill -STOP "$first"
cerca issue --profile tls-server --key-out t.key --san dns:t.example --out t.pem >"$out" 2>"$err" &
asking=$!
wait_until 10 test -e t.key
kill -KILL "$first"
status=0
wait "$asking" || status=$?
report "$status" 'a request that the core took to its grave is asked again and issued'
is 'for the key that was made' "$(openssl x509 -in t.pem -noout -pubkey)" \
    "$(openssl pkey -in t.key -pubout)"
ok 'once' cerca list --name t.example -o json
json '(one certificate)' 'length == 1'

# --- a token that is away for a while ---

mv "$ca_dir/tokens" "$ca_dir/tokens.away"
kill -KILL "$(pgrep -P "$ca_pid" -x cerca-signer)"
fails 'without its token a request fails in the time it has' 1 'HSM unavailable|no answer in time' timeout 50 cerca issue \
    --profile tls-server --key-out u.key --san dns:u.example --timeout 1
cerca issue --profile tls-server --key-out v.key --san dns:v.example --out v.pem >"$out" 2>"$err" &
asking=$!
wait_until 20 grep -q 'trying again' "$err"
report $? 'one that has time says what it waits for'
mv "$ca_dir/tokens.away" "$ca_dir/tokens"
status=0
wait "$asking" || status=$?
report "$status" 'and gets its certificate once the token is back'
ok 'which is the one for its key' bash -c 'cmp <(openssl x509 -in v.pem -noout -pubkey) \
    <(openssl pkey -in v.key -pubout)'

# --- output that cannot be written ---

fails 'a full disk does not lose what was issued' 1 'which cerca show [0-9a-f]+ -o pem prints' \
    cerca issue --profile tls-server --csr r.pem --out /dev/full
kept=$(grep -oE 'show [0-9a-f]{32}' "$err" | cut -d' ' -f2)
ok 'and it can be had as it says' cerca show "$kept" -o pem
fails 'a full standard output is a failure' 1 'cannot write' bash -c 'cerca list >/dev/full'
fails '... of the version too' 1 'cannot write' bash -c 'cerca --version >/dev/full'
fails '... and does not lose a certificate' 1 'which cerca show [0-9a-f]+ -o pem prints' \
    bash -c 'cerca issue --profile tls-server --csr r.pem >/dev/full'
unlike '... nor is it well' "$err" ': ok$'
fails '... nor as JSON' 1 'which cerca show [0-9a-f]+ -o pem prints' \
    bash -c 'cerca issue --profile tls-server --csr r.pem -o json >/dev/full'
fails 'a closed standard output is a failure' 1 'cannot write' bash -c 'cerca list >&-'
fails '... and gets no certificate into its place' 1 'which cerca show [0-9a-f]+ -o pem prints' \
    bash -c 'cerca issue --profile tls-server --csr r.pem >&-'
fails 'a closed standard input holds no request' 1 'standard input: Bad file' \
    bash -c 'cerca issue --profile tls-server --csr - <&-'
fails 'an unknown issuer is said' 1 'no issuer "nosuch"' cerca list --issuer nosuch -o json
is '... and is no beginning of a list' "$(cat "$out")" ''

ok 'after all that the store is sound' cerca store check
ok 'and all is well' cerca status

done_testing
