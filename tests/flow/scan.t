#!/bin/bash
# cerca scan against servers that nobody here wrote: what it finds is what openssl and sslscan find,
# in every format, with names, exclusions and rates; interrupted, it goes on where it was.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
servers=
# shellcheck disable=SC2317,SC2086 # by the trap; numbers
stop_servers() { # STATUS
    kill $servers 2>/dev/null
    return "$1"
}
trap 'stop_servers $?; cleanup' EXIT
# shellcheck disable=SC2046 # words
set -- $(free_ports) $(free_ports) $(free_ports)
new=$1
old=$2
mutual=$3
odd=$4
names=$5
closed=$6

# --- servers ----------------------------------------------------------------------------------------

certify() { # NAME KEY...
    name=$1
    shift
    openssl req -new -newkey "$@" -nodes -keyout "$name.key" -subj "/CN=$name" -out "$name.csr" 2>/dev/null
    printf 'subjectAltName=DNS:%s' "$name" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -days 30 -extfile "$name.ext" \
        -out "$name.pem" 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
    -days 90 -subj '/CN=Test CA' 2>/dev/null
certify new.example ec -pkeyopt ec_paramgen_curve:P-256
certify old.example rsa:2048
certify other.example ec -pkeyopt ec_paramgen_curve:P-256
touch index.txt
openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert new.example.pem \
    -respout staple.der -ndays 1 >ocsp.log 2>&1
serve() { # PORT ARGUMENTS...
    port=$1
    shift
    openssl s_server -accept "127.0.0.1:$port" -quiet "$@" </dev/null >>server.log 2>&1 &
    servers="$servers $!"
}
serve "$new" -cert new.example.pem -key new.example.key -cert_chain ca.pem -status_file staple.der
serve "$old" -cert old.example.pem -key old.example.key -tls1 -cipher ALL:@SECLEVEL=0
serve "$mutual" -cert new.example.pem -key new.example.key -tls1_2 -Verify 1 -CAfile ca.pem
serve "$names" -cert new.example.pem -key new.example.key -servername other.example -cert2 other.example.pem \
    -key2 other.example.key
gnutls-serv --priority 'NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:%COMPAT' -p "$odd" --http --disable-client-cert \
    --x509keyfile old.example.key --x509certfile old.example.pem >>server.log 2>&1 &
servers="$servers $!"
for port in $new $old $mutual $names $odd; do
    wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
done

# --- what is found -----------------------------------------------------------------------------------

ok 'servers of many kinds are scanned' cerca scan -o json "127.0.0.1:$new,$old,$mutual,$odd,$closed"
cp "$out" found
found() { # PORT FILTER
    jq -r "select(.port == $1) | $2" found
}
is 'each line is one result' "$(wc -l <found)" 5
is 'the leaf is the one of the file' "$(found "$new" '.chain[0].sha256')" \
    "$(openssl x509 -in new.example.pem -outform DER | sha256sum | cut -d ' ' -f 1)"
is 'the chain comes as served' "$(found "$new" '[.chain[].subject] | join(" ")')" 'CN=new.example CN=Test CA'
is 'the octets of it too' "$(found "$new" '.chain[1].der' | base64 -d | openssl x509 -inform DER -noout -subject)" \
    "$(openssl x509 -in ca.pem -noout -subject)"
found "$new" .ocsp | base64 -d >stapled
ok 'the stapled response is what was stapled' cmp stapled staple.der
is 'an old version is found' "$(found "$old" '.versions | tojson')" \
    '{"TLS1.0":true,"TLS1.1":false,"TLS1.2":false,"TLS1.3":false}'
is '... and called weak' "$(found "$old" '.weak[0]')" TLS1.0
is 'a demand for a client certificate is seen' \
    "$(found "$mutual" '[.outcome, .demands_client_certificate, .client_cas, .alert] | join(" ")')" \
    'served true 1 handshake_failure'
is 'where nothing listens is told' "$(found "$closed" '[.outcome, .stage] | join(" ")')" 'refused connect'
is 'who speaks all versions is asked for all' "$(found "$odd" '.versions | tojson')" \
    '{"TLS1.0":true,"TLS1.1":true,"TLS1.2":true,"TLS1.3":true}'

# The lists of suites, beside those of sslscan, by the names of the registry.
openssl ciphers -V -stdname 'ALL:COMPLEMENTOFALL:@SECLEVEL=0' | awk '{ gsub("0x|,", "", $1); print toupper($1), $3 }' >stdnames
echo '1304 TLS_AES_128_CCM_SHA256' >>stdnames # is not among those by default
for port in "$new" "$odd"; do
    sslscan --no-colour --xml=sslscan.xml "127.0.0.1:$port" >/dev/null 2>sslscan.log
    grep -o '<cipher [^>]*' sslscan.xml | sed 's/.*sslversion="TLSv\([0-9.]*\)".*id="0x\([0-9A-F]*\)".*/\1 \2/' |
        while read -r version id; do
            echo "TLS$version $(sed -n "s/^$id //p" stdnames)"
        done | sort -u >theirs
    found "$port" '.suites | to_entries[] | .key as $v | .value[] | "\($v) \(.)"' | sort -u >ours
    is "sslscan finds the same suites ($port)" "$(comm -23 theirs ours)" ''
    is '... and some' "$([ "$(wc -l <theirs)" -gt 5 ] && echo yes)" yes
done

# --- names ---------------------------------------------------------------------------------------------

ok 'a server is asked without a name and with each' \
    cerca scan -o json --sni other.example --sni third.example "127.0.0.1:$names"
is '... and what it serves to each is told' \
    "$(jq -r '[.sni, .chain[0].subject] | join(":")' "$out" | sort | tr '\n' ' ')" \
    ':CN=new.example other.example:CN=other.example third.example:CN=new.example '
is '... with versions and suites once' "$(jq -r '.versions | length' "$out" | sort -r | tr '\n' ' ')" '4 0 0 '
printf '# of a file\nlocalhost:%s sni=other.example\n' "$names" >hosts.txt
ok 'a file has names behind its targets' cerca scan -o json --names-only --handshake-only hosts.txt
is '... and no other ones are asked' "$(jq -r .sni "$out" | sort -u | tr '\n' ' ')" 'localhost other.example '
ok 'the file of ports that say nothing' cerca scan --ports "$closed" -o csv 127.0.0.1
like '... is a list with a head' "$out" '^host,address,port,starttls,sni,outcome'
like '... and its line' "$out" "^127.0.0.1,127.0.0.1,$closed,none,,refused"
ok 'a table for people' cerca scan "127.0.0.1:$new"
like '... says what and until when' "$out" "127.0.0.1:$new +served +1.2 1.3 +20[0-9-]* +CN=new.example"

# --- addresses, exclusions, rates ------------------------------------------------------------------------

ok 'a network without some of it' \
    cerca scan -o json "127.0.0.0/28:$closed" --exclude 127.0.0.0-4 --exclude 127.0.0.9
is '... is the rest of it' "$(jq -r '.address | split(".")[3]' "$out" | sort -n | tr '\n' ' ')" \
    '5 6 7 8 10 11 12 13 14 15 '
like '... and the number of the others is told' "$err" '16 of 16 targets, 6 excluded: 10 refused'
first=$(jq -r .address "$out" | tr '\n' ' ')
order() {
    cerca scan -o json "127.0.0.0/28:$closed" --exclude 127.0.0.0-4 --exclude 127.0.0.9 2>/dev/null |
        jq -r .address | tr '\n' ' '
}
is 'in an order that is another one each time' "$([ "$first$first" = "$(order)$(order)" ] || echo other)" other
begin=$(date +%s%N)
ok 'no more than so many to one network a second' \
    cerca scan -o json --rate 0 --per-network 4 "127.0.0.0/28:$closed" "127.0.1.0/28:$closed" \
    "127.0.2.0/28:$closed" "127.0.3.0/28:$closed" "127.0.4.0/28:$closed" "127.0.5.0/28:$closed"
took=$((($(date +%s%N) - begin) / 1000000))
is '... but to each of them' "$([ $took -ge 3740 ] && [ $took -lt 23000 ] && echo yes || echo $took)" yes
begin=$(date +%s%N)
ok 'no more than so many in all' cerca scan -o json --rate 20 "127.0.0.0/28:$closed" "127.0.1.0/28:$closed"
took=$((($(date +%s%N) - begin) / 1000000))
is '... takes twice as long' "$([ $took -ge 1540 ] && echo yes || echo $took)" yes

ok 'on a terminal' script -qec "cerca scan --rate 25 --handshake-only 127.0.0.0/25:$closed" tty
like '... a bar says how far it is, and how long it will take' tty 'scanning \[#+ *\] [0-9]+/128, left: [0-9]s'

# --- interrupted -------------------------------------------------------------------------------------------

some=(cerca scan -o json --resume state --per-network 0 "127.0.0.0/24:$closed")
"${some[@]}" --rate 20 >part1 2>part1.err & # time enough to end it in its midst
pid=$!
wait_until 10 test -s state
kill -TERM "$pid"
wait "$pid"
is 'an interrupted scan says that it is not done' $? 3
like '... and how it goes on' part1.err 'interrupted; the same command goes on'
fails 'its file is of these targets only' 1 'of a scan of other targets' \
    cerca scan --resume state "127.0.0.0/25:$closed"
"${some[@]}" --rate 20 >part2 2>part2.err &
pid=$!
wait_until 20 test -s part2
kill -KILL "$pid"
wait "$pid" 2>/dev/null
run "${some[@]}" --rate 0
is 'it ends, at last' "$status" 0
is 'every target is there' "$(cat part1 part2 "$out" | jq -r .address | sort -u | wc -l)" 256
is 'and not all of them twice' "$([ "$(cat part1 "$out" | wc -l)" -le 300 ] && echo yes)" yes
is 'the file is gone when all is done' "$([ -e state ] || echo gone)" gone

# --- what is refused ------------------------------------------------------------------------------------------

fails 'a port that is none' 2 'port' cerca scan 127.0.0.1:70000
fails 'a protocol that nobody knows' 2 'smtp, imap, pop3' cerca scan 127.0.0.1:21/ftp
fails 'half an address' 2 'target' cerca scan 127.0.0
fails 'no time at all' 2 'deadline' cerca scan --deadline 0s 127.0.0.1
fails 'more than can be' 1 'scan.targets' cerca scan 2001:db8::/32
is 'a name that has no address is a result' \
    "$(cerca scan -o json nothing.invalid 2>/dev/null | jq -r '[.outcome, .stage] | join(" ")')" 'not_resolved resolve'

done_testing
