#!/bin/sh
# Every fuzz target (tests/fuzz/README.md) runs on its whole corpus and on all that ever crashed it,
# and everything that it promises holds; each has a corpus and is described.
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${CERCA_BUILD:-build/test}
n=0
check() { # NAME COMMAND...
    n=$((n + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
    fi
}

replay() { # TARGET
    set -- "$1" "tests/fuzz/corpus/$1"
    if [ -d "tests/fuzz/crashes/$1" ]; then
        set -- "$@" "tests/fuzz/crashes/$1"
    fi
    target=$1
    shift
    # The last file that is named is the one that did it.
    ran=$("$build/replay/$target" "$@") || {
        printf '%s\n' "$ran" | tail -n 1
        return 1
    }
    test "$(printf '%s\n' "$ran" | tail -n 1)" -gt 0
}

described() { # TARGET
    # shellcheck disable=SC2016 # backquotes of Markdown
    grep -qF "| \`$1\` |" tests/fuzz/README.md
}

# In the table of parsers and targets.
listed() { # TARGET
    grep -E '^\|.*\|$' docs/fuzzing.md | grep -qF "\`$1\`"
}

for source in tests/fuzz/target/*.c; do
    target=$(basename "$source" .c)
    check "$target holds on all its inputs" replay "$target"
    check "$target is described" described "$target"
    check "$target stands beside what it covers" listed "$target"
done
for folder in tests/fuzz/corpus/* tests/fuzz/crashes/*; do
    if [ -d "$folder" ]; then
        check "$folder belongs to a target" test -e "tests/fuzz/target/$(basename "$folder").c"
    fi
done
echo "1..$n"
