#!/bin/bash
# What the README tells a newcomer to type works, in its order, word for word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

tree=$scratch/tree
mkdir -p "$tree/build"
ln -s "$CERCA_BIN" "$tree/build/bin"

# The fenced sh blocks, one file each, in order.
awk -v dir="$scratch" '
    /^```sh$/ { n++; file = sprintf("%s/block%02d", dir, n); inside = 1; next }
    /^```$/ { inside = 0; next }
    inside { print > file }' "$root/README.md"

is 'the first command of the README makes and runs a CA' \
    "$(cat "$scratch/block01")" './bootstrap && make run'
is 'the second one runs all tests' "$(cat "$scratch/block02")" './bootstrap test && make test'
ok 'make knows what both name' make -C "$root" -n -o bootstrap BOOTSTRAP=true run test
ok 'the bootstrap that they begin with is there' test -x "$root/bootstrap"

ca_init "$tree/run" || bail 'cerca init failed'
ca_start "$tree/run" || bail 'cercad does not serve'
unset CERCA_CONF

cd "$tree" || exit 1
# The blocks are typed into one shell: what one exports, the next one has.
{
    echo 'set -e'
    cat "$scratch"/block0[3-9] "$scratch"/block1? 2>/dev/null
} >"$scratch/session"
is 'the README has something to type' \
    "$(grep -c '^cerca ' "$scratch/session" | awk '{ print ($1 >= 8) }')" 1
ok 'everything that the README says to type succeeds' bash "$scratch/session"
like 'the certificate verifies' "$out" '^run/web.pem: OK$'
like 'the renewed certificate says what it replaces' "$out" '"replaces": "[0-9a-f]{32}"'

is 'every file that the README names is there' \
    "$(cd "$root" && grep -oE '\]\([^)#h][^)]*\)' README.md | tr -d '])(' | while read -r f; do
        [ -e "$f" ] || echo "$f"
    done)" ''

done_testing
