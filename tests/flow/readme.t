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

# What the guides name: files behind links, with their headings, and files in code text, with * as the shell has it.
headings_of() { # FILE: as links name them
    sed -n 's/^#* //p' "$1" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n_-'
}
links_of() { # FILE
    grep -oE '\]\([^)#h][^)]*\)' "$1" | tr -d '])(' | while read -r f; do
        file=$(dirname "$1")/${f%%#*}
        [ -e "$file" ] || echo "$f"
        [ "$f" = "${f#*#}" ] || headings_of "$file" | grep -qx -- "${f#*#}" || echo "$f"
    done
}

files_of() { # FILE
    grep -oE '`(lib|ca|main|tools|tests|conf|docs|man)/[A-Za-z0-9_./*-]+`' "$1" | tr -d '`' |
        grep -v NAME | while read -r f; do
        compgen -G "$f" >/dev/null || echo "$f"
    done
}

cd "$root" || exit 1
for guide in *.md docs/*.md conf/*.md tests/*.md; do
    is "every link of $guide leads to a file" "$(links_of "$guide")" ''
    is "every file that $guide names is there" "$(files_of "$guide")" ''
done
make -s -C "$root" help >"$scratch/make"
is 'make help has every target that a guide names' \
    "$(grep -ohE '(^    |`)make [a-z-]+' ./*.md docs/*.md conf/*.md tests/*.md tests/*/*.md | sed 's/.*make //' | sort -u |
        while read -r target; do grep -q "^make $target " "$scratch/make" || echo "$target"; done)" ''
for page in man/*; do
    is "the words of $page fit the screen" "$(grep -nE '^[^.].{80}' "$page")" ''
done
is 'every test that SECURITY.md names is there' \
    "$(grep -oE '`[a-z_0-9]+_test`' SECURITY.md | tr -d '`' | sort -u | while read -r name; do
        [ -e "tests/unit/$name.c" ] || echo "$name"
    done)" ''

done_testing
