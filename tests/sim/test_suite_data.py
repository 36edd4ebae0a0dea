"""Filling all datasets: which process runs when, and how a run ends."""

import json
import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from sim import suite_data
from sim.suite_data import SuiteError, collect_suite, datasets
from sim.tasks import TASKS

pytestmark = pytest.mark.slow

# Collects a task as `python -m sim.collect` would, as far as its parent can tell.
FAKE = """
import json, pathlib, signal, sys, threading
_, task, _, root, _, wanted, _ = sys.argv[1:]
log = pathlib.Path(root).parent / "log"
def note(*words):
    with log.open("a") as file:
        file.write(json.dumps([pathlib.Path(root).name, task, *words]) + "\\n")
def say(text):
    sys.stdout.write(text + "\\n"); sys.stdout.flush()
stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: (note("interrupt"), stop.set()))
note("begin")
say(f"{task}: 0 of {wanted} episodes")
say("a library warns of its own accord")
if task in {failing!r}:
    say("sim.collect: error: no such robot")
    sys.exit(2)
if task in {waiting!r} and stop.wait(30):
    note("end")
    sys.exit(130)
say(f"{task}: {wanted} of {wanted} episodes")
note("end")
"""
STOPPED = """
import functools, sys
from pathlib import Path
import sim.collect
command = (sys.executable, "-c", sys.argv[2])
sim.collect.collect_suite = functools.partial(sim.collect.collect_suite, command=command)
sys.exit(sim.collect.main(["--suite", "--data", sys.argv[1], "--jobs", "2"]))
"""
# The whole command, of two tasks that share a dataset.
SMALL = """
import sys
from sim import collect, suite_data, tasks
specs = [tasks.TASKS[name] for name in ("fetch-push", "fetch-pick-and-place")]
suite_data.datasets = lambda: {"gymnasium-robotics": specs}
sys.exit(collect.main(["--suite", "--data", sys.argv[1], "--episodes", "2"]))
"""


def _fake(*, failing=(), waiting=()):
    program = FAKE.replace("{failing!r}", repr(failing)).replace("{waiting!r}", repr(waiting))
    return (sys.executable, "-c", program)


def _log(data):
    return [json.loads(line) for line in (data / "log").read_text().splitlines()]


def test_each_dataset_is_written_by_one_process_at_a_time(tmp_path):
    """All tasks are collected, each into its own dataset."""
    assert collect_suite(tmp_path, num_episodes=2, num_jobs=3, command=_fake())

    for dataset, specs in datasets().items():
        found = [words for name, *words in _log(tmp_path) if name == dataset]
        assert found == [[s.name, edge] for s in specs for edge in ("begin", "end")]


def test_the_datasets_hold_every_task_once():
    """In the order of the suite."""
    names = [spec.name for specs in datasets().values() for spec in specs]

    assert sorted(names) == sorted(TASKS)


def test_a_task_that_fails_is_told_and_keeps_no_other_from_being_done(tmp_path, capsys):
    """Its own words are shown; the run has failed."""
    with pytest.raises(SuiteError) as caught:
        collect_suite(tmp_path, num_episodes=2, num_jobs=2, command=_fake(failing=("push",)))

    text = "push: ended with exit code 2:\nsim.collect: error: no such robot\n"
    assert text in capsys.readouterr().err
    assert str(caught.value) == "suite: expected all 13 tasks, got errors in push"
    done = {task for _, task, edge in _log(tmp_path) if edge == "end"}
    assert done == set(TASKS) - {"push"}


def test_the_bar_counts_the_episodes_of_all_tasks(tmp_path, capsys):
    """With the time left."""
    collect_suite(tmp_path, num_episodes=2, num_jobs=1, command=_fake())

    last = capsys.readouterr().err.rstrip().rpartition("\r")[2]
    assert last.startswith("suite: 100%")
    assert " 26/26 [" in last


def test_ctrl_c_ends_every_process_in_order_and_begins_no_other(tmp_path):
    """Each gets one signal; the exit code is 130."""
    names = [specs[0].name for specs in datasets().values()][:2]
    program = _fake(waiting=tuple(names))[-1]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(tmp_path), program],
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = ""
    while not all(name in seen for name in names):  # the bar names what runs
        assert process.poll() is None
        seen += process.stderr.read(1)
    while len(_log(tmp_path) if (tmp_path / "log").exists() else ()) < 2:
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    found = sorted(words for _, *words in _log(tmp_path))
    assert found == sorted([n, e] for n in names for e in ("begin", "interrupt", "end"))


@pytest.mark.timeout(240)
def test_two_tasks_of_one_dataset_are_recorded_in_it(tmp_path):
    """By the command itself."""
    command = [sys.executable, "-c", SMALL, str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)

    assert done.returncode == 0, done.stderr
    table = pq.ParquetDataset(tmp_path / "gymnasium-robotics" / "data").read(["steer.seed"])
    assert set(table["steer.seed"].to_pylist()) == {28_000, 28_001, 32_000, 32_001}
    card = json.loads((tmp_path / "gymnasium-robotics" / "meta" / "steer.json").read_text())
    assert set(card["tasks"]) == {"fetch-push", "fetch-pick-and-place"}


def test_a_line_of_progress_is_read_as_it_was_written():
    """The bar of the suite rests on it."""
    line = suite_data.progress_line("cube-single", 3, 300)

    assert suite_data._PROGRESS.fullmatch(line).groups() == ("3", "300")
