#!/bin/bash
# What operators write about what must keep working: set and unset singly, by filters and from CSV,
# with a dry run; lists by it, filters that the CA keeps, and retiring. All of it is in the audit log.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

issue() { # NAME PROFILE [OPTION]...
    host=$1
    profile=$2
    shift 2
    cerca issue --profile "$profile" --key-out "$host.key" --force --san "dns:$host.inv.example" \
        --out "$host.pem" "$@" >"$host.out" 2>&1 || bail "$host is not issued: $(cat "$host.out")"
}

field() { # NAME FILTER: of the newest valid certificate
    cerca show "$1.inv.example" -o json | jq -r "$2"
}

names() { # OPTION...: of what a list has
    cerca list "$@" --limit 0 -o json | jq -r '.[].sans[0]' | sed 's/dns:\([a-z0-9]*\).*/\1/' | sort |
        tr '\n' ' ' | sed 's/ $//'
}

issue web tls-server --owner alice
issue db tls-server --owner bob
issue mail tls-server --owner bob
issue agent tls-client --owner carol

# --- singly -----------------------------------------------------------------------------------------

ok 'a field is set, by name' cerca inventory set owner=team-web criticality=high \
    'contact=Zoë <zoe@inv.example>' tags=pci,dmz web.inv.example
like '... and how many are meant is said' "$err" '1 identity is meant'
is 'show has it' "$(field web '[.owner, .criticality, .contact, (.tags | join("+"))] | join(" ")')" \
    'team-web high Zoë <zoe@inv.example> dmz+pci'
ok '... and so has show of the inventory' cerca inventory show web.inv.example
like '... with who wrote it' "$out" '^updated_by +operator:'
ok 'the same again changes nothing' cerca inventory set owner=team-web web.inv.example -o json
json '... and says so' '.[0].result == "same"'
ok 'tags are added and taken away' cerca inventory set tags+=prod tags-=dmz web.inv.example
is '... the others stay' "$(field web '.tags | join("+")')" 'pci+prod'
serial=$(field web .serial)
ok 'by serial' cerca inventory set note='by serial' "$serial"
ok 'by fingerprint' cerca inventory set method=agent "$(field web .fingerprint)"
ok 'by identity' cerca inventory set reviewed=2027-01-31 "identity:$(field web .identity)"
ok 'by the file of a certificate' cerca inventory set environment=prod ./web.pem
is 'all of these are one identity' \
    "$(field web '[.note, .method, .reviewed, .environment] | join(" ")')" \
    'by serial agent 2027-01-31T00:00:00Z prod'
ok 'a field is unset' cerca inventory unset --field note --field reviewed web.inv.example
is '... and the others stay' "$(field web '[.note, .reviewed, .method] | map(. // "") | join(",")')" \
    ',,agent'
fails 'an unknown level is refused' 2 'low, medium, high or critical' \
    cerca inventory set criticality=huge web.inv.example
fails '... a control character too' 1 '0 changed, 0 were so already, 1 refused' \
    cerca inventory set "note=$(printf 'a\033[31mb')" web.inv.example -o json
json '... by rule and field' '.[0].rule == "annotation.text"'
fails 'what nobody has is not found' 1 'nothing for "nobody' \
    cerca inventory set owner=x nobody.inv.example
fails 'nothing at all does not mean everything' 2 'which\?' cerca inventory set owner=x
fails '... nor does an empty name' 1 'would mean everything' cerca inventory set owner=x ''
for filter in owner profile name issuer requester application environment contact tag filter; do
    fails "... nor an empty --$filter" 2 'to mean everything' cerca inventory set owner=x "--$filter" ''
    fails '... nor in a list' 2 'to mean everything' cerca list "--$filter" ''
done

# --- in bulk ----------------------------------------------------------------------------------------

ok 'a dry run says what would change' cerca inventory set environment=test --owner bob --dry-run
like '... counted first' "$err" '2 identities are meant'
like '... and at the end' "$err" '2 would be changed, 0 were so already, 0 refused'
is '... and changes nothing' "$(names --environment test)" ''
ok 'then it is done' cerca inventory set environment=test application=shop --owner bob
is 'lists go by it' "$(names --environment test)" 'db mail'
is '... by two fields' "$(names --application shop --environment test)" 'db mail'
is '... by a tag' "$(names --tag prod)" web
is '... by level and method' "$(names --criticality high --method agent)" web
is '... by contact' "$(names --contact 'Zoë <zoe@inv.example>')" web
is '... by the owner in force' "$(names --owner team-web)" web
is '... not by the one before' "$(names --owner alice)" ''
is '... by identity' "$(names --identity "$(field db .identity)")" db
is '... by source' "$(names --source issued --owner bob)" 'db mail'
is '... nothing was imported' "$(names --source imported)" ''
fails 'a source that is none' 2 'issued, imported or scanned' cerca list --source bought
issue db tls-server --owner somebody
is 'a renewed certificate has it too' "$(names --environment test)" 'db db mail'

# --- from CSV ---------------------------------------------------------------------------------------

cat >owners.csv <<EOF
name,owner,note,tags
db.inv.example,team-db,"a, b",one two
agent.inv.example,team-agents,,
nobody.inv.example,x,,
EOF
fails 'a file is compared first' 1 '2 would be changed, 0 were so already, 1 refused' \
    cerca inventory set --csv owners.csv --dry-run
is '... and nothing changes' "$(field db .owner)" somebody
fails 'then read' 1 '2 changed, 0 were so already, 1 refused' cerca inventory set --csv owners.csv
like '... naming what is not there' "$out" 'nobody.inv.example'
is '... with quotes and tags' "$(field db '[.owner, .note, (.tags | join("+"))] | join(";")')" \
    'team-db;a, b;one+two'
is '... an empty cell changes nothing' "$(field agent '.owner + .note')" team-agents
cerca list --status valid --limit 0 -o csv >exported.csv
ok 'what a list printed can be read back' cerca inventory set --csv exported.csv
like '... and all but the owners in force were so' "$err" '0 refused'
printf 'name,owners\nweb.inv.example,x\n' >typo.csv
fails 'a mistyped column is refused' 1 'inventory.column|identity, fingerprint or name' \
    cerca inventory set --csv typo.csv
printf 'fingerprint,owner\n%s,by-print\n' "$(field web .fingerprint)" >print.csv
ok 'a fingerprint is a key too' cerca inventory set --csv print.csv
is '... of that one' "$(field web .owner)" by-print

# --- spreadsheets and terminals -----------------------------------------------------------------------

ok 'a text may look like a formula' cerca inventory set 'note==HYPERLINK("x")' contact=+1555 \
    web.inv.example
cerca list --name web.inv.example -o csv >formula.csv
like 'no spreadsheet runs it' formula.csv "\"'=HYPERLINK"
like '... whatever it begins with' formula.csv ",'\\+1555,"
ok 'read back it is the text' cerca inventory set --csv formula.csv
is '... without the apostrophe' "$(field web '.note + .contact')" '=HYPERLINK("x")+1555'

# --- saved filters ------------------------------------------------------------------------------------

ok 'a filter is saved' cerca list --environment test --expires-within 3650d --save shop-test
is '... and used' "$(names --filter shop-test)" 'db db mail'
is '... with more' "$(names --filter shop-test --owner bob)" mail
ok '... by what changes too' cerca inventory set criticality=low --filter shop-test
is '... which is done' "$(names --criticality low)" 'db db mail'
ok 'filters are listed' cerca filter list -o json
json '... as what they mean' '.[0].name == "shop-test" and (.[0].means | contains("--environment test"))'
ok 'a filter is removed' cerca filter remove shop-test
fails '... and gone' 1 'filter.unknown|No filter is saved' cerca list --filter shop-test
fails 'a name that could be an option is refused' 1 'letters, digits' cerca list --save -x

# --- retiring ---------------------------------------------------------------------------------------

ok 'something is retired' cerca inventory retire mail.inv.example
like '... and what is still valid is told' "$err" "$(field mail .serial) is still valid"
like '... and what can be done' "$err" 'revoke cessationOfOperation'
is '... it says since when' "$(field mail '.retired | length')" 20
ok 'it comes back' cerca inventory unretire mail.inv.example
is '... and nothing of it is left' "$(field mail .retired)" null
ok 'a dry run revokes nothing' cerca inventory retire mail.inv.example --revoke superseded --dry-run
is '... and retires nothing' "$(field mail '.status + (.retired // "")')" valid
ok 'retired and revoked at once' cerca inventory retire mail.inv.example --revoke \
    cessationOfOperation
is '... it is' "$(field mail '[.status, .reason] | join(" ")')" 'revoked cessationOfOperation'

# --- what others issued ---------------------------------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout old.key -out old.pem \
    -subj /CN=old.inv.example -addext subjectAltName=DNS:old.inv.example -days 30 2>/dev/null
ok 'a certificate of another CA is imported' cerca import old.pem
is 'it is listed' "$(names --source imported)" old
ok 'it is found by its number' cerca show foreign:1 -o json
json '... with what is known of it' '.source == "imported" and .number == 1 and
    .requester != "" and .last_seen != null and .profile == ""'
is '... its own serial' "$(field old .serial)" \
    "$(openssl x509 -in old.pem -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f')"
ok 'by its fingerprint' cerca show "$(openssl x509 -in old.pem -noout -fingerprint -sha256 |
    sed 's/.*=//')"
like '... as text too' "$out" '^number +foreign:1'
for which in foreign:1 old.pem "$(field old .fingerprint)" "identity:$(field old .identity)"; do
    ok "what will happen to it is told by ${which%%:*}" cerca explain "$which"
    like '... whose it is, and who showed it' "$out" '^dns:old.inv.example: ok$'
done
like '... as what is called so here' "$out" '^  newest +foreign:1, from '
like '... shown by whom' "$out" '^  shown by +operator:'
ok '... of one of ours by its serial' cerca explain "$(field web .serial)"
like '... too' "$out" '^dns:web.inv.example: ok$'
ok 'it can be written about' cerca inventory set owner=legacy method=manual foreign:1
is '... and is listed by that' "$(names --owner legacy --method manual)" old
ok 'a text list says where it is from' cerca list --owner legacy
like '... by number and source' "$out" '^foreign:1 .*\(imported\)'
fails 'it is not ours to revoke' 1 'not issued here' cerca revoke foreign:1 --yes
fails '... by its file neither' 1 'not issued here' cerca revoke old.pem --yes
fails '... nor by a filter' 1 'no certificate that could be revoked' cerca revoke --owner legacy --yes
fails 'nor to renew' 1 'not issued here' cerca renew foreign:1 --key-out new.key
ok 'it is retired' cerca inventory retire old.inv.example --revoke superseded
like '... and its own CA has to revoke it' "$err" '1 that others issued is still valid'

# --- chains that do not hold ----------------------------------------------------------------------------

chain() { # NAME: what is wrong with its chain
    cerca findings list --rule chain -o json | jq -r --arg n "dns:$1.inv.example" '.[] | select(.name == $n) | .text'
}
cerca inventory unretire old.inv.example >"$out" 2>&1
like 'what signed itself has no issuer' <(chain old) '^it signed itself'
mkdir -p other/newcerts
ca() { # FILE SUBJECT DAYS
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" \
        -subj "$2" -days "$3" -addext keyUsage=keyCertSign 2>/dev/null
}
leaf() { # NAME ISSUER
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" 2>/dev/null |
        openssl x509 -req -CA "$2.pem" -CAkey "$2.key" -days 100 -out "$1.pem" \
            -extfile <(echo "subjectAltName=DNS:$1.inv.example") 2>/dev/null
}
ca short '/CN=Short CA' 20
ca lost '/CN=Lost CA' 200
leaf longer short
leaf orphan lost
lost=$(openssl x509 -in lost.pem -noout -serial | sed 's/serial=//')
cp lost.pem "other/newcerts/$lost.pem"
printf 'R\t400101000000Z\t260101000000Z,keyCompromise\t%s\tunknown\t/CN=Lost CA\n' "$lost" >other/index.txt
ok 'leaves alone are imported' cerca import longer.pem orphan.pem
is '... whose issuers nobody knows, which is no fault' "$(chain longer)$(chain orphan)" ''
ok 'with their issuers' cerca import short.pem other
is '... one outlives its own' "$(chain longer)" 'lint.chain.validity: it outlives its issuer'
is '... and that of the other was revoked' "$(chain orphan)" "its issuer's certificate is revoked or on hold"
ca lost2 '/CN=Lost CA' 200
leaf orphan2 lost2
ok 'another CA of that name' cerca import lost2.pem orphan2.pem
is '... is told apart by its key' "$(chain orphan2)$(chain orphan)" "its issuer's certificate is revoked or on hold"

# --- who may, and what is kept ----------------------------------------------------------------------

ok 'the audit log has each change' cerca audit log --limit 0 -o json
json '... with who and what' 'any(.[]; .action == "annotate" and (.actor | startswith("operator:"))
    and (.detail | contains("owner=team-web")))'
json '... and the filters' 'any(.[]; .action == "filter" and .detail == "saved shop-test")'
before=$(cerca list --limit 0 -o csv | sha256sum)
ca_stop
ca_start || bail 'it does not start again'
is 'all of it is there after a restart' "$(cerca list --limit 0 -o csv | sha256sum)" "$before"
ok 'the store agrees with itself' cerca store check

# --- what is required ---------------------------------------------------------------------------------

ca_stop
echo 'inventory = { required = [ "owner", "contact" ]; };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start with requirements'
fails 'without an owner nothing is issued' 1 'answers for the certificate' \
    cerca issue --profile tls-server --san dns:none.inv.example --key-out none.key --out none.pem
ok 'with one it is' cerca issue --profile tls-server --san dns:none.inv.example --key-out none.key \
    --out none.pem --owner team-web
ca_stop
sed -i 's/required = .*/required = [ "colour" ]; };/' "$ca_dir/cerca.conf"
fails 'what cannot be written down cannot be required' 1 'must be one of owner' cerca conf check
done_testing
