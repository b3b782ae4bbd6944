#!/bin/bash
# docs/crls.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
http=on
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
base_url=$(sed -n 's/^ *crl_url = "\(.*\)\/crl\/issuing.crl";/\1/p' "$ca_dir/cerca.conf")
cp "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem" .
ok 'a certificate is there' cerca issue --profile tls-server --key-out web.key \
    --san dns:web.crls.example --out web.pem

fenced "$root/docs/crls.md"
sed -i "s|http://pki.example.com|$base_url|" "$scratch"/sh*

in_issuing() { # FILE: into its entry
    sed -i "/^ *name = \"issuing\";/r $1" "$CERCA_CONF"
}

# shellcheck disable=SC2317 # by name
type_it() { # FILE; systemctl reload is what a service has for HUP
    {
        echo 'set -e'
        echo "systemctl() { kill -HUP $ca_pid; $root/tests/flow/await-generation \"\$CERCA_CONF\"; until cerca status >/dev/null; do sleep 0.05; done; }"
        cat "$1"
    } >"$1.typed"
    bash "$1.typed"
}

in_issuing "$scratch/conf1"
ok 'deltas are turned on as the guide says' type_it "$scratch/sh1"
like 'and listed' "$out" 'issuing +delta +current'
ok 'fetched and believed' type_it "$scratch/sh2"
like 'with a good certificate' "$out" 'web.pem: OK'
like 'the full one tells of it' <(openssl crl -inform DER -in full.crl -noout -text) 'Freshest CRL'
in_issuing "$scratch/conf2"
ok 'parts are turned on as the guide says' type_it "$scratch/sh3"
like 'and certificates name them' "$out" "URI:$base_url/crl/issuing/shard-[0-9]+-of-16.crl"
ok 'a part is believed' type_it "$scratch/sh4"
like 'about who names it' "$out" 'api.pem: OK'
is 'the guide has nothing else to type' "$(find "$scratch" -maxdepth 1 -name 'sh?' | wc -l)" 4

done_testing
