"""The cercad of a campaign."""
import signal
import subprocess

from invariants import until
from load import PATIENCE, run
from peer import children_of


class Daemon:
    def __init__(self, setting, program):
        self.setting, self.program, self.cercad = setting, program, None
        self.log = open(setting["log"], "ab")

    def start(self):
        self.cercad = subprocess.Popen([self.program, "-c", self.setting["conf"]], stdout=self.log,
                                       stderr=self.log)

    def running(self):
        """{name: pid} of its programs."""
        if self.cercad.poll() is not None:
            raise SystemExit("cercad ended by itself: see " + self.setting["log"])
        return children_of(self.cercad.pid)

    def well(self):
        """Soon."""
        return until(PATIENCE, lambda: run("cerca", "status", "--timeout", "5").returncode == 0)

    def stop(self):
        self.cercad.send_signal(signal.SIGTERM)
        self.cercad.wait(PATIENCE)

    def kill_daemon(self):
        """Its programs end with it."""
        if self.cercad is not None and self.cercad.poll() is None:
            self.cercad.kill()
            self.cercad.wait()
