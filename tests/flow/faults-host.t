#!/bin/bash
# The fault campaign of docs/reliability.md, small, for the programs of a host: a call fails in the agent, in its daemon, in the
# holder of its keys or in the scanner; what is deployed stays a pair that fits, nothing false is said of a server, and the next
# attempt succeeds.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
TMPDIR=$scratch
export TMPDIR
ok 'one call fails in a program of a host, and no promise is broken' \
    "$root/tests/faults/run" "$CERCA_BUILD" --points 1 --seed 1 --json found.json --only cerca-agent \
    --only 'cerca-agent run:memory' --only 'cerca-agent run:name' --only cerca-agent-key:memory --only cerca-agent-key:write \
    --only cerca-scan
sed 's/^/# /' "$out"
of() { # PROGRAM: failures of each kind
    jq -c "[.rows[] | select(.program == \"$1\") | .failures]" found.json
}
ok '... and calls did fail' jq -e '.violations == [] and ([.rows[].failures] | add >= 9)' found.json
is '... a thread of the scanner among them' "$(jq '.rows[] | select(.program == "cerca-scan" and .kind == "thread").failures' found.json)" 1
is '... and an allocation of the agent' "$(of cerca-agent | jq '.[0]')" 1
done_testing
