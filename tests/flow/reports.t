#!/bin/bash
# Reports: each in each form, read by programs that are not ours (Python's XML, HTML and CSV readers, jq);
# with names that are markup, formulas and control characters.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'END'
reviews = ( { name = "HTTP"; reviewed = "2026-10-31"; by = "=alice"; },
    { name = "p256"; reviewed = "2001-01-01"; },
    { name = "SSH <b>"; use = "=hosts"; where = "everywhere"; reviewed = "2026-09-30"; } );
END
ca_start || bail 'it does not start'

issue() { # NAME [OPTION]...
    host=$1
    shift
    cerca issue --profile tls-server --key-out "$host.key" --san "dns:$host.rep.example" --out "$host.pem" \
        "$@" >"$host.out" 2>&1 || bail "$host is not issued: $(cat "$host.out")"
}

python() { python3 "$root/tests/flow/reports.py" "$@"; }

issue soon --owner alice --validity 10d
issue renewed --owner bob --validity 12d
issue later --owner bob --validity 80d
issue retired --validity 9d
issue markup --validity 20d
issue formula --validity 60d
cerca renew renewed.rep.example --key-out again.key --validity 90d --out again.pem >/dev/null 2>&1 ||
    bail 'it is not renewed'
cerca inventory set 'owner=<script>alert("x")</script>&<!--' markup.rep.example >/dev/null 2>&1
cerca inventory set 'owner==cmd|calc!A1' reviewed=2026-10-01 formula.rep.example >/dev/null 2>&1
cerca inventory set 'contact=+1 "quoted", and more' soon.rep.example >/dev/null 2>&1
cerca inventory retire retired.rep.example >/dev/null 2>&1 </dev/null || bail 'it is not retired'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem \
    -subj "/CN=$(printf 'evil\033[31m<b>&\001')" -days 40 2>/dev/null
cerca import other.pem >/dev/null 2>&1 || bail 'nothing is imported'

# --- every one in every form ------------------------------------------------------------------------

for report in inventory expiring compliance executive pci soc2 owner; do
    for form in html csv json; do
        ok "$report as $form" cerca report "$report" -o "$form" --out "$report.$form"
    done
    ok "... $report is XML and HTML that asks for nothing and runs nothing" python page "$report.html"
    ok "... its CSV has no formula and no control character" python csv "$report.csv"
    ok "... its JSON names checkpoint, configuration and operator" jq -e \
        '.checkpoint.size > 0 and (.checkpoint.root | length) == 44 and (.checkpoint.keys | length) == 2 and
         (.checkpoint.time | length) == 20 and (.configuration.generation | length) == 16 and
         .configuration.in_force == .configuration.generation and (.by | startswith("operator:"))' "$report.json"
done
python text executive.html >shown
like 'names are there as text' shown '^<script>alert\("x"\)</script>&<!--$'
python text inventory.html >shown
like 'control characters are shown' shown '^CN=evil.1B\[31m.<b.>&.01$'
jq -j .checkpoint.note executive.json >note
ok 'the checkpoint is one of the log' bash -c \
    'cerca audit export --out exported >/dev/null 2>&1 && cerca audit verify exported --checkpoint note'

# --- what they say ----------------------------------------------------------------------------------

is 'what ends without a renewal' "$(jq -r '.certificates[] | select(.days < 30 and (.renewed | not)) |
    .sans[0]' expiring.json | sort | tr '\n' ' ')" 'dns:markup.rep.example dns:retired.rep.example dns:soon.rep.example '
is '... is counted, without what is retired' \
    "$(jq '.sections[] | select(.id == "ends") | .rows[2] | .ends, .bare' expiring.json | tr '\n' ' ')" '4 2 '
is '... soonest first' "$(jq '[.certificates[].not_after] | . == sort' expiring.json)" true
is '... as many lines in CSV' "$(python rows expiring.csv)" "$(jq '.certificates | length' expiring.json)"
is 'a renewed one is one' "$(jq -r '[.certificates[] | select(.renewed) | .sans[0]] | unique[]' expiring.json)" \
    dns:renewed.rep.example
is 'the active ones are those of the list' "$(jq '.sections[] | select(.id == "totals") | .figures[0].value' executive.json)" \
    "$(cerca list --status valid --limit 0 -o json | jq length)"
is '... and of them one from elsewhere' "$(jq '.sections[] | select(.id == "totals") | .figures[4].value' executive.json)" 1
is 'each owner is counted' "$(jq '.sections[] | select(.id == "owners") | .rows[] | select(.name == "bob") | .active' owner.json)" 3
is 'reviews are, by algorithm' "$(jq -r '.sections[] | select(.id == "algorithms") | .rows[] |
    select(.algorithm == "p256") | .reviewed, .oldest' pci.json | tr '\n' ' ')" '1 2026-10-01T00:00:00Z '
section() { jq -c --arg id "$1" '[.sections[] | select(.id == $id) | .rows[]]' pci.json; }
is 'so are those of protocols' "$(section protocols | jq -r '.[] | select(.name == "HTTP") | .looked_at, .by')" \
    '2026-10-31T00:00:00Z
=alice'
is '... of algorithms, which ages' "$(section algorithms | jq -r '.[] | select(.algorithm == "p256") | .looked_at, .bad')" \
    '2001-01-01T00:00:00Z
true'
is '... and of what is in use elsewhere' "$(section protocols | jq -c '.[-1] | [.name, .use, .where, .looked_at, .bad]')" \
    '["SSH <b>","=hosts","everywhere","2026-09-30T00:00:00Z",false]'
is '... what was never reviewed is marked' "$(section protocols | jq '[.[] | select(.looked_at == "" and .bad == false)] | length')" 0
is 'the CAs are trusted keys' "$(jq -r '[.sections[] | select(.id == "authorities") | .rows[].name] | sort | join(" ")' pci.json)" \
    'issuing root'
rules() { jq -S '[.sections[] | select(.id == "findings") | .rows[] | {(.rule): .found}] | add | with_entries(select(.value > 0))' "$1"; }
is 'findings are those of cerca findings, by rule' "$(rules compliance.json)" \
    "$(cerca findings list -o json | jq -S '[group_by(.rule)[] | {(.[0].rule): length}] | add')"
like '... and there are some' compliance.csv '^findings,owner.missing,found,[1-9]'
ok 'one is accepted' cerca findings except owner.missing "$(cerca findings list --rule owner.missing -o json |
    jq -r '.[0].identity')" --until 2030-01-31 --reason '=known <b>'
ok '... which the report counts' cerca report compliance -o json
json '... by rule' '.sections[] | select(.id == "findings") | .rows[] | select(.rule == "owner.missing") | .excepted == 1'
json '... and tells who said so' '.sections[] | select(.id == "exceptions") | .rows == [.rows[0]] and
    (.rows[0] | .reason == "=known <b>" and .state == "in force" and (.approver + .by | startswith("operator:")))'
is 'what is watched for is what is configured' "$(jq -r '.sections[] | select(.id == "watching") | .rows[0].how' soc2.json)" \
    '60d, 30d, 14d, 7d, 1d'
is 'the health is that of cerca status' "$(jq -r '[.sections[] | select(.id == "health") | .rows[].name] | sort | join(" ")' soc2.json)" \
    "$(cerca status -o json | jq -r '[.items[].name] | sort | join(" ")')"
ok 'filters are those of lists' cerca report inventory --owner bob -o json
json '... and the report names them' '.filters.owner == "bob" and (.certificates | length) == 3'
ok 'a page may list less' cerca report inventory --rows 2
like '... and says so' "$out" 'The first 2 of [0-9]+; -o csv'
is '... and has so many' "$(python lines "$out")" 2
ok 'a shorter span' cerca report expiring --expires-within 11d -o json
json '... lists less' '[.certificates[].sans[0]] == ["dns:retired.rep.example", "dns:soon.rep.example"]'

# What the report says of TLS is what the server offers.
gnutls-cli -l --priority "$(sed -n 's/^#define PRIORITIES "\(.*\)"/\1/p' "$root/lib/httpd_tls.c")" |
    sed -n 's/^TLS_\([^ ]*\) .*TLS\(1.[0-9]\)$/\2 \1/p' >suites
is 'TLS 1.3 has the suites that it says' "$(grep -cvE '^(1\.2 .*|1\.3 (AES_(128|256)_GCM|AES_128_CCM|CHACHA20_POLY1305)_SHA[0-9]+)$' suites)" 0
is '... 1.2 too' "$(grep -cvE '^(1\.3 .*|1\.2 (ECDHE|DHE)_(RSA|ECDSA)_(AES_(128|256)_(GCM_SHA[0-9]+|CCM)|CHACHA20_POLY1305))$' suites)" 0
is '... and there are both' "$(cut -d ' ' -f 1 suites | sort -u | xargs)" '1.2 1.3'

# --- faults -------------------------------------------------------------------------------------------

fails 'a form that it has not' 2 'should be' cerca report pci -o pem
fails 'a folder that is not there' 1 'nowhere' cerca report pci --out nowhere/pci.html
echo before >kept
fails 'a CA that is gone' 1 . cerca report pci --timeout 1 --out kept -c /nonexistent/cerca.conf
is '... leaves what was there' "$(cat kept)" before
fails 'a full disk is told' 1 'cannot write' cerca report executive --out /dev/full
fails '... on standard output too' 1 'cannot write' bash -c 'cerca report executive >/dev/full'

done_testing
