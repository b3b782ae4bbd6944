#!/usr/bin/env python3
"""What an interactive shell makes of a line and a tab: a pseudo-terminal, the shell's own line
editor, and each completed line printed by the shell instead of being run.

    complete.py SHELL LINE...
"""
import os
import pty
import re
import select
import sys
import time

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SETUP = {
    "bash": "bind 'set bell-style none' 'set enable-bracketed-paste off'; . <(cerca completion bash)",
    "zsh": "unsetopt zle_bracketed_paste beep; autoload -U compinit; compinit -D; . <(cerca completion zsh)",
}


class Shell:
    def __init__(self, name):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="$ ", TERM="dumb", COLUMNS="4000")
            os.execvp(SHELLS[name][0], SHELLS[name])
        self.seen = ""
        self.ask(SETUP[name] + "; stty cols 4000; echo re''ady", "ready")

    def wait_for(self, pattern):
        """The match, once the shell has printed it; nothing that it printed before counts again."""
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
        sys.exit(f"complete.py: no {pattern!r} in {self.seen!r}")

    def ask(self, keys, pattern):
        os.write(self.fd, keys.encode() + b"\n")
        return self.wait_for(pattern)

    def complete(self, line):
        # After the tab: to the front of the line, and the shell prints what stands there.
        return self.ask(f"{line}\t end'>'\x01echo '<'", r"\n<\s?(.*) end>").group(1).rstrip()


shell = Shell(sys.argv[1])
for line in sys.argv[2:]:
    print(shell.complete(line))
os.close(shell.fd)
os.waitpid(shell.pid, 0)
