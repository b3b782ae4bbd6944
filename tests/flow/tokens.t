#!/bin/sh
# Tokens: whoever brings one gets certificates of its profile, for its names, as often as it says,
# and nothing else; a use is neither lost nor taken twice when something is killed.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

nobody=$(id -u nobody)

as_nobody() {
    as_user "$nobody" cerca "$@"
}

# token NAME OPTION...: a new one in theirs/NAME; its number in $id.
token() {
    file=$scratch/theirs/$1
    shift
    cerca token create --profile tls-server --out "$file" -o json "$@" >"$out" 2>"$err"
    report $? "a token is made: $*"
    id=$(jq -r .id <"$out")
    chmod 0644 "$file"
}

# use TOKEN NUMBER NAME [OPTION...]: nobody issues with it.
use() {
    as_nobody issue --token-file "$scratch/theirs/$1" --csr "$scratch/$2.csr" --san "dns:$3" \
        --out "$scratch/theirs/$2.pem" ${4:+"$4" "$5"}
}

left() {
    cerca token list --all -o json | jq -r ".[] | select(.id == $1).left"
}

state() {
    cerca token list --all -o json | jq -r ".[] | select(.id == $1).state"
}

make_csr() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
        -keyout /dev/null -out "$scratch/$1.csr" 2>/dev/null
    chmod 0644 "$scratch/$1.csr"
}

ca_init || bail 'no CA'
# A third operator keeps the socket open to others (see roles.t).
sed -i 's|^operators = (|&\n    { name = "third"; uid = "65533"; role = "auditor"; },|' \
    "$ca_dir/cerca.conf"
echo 'profiles = ( { name = "staff"; eku = ( "clientAuth" ); san_kinds = ( "email" );
    subject = "CN={cn},OU={ou},O=Example"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
chmod 0711 "$scratch" "$ca_dir" "$ca_dir/sock"
chmod 0644 "$CERCA_CONF"
mkdir "$scratch/theirs"
chmod 1777 "$scratch/theirs"
for n in 1 2 3 4 5 6 7 8; do make_csr $n; done

# --- making ---

ok 'a dry run makes none' cerca token create --profile tls-server --name dns:a.example --dry-run
is '... so that the list is empty' "$(cerca token list --all -o json)" '[]'
fails 'without a profile' 2 'profile is missing' cerca token create --name dns:a.example
fails 'of an unknown profile' 1 'rule profile.unknown' cerca token create --profile x --name dns:a
fails 'with a pattern of no kind' 1 'rule token.pattern' \
    cerca token create --profile tls-server --name a.example
fails 'with a broken pattern' 1 'rule token.pattern' \
    cerca token create --profile tls-server --name ip:10.0.0.0/99
fails 'with no name at all' 1 'rule token.pattern' cerca token create --profile tls-server
fails 'with no use' 1 'rule token.uses' \
    cerca token create --profile tls-server --name dns:a.example --uses 0
fails 'for too long' 1 'rule token.life' \
    cerca token create --profile tls-server --name dns:a.example --ttl 2y
fails 'with a SID that is none' 1 'rule token.sid' \
    cerca token create --profile tls-server --name dns:a.example --sid S-2-x
fails 'a stranger makes none' 1 'rule requester.unknown' \
    as_nobody token create --profile tls-server --name dns:a.example

token one --name dns:.tok.example --uses 1 --owner web-team
one=$id
is 'its text is in the file alone' "$(grep -c '^cerca-token-[0-9]*-[0-9a-f]*$' "$file")" 1
is '... readable to its owner alone when it was made' \
    "$(cerca token create --profile tls-server --name dns:x.example --out "$scratch/mode" 2>/dev/null
    stat -c %a "$scratch/mode")" 600

# --- using ---

fails 'another profile' 1 'rule token.profile' use one 1 a.tok.example --profile tls-client
fails 'another owner' 1 'rule token.owner' use one 1 a.tok.example --owner me
fails 'a subject' 1 'rule token.subject' use one 1 a.tok.example --subject 'O=Evil'
fails 'a name outside its patterns' 1 'rule token.name' use one 1 a.other.example
fails 'the pattern itself is no name below it' 1 'rule token.name' use one 1 tok.example
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=Evil/CN=a.tok.example \
    -keyout /dev/null -out "$scratch/subject.csr" 2>/dev/null
chmod 0644 "$scratch/subject.csr"
fails 'more in the subject of the CSR than a name' 1 'rule token.subject' \
    use one subject a.tok.example
fails 'a CA' 1 'rule token.(profile|subject)|rule profile' use one 1 a.tok.example --profile root
is 'none of this took a use' "$(left "$one")" 1
as_nobody issue --token-file "$scratch/theirs/one" --csr "$scratch/1.csr" --san dns:a.tok.example \
    --dry-run >/dev/null 2>&1
is 'nor does a dry run' "$? $(left "$one")" '0 1'
ok 'a user without any role issues with it' use one 1 a.tok.example
openssl verify -CAfile "$ca_dir/ca/root.pem" -untrusted "$scratch/theirs/1.pem" \
    "$scratch/theirs/1.pem" >"$out" 2>&1
report $? 'openssl verifies the chain'
is 'the use is taken' "$(left "$one") $(state "$one")" '0 used'
cerca list --requester "token:$one" -o json >"$out"
json 'the certificate is recorded as of that token, with its owner' \
    'length == 1 and .[0].owner == "web-team" and .[0].sans == ["dns:a.tok.example"]'
cp "$scratch/theirs/1.pem" "$scratch/first.pem"
ok 'the same key and names again' use one 1 a.tok.example
cmp -s "$scratch/first.pem" "$scratch/theirs/1.pem"
report $? '... give the same certificate, without another use'
fails 'another key' 1 'rule token.used' use one 2 a.tok.example
fails 'other names' 1 'rule token.used' use one 1 b.tok.example

token short --name dns:.tok.example --ttl 1s
wait_until 5 sh -c "cerca token list --all -o json | jq -e '.[] | select(.id == $id and .state == \"expired\")'"
fails 'an expired one' 1 'rule token.expired' use short 2 c.tok.example
token gone --name dns:.tok.example
ok 'a token is revoked' cerca token revoke "$id"
fails '... and useless' 1 'rule token.revoked' use gone 2 c.tok.example
fails '... and not revoked twice' 1 'rule token.revoked' cerca token revoke "$id"

# --- what the profile makes of the subject ---

cerca token create --profile staff --name email:a@tok.example --uses 3 --out "$scratch/theirs/staff" \
    2>/dev/null
chmod 0644 "$scratch/theirs/staff"
says() { # TOKEN SUBJECT SAN: a CSR with that subject
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
        -keyout /dev/null -out "$scratch/says.csr" 2>/dev/null
    chmod 0644 "$scratch/says.csr"
    as_nobody issue --token-file "$scratch/theirs/$1" --csr "$scratch/says.csr" --san "$3" \
        --out "$scratch/theirs/$1.pem"
}
fails 'what the profile copies is not for who brings a token to say' 1 'rule token.subject' \
    says staff /OU=Directors/CN=a@tok.example email:a@tok.example
ok 'what the profile adds is' says staff /CN=a@tok.example email:a@tok.example
openssl x509 -in "$scratch/theirs/staff.pem" -noout -subject -nameopt RFC2253 >"$out"
is '... and in the certificate' "$(cat "$out")" 'subject=CN=a@tok.example,O=Example'
cerca token create --profile tls-server --name ip:192.0.2.0/24 --out "$scratch/theirs/ip" 2>/dev/null
chmod 0644 "$scratch/theirs/ip"
ok 'an address that is a name may be the CN' says ip /CN=192.0.2.7 ip:192.0.2.7

# --- what directories trust comes from the token alone ---

sid=S-1-5-21-3623811015-3361044348-30300820-1013
cerca token create --profile wifi-client --name email:alice@corp.example --upn alice@corp.example \
    --sid $sid --owner alice --out "$scratch/theirs/wifi" 2>/dev/null
chmod 0644 "$scratch/theirs/wifi"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
    -addext 'subjectAltName=email:alice@corp.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:root@corp.example' \
    -keyout /dev/null -out "$scratch/upn.csr" 2>/dev/null
chmod 0644 "$scratch/upn.csr"
fails 'another UPN in the CSR' 1 'rule token\.name|rule san\.upn' \
    as_nobody issue --token-file "$scratch/theirs/wifi" --csr "$scratch/upn.csr"
ok 'a certificate for a directory account' as_nobody issue --token-file "$scratch/theirs/wifi" \
    --csr "$scratch/8.csr" --san email:alice@corp.example --out "$scratch/theirs/8.pem"
openssl x509 -in "$scratch/theirs/8.pem" -noout -text >"$scratch/text"
like 'openssl shows the extension with the SID' "$scratch/text" '1\.3\.6\.1\.4\.1\.311\.25\.2'
openssl x509 -in "$scratch/theirs/8.pem" -outform DER | grep -qaF "$sid"
report $? '... the very one of the token'
like '... and the UPN' "$scratch/text" 'othername:.*alice@corp\.example'

# --- two at once ---

token race --name dns:.tok.example
use race 3 d.tok.example >/dev/null 2>"$scratch/race3" &
first=$!
use race 4 d.tok.example >/dev/null 2>"$scratch/race4" &
second=$!
won=0
wait $first && won=$((won + 1))
wait $second && won=$((won + 1))
is 'of two clients at once exactly one gets the certificate' "$won" 1
like '... the other is told that it is used' "$(grep -l used "$scratch/race3" "$scratch/race4")" \
    'rule token.used'

# --- killed between intent and answer ---

token kill --name dns:.tok.example
killed=$id
ca_stop
: >"$ca_dir/view/kill-once"
CERCA_STEP_KILL=cerca-ca:store.reserve.after:1@$ca_dir/view/kill-once
export CERCA_STEP_KILL
ca_start || bail 'it does not start'
chmod 0711 "$ca_dir/sock"
ok 'a client whose CA is killed after the intent gets its certificate' use kill 5 e.tok.example
test ! -e "$ca_dir/view/kill-once"
report $? '... it was killed'
unset CERCA_STEP_KILL
is '... and one use was taken' "$(left "$killed")" 0
cerca list --requester "token:$killed" -o json >"$out"
json '... for one certificate' 'length == 1 and .[0].status == "valid"'

# --- wrong ones ---

sed 's/[0-9a-f]\{8\}$/deadbeef/' "$scratch/theirs/race" >"$scratch/theirs/wrong"
chmod 0644 "$scratch/theirs/wrong"
before=$(cerca status -o json | jq -r '.items[] | select(.name == "audit").text' | cut -d ' ' -f 1)
fails 'a wrong secret' 1 'rule token.unknown' use wrong 6 f.tok.example
after=$(cerca status -o json | jq -r '.items[] | select(.name == "audit").text' | cut -d ' ' -f 1)
is '... is recorded' $((after - before)) 1
printf 'cerca-token-999-%064d\n' 0 >"$scratch/theirs/wrong"
fails 'a number that is not there is told no different' 1 'rule token.unknown' \
    use wrong 6 f.tok.example
printf 'token\n' >"$scratch/theirs/wrong"
fails 'what is no token' 1 'rule token.unknown' use wrong 6 f.tok.example
printf '\n' >"$scratch/theirs/wrong"
fails 'an empty file' 1 'rule token.file' use wrong 6 f.tok.example
printf 'cerca-token-1-%064d\n' 0 >"$scratch/theirs/wrong"
slow() { # a wait may be over before the next try; each is twice as long
    use wrong 6 f.tok.example --timeout 1 2>&1 | grep -q 'rule token.slow'
}
ok 'who goes on trying has to wait' wait_until 20 slow
token other --name dns:.tok.example
ok 'others do not wait' cerca issue --token-file "$file" --csr "$scratch/7.csr" \
    --san dns:g.tok.example --out "$scratch/7.pem"

# --- a token is worth no more than its maker ---

generation() {
    cerca status -o json | jq -r '.items[] | select(.name == "configuration").text'
}
differs() {
    [ -n "$(generation)" ] && [ "$(generation)" != "$1" ]
}
token late --name dns:.tok.example
before=$(generation)
sed -i 's/role = "admin"/role = "auditor"/' "$CERCA_CONF"
kill -HUP "$ca_pid"
wait_until 20 differs "$before"
report $? 'its maker is an auditor now'
fails '... and the token useless' 1 'rule token\.maker' cerca issue --token-file "$file" \
    --csr "$scratch/2.csr" --san dns:h.tok.example

secrets_are_nowhere() {
    for f in "$scratch"/theirs/one "$scratch"/theirs/kill "$scratch"/theirs/race; do
        secret=$(sed 's/.*-//' "$f")
        ! grep -rqF "$secret" "$ca_dir" "$scratch/cercad.log" || return 1
    done
}
secrets_are_nowhere
report $? 'no secret is in the store or in a log'
ok 'the store is sound' cerca store check
done_testing
