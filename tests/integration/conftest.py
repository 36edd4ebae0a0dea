"""The server as a process, as an operator starts it."""

import os
import re
import subprocess
import sys
import threading

import pytest


class Process:
    """A server in a process of its own, and what it has logged."""

    def __init__(self, *options):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steer.cli", "serve", "--allow-unaudited", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.loaded, self._serving = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if "loaded critic" in line:
                self.loaded.set()
            if "serving address=" in line:
                self._serving.set()
        self.loaded.set()
        self._serving.set()

    def address(self, limit_s=200):
        """Wait for the address in the log."""
        assert self._serving.wait(limit_s)
        return re.search(r"serving address=(\S+)", "".join(self.lines)).group(1)

    def end(self, *signals):
        """Send signals and return the exit code."""
        for number in signals:
            self.process.send_signal(number)
        code = self.process.wait(200)
        self._reader.join(5)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        self.process.stderr.close()


@pytest.fixture(scope="session")
def steer_serve():
    """Start `steer serve` with options, for the length of a `with` block."""
    return Process


@pytest.fixture(scope="session")
def call():
    """Run a command to its end; return its exit code, and what it said."""

    def called(*words):
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=500,
            check=False,
        )
        if "MUJOCO_GL: expected an OpenGL" in done.stdout:
            pytest.skip(done.stdout.splitlines()[-1])
        return done.returncode, done.stdout

    return called


@pytest.fixture(scope="session")
def run(call):
    """Run a command that shall succeed; return what it said."""

    def ran(*words):
        code, said = call(*words)
        assert code == 0, said
        return said

    return ran
