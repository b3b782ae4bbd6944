# cerca-agent in flows. Source it behind lib.sh and est.sh, in $scratch with a CA that runs:
#
#   . "$(dirname "$0")/agent.sh"
#   agent_init                   # conf/agent.conf for the CA of the flow, state/
#   agent COMMAND...             # cerca-agent with those folders
#   agent_start / agent_stop     # the daemon, logging to agent.log
#   nginx_with_certificate       # a real nginx that serves tls/web.pem, at $nginx_port
#   add_nginx NAME               # the entry's services: that nginx
#   served_serial                # what it serves
#   serial_of FILE
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

agent_init() {
    mkdir conf conf/conf.d tls
    cat >conf/agent.conf <<CONF
server = { url = "https://localhost:$port"; trust = "$scratch/root.pem"; };
agent = { timeout = "10s"; };
CONF
}

agent() {
    cerca-agent "$@" -c conf --state-dir "$scratch/state"
}

agent_pid=
agent_start() {
    cerca-agent run -c conf --state-dir "$scratch/state" >>agent.log 2>&1 &
    agent_pid=$!
    wait_until 10 grep -q "agent.ready" agent.log
}

agent_stop() {
    [ -n "$agent_pid" ] || return 0
    kill -TERM "$agent_pid" 2>/dev/null
    wait_until 20 is_gone "$agent_pid" || kill -KILL "$agent_pid"
    wait "$agent_pid" 2>/dev/null
    agent_pid=
}

# Something to begin with, so that nginx starts: a certificate that nobody trusts.
nginx_with_certificate() {
    nginx_port=$(free_ports | cut -d ' ' -f 1)
    mkdir -p first
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout first/web.key \
        -out first/web.pem -subj /CN=first -days 2 2>/dev/null
    ln -sfn "$scratch/first" serve
    cat >nginx.part <<PART
server { listen 127.0.0.1:$nginx_port ssl; ssl_certificate $scratch/serve/web.pem;
         ssl_certificate_key $scratch/serve/web.key; }
PART
    nginx_start nginx.part
    wait_until 10 served_serial
}

# The reload points nginx at the agent's files, then has it read them.
add_nginx() { # NAME
    cat >reload <<RELOAD
#!/bin/sh
ln -sfn "$scratch/tls" "$scratch/serve" && kill -HUP $nginx_pid
RELOAD
    chmod 700 reload
    cat >>"conf/conf.d/$1.conf" <<SERVICE
services = ( { name = "nginx"; test = ( "nginx", "-t", "-q", "-p", "$scratch/nginx", "-c", "$scratch/nginx/nginx.conf", "-e", "error.log" );
    reload = ( "$scratch/reload" ); probes = ( "127.0.0.1:$nginx_port" ); probe_for = "20s"; } );
SERVICE
}

served_serial() {
    openssl s_client -connect "127.0.0.1:$nginx_port" </dev/null 2>/dev/null |
        openssl x509 -noout -serial 2>/dev/null
}

serial_of() {
    openssl x509 -in "$1" -noout -serial
}
