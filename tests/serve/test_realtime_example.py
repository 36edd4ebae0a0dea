"""The example of real time runs as it stands, against a real server."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/realtime.py"


@pytest.mark.slow
def test_the_example_is_steered_and_acts_on_every_tick(address):
    """Ten times a second for six seconds; each step on the ladder is printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLE), address, "6"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )

    assert "Traceback" not in done.stderr
    assert re.search(r"^(STEERED|POLICY): chunk ", done.stdout, re.MULTILINE)
    actions = re.search(r"^(\d+) actions", done.stdout, re.MULTILINE)
    assert 40 <= int(actions[1]) <= 61


def test_the_example_fits_on_a_screen():
    """Who drives a robot of their own begins with this file."""
    assert len(EXAMPLE.read_text().splitlines()) <= 60
