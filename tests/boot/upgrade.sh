# What an upgrade of the packages has to keep, and that nobody who asks meanwhile goes without an answer.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

# Octets that no upgrade may change: keys, PINs, what an administrator wrote, the agent's.
kept_files() {
    find /etc/cerca /etc/cerca-agent /etc/systemd/system/cerca* /var/lib/cerca/tokens /var/lib/cerca/secrets \
        /var/lib/cerca/ca /var/lib/cerca-agent/*/versions -type f ! -name 'token.object*' \
        -exec sha256sum {} + 2>/dev/null | sort
}

everything() {
    cerca list --limit 0 -o json | jq -S 'map({serial, state, names, subject, owner, profile, not_after, reason}) | sort_by(.serial)'
}

crl_number() {
    curl -sf http://127.0.0.1:8080/crl/issuing.crl | openssl crl -inform DER -noout -crlnumber |
        sed 's/.*=\(0x\)\?//'
}

crl_has() { # FILE
    curl -sf http://127.0.0.1:8080/crl/issuing.crl | openssl crl -inform DER -noout -text |
        grep -i "$(openssl x509 -in "$1" -noout -serial | sed s/.*=//)"
}

says() { # STATUS FILE: OCSP, by OpenSSL
    openssl ocsp -issuer /var/lib/cerca/ca/issuing.pem -cert "$2" -CAfile /var/lib/cerca/ca/root.pem \
        -url http://127.0.0.1:8080/ocsp 2>&1 | grep -qx "$2: $1"
}

# Asks again and again, each for as long as it takes; a line for what is no answer. /health may say for a moment that
# not all is ready.
ask_on() {
    while [ ! -e asked.enough ]; do
        for what in health crl/issuing.crl ca/issuing.crt; do
            case $what.$(curl -s -m 60 -o /dev/null -w '%{http_code}' "http://127.0.0.1:8080/$what") in
            *.200 | health.503) ;;
            *) echo "no $what" ;;
            esac
        done
        echo asked >>asked
    done
}

make_data() {
    for n in 1 2 3 4 5 6 7 8; do
        cerca issue --profile tls-server --key-out "u$n.key" --san "dns:u$n.example.com" --owner "owner-$n" \
            --out "u$n.pem" || return
    done
    cerca revoke --yes --reason keyCompromise u1.pem && cerca revoke --yes --reason superseded u2.pem || return
    cerca token create --profile tls-server --name dns:later.example.com --uses 1 --ttl 1h --out later.token || return
    cerca audit checkpoint --key | head -n 1 >log.vkey && cerca audit checkpoint --out then.checkpoint
}

before_upgrade() {
    ok 'certificates, some revoked, a token and a checkpoint' make_data
    ok 'OCSP knows what is revoked' soon says revoked u1.pem
    ok 'and what is not' soon says good u3.pem
    # After an administrator's own hand.
    install -d /etc/systemd/system/cerca-ca.service.d
    printf '[Service]\nNice=1\n' >/etc/systemd/system/cerca-ca.service.d/own.conf
    echo '# by hand' >>/etc/cerca/cerca.conf
    ok 'reloaded' eval 'systemctl daemon-reload && systemctl reload cercad && soon serves'
    everything >everything.before
    ok 'the list has them' eval '[ "$(jq length <everything.before)" -ge 8 ]'
    crl_number >crl.before
    kept_files >kept.before
    systemctl show -p MainPID --value cerca-public >public.before
    rm -f asked asked.enough
    ask_on >unanswered &
    asking=$!
    soon test -s asked
}

after_upgrade() {
    ok 'it goes on' soon serves
    : >asked.enough
    wait "$asking"
    is 'everybody who asked over HTTP meanwhile was answered' "$(cat unanswered)" ''
    ok 'and many did' eval '[ "$(wc -l <asked)" -ge 3 ]'
    ok 'with the new version' eval 'cerca --version | grep -qF "$(dpkg-query -W -f "\${Version}" cerca | sed "s/[+~].*//")"'
    fails 'by new processes' same "$(systemctl show -p MainPID --value cerca-public)" "$(cat public.before)"
    kept_files >kept.after
    is 'no key, PIN, configuration, nor anything of an agent is another' "$(diff kept.before kept.after)" ''
    everything >everything.after
    is 'no certificate is missing or another' "$(jq -n --slurpfile before everything.before --slurpfile after everything.after \
        '$before[0] - $after[0] | length')" 0
    ok 'the store is sound, compared with the records of the signer' cerca store check
    ok 'the audit log goes on from the checkpoint of before' cerca audit verify --key "$(cat log.vkey)" \
        --checkpoint then.checkpoint
    ok 'OCSP still knows what is revoked' soon says revoked u1.pem
    ok 'and what is not' soon says good u3.pem
    ok 'CRL numbers go on' eval '[ $((16#$(crl_number))) -ge $((16#$(cat crl.before))) ]'
    ok 'with what was revoked, which the next one has' soon crl_has u1.pem
    ok 'a token of before still serves' eval 'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -keyout later.key -out later.csr -subj /CN=later.example.com && cerca issue --profile tls-server --csr later.csr \
        --san dns:later.example.com --token-file later.token --out later.pem'
    ok 'something new is issued by the key of before' eval 'cerca issue --profile tls-server --key-out new.key \
        --san dns:new.example.com --out new.pem && openssl verify -CAfile /var/lib/cerca/ca/root.pem -untrusted u3.pem new.pem'
    is 'what an administrator changed is so still' "$(systemctl show -p Nice --value cerca-ca)" 1
}

# Packages of an earlier commit, set up as its conf/README.md says, used, then upgraded to these.
upgrade() {
    systemctl mask --quiet --runtime --now softhsm2 2>/dev/null
    ok 'the earlier packages install' debs .
    install -d /etc/cerca
    sed 's|http://pki.example.com|http://127.0.0.1:8080|' /usr/share/cerca/service.conf >/etc/cerca/cerca.conf
    (umask 077 && printf 123456 >/etc/cerca/hsm-pin)
    echo 'directories.tokendir = /var/lib/cerca/tokens' >/etc/cerca/softhsm2.conf
    ok 'a token' as cerca-signer env SOFTHSM2_CONF=/etc/cerca/softhsm2.conf softhsm2-util --init-token \
        --free --label cerca --pin 123456 --so-pin 12345678
    ok 'keys and certificates' /usr/lib/cerca/units setup
    ok 'it starts' systemctl enable --now cercad
    ok 'and serves' soon serves
    ok 'all programs are configured' configure_all
    ok 'all take that' systemctl reload cercad
    ok 'and serve' soon serves
    ok 'the agent is configured' configure_agent
    ok 'and starts' systemctl enable --now cerca-agent
    ok 'it has its first certificate' soon entry web '.state == "verified"'
    before_upgrade
    ok 'the upgrade' debs next
    after_upgrade
    ok 'the agent goes on with what it had' soon entry web '.state == "verified"'
    sed -i 's/backdate = "10m"/backdate = "1m"/' /etc/cerca/cerca.conf
    ok 'certificates are younger from now on' systemctl reload cercad
    ok 'once all is there again' soon serves
    sed -i 's/renew_at = "95"/renew_at = "40"/' /etc/cerca-agent/conf.d/web.conf
    ok 'which it renews' soon entry web '.state == "verified" and .version > 1'
    ok 'every program runs' soon eval 'for p in ca public enroll admin watch scan signer.hsm; do program_item $p .ok; done'
}
