#!/bin/bash
# The agent enrolls, renews, and goes back, with each server of docs/agent-recipes.md that has a port of
# TLS, configured as the page says; who is connected stays so.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/services.sh
. "$(dirname "$0")/services.sh"
own_host "$0" "$@"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/recipes.sh
. "$(dirname "$0")/recipes.sh"

cd "$scratch" || exit 1
recipes_ca <<<'est = ( { name = "default"; profile = "tls-server"; } );'
session() { # PORT [OPTION...]
    openssl s_client -quiet -connect "127.0.0.1:$1" "${@:2}"
}

# A download that its client does not read until the server has another certificate.
perl -e 'print "0123456789abcdef" x 2000000' >/var/www/html/big
chmod 755 /var/www/html
chmod 644 /var/www/html/big
mkfifo big
whole() {
    [ "$(wc -c <big)" = 32000000 ] && wait "$big_pid"
}
for server in nginx apache2; do
    recipe_begins $server
    curl -sk -o big https://127.0.0.1/big &
    big_pid=$!
    recipe_renews $server
    ok '... a download that was under way ends well' whole
    case $server in nginx) recipe_fails nginx deploy.test ;; *) recipe_fails apache2 deploy.probe ;; esac
done

recipe_begins haproxy
hold session 443
held_says 'GET / HTTP/1.1\r\nHost: www' '' || bail 'no connection'
recipe_renews haproxy
ok '... a request that was under way is answered' held_says '.example.com\r\n\r\n' 'HTTP/1.1 200'
recipe_fails haproxy deploy.test

recipe_begins postfix
hold session 25 -starttls smtp
recipe_renews postfix
ok '... a session that was open goes on' held_says 'EHLO me.example.com\r\n' '^250 '
recipe_fails postfix deploy.probe

recipe_begins dovecot
hold session 143 -starttls imap
recipe_renews dovecot
ok '... a session that was open goes on' held_says 'a NOOP\r\n' '^a OK'
recipe_fails dovecot deploy.probe

recipe_begins slapd
hold session 389 -starttls ldap
recipe_renews slapd
# An anonymous bind, and its success (RFC 4511 4.2).
ok '... a session that was open goes on' \
    held_says '0\014\002\001\003`\007\002\001\003\004\000\200\000' '\x02\x01\x03a'
recipe_fails slapd deploy.reload

recipe_begins postgresql
runuser -u postgres -- psql -qc "create role someone login password 'known'"
PGPASSWORD=known hold psql -At 'host=127.0.0.1 user=someone dbname=postgres sslmode=require'
held_says 'select 40 + 1;\n' '^41' || bail 'no answer'
recipe_renews postgresql
ok '... a session that was open goes on' held_says 'select 40 + 2;\n' '^42'
recipe_fails postgresql deploy.probe

recipe_begins mosquitto
recipe_renews mosquitto
ok '... a client that verifies the chain publishes' mosquitto_pub -h 127.0.0.1 -p 8883 \
    --cafile "$roots" --insecure -t news -m hello
recipe_fails mosquitto deploy.probe
held_end

done_testing
