# The agent as its unit has it: walled in, and yet it writes into a service's folder, tests and reloads it by
# the service manager, renews, and brings the old pair back.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

entry() { # NAME FILTER
    cerca-agent status "$1" -o json >entry.json # whose status is another when not all is well
    jq -e "$2" entry.json
}

served() {
    openssl s_client -connect 127.0.0.1:443 -servername web.example.com </dev/null 2>/dev/null |
        openssl x509 -noout -serial
}

in_its_place() { # COMMAND...: with the files as the agent sees them
    nsenter -t "$(systemctl show -p MainPID --value cerca-agent)" -m "$@"
}

configure_agent() {
    install -d /etc/cerca-agent/conf.d
    install -m 644 /var/lib/cerca/ca/root.pem /etc/cerca-agent/root.pem
    echo 'server = { url = "https://localhost:8443"; trust = "root.pem"; };' >/etc/cerca-agent/agent.conf
    (umask 077 && cerca token create --profile host --name dns:web.example.com --name dns:far.example.com --uses 2 \
        --out /etc/cerca-agent/web.token)
    printf '#!/bin/sh\n%s\n' 'id -u >/run/hook.uid && env >/run/hook.env && grep CapEff /proc/self/status >/run/hook.caps' \
        >/usr/local/sbin/after-web
    chmod 755 /usr/local/sbin/after-web
    cat >/etc/cerca-agent/conf.d/web.conf <<'END'
certificate = { names = ( "dns:web.example.com" ); token_file = "web.token"; renew_at = "95"; };
files = ( { path = "/etc/nginx/web.pem"; format = "fullchain"; }, { path = "/etc/nginx/web.key"; format = "key"; } );
services = ( { name = "nginx"; recipe = "nginx"; probes = ( "127.0.0.1:443" ); probe_for = "20s"; } );
hooks = { after = ( "after-web", "a b", "$HOME" ); };
END
    cat >/etc/nginx/conf.d/web.conf <<'END'
server { listen 127.0.0.1:443 ssl; server_name web.example.com;
         ssl_certificate /etc/nginx/web.pem; ssl_certificate_key /etc/nginx/web.key; }
END
}

the_agent() {
    ok 'the agent is configured' configure_agent
    ok 'and finds nothing wrong' cerca-agent check
    ok 'its unit starts' systemctl enable --now cerca-agent
    ok 'it enrolls, deploys and sees nginx serve it' soon entry web '.state == "verified"'
    is 'which it has started' "$(systemctl is-active nginx)" active
    is 'with this certificate' "$(served)" "$(openssl x509 -in /etc/nginx/web.pem -noout -serial)"
    is 'the hook ran as root' "$(cat /run/hook.uid)" 0
    ok 'with what it has to know' grep -qx CERCA_NAME=web /run/hook.env
    fails 'and all that other services may' grep -q 'CapEff:.*000000[0-9a-f]$' /run/hook.caps
    fails 'while the agent may write no program' in_its_place touch /usr/sbin/x
    fails 'no unit' in_its_place touch /etc/systemd/system/x.service
    : >/root/seen
    fails 'and sees nothing of /root' in_its_place test -e /root/seen
    ok 'and has three capabilities' grep -q 'CapBnd:.000000000000000b' \
        "/proc/$(systemctl show -p MainPID --value cerca-agent)/status"

    before=$(served)
    # What it has is half its life old already, what it gets is not.
    sed -i 's/backdate = "10m"/backdate = "1m"/' /etc/cerca/cerca.conf
    ok 'certificates are younger from now on' systemctl reload cercad
    ok 'once all is there again' soon serves
    sed -i 's/renew_at = "95"/renew_at = "40"/' /etc/cerca-agent/conf.d/web.conf
    ok 'due, it is renewed by the daemon' soon entry web '.state == "verified" and .version > 1'
    fails 'nginx serves another' same "$(served)" "$before"
    is 'which is the one in its folder' "$(served)" "$(openssl x509 -in /etc/nginx/web.pem -noout -serial)"

    before=$(served)
    systemctl show -p InvocationID nginx >nginx.before
    sed -i -e 's/renew_at = "40"/renew_at = "1"/' -e 's/recipe = "nginx";/recipe = "nginx"; reload = ( "true" );/' \
        -e 's/"20s"/"3s"/' /etc/cerca-agent/conf.d/web.conf
    ok 'what nginx is not seen to serve is taken back' soon entry web '.state == "rolled_back"'
    is 'the files are the old ones' "$(openssl x509 -in /etc/nginx/web.pem -noout -serial)" "$before"
    is 'and nginx serves them' "$(served)" "$before"
    is 'by the process of before' "$(systemctl show -p InvocationID nginx)" "$(cat nginx.before)"

    sed -e 's/web\.example/far.example/; s/renew_at = "1"/renew_at = "95"/; /^services/d; /^hooks/d; s|/etc/nginx|/usr/lib/far|g' \
        /etc/cerca-agent/conf.d/web.conf >/etc/cerca-agent/conf.d/far.conf
    install -d /usr/lib/far
    ok 'where its unit lets it write nothing it says so, and what would' \
        soon eval 'cerca-agent explain far 2>&1 | grep -q ReadWritePaths'
    install -d /etc/systemd/system/cerca-agent.service.d
    printf '[Service]\nReadWritePaths=/usr/lib/far\n' >/etc/systemd/system/cerca-agent.service.d/far.conf
    ok 'with that' eval 'systemctl daemon-reload && systemctl restart cerca-agent'
    ok 'it does' soon entry far '.state == "verified"'
    ok 'a pair' cmp <(openssl x509 -in /usr/lib/far/web.pem -noout -pubkey) \
        <(openssl pkey -in /usr/lib/far/web.key -pubout)
    ok 'the CA has heard of it' soon eval 'cerca agents list -o json | jq -e "length > 0"'
}
