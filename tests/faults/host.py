"""Calls that fail in the programs of a host: the agent, at one renewal and as a daemon, the holder of its keys in a token, and
the scanner. The CA that they talk to is sound, and one for all of them.

An entry serves itself with a pair of files, the other with a key in a token. However a run ended: what is deployed is a pair that
fits and that the server of the host serves, the next attempt succeeds, and leaves another one. What failed was said."""
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from campaign import PATIENCE, Ca, free_ports
from order import KINDS, Order

MODULE = '/usr/lib/softhsm/libsofthsm2.so'
HOST = {
    'cerca-agent': KINDS,
    'cerca-agent run': KINDS,
    'cerca-agent-key': ['memory', 'open', 'write', 'read'],
    'cerca-scan': ['memory', 'open', 'read', 'thread'],
}


class Server(threading.Thread):
    """Serves the pair that lies in a folder at that time, as web.pem and web.key."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(('127.0.0.1', int(free_ports(1)[0])))
        self.port = self.socket.getsockname()[1]
        self.folder = None
        self.start()

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        try:
            peer.settimeout(PATIENCE)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.folder / 'web.pem', self.folder / 'web.key')
            with context.wrap_socket(peer, server_side=True) as channel:
                channel.recv(1)
        except OSError:  # it went away, or what lies there does not fit: the probe finds that
            pass
        finally:
            peer.close()


def openssl(*words, given=None):
    return subprocess.run(['openssl', *words], input=given, capture_output=True, check=False).stdout


def key_of(certificate):
    return openssl('x509', '-in', str(certificate), '-noout', '-pubkey')


class Host:
    """A folder with the agent's configuration, state and files."""

    def __init__(self, campaign, ca, server, folder):
        self.campaign, self.ca, self.server, self.folder = campaign, ca, server, folder

    def entry(self, name, more):
        token = json.loads(self.ca.cerca(['token', 'create', '--profile', 'tls-server', '--uses', '1', '--ttl', '1h', '--name',
                                          f'dns:{name}.test', '-o', 'json']).stdout)['token']
        (self.folder / f'{name}.token').write_text(token + '\n')
        (self.folder / 'conf/conf.d' / f'{name}.conf').write_text(
            f'certificate = {{ names = ( "dns:{name}.test" ); token_file = "{self.folder}/{name}.token"; }};\n' + more)

    def make(self):
        for folder in ('conf/conf.d', 'tls', 'tokens'):
            (self.folder / folder).mkdir(parents=True)
        shutil.copy(self.ca.folder / 'ca/root.pem', self.folder)
        (self.folder / 'conf/agent.conf').write_text(
            f'server = {{ url = "https://localhost:{self.ca.port("https")}"; trust = "{self.folder}/root.pem"; }};\n'
            'agent = { timeout = "60s"; };\n')
        (self.folder / 'softhsm2.conf').write_text(f'directories.tokendir = {self.folder}/tokens\n')
        (self.folder / 'pin').touch(0o600)
        (self.folder / 'pin').write_text('471108\n')
        made = subprocess.run(['softhsm2-util', '--init-token', '--free', '--label', 'host', '--pin', '471108', '--so-pin',
                               '815815'], env={**self.campaign.environment(), 'SOFTHSM2_CONF': f'{self.folder}/softhsm2.conf'},
                              capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        probe = f'services = ( {{ name = "server"; test = ( "true" ); reload = ( "true" ); ' \
                f'probes = ( "127.0.0.1:{self.server.port}" ); probe_for = "60s"; }} );\n'
        self.entry('web', f'files = ( {{ path = "{self.folder}/tls/web.key"; format = "key"; }}, '
                          f'{{ path = "{self.folder}/tls/web.pem"; format = "fullchain"; }} );\n' + probe)
        self.entry('token', f'key = {{ token = "pkcs11:token=host"; module = "{MODULE}"; pin_file = "{self.folder}/pin"; '
                            f'environment = ( "SOFTHSM2_CONF={self.folder}/softhsm2.conf" ); '
                            f'paths = ( "{self.folder}/tokens" ); read_paths = ( "{self.folder}/softhsm2.conf" ); }};\n'
                            f'files = ( {{ path = "{self.folder}/tls/token.pem"; format = "cert"; }}, '
                            f'{{ path = "{self.folder}/tls/token.uri"; format = "key-uri"; }} );\n')

    def agent(self, words, order=None):
        return self.campaign.run([*words, '-c', str(self.folder / 'conf'), '--state-dir', str(self.folder / 'state')], order,
                                 program='cerca-agent')

    def certificate(self, name):
        path = self.folder / 'tls' / f'{name}.pem'
        return ssl.PEM_cert_to_DER_cert(path.read_text().split('-----END')[0] + '-----END CERTIFICATE-----\n') \
            if path.exists() else None

    def served(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(('127.0.0.1', self.server.port), PATIENCE) as plain, context.wrap_socket(plain) as channel:
            return channel.getpeercert(True)

    def key_in_token(self):
        """The public key that the token has for the id that is deployed."""
        uri = (self.folder / 'tls/token.uri').read_text()
        which = re.search(r'id=([^;]*)', uri).group(1).replace('%', '')
        read = subprocess.run(['pkcs11-tool', '--module', MODULE, '--token-label', 'host', '--login', '--pin', '471108',
                               '--read-object', '--type', 'pubkey', '--id', which], capture_output=True, check=False,
                              env={**self.campaign.environment(), 'SOFTHSM2_CONF': f'{self.folder}/softhsm2.conf'})
        return openssl('pkey', '-pubin', '-inform', 'DER', given=read.stdout)

    def unfit(self, half=False):
        """Why what is deployed is of no use; nothing when it is. `half`: of the very first one, files may be missing yet."""
        tls = self.folder / 'tls'
        whole = {name: {(tls / f'{name}.pem').exists(), (tls / second).exists()}
                 for name, second in (('web', 'web.key'), ('token', 'token.uri'))}
        if len(whole['web']) + len(whole['token']) > 2 and not half:
            return 'half a pair lies there'
        if whole['web'] == {True}:
            if key_of(tls / 'web.pem') != openssl('pkey', '-in', str(tls / 'web.key'), '-pubout'):
                return 'key and certificate are not of each other'
            try:
                if self.served() != self.certificate('web'):
                    return 'it serves another certificate than is deployed'
            except OSError as e:
                return f'nothing is served: {e}'
        if whole['token'] == {True} and key_of(tls / 'token.pem') != self.key_in_token():
            return 'the key in the token is not the one of the certificate'
        return None


class Hosts:
    """The CA, the server, and the host that runs copy."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.ca = Ca(campaign, campaign.copy('host-ca'))
        assert self.ca.start(), 'the CA does not start: ' + self.ca.tail()
        self.server = Server()
        self.named = Server()  # by name
        self.closed = free_ports(1)[0]
        self.template = Host(campaign, self.ca, self.server, campaign.work / 'host')
        self.template.make()
        shutil.copytree(self.template.folder, campaign.work / 'new-host')  # which has no certificate yet
        self.server.folder = self.named.folder = self.template.folder / 'tls'
        for name in ('web', 'token'):
            done = self.template.agent(['renew', name])
            assert done.returncode == 0, done.stderr
        assert self.template.unfit() is None, self.template.unfit()

    def copy(self, name, of):
        folder = self.campaign.work / name
        before = self.template.folder
        shutil.copytree(self.campaign.work / of, folder, symlinks=True)
        for path in folder.rglob('*'):
            if path.is_symlink():
                to = path.readlink()
                path.unlink()
                path.symlink_to(str(to).replace(f'{before}/', f'{folder}/'))
            elif path.name in ('softhsm2.conf', 'agent.conf') or path.parent.name == 'conf.d':
                path.write_text(path.read_text().replace(f'{before}/', f'{folder}/'))
        self.server.folder = folder / 'tls'
        return Host(self.campaign, self.ca, self.server, folder)

    def stop(self):
        self.ca.stop()

    # --- one renewal ---

    def renewal(self, program, kind, at):
        run = f'{program}-{kind}-{at}'
        host = self.copy(run, 'host')
        order = Order(self.campaign.work / f'{run}.order', program, kind, at)
        before = len(self.campaign.broken)
        name = 'web' if program == 'cerca-agent' else 'token'
        old = host.certificate(name)
        done = host.agent(['renew', name], order)
        self.judge_end(run, order, done)
        if done.returncode != 0 and order.struck() and not order.library_died() and not order.said(done.stderr):
            self.campaign.violated(run, f'nobody said that a call of {order.caller()} failed: {done.stderr.strip()}')
        if at == 0 and done.returncode != 0:
            self.campaign.violated(run, f'with nothing failing: {done.stderr}')
        self.judge_pair(run, host, name, old)
        return self.close(run, host, order, before)

    def judge_end(self, run, order, done):
        if done.returncode is None:
            self.campaign.violated(run, 'did not end')
        elif done.returncode < 0 and not order.library_died():
            self.campaign.violated(run, f'died of signal {-done.returncode}')
        elif not order.library_died() and re.search(r'by signal (?!9\b|15\b)', done.stderr):
            self.campaign.violated(run, f'a program of its own died: {done.stderr}')
        elif done.returncode >= 0 and done.returncode not in (0, 1, 3, 4):
            self.campaign.violated(run, f'status {done.returncode}')

    def judge_pair(self, run, host, name, old):
        """What lies there fits; the next attempt begins anew or ends the one that failed, so it leaves another one than `old`."""
        unfit = host.unfit(half=old is None)
        if unfit:
            self.campaign.violated(run, unfit)
        again = host.agent(['renew', name])
        if 'rule agent.pin' in again.stderr:  # a library called it wrong, and nobody tries such a PIN twice
            (host.folder / 'pin').write_text('471108\n')
            again = host.agent(['renew', name])
        if again.returncode != 0:
            self.campaign.violated(run, f'the next attempt fails: {again.stderr}')
        elif host.certificate(name) == old or host.unfit(half=old is None):
            self.campaign.violated(run, f'the next attempt leaves {host.unfit() or "what was there"}')

    def close(self, run, host, order, before):
        broken = len(self.campaign.broken) > before
        if not broken:
            shutil.rmtree(host.folder)
        return order, broken

    # --- the daemon ---

    def daemon(self, kind, at):
        """Gets the first certificates by itself, unless it ends, and then is started anew."""
        run = f'cerca-agent-run-{kind}-{at}'
        host = self.copy(run, 'new-host')
        for name in ('web', 'token'):
            text = (host.folder / 'conf/conf.d' / f'{name}.conf').read_text()
            host.entry(name, text.split('\n', 1)[1])  # a token of its own
        order = Order(self.campaign.work / f'{run}.order', 'cerca-agent', kind, at)
        before = len(self.campaign.broken)
        log = host.folder / 'log'
        first = self.run_daemon(host, log, order)
        said = log.read_text(errors='replace')
        self.judge_end(run, order, subprocess.CompletedProcess([], first, '', said))
        came = first != 0 or re.search(r' agent\.(failed|worker|report) ', said)
        if came and order.struck() and not order.library_died() and not order.said(said):
            self.campaign.violated(run, f'nobody said that a call of {order.caller()} failed: {said[-800:]}')
        if at == 0 and (came or order.says_so(said)):
            self.campaign.violated(run, f'with nothing failing: {said}')
        for name in ('web', 'token'):
            self.judge_pair(run, host, name, None)
        if host.unfit():
            self.campaign.violated(run, f'in the end {host.unfit()}')
        return self.close(run, host, order, before)

    def run_daemon(self, host, log, order):
        """Its status: until both entries are verified or one of them failed, and the report is made."""
        with open(log, 'ab') as out:
            process = subprocess.Popen([str(self.campaign.bin / 'cerca-agent'), 'run', '-c', str(host.folder / 'conf'),
                                        '--state-dir', str(host.folder / 'state')], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, env=self.campaign.environment(order))
            end = time.monotonic() + PATIENCE
            while process.poll() is None and time.monotonic() < end and not self.settled(host):
                time.sleep(0.05)
            process.terminate()
            try:
                return process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None

    @staticmethod
    def settled(host):
        said = (host.folder / 'log').read_text(errors='replace')
        ended = {m.group(1) for m in re.finditer(r'entry=(\w+) state=(?:verified|tracked)\b|agent\.failed .*entry=(\w+)', said)}
        return len(ended) == 2

    def run_one(self, program, kind, at):
        if program == 'cerca-agent run':
            return self.daemon(kind, at)
        if program == 'cerca-scan':
            return self.scan(kind, at)
        return self.renewal(program, kind, at)

    # --- the scanner ---

    def scan(self, kind, at):
        """Each target is told as it is, or said not to have been looked at."""
        run = f'cerca-scan-{kind}-{at}'
        self.server.folder = self.template.folder / 'tls'
        order = Order(self.campaign.work / f'{run}.order', 'cerca-scan', kind, at)
        before = len(self.campaign.broken)
        targets = [f'127.0.0.1:{self.server.port}', f'localhost:{self.named.port}', f'127.0.0.1:{self.closed}']
        done = self.campaign.run(['scan', '--per-network', '0', '-o', 'json', *targets], order)
        self.judge_end(run, order, done)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if at == 0:
            self.known = known_of(rows)
            if done.returncode != 0 or len(rows) < 3:
                self.campaign.violated(run, f'with nothing failing: {done.stdout} {done.stderr}')
        missing = {target_of(known) for known in self.known} - {target_of(row) for row in rows}
        if order.struck() and not order.library_died() and (done.returncode != 0 or missing) and not order.said(done.stderr):
            self.campaign.violated(run, f'nobody said that a call of {order.caller()} failed: {done.stderr.strip()}')
        if missing and done.returncode == 0:
            self.campaign.violated(run, f'says nothing of {missing}')
        for row in rows:
            if row['outcome'] == 'failed' and not order.said(row['detail'] or '', r'.'):
                self.campaign.violated(run, f'does not say what failed: {row}')
            if row['outcome'] != 'failed' and not any(agrees(row, known) for known in self.known):
                self.campaign.violated(run, f'says {row}, not one of {self.known}')
        return order, len(self.campaign.broken) > before


# --- what a scan says of a target ---

ASKED = ('versions', 'suites', 'suites_complete', 'weak')  # of one of the names of a target
OF_THE_MOMENT = ('time', 'duration_ms', 'connections', 'position')


def target_of(row):
    return f'{row["host"]}:{row["port"]}'


def known_of(rows):
    """What is true of each: what was asked for one name goes for the others of that target."""
    known = [dict(row) for row in rows]
    for row in known:
        for other in rows:
            if target_of(other) == target_of(row):
                row.update({field: other[field] for field in ASKED if other[field]})
    return known


def agrees(row, known):
    return all(value == known[field] or field in ASKED and not value for field, value in row.items() if field not in OF_THE_MOMENT)
