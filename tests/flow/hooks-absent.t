#!/bin/sh
# Release programs contain neither the step hooks nor the movable clock nor the probe of jails
# (lib/step.h, lib/clock.h, lib/sandbox_probe.h), nor the name of any step; the same search finds all of them in the test
# programs, so it can find them.
set -u
cd "$(dirname "$0")/../.." || exit 1

release=${CERCA_RELEASE_BUILD:-build}/bin
tests=${CERCA_BUILD:-build/test}/bin
hooks='CERCA_STEP_KILL CERCA_TEST_CLOCK_OFFSET CERCA_TEST_JAIL_PROBE'
steps=$(grep -rhoE '\<STEP\("[^"]+"\)' lib ca crl main tools | sed 's/.*("\(.*\)").*/step:\1/' | sort -u)

n=0
check() { # NAME COMMAND...
    n=$((n + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        false
    fi
}

# As a string of its own: a longer text may well contain the name of a step.
has() { # FOLDER STRING
    strings -a "$1"/* | grep -qxF "$2"
}

has_not() {
    ! has "$@"
}

check 'release and test programs are built' test -x "$release/cerca-ca" -a -x "$tests/cerca-ca" ||
    exit 1
check 'there are steps' test -n "$steps"
for hook in $hooks $steps; do
    check "$hook is in the test programs" has "$tests" "$hook"
    check "$hook is in no release program" has_not "$release" "$hook"
done
echo "1..$n"
