#!/bin/bash
# docs/reports.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
cerca issue --profile tls-server --key-out web.key --san dns:web.rep.example --owner alice --validity 20d \
    --out web.pem >"$scratch/issued" 2>&1 || bail 'nothing is issued'

fenced "$root/docs/reports.md"
ok 'pages for everybody' bash -e "$scratch/sh1"
like '... say it in a line' certificates.html '[0-9]+ active, 1 expiring within 30 days, 1 expiring without a renewal'
ok 'reports for owners' bash -e "$scratch/sh2"
is '... of what is theirs' "$(grep -c 'dns:web.rep.example' alice.csv)" 1
ok 'reports for auditors' bash -e "$scratch/sh3"
like '... name what they are for' pci.html '12\.3\.3'
is '... and nobody else reads them' "$(stat -c %a soc2.html)" 640
ok 'the checkpoint is verified' bash -e "$scratch/sh4"
is 'the guide has nothing else to type' "$(find "$scratch" -maxdepth 1 -name 'sh?' | wc -l)" 4

done_testing
