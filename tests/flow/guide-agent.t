#!/bin/bash
# docs/agent.md, typed block by block.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
fenced "$root/docs/agent.md"
typing() { # NAME BLOCK
    # shellcheck disable=SC1090 # of the guide
    . "$scratch/$2" >"$out" 2>"$err"
    report $? "$1"
}

# The first block, with ports that are free; the CA is stopped at the end as any other.
# shellcheck disable=SC2046 # four words
cerca init --dev ca $(port_options) >/dev/null 2>&1 || bail 'no CA'
http_off "$ca_dir/cerca.conf"
is 'it makes a CA and runs it' "$(cat sh1)" 'cerca init --dev ca
cercad -c ca/cerca.conf &'
ca_start || bail 'it does not start'
cat conf1 >>ca/cerca.conf
is 'has it read the configuration again' "$(sed -n 1p sh2)" 'kill -HUP $!'
kill -HUP "$ca_pid"
wait_until 20 cerca policy show host || bail 'the profile is not taken'
sed -i 1d sh2
typing 'a token is made' sh2
port=$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' ca/cerca.conf)
mkdir agent agent/conf.d
chmod 755 agent agent/conf.d
sed "s/8443/$port/" conf2 >agent/agent.conf
cp ca/ca/root.pem agent/root.pem
wait_until 20 cerca est cacerts --url "https://localhost:$port" --label web --trust agent/root.pem --out cas.pem
typing 'the agent enrolls' sh3
like 'and explains when it renews' "$out" '^due: 20'
ok 'the files are a pair' test "$(openssl x509 -in web.pem -noout -pubkey)" = "$(openssl pkey -in web.key -pubout)"
typing 'nothing is wrong' sh4
serial=$(openssl x509 -in web.pem -noout -serial)
typing 'it renews at once' sh5
report "$([ "$serial" != "$(openssl x509 -in web.pem -noout -serial)" ]; echo $?)" 'the certificate is another'
ok 'the CA is told' cerca-agent report --send
run cerca agents list -o json
json 'and lists the host, well' 'length == 1 and .[0].state == "well"'
run cerca agents show "$(jq -r '.[0].host' <"$out")" -o json
like 'with the entry, where its files are' "$out" 'web.pem'
like '... and that it was verified' "$out" '"verified"'
typing 'what else lies on the host is listed' sh6
like 'as CSV' found.csv '^file,line,subject'
cat conf3 >>agent/agent.conf
ok 'the CA can be told' cerca-agent check
typing 'it is given up' sh7
ok 'the files stay' test -f web.key -a ! -L web.key
is 'that is all there is to type' "$(find . -maxdepth 1 -name 'sh*' | wc -l)" 7
done_testing
