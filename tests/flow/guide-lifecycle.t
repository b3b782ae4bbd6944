#!/bin/bash
# docs/lifecycle.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
fenced "$root/docs/lifecycle.md"
ca_init || bail 'no CA'
cat "$scratch/conf1" >>"$ca_dir/cerca.conf"
ok 'the configuration of the guide is one' cerca conf check -c "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
for name in web stray; do
    owner=()
    [ $name = stray ] || owner=(--owner web)
    ok "a certificate for $name" cerca issue --profile tls-server --key-out $name.key "${owner[@]}" \
        --san dns:$name.lifecycle.example --out $name.pem
done
ok 'a name is explained' bash -e "$scratch/sh1"
like 'by its state' "$out" '^dns:web.lifecycle.example: ok'
like 'and its owner' "$out" 'owner +web'
ok 'alerts are listed' bash -e "$scratch/sh2"
ok 'findings are counted and listed' bash -e "$scratch/sh3"
like 'with the time of the counting' "$err" 'as of 20.*Z; cerca findings list looks anew'
like 'the one there is' "$out" 'owner.missing .*dns:stray.lifecycle.example'
ok 'an exception is made and listed' bash -e "$scratch/sh4"
like 'with its reason' "$out" 'moves in spring'
ok 'a campaign is tried' bash -e "$scratch/sh5"
like 'which says how many it is about' "$err" 'would pull 2 certificates forward'
is 'the guide has nothing else to type' "$(find "$scratch" -maxdepth 1 -name 'sh?' | wc -l)" 5

done_testing
