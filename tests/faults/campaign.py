"""The CA of a campaign: a template that runs copy, and how it is started and asked."""
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

PATIENCE = 120  # seconds: of a machine that does much else beside


def free_ports(n):
    program = pathlib.Path(__file__).resolve().parents[1] / 'flow/ports'
    return subprocess.run([program, 'tcp', str(n)], capture_output=True, text=True, check=True).stdout.split()


class Listener(threading.Thread):
    """Takes what notices say over TCP, and forgets it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(('127.0.0.1', int(free_ports(1)[0])))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.take, args=(peer,), daemon=True).start()

    def take(self, peer):
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass
        finally:
            peer.close()


class Campaign:
    def __init__(self, build, work):
        self.bin = build / 'bin'
        self.library = build / 'shim' / 'libcerca-faults.so'
        self.work = work
        self.broken = []
        self.running = None  # the newest CA
        self.template = work / 'ca'
        self.listener = Listener()

    def environment(self, order=None):
        env = {'PATH': f'{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C', 'HOME': str(self.work)}
        if order:
            env.update(LD_PRELOAD=str(self.library), CERCA_FAULT=str(order.path))
        return env

    def run(self, words, order=None, limit=PATIENCE, cwd=None, program='cerca'):
        """Ends within the limit, or counts as hanging: status None."""
        try:
            return subprocess.run([str(self.bin / program), *words], env=self.environment(order), timeout=limit,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd, errors='replace')
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, None, '', '')

    def make_template(self):
        ports = free_ports(3)
        made = self.run(['init', '--dev', str(self.template), '--http-port', ports[0], '--https-port', ports[1]])
        assert made.returncode == 0, made.stderr
        conf = self.template / 'cerca.conf'
        conf.write_text(conf.read_text() + f'''
metrics = {{ listen = "127.0.0.1"; port = "{ports[2]}"; }};
est = ( {{ name = "default"; profile = "tls-server"; ways = ( "token", "certificate" ); }} );
channels = ( {{ name = "log"; type = "syslog"; url = "tcp://localhost:{self.listener.port}"; tls = "none"; }} );
''')
        ca = Ca(self, self.template)
        assert ca.start(), 'the CA does not start: ' + ca.tail()
        for words in (['issue', '--profile', 'tls-server', '--san', 'dns:first.example', '--key-out', 'first.key',
                       '--out', 'first.pem'],
                      ['audit', 'checkpoint'], ['audit', 'export', '--out', str(self.template / 'export')]):
            done = ca.cerca(words)
            assert done.returncode == 0, done.stderr
        ca.stop()

    def copy(self, name):
        folder = self.work / name
        shutil.copytree(self.template, folder, symlinks=True)
        ports = dict(zip(re.findall(r'port = "(\d+)"', (folder / 'cerca.conf').read_text()), free_ports(3)))
        for path in (folder / 'cerca.conf', folder / 'softhsm2.conf'):
            text = path.read_text().replace(str(self.template), str(folder))
            for old, new in ports.items():
                text = text.replace(f'"{old}"', f'"{new}"').replace(f':{old}', f':{new}')
            path.write_text(text)
        return folder

    def end(self):
        """In the midst of it: nothing is left."""
        if self.running and self.running.process and self.running.process.poll() is None:
            self.running.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def violated(self, run, what):
        self.broken.append((run, what))
        print(f'\nVIOLATED {run}: {what}', file=sys.stderr)


class Ca:
    """A CA in a folder, with one cercad."""

    def __init__(self, campaign, folder):
        self.campaign, self.folder = campaign, folder
        self.conf = str(folder / 'cerca.conf')
        self.process = None
        campaign.running = self

    def start(self, order=None, limit=PATIENCE):
        self.log = open(self.folder / 'log', 'a')
        self.process = subprocess.Popen([str(self.campaign.bin / 'cercad'), '-c', self.conf], stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL, env=self.campaign.environment(order))
        end = time.monotonic() + limit
        while time.monotonic() < end and self.process.poll() is None:
            listed = self.cerca(['ca', 'list', '-o', 'json'])
            if listed.returncode == 0 and '"ready"' in listed.stdout:
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        """Its status; None when it did not end."""
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.log.close()
        return status

    def cerca(self, words, limit=30):
        return self.campaign.run([*words, '-c', self.conf, '--timeout', str(limit)], limit=4 * limit, cwd=self.folder)

    def port(self, section):
        text = pathlib.Path(self.conf).read_text()
        return re.search(section + r' = \{[^}]*port = "(\d+)"', text).group(1)

    def said(self):
        return (self.folder / 'log').read_text(errors='replace')

    def tail(self):
        return ' | '.join(self.said().splitlines()[-6:])

    def deaths(self):
        """Programs that a signal ended which nobody sent."""
        return [line for line in self.said().splitlines() if re.search(r'killed by signal (?!9\b|15\b)', line)]
