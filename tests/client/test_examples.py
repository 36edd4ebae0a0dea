"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("0*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_against_a_server(address, path):
    """Five decisions, one line each, and no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), address],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(path.parents[1]), "PATH": ""},
    )

    assert done.stderr == "session: embodiment.frame: not compared\n"
    assert done.stdout.count("because advantage") == 5


def test_there_are_examples():
    """An empty folder would pass every test of its files."""
    assert len(EXAMPLES) == 2
