"""Many workers, each job once; here the workers are ten lines that only pretend."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from sim.evaluation.arms import Settings
from sim.evaluation.cells import Cell, Run
from sim.evaluation.job import Job
from sim.evaluation.runner import run_jobs
from steer.errors import ServerError

# Writes a row for every run of every job; `{act}` may end it early.
FAKE = """
import json, sys, time
row = json.loads(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    for run in job["runs"]:
        {act}
        cell = dict(policy=job["cell"]["policy"], task=job["cell"]["task"])
        print(json.dumps({{**row, **cell, "seed": job["seed"], **run}}), flush=True)
    print(flush=True)
"""


@pytest.fixture
def worker(make_row):
    """Return a maker of commands of workers that do something before each row."""

    def command(act="pass"):
        row = json.dumps(asdict(make_row()))
        return (sys.executable, "-S", "-c", FAKE.format(act=act), row)

    return command


def jobs(num_seeds=3):
    """Return the jobs of two cells and two arms."""
    return [
        Job(
            server="host:1",
            cell=Cell("diffusion", task),
            seed=first + index,
            runs=(Run("alone", 1), Run("steered", 16)),
            settings=Settings(margin=0.25),
            sources={"alone": f"diffusion-{task}", "steered": f"diffusion-{task}"},
        )
        for index in range(num_seeds)
        for task, first in (("push", 0), ("cube-single", 10))
    ]


@pytest.fixture
def hung(make_row):
    """Return what makes the row of an episode that did not end."""
    return lambda job, run, reason: make_row(
        run.arm, job.seed, task=job.cell.task, is_success=False, flag=reason
    )


def test_a_job_survives_its_way_to_the_worker():
    """One line of JSON."""
    job = jobs()[0]

    line = job.to_line()

    assert line.count("\n") == 1
    assert Job.from_line(line) == job


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 3])
def test_every_episode_is_run_once(tmp_path, worker, hung, num_workers):
    """However many robots there are."""
    rows = []

    run_jobs(
        jobs(),
        num_workers=num_workers,
        on_row=rows.append,
        on_broken=hung,
        log=tmp_path / "log",
        worker=worker(),
    )

    assert len(rows) == 12
    assert {(row.task, row.arm, row.seed) for row in rows} == {
        (job.cell.task, run.arm, job.seed) for job in jobs() for run in job.runs
    }


@pytest.mark.slow
def test_a_workers_refusal_ends_the_run_with_its_words(tmp_path, worker, hung):
    """The rows before it stand."""
    rows = []
    act = (
        (
            'if run["arm"] == "steered" and job["seed"] == 0: '
            'print(json.dumps({{"error": "no critic"}}), flush=True); sys.exit(1)'
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )

    with pytest.raises(ServerError, match="no critic"):
        run_jobs(
            jobs(),
            num_workers=1,
            on_row=rows.append,
            on_broken=hung,
            log=tmp_path / "log",
            worker=worker(act),
        )

    assert [(row.task, row.arm, row.seed) for row in rows] == [("push", "alone", 0)]


@pytest.mark.slow
def test_a_worker_that_dies_is_named_with_its_log(tmp_path, worker, hung):
    """As when the system kills it for its memory."""
    log = tmp_path / "log"
    act = 'sys.stderr.write("out of memory\\n"); sys.exit(9)'

    with pytest.raises(ServerError) as failure:
        run_jobs(
            jobs(),
            num_workers=1,
            on_row=lambda row: None,
            on_broken=hung,
            log=log,
            worker=worker(act),
        )

    assert str(failure.value) == (
        "worker: expected the rows of diffusion/push seed 1, got its end with exit code 9, as 2 "
        f"times before; its log is {log}"
    )
    assert "out of memory" in log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 2])
def test_an_episode_that_kills_its_worker_twice_has_failed(tmp_path, worker, hung, num_workers):
    """It comes again after all others; the rest of its job runs in a new worker."""
    rows = []
    act = 'run["arm"] == "alone" and job["seed"] == 0 and sys.exit(9)'

    run_jobs(
        jobs(num_seeds=2),
        num_workers=num_workers,
        on_row=rows.append,
        on_broken=hung,
        log=tmp_path / "log",
        worker=worker(act),
    )

    ended = [(row.seed, row.arm, row.flag) for row in rows]
    again = [item for item in ended if item[0] == 0][-2:]
    assert len(rows) == 8
    assert again == [
        (0, "alone", "crashed: its worker ended with exit code 9"),
        (0, "steered", ""),
    ]
    if num_workers == 1:  # a second worker may end an episode of its own meanwhile
        assert ended[-2:] == again


@pytest.mark.slow
def test_a_failing_receiver_leaves_no_worker_behind(tmp_path, worker, hung):
    """For example when the disk is full."""
    act = f"open({str(tmp_path)!r} + '/' + str(__import__('os').getpid()), 'w')"

    def refuse(row):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        run_jobs(
            jobs(),
            num_workers=2,
            on_row=refuse,
            on_broken=hung,
            log=tmp_path / "log",
            worker=worker(act),
        )

    pids = [path.name for path in tmp_path.iterdir() if path.name.isdecimal()]
    assert pids
    assert not any(Path("/proc", pid).exists() for pid in pids)


@pytest.mark.slow
def test_an_episode_that_hangs_is_counted_as_failed(tmp_path, worker, hung):
    """Its worker is killed; what was left of the job runs in a new one."""
    rows = []
    act = 'run["arm"] == "alone" and job["seed"] == 10 and time.sleep(60)'

    run_jobs(
        jobs(num_seeds=1),
        num_workers=1,
        on_row=rows.append,
        on_broken=hung,
        log=tmp_path / "log",
        worker=worker(act),
        episode_s=1.0,
    )

    assert [(row.task, row.arm, row.flag) for row in rows] == [
        ("push", "alone", ""),
        ("push", "steered", ""),
        ("cube-single", "alone", "hung: the episode did not end, its worker was killed"),
        ("cube-single", "steered", ""),
    ]


def test_no_jobs_need_no_workers(tmp_path, hung):
    """A complete run is shown at once."""
    run_jobs(
        [],
        num_workers=2,
        on_row=lambda row: None,
        on_broken=hung,
        log=tmp_path / "log",
        worker=("no",),
    )

    assert not (tmp_path / "log").exists()
