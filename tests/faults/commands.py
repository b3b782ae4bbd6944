"""Calls that fail in commands that need no CA; what they print must not depend on the time."""
from order import Order

COMMANDS = [
    ['conf', 'check', '-c', '{ca}/cerca.conf'],
    ['conf', 'show', '-c', '{ca}/cerca.conf', '-o', 'json'],
    ['lint', '{ca}/ca/issuing.pem'],
    ['audit', 'verify', '{ca}/export', '-o', 'json'],
]


def judge(campaign, run, words, order, done, expected):
    violated = lambda what: campaign.violated(run, what)
    if done.returncode is None:
        violated('did not end')
    elif done.returncode < 0:
        if not order.library_died():
            violated(f'died of signal {-done.returncode}')
    elif done.returncode not in (0, 1, 2, 4):
        violated(f'status {done.returncode}')
    elif done.returncode == 1 and words[:2] == ['audit', 'verify']:
        violated('called a sound log unsound')
    elif done.returncode > 0 and not order.said(done.stderr + done.stdout):
        violated(f'did not say that a call of {order.caller()} failed: {done.stderr.strip()}')
    elif expected is not None and (not expected.startswith(done.stdout) or
                                   done.returncode == 0 and done.stdout != expected):
        violated('said something else than otherwise')


def command_run(campaign, words, kind, at, expected=None):
    words = [word.format(ca=campaign.template) for word in words]
    order = Order(campaign.work / 'command.order', 'cerca', kind, at)
    done = campaign.run(words, order)
    before = len(campaign.broken)
    judge(campaign, f'cerca {" ".join(words[:2])} {kind} {at}', words, order, done, expected)
    return order, done, len(campaign.broken) > before
