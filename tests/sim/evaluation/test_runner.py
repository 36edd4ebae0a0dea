"""Many workers, each job once; here the workers are ten lines that only pretend."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.runner import jobs_of, run_jobs
from sim.evaluation.worker import Job
from steer.errors import ServerError

ARMS_RUN = (ARMS["alone"], ARMS["steered"])
SETTINGS = {"push": Settings(), "cube-single": Settings(num_candidates=8)}
# Writes a row for every arm of every job; `{act}` may end it early.
FAKE = """
import json, sys
row = json.loads(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    for arm in job["arms"]:
        {act}
        print(json.dumps({{**row, "task": job["task"], "seed": job["seed"], "arm": arm}}))
    print(flush=True)
"""


@pytest.fixture
def worker(make_row):
    """Return a maker of commands of workers that do something before each row."""

    def command(act="pass"):
        row = json.dumps(asdict(make_row()))
        return (sys.executable, "-S", "-c", FAKE.format(act=act), row)

    return command


def jobs(done=frozenset(), num_seeds=3):
    """Return the jobs of two tasks and two arms."""
    seeds = {"push": range(num_seeds), "cube-single": range(10, 10 + num_seeds)}
    return jobs_of("host:1", seeds, ARMS_RUN, SETTINGS, set(done))


def test_the_tasks_take_turns():
    """A run that is stopped early says something of each."""
    assert [(job.task, job.seed) for job in jobs(num_seeds=2)] == [
        ("push", 0),
        ("cube-single", 10),
        ("push", 1),
        ("cube-single", 11),
    ]


def test_what_is_done_is_not_run_again():
    """A seed may lack one arm, or none."""
    done = {("push", "alone", 0), ("push", "alone", 1), ("push", "steered", 1)}

    left = {(job.task, job.seed): job.arms for job in jobs(done, num_seeds=2)}

    assert left == {
        ("push", 0): ("steered",),
        ("cube-single", 10): ("alone", "steered"),
        ("cube-single", 11): ("alone", "steered"),
    }


def test_a_job_survives_its_way_to_the_worker():
    """One line of JSON."""
    job = Job("host:1", "push", 7, ("alone", "random"), Settings(num_candidates=4, margin=0.25))

    line = job.to_line()

    assert line.count("\n") == 1
    assert Job.from_line(line) == job


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 3])
def test_every_episode_is_run_once(tmp_path, worker, num_workers):
    """However many robots there are."""
    rows = []

    run_jobs(
        jobs(),
        num_workers=num_workers,
        on_row=rows.append,
        log=tmp_path / "log",
        worker=worker(),
    )

    assert len(rows) == 12
    assert {row.key for row in rows} == {
        (job.task, arm, job.seed) for job in jobs() for arm in job.arms
    }


@pytest.mark.slow
def test_a_workers_refusal_ends_the_run_with_its_words(tmp_path, worker):
    """The rows before it stand."""
    rows = []
    act = (
        (
            'if arm == "steered" and job["seed"] == 0: '
            'print(json.dumps({{"error": "no critic"}}), flush=True); sys.exit(1)'
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )

    with pytest.raises(ServerError, match="no critic"):
        run_jobs(
            jobs(), num_workers=1, on_row=rows.append, log=tmp_path / "log", worker=worker(act)
        )

    assert [row.key for row in rows] == [("push", "alone", 0)]


@pytest.mark.slow
def test_a_worker_that_dies_is_named_with_its_log(tmp_path, worker):
    """As when the system kills it for its memory."""
    log = tmp_path / "log"
    act = 'sys.stderr.write("out of memory\\n"); sys.exit(9)'

    with pytest.raises(ServerError) as failure:
        run_jobs(jobs(), num_workers=1, on_row=lambda row: None, log=log, worker=worker(act))

    assert str(failure.value) == (
        f"worker: expected the rows of push seed 0, got its end with exit code 9; its log is {log}"
    )
    assert "out of memory" in log.read_text()


@pytest.mark.slow
def test_a_failing_receiver_leaves_no_worker_behind(tmp_path, worker):
    """For example when the disk is full."""
    act = f"open({str(tmp_path)!r} + '/' + str(__import__('os').getpid()), 'w')"

    def refuse(row):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        run_jobs(jobs(), num_workers=2, on_row=refuse, log=tmp_path / "log", worker=worker(act))

    pids = [path.name for path in tmp_path.iterdir() if path.name.isdecimal()]
    assert pids
    assert not any(Path("/proc", pid).exists() for pid in pids)


def test_no_jobs_need_no_workers(tmp_path):
    """A complete run is shown at once."""
    run_jobs([], num_workers=2, on_row=lambda row: None, log=tmp_path / "log", worker=("no",))

    assert not (tmp_path / "log").exists()
