#!/bin/bash
# A disk that keeps nothing but what was synced, and of the rest what chance wants: whatever a CA had
# acknowledged before the power was cut is there afterwards (docs/reliability.md). That a disk which
# keeps no sync is found out shows that this looks.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
TMPDIR=$scratch
export TMPDIR
ok 'five cuts under load take nothing back' "$root/tests/torture/run" -n 0 -d 5 -o "$scratch"
sed 's/^/# /' "$out"
ok 'the counts can be read by programs' jq -e '.violations == [] and .rounds == 5' disk.json
run "$root/tests/torture/run" -n 0 -d 5 -u
is 'a disk that keeps no sync is found out' "$status" 1
like 'by what is missing' "$out" '^VIOLATED .* acknowledged certificates are not in the store'
done_testing
