# A validation node by its units, each as a user of its own. The CA's part is done on the CA's host.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

# On the CA's host: its configuration, its key and an export, as they would be carried.
make_node() {
    install -d node && chmod 700 node
    install -d -o cerca-ca /var/lib/cerca/export
    install -d /etc/systemd/system/cerca-ca.service.d
    printf '[Service]\nReadWritePaths=/var/lib/cerca/export\n' >/etc/systemd/system/cerca-ca.service.d/export.conf
    systemctl daemon-reload
    sed -i 's|^view = .*|view = { dir = "/var/lib/cerca/view"; export_dir = "/var/lib/cerca/export"; nodes = ( "/etc/cerca/eu-1.csr" ); };|' \
        /etc/cerca/cerca.conf
    cerca view node --dir /boot-test/node --port 8080 --out node/here.conf &&
        cerca ocsp csr -c node/here.conf --out /etc/cerca/eu-1.csr &&
        systemctl reload cercad && soon serves && cerca view node --dir /var/lib/cerca --port 8080 --out node/cerca.conf
}

exports_for_node() {
    ok 'a node is named' make_node
    ok 'its responder has a certificate' soon eval 'cerca status -o json |
        jq -e ".items | map(select(.name | startswith(\"node.\"))) | length > 0 and all(.[]; .ok)"'
    ok 'an export' cerca view export
    cp -r /var/lib/cerca/export node/
    cp /var/lib/cerca/ca/root.pem /var/lib/cerca/ca/issuing.pem a.pem b.pem node/
}

carry_in() {
    install -m 644 -D node/cerca.conf /etc/cerca/cerca.conf
    install -d -o cerca -g cerca /var/lib/cerca
    cp -r node/export /var/lib/cerca/ && chown -R cerca: /var/lib/cerca/export
    install -o cerca-node -g cerca-node -m 600 node/ocsp.key /var/lib/cerca/ocsp.key
}

node_says() { # STATUS FILE
    openssl ocsp -issuer node/issuing.pem -cert "$2" -CAfile node/root.pem -url http://127.0.0.1:8080/ocsp 2>&1 |
        grep -qx "$2: $1"
}

node() {
    rm -rf /etc/cerca /etc/systemd/system/cerca-* /var/lib/cerca /var/lib/cerca-agent
    ok 'the packages of a node install' eval 'dpkg -i next/cerca-node_*.deb next/cerca-tools_*.deb'
    ok 'its files arrive' carry_in
    ok 'the export is taken' systemctl start cerca-node-import
    ok 'and every minute from now on' systemctl enable --now cerca-node-import.timer
    ok 'it starts' systemctl enable --now cerca-node
    ok 'and serves' soon curl -sf http://127.0.0.1:8080/health
    pid=$(systemctl show -p MainPID --value cerca-node)
    is 'as a user of its own' "$(stat -c %U "/proc/$pid")" cerca-node
    is 'another than who takes exports' "$(systemctl show -p User --value cerca-node-import)" cerca
    fails 'who cannot read its key' as cerca cat /var/lib/cerca/ocsp.key
    fails 'and whose view it cannot change' as cerca-node touch /var/lib/cerca/view/x
    ok 'what is revoked is, at the node' soon node_says revoked node/a.pem
    ok 'and what is not is not' soon node_says good node/b.pem
    ok 'CRLs are there too' curl -sf -o /dev/null http://127.0.0.1:8080/crl/issuing.crl
    ok 'removed' dpkg --remove cerca-node cerca-tools
    ok 'nothing of it runs' eval '! pgrep -u cerca,cerca-node >/dev/null'
}
