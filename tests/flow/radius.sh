# A real FreeRADIUS, and a real supplicant that asks it. Source it behind lib.sh, in $scratch:
#
#   . "$(dirname "$0")/radius.sh"
#   radius_setup            # makes raddb/, with everything but raddb/eap, the file of the eap module
#   radius_start            # and radius_stop; at the end it is stopped by itself
#   eapol FILE              # the network of that wpa_supplicant.conf is let in
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name
PATH=$PATH:/usr/sbin
radius_pid=
radius_port=
radius_log=$scratch/radius.log

radius_stop() {
    [ -n "$radius_pid" ] || return 0
    kill "$radius_pid" 2>/dev/null
    wait "$radius_pid" 2>/dev/null
    radius_pid=
}

radius_cleanup() {
    result=$?
    radius_stop
    (exit "$result")
    cleanup
}
trap radius_cleanup EXIT

radius_setup() {
    radius_port=$(free_udp_port)
    mkdir -p "$scratch/raddb"
    cat >"$scratch/raddb/radiusd.conf" <<CONF
prefix = /usr
logdir = $scratch/raddb
raddbdir = $scratch/raddb
run_dir = $scratch/raddb
libdir = /usr/lib/freeradius
log {
    destination = stdout
}
security {
    reject_delay = 0
    status_server = no
}
client localhost {
    ipaddr = 127.0.0.1
    secret = testing123
}
modules {
    \$INCLUDE eap
}
server default {
    listen {
        type = auth
        ipaddr = 127.0.0.1
        port = $radius_port
    }
    authorize {
        eap
    }
    authenticate {
        eap
    }
}
CONF
}

radius_start() {
    freeradius -X -d "$scratch/raddb" >"$radius_log" 2>&1 &
    radius_pid=$!
    wait_until 20 grep -q 'Ready to process requests' "$radius_log"
}

eapol() {
    eapol_test -c "$1" -a 127.0.0.1 -p "$radius_port" -s testing123 -t 10
}
