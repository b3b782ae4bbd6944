#!/bin/sh
# Many certificates from a CSV file: what is issued, what is refused, what an interrupted run leaves.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

recorded() { # NAME
    cerca list --name "$1" -o json | jq length
}

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -subj / \
    -addext 'subjectAltName=DNS:own.bulk.example' -out own.csr 2>/dev/null
printf '\357\273\277Name,SANS,owner,validity,csr\r\n' >list.csv
{
    printf 'web,dns:web.bulk.example,"Web, Team",30d,\r\n'
    printf '\r\n'
    printf 'db,"dns:db.bulk.example ip:192.0.2.7",,,\n'
    printf 'own,,,,own.csr\n'
    printf 'bad,email:x@bulk.example,,,\n'
    printf '../up,dns:up.bulk.example,,,\n'
    printf 'long,dns:long.bulk.example,,900d,\n'
    printf 'web,dns:other.bulk.example,,,\n'
} >>list.csv

run cerca bulk list.csv --out-dir dry --profile tls-server --dry-run -o csv
is 'a dry run fails for what would be refused' "$status" 1
is 'and leaves no file' "$(ls dry)" ''
is 'and records nothing' "$(recorded .bulk.example)" 0

run cerca bulk list.csv --out-dir certs --profile tls-server -o csv
is 'rows that are refused make it fail' "$status" 1
like 'the summary counts' "$err" '3 issued, 0 there before, 4 refused'
cp "$out" report.csv
like 'the report has the line and the serial' report.csv '^2,web,issued,[0-9a-f]{32},'
like 'a refusal has its rule' report.csv '^6,bad,refused,,,san'
like 'a name that leaves the folder is refused' report.csv '^7,../up,refused,,,bulk.name'
like 'what the profile does not allow is refused' report.csv '^8,long,refused,,,validity'
like '... with what it does' report.csv ',not_after,20[0-9T:Z-]+,at the latest 20'
like 'a second row of a name is not taken for the first' report.csv \
    '^9,web,refused,,,bulk.twice,line 2 has this name already'
is 'keys and certificates stand side by side, nothing else' "$(cd certs && echo *)" \
    'db.key db.pem own.pem web.key web.pem'
is 'keys are private' "$(stat -c %a certs/web.key)" 600
is 'a key fits its certificate' "$(openssl pkey -in certs/db.key -pubout)" \
    "$(openssl x509 -in certs/db.pem -noout -pubkey)"
ok 'openssl verifies what was issued' openssl verify -CAfile "$ca_dir/ca/root.pem" \
    -untrusted certs/db.pem certs/db.pem
is 'a quoted owner with a comma is kept' "$(cerca list --name web.bulk.example -o json |
    jq -r '.[0].owner')" 'Web, Team'
run cerca bulk list.csv --out-dir certs --profile tls-server
like 'people are told what is allowed too' "$out" '^bad +refused +san.*; allowed: dns'
run cerca bulk list.csv --out-dir certs --profile tls-server -o json
json 'a second run issues nothing again' '[.[] | select(.result == "there")] | length == 3'
is '... and reports what is there' \
    "$(jq -r '.[] | select(.result == "there") | .name + "," + .serial' <"$out")" \
    "$(sed -n 's/^[0-9]*,\([a-z]*\),issued,\([0-9a-f]*\),.*/\1,\2/p' report.csv)"
is 'one certificate a row' "$(recorded .bulk.example)" 3

fails 'a column that nobody knows is named' 1 'column "colour" is not allowed' \
    sh -c 'printf "name,colour\nx,red\n" | cerca bulk - --out-dir certs --profile mtls'
fails 'no name column is said' 1 'no column "name"' \
    sh -c 'printf "sans\ndns:x\n" | cerca bulk - --out-dir certs --profile mtls'
fails 'an empty file is said' 1 'empty' sh -c 'cerca bulk - --out-dir certs --profile mtls </dev/null'
fails 'a field that does not end is named by its line' 1 'line 2: a quoted field does not end' \
    sh -c 'printf "name\n\"x\n" | cerca bulk - --out-dir certs --profile mtls'
fails 'no folder is a usage error' 2 'out-dir' cerca bulk list.csv

# --- interrupted ----------------------------------------------------------------------------------

{
    echo name,sans
    n=0
    while [ "$n" -lt 150 ]; do
        n=$((n + 1))
        echo "n$n,dns:n$n.many.example"
    done
} >many.csv
started() {
    [ "$(find many -name '*.pem' 2>/dev/null | wc -l)" -ge 20 ]
}
cerca bulk many.csv --out-dir many --profile tls-server -o csv >/dev/null 2>&1 &
bulk=$!
wait_until 30 started
kill -KILL "$bulk"
wait "$bulk" 2>/dev/null
ok 'the same command goes on where a killed one stopped' \
    cerca bulk many.csv --out-dir many --profile tls-server -o csv
is 'every row has its certificate' "$(find many -name '*.pem' | wc -l)" 150
is 'and its key' "$(find many -name '*.key' | wc -l)" 150
is 'no request is left' "$(find many -name '*.csr' | wc -l)" 0
: >many/n1.csr # as if the run had been killed just before it took the request away
ok 'rows that are there are tidied up' cerca bulk many.csv --out-dir many --profile tls-server -o csv
is 'so that no request is left' "$(find many -name '*.csr' | wc -l)" 0
is 'none was issued twice' "$(cerca list --name .many.example --limit 0 -o json | jq length)" 150

# Key and CSR of a row that got no answer, and the row is another by now.
mkdir left
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout left/x.key -subj /CN=old \
    -out left/x.csr 2>/dev/null
printf 'name,sans,subject\nx,dns:x.left.example,CN=x.left.example\n' >left.csv
run cerca bulk left.csv --out-dir left --profile tls-client -o csv
is 'a request that is left of a row that was changed is not used' "$status" 1
like '... and said' "$out" ',refused,,,bulk.left,.*remove both'
printf 'name,sans,subject\nx,dns:x.left.example,CN=old\n' >left.csv
ok 'that of the same row is' cerca bulk left.csv --out-dir left --profile tls-client -o csv
is '... with its key' "$(openssl pkey -in left/x.key -pubout)" \
    "$(openssl x509 -in left/x.pem -noout -pubkey)"

# Killed before its key was there; and a key of somebody else.
printf 'name,sans\ny,dns:y.left.example\nz,dns:z.left.example\n' >alone.csv
cp left.csv left/y.csr
: >left/y.key.new
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out left/z.key 2>/dev/null
cp left/z.key z.key
run cerca bulk alone.csv --out-dir left --profile tls-client -o csv
like 'a request without a key is made anew' "$out" '^2,y,issued'
is '... half a key replaced' "$(cd left && echo y*)" 'y.key y.pem'
is '... with a key that fits' "$(openssl pkey -in left/y.key -pubout)" \
    "$(openssl x509 -in left/y.pem -noout -pubkey)"
like 'a key that is there already is left alone' "$out" '^3,z,refused,,,bulk.key'
ok '... as it was' cmp z.key left/z.key
is '... and no request lies beside it' "$(cd left && echo z*)" z.key

done_testing
