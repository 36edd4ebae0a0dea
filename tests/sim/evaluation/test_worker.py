"""The worker itself: what it answers when an episode cannot be run."""

import json
import os
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


@pytest.fixture
def job():
    """One that ends before it needs a server."""
    return Job(
        server="localhost:1",
        cell=Cell("diffusion", "push"),
        seed=1,
        runs=(Run("alone", 1),),
        settings=Settings(margin=0.25),
        sources={"alone": "mine"},
    )


def worked(*jobs, **variables):
    """Return how a worker ended that was given jobs."""
    return subprocess.run(
        WORKER,
        input="".join(job.to_line() for job in jobs),
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_what_a_users_own_code_raises_ends_the_run_with_its_words(tmp_path, job):
    """Its traceback is in the log, and trying again would not help."""
    path = tmp_path / "mine.py"
    path.write_text(RAISES)
    own = replace(job, cell=Cell("diffusion", f"{path}:make"))

    ended = worked(own, replace(own, seed=2))

    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert json.loads(line)["is_final"]
    with pytest.raises(ConfigError, match="expected to run, got ZeroDivisionError: my bug; see w"):
        row_of(line)
    assert "Traceback" in ended.stderr
    assert str(path) in ended.stderr


@pytest.mark.slow
def test_what_a_task_of_ours_raises_is_the_end_of_its_worker_alone(job):
    """Without a word between the rows: the episode is tried again, and the second time failed."""
    ended = worked(job, MUJOCO_GL="nonsense")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "invalid value for environment variable MUJOCO_GL" in ended.stderr
