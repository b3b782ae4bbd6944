#!/bin/bash
# The agent enrolls, renews, and goes back, with those servers of docs/agent-recipes.md that no probe
# can ask: what they serve is seen by a client of theirs.
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
recipes_ca <<'CONF'
est = ( { name = "default"; profile = "tls-server"; }, { name = "radius"; profile = "radius-server"; },
        { name = "vpn-server"; profile = "vpn-server"; } );
CONF

recipe_begins freeradius radius-server
recipe_renews freeradius
recipe_fails freeradius deploy.test

recipe_begins openvpn vpn-server
recipe_renews openvpn
recipe_fails openvpn deploy.verify

recipe_begins strongswan vpn-server
recipe_renews strongswan
server_stop strongswan

done_testing
