"""Calls that fail in the programs of a CA, while everything that it does is asked for."""
import json
import re
import shutil
import subprocess

from campaign import Ca
from order import KINDS, Order

DAEMONS = {
    'cerca-ca': KINDS,
    'cerca-signer': ['memory', 'open', 'write', 'sync', 'name', 'read'],
    'cerca-public': ['memory', 'open', 'read', 'thread'],
    'cerca-enroll': ['memory', 'open', 'thread'],
    'cerca-admin': ['memory', 'open'],
    'cerca-watch': ['memory', 'open'],
    'cercad': ['memory', 'open', 'read'],
}
ENDED = re.compile(r' program\.ended .*', re.M)


class Exercise:
    """Uses all programs once. Keeps what was acknowledged (serial numbers by name, and the revoked ones), and what was
    refused and in which words."""

    def __init__(self, ca):
        self.ca, self.issued, self.revoked, self.refused = ca, {}, [], []

    def ask(self, words):
        done = self.ca.cerca(words)
        if done.returncode != 0:
            self.refused.append(f'{" ".join(words[:2])}: {done.stderr.strip()}')
        return done

    def issue(self, name):
        done = self.ask(['issue', '--profile', 'tls-server', '--san', f'dns:{name}', '--key-out', f'{name}.key',
                         '--out', f'{name}.pem', '--force'])
        match = re.search(r'issued ([0-9a-f]{32})', done.stderr)
        if done.returncode == 0 and match:
            self.issued[name] = match.group(1)

    def fetch(self, url):
        done = subprocess.run(['curl', '-sSkf', '-m', '30', '-o', '/dev/null', url], check=False, capture_output=True,
                              text=True)
        if done.returncode != 0:
            self.refused.append(f'{url}: {done.stderr.strip()}')

    def all(self):
        for name in ('a.example', 'b.example'):
            self.issue(name)
        if 'a.example' in self.issued and self.ask(['revoke', self.issued['a.example'], '--yes']).returncode == 0:
            self.revoked.append(self.issued['a.example'])
        for words in (['crl', 'publish', 'issuing'], ['audit', 'checkpoint'], ['backup', '--out', 'backup', '--no-verify'],
                      ['list', '-o', 'csv'], ['notify', 'test', 'log']):
            self.ask(words)
        self.ca.cerca(['status'])  # which may well find something
        self.fetch(f'http://127.0.0.1:{self.ca.port("http")}/crl/issuing.crl')
        self.fetch(f'https://127.0.0.1:{self.ca.port("https")}/.well-known/est/cacerts')
        self.fetch(f'http://127.0.0.1:{self.ca.port("metrics")}/metrics')


def judge(campaign, run, ca, order, asked):
    """Starts it again with nothing failing, and looks whether all promises were kept."""
    violated = lambda what: campaign.violated(run, what)
    for line in ca.deaths() if not order.library_died() else []:
        violated(line)
    if not ca.start():
        ca.stop()
        return violated('it does not start again: ' + ca.tail())
    check = ca.cerca(['store', 'check'])
    if check.returncode != 0:
        violated('store check: ' + check.stdout[-400:] + check.stderr[-400:])
    listed = ca.cerca(['list', '-o', 'json', '--limit', '0'])
    status = {row['serial']: row['status'] for row in json.loads(listed.stdout)} if listed.returncode == 0 else {}
    for name, serial in asked.issued.items():
        wanted = 'revoked' if serial in asked.revoked else 'valid'
        if status.get(serial) != wanted:
            violated(f'{name} {serial} was acknowledged as {wanted} and is {status.get(serial)}')
    after = ca.cerca(['issue', '--profile', 'tls-server', '--san', 'dns:after.example', '--key-out', 'after.key',
                      '--out', 'after.pem', '--force'])
    if after.returncode != 0:
        violated('it issues nothing any more: ' + after.stderr)
    if ca.stop() != 0:
        violated('it does not end well: ' + ca.tail())


def silent(order, ca, asked, ended):
    """What came of the failure, when nobody said what had failed; else nothing."""
    said = ca.said()
    came = asked.refused + ENDED.findall(said) + ([f'cercad ended with {ended}'] if ended else [])
    if not came or order.said(said + '\n'.join(asked.refused)):
        return None
    return ' | '.join(came)


def daemon_run(campaign, program, kind, at):
    """One run: its order, and whether it violated anything."""
    run = f'{program}-{kind}-{at}'
    ca = Ca(campaign, campaign.copy(run))
    order = Order(campaign.work / f'{run}.order', program, kind, at)
    before = len(campaign.broken)
    ca.start(order, 30)
    asked = Exercise(ca)
    if ca.process.poll() is None:
        asked.all()
    ended = ca.process.poll()
    if ended is None:
        ended = ca.stop()
        if ended is None:
            campaign.violated(run, 'cercad did not end')
    else:
        ca.log.close()
        if ended < 0 and not order.library_died():
            campaign.violated(run, f'cercad died of signal {-ended}')
    unsaid = silent(order, ca, asked, ended) if order.struck() else None
    if unsaid:
        campaign.violated(run, f'nobody said that a call of {order.caller()} failed: {unsaid}')
    judge(campaign, run, ca, order, asked)
    if at == 0 and (len(asked.issued), len(asked.revoked), asked.refused) != (2, 1, []):
        campaign.violated(run, f'with nothing failing: {asked.issued}, {asked.revoked}, {asked.refused}')
    if at == 0 and order.says_so(ca.said()):
        campaign.violated(run, 'with nothing failing the log has the words of a failure')
    if len(campaign.broken) == before:
        shutil.rmtree(ca.folder)
    return order, len(campaign.broken) > before
