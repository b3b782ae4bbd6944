#!/bin/bash
# docs/offline-root.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
{
    echo 'set -e; trap '\''kill %1; wait'\'' EXIT'
    typed "$root/docs/offline-root.md"
} >"$scratch/session"
is 'the guide has something to type' "$(grep -cE "^(cerca|cercad|openssl) " "$scratch/session" | awk '{ print ($1 >= 8) }')" 1
ok 'everything that the guide says to type succeeds' bash "$scratch/session"
like 'the artifacts are confirmed' "$out" '^root.crl: OK$'
like 'the leaf verifies' "$out" '^web.pem: OK$'
like 'the issuing CA is not on the CRL' "$out" '^offline/ceremony/issuing.pem: OK$'
like 'the online CA is well' "$out" 'issuing'
is 'nothing of the root but its certificate is online' "$(grep -rl 'EC PRIVATE\|example-root' online 2>/dev/null)" ''

done_testing
