#!/bin/bash
# docs/est.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
{
    echo "trap 'echo \"\$BASH_COMMAND\" >>\"$scratch/failed\"' ERR"
    typed "$root/docs/est.md"
    echo 'pgrep -P $$ -x cercad >pid'
} >session
: >failed
is 'the guide has something to type' \
    "$(grep -cE '^(cerca|curl|pki|openssl) ' session | awk '{ print ($1 >= 20) }')" 1
timeout 120 bash session >"$out" 2>"$err"
ca_pid=$(cat pid)
is 'all that it says to type succeeds' "$(cat failed)" ''
like 'the device has a certificate' "$out" '^device.pem: OK'
like '... the server' "$out" '^web.pem: OK'
like '... the door that waited for it' "$out" '^door.pem: OK'
like '... and the next one' "$out" '^next.pem: OK'
like 'what is revoked is told so' "$out" 'rule est.certificate.revoked'
like 'who has its key made has a certificate' "$out" '^meter.pem: OK'
like '... also in an envelope' "$out" '^sealed.pem: OK'
like 'strongSwan has one' "$out" '^gateway.pem: OK'
done_testing
