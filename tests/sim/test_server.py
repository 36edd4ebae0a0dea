"""A server in a process of its own; here it is a shell that only says that it serves."""

import subprocess
import sys
from pathlib import Path

import pytest

from sim.server import running
from steer.clock import MonotonicClock
from steer.errors import UnreachableError

SERVE = ("/bin/sh", "-c", 'echo "INFO serving address=127.0.0.1:4321 device=cpu"; exec sleep 60')


def is_alive(pid):
    """Say whether a process is there and no zombie."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pid):
    """Wait up to 5 s; return whether it went."""
    clock = MonotonicClock()
    deadline_s = clock.now_s() + 5.0
    while is_alive(pid) and clock.now_s() < deadline_s:
        clock.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.slow
def test_the_address_is_found_in_the_log(tmp_path):
    """The server chose a free port."""
    with running(SERVE, log=tmp_path / "log") as server:
        assert server.address == "127.0.0.1:4321"


@pytest.mark.slow
def test_a_server_ends_with_its_block(tmp_path):
    """Nothing is left behind."""
    with running(SERVE, log=tmp_path / "log") as server:
        pass

    assert not is_alive(server.pid)


@pytest.mark.slow
def test_a_server_ends_with_a_failing_block(tmp_path):
    """As with Ctrl-C."""
    with (
        pytest.raises(KeyboardInterrupt),
        running(SERVE, log=tmp_path / "log") as server,
    ):
        raise KeyboardInterrupt

    assert not is_alive(server.pid)


@pytest.mark.slow
def test_a_server_ends_when_the_run_is_killed(tmp_path):
    """After kill -9 nobody is left to stop it but the watcher."""
    script = (
        "import sys; from pathlib import Path; from sim.server import running\n"
        f"with running({SERVE!r}, log=Path({str(tmp_path / 'log')!r})) as server:\n"
        "    print(server.pid, flush=True); sys.stdin.read()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    pid = int(run.stdout.readline())

    run.kill()
    run.communicate()

    assert wait_until_gone(pid)


def test_a_server_that_does_not_come_up_shows_its_log(tmp_path):
    """The reason is its last words."""
    command = ("/bin/sh", "-c", "echo steer: error: no such critic; exit 2")

    with (
        pytest.raises(UnreachableError, match="steer: error: no such critic"),
        running(command, log=tmp_path / "log"),
    ):
        pass


@pytest.mark.slow
def test_resident_memory_counts_children(tmp_path):
    """The policy worker is a child of the server."""
    script = (
        "import subprocess, sys\n"
        "print('serving address=127.0.0.1:1', flush=True)\n"
        "child = [sys.executable, '-S', '-c', 'x = bytearray(2**26); input()']\n"
        "subprocess.Popen(child, stdin=subprocess.PIPE).wait()"
    )
    with running((sys.executable, "-S", "-c", script), log=tmp_path / "log") as server:
        clock = MonotonicClock()
        deadline_s = clock.now_s() + 5.0
        while (mib := server.resident_mib()) < 64 and clock.now_s() < deadline_s:
            clock.sleep(0.02)

    assert mib >= 64
