#!/bin/bash
# The crash campaign of docs/reliability.md, small: fifteen kills under load break no promise, and what
# checks the promises finds each that is broken.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
TMPDIR=$scratch
export TMPDIR
ok 'every lie about what was acknowledged is found' "$root/tests/torture/run" -l
sed 's/^/# /' "$out"
ok 'fifteen kills of all programs under load break no promise' \
    "$root/tests/torture/run" -n 15 -d 0 -o "$scratch"
sed 's/^/# /' "$out"
ok 'the counts can be read by programs' jq -e '.violations == [] and
    ([.killed[]] | add) == 15 and .acknowledged.issued > 0 and .acknowledged.revoked > 0' kills.json
done_testing
