"""The worker itself: what it answers when an episode cannot be run."""

import json
import subprocess
from dataclasses import replace

import pytest

from sim.evaluation.arms import Settings
from sim.evaluation.cells import Cell, Run
from sim.evaluation.job import Job
from sim.evaluation.row import row_of
from sim.evaluation.runner import WORKER
from steer.errors import ConfigError

RAISES = """
def make():
    raise ZeroDivisionError("my bug")
"""


@pytest.mark.slow
def test_what_a_users_own_code_raises_ends_the_run_with_its_words(tmp_path):
    """Its traceback is in the log, and trying again would not help."""
    path = tmp_path / "mine.py"
    path.write_text(RAISES)
    job = Job(
        server="localhost:1",
        cell=Cell("diffusion", f"{path}:make"),
        seed=1,
        runs=(Run("alone", 1),),
        settings=Settings(margin=0.25),
        sources={"alone": "mine"},
    )
    later = replace(job, seed=2)

    ended = subprocess.run(
        WORKER,
        input=job.to_line() + later.to_line(),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert json.loads(line)["is_final"]
    with pytest.raises(ConfigError, match="expected to run, got ZeroDivisionError: my bug; the wo"):
        row_of(line)
    assert "Traceback" in ended.stderr
    assert str(path) in ended.stderr
