# Every program as a unit: enrollment, metrics, notices, scans, and what `cerca status` says of them.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

received() { # FILTER: the webhook got such a notice, signed
    jq -es "map(select(.signed) | .body) | any($1)" hook.log
}

program_item() { # NAME FILTER
    cerca status -o json | jq -e ".items | map(select(.name == \"$1\")) | length == 1 and (.[0] | $2)"
}

configure_all() {
    openssl rand -hex 32 >hook.key
    install -o cerca-watch -m 600 hook.key /etc/cerca/hook.key
    : >hook.log
    python3 notify_http.py hook.log hook.key >hook.port &
    soon test -s hook.port
    section https '{ user = "cerca-enroll"; names = ( "localhost" ); }'
    section metrics '{ user = "cerca-admin"; listen = "127.0.0.1"; }'
    cat >>/etc/cerca/cerca.conf <<END
profiles = ( { name = "host"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "10m"; validity_max = "10m"; backdate = "10m"; } );
est = ( { name = "default"; profile = "host"; ways = ( "token", "certificate" ); } );
channels = ( { name = "hook"; type = "webhook"; url = "http://localhost:$(cat hook.port)/ok"; tls = "none"; secret_file = "/etc/cerca/hook.key"; } );
alerts = { after = "none"; backup_age = "none"; };
scans = ( { name = "self"; targets = ( "127.0.0.1:8443" ); every = "1d"; } );
END
}

all_programs() {
    ok 'the other programs are configured' configure_all
    ok 'all take that' systemctl reload cercad
    ok 'and serve' soon serves
    for program in enroll admin watch scan; do
        pid=$(systemctl show -p MainPID --value "cerca-$program.service")
        is "cerca-$program runs as a user of its own" "$(stat -c %U "/proc/$pid")" "cerca-$program"
    done
    for program in ca signer.hsm public enroll admin watch scan; do
        ok "cerca status says how $program does" soon program_item "$program" \
            '.ok and .state == "running" and (.text | test("^pid [1-9][0-9]*, restarted [0-9]+ times"))'
    done
    ok 'and the OCSP responders' soon program_item ocsp.issuing .ok
    fails 'and finds none that is there by hand' grep -q 'by hand' <(cerca status)

    ok 'a token' cerca token create --profile host --name dns:est.example.com --uses 1 --out est.token
    ok 'enrolls over EST' soon cerca est enroll --url https://localhost:8443 --trust /var/lib/cerca/ca/root.pem \
        --token-file est.token --key-out est.key --san dns:est.example.com --out est.pem
    ok 'a certificate of this CA' openssl verify -CAfile /var/lib/cerca/ca/root.pem -untrusted est.pem est.pem
    ok 'which enrolls again by itself' cerca est reenroll --url https://localhost:8443 \
        --trust /var/lib/cerca/ca/root.pem --cert est.pem --key est.key --key-out est.key --force --out est.pem

    ok 'metrics say so' soon eval 'curl -sf http://127.0.0.1:9163/metrics >metrics &&
        grep -q "^cerca_est_requests_total{.*} [1-9]" metrics'
    ok 'a notice goes to the channel' cerca notify test hook
    ok 'an alert is raised' cerca close --reason 'a drill'
    ok 'and told, signed' soon received '.type | test("raised")'
    ok 'it is over' cerca open --reason 'the drill is over'
    ok 'which is told too' soon received '.type | test("resolved")'
    ok 'the scan has seen what HTTPS serves' soon eval 'cerca observations list -o json | jq -e "length > 0"'

    systemctl kill -s KILL cerca-watch
    ok 'one that was killed is started again, which its item says' soon program_item watch \
        '.ok and (.text | test("restarted [1-9]"))'
    systemctl stop cerca-scan
    fails 'of one that was stopped by hand it says nothing' program_item scan true
    ok 'it starts again' systemctl start cerca-scan
}
