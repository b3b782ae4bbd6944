#!/bin/sh
# Release programs contain neither the step hooks nor the movable clock (lib/step.h,
# lib/clock.h); the same search finds them in the test build, so it can find them.
set -u

release=${CERCA_RELEASE_BUILD:-build}/bin
tests=${CERCA_BUILD:-build/test}/bin
names='CERCA_STEP_KILL CERCA_TEST_CLOCK_OFFSET'

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

has() { # FILE NAME
    grep -aq "$2" "$1"
}

has_not() {
    test -s "$1" && ! has "$@"
}

for program in "$release"/*; do
    for name in $names; do
        check "release $(basename "$program") has no $name" has_not "$program" "$name"
    done
done
for name in $names; do
    check "test cerca-ca has $name" has "$tests/cerca-ca" "$name"
done
echo "1..$n"
