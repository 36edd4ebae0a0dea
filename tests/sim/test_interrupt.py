"""Ctrl-C while a command is still importing: no traceback, exit code 130."""

import signal
import subprocess
import sys

import pytest

COMMANDS = (
    "sim.build_artefacts",
    "sim.collect",
    "sim.demo",
    "sim.evaluate",
    "sim.film",
    "sim.frames",
    "sim.policies.plan",
    "sim.policies.train",
    "sim.report",
    "sim.tune",
    "benchmarks.client_import",
    "benchmarks.rank_overhead",
    "benchmarks.tick_cost",
)


@pytest.mark.slow
@pytest.mark.parametrize("module", COMMANDS)
def test_a_command_that_is_stopped_while_it_imports_ends_with_130(module):
    """Python tells of every import; the signal comes with the first of NumPy's."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", module, "--help"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while " numpy" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert rest.splitlines()[-1] == "interrupted"
    assert "Traceback" not in rest
