"""`python -m sim.evaluate` and `sim.demo` as their users run them, with the committed weights."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from sim.evaluation.row import TIMES
from sim.evaluation.rows import read_rows
from sim.evaluation.table import write_table
from steer.clock import MonotonicClock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

EVALUATE = (
    *("sim.evaluate", "--cells", "diffusion/push", "--arms", "alone,steered", "--seeds", "user"),
    *("--workers", 2, "--candidates", 8),
)


def start(*words, **environment):
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def stop_after(process, output, *, num_rows, number):
    """Send a signal as soon as so many episodes are on the disk; return the exit code."""
    clock, rows = MonotonicClock(), output / "rows.jsonl"
    deadline_s = clock.now_s() + 200
    while not rows.exists() or rows.read_bytes().count(b"\n") < num_rows:
        assert process.poll() is None, process.communicate()[0]
        assert clock.now_s() < deadline_s
        clock.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=100)[0]
    assert "Traceback" not in said
    return process.returncode


def without_times(output):
    """Return the rows, but for what a clock has measured."""
    table = pq.read_table(output / "rows.parquet")
    return table.drop_columns(list(TIMES))


def test_killed_interrupted_and_resumed_it_is_the_run_that_nobody_stopped(tmp_path):
    """No episode is lost or counted twice, and each is the same to the last bit."""
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    command = (*EVALUATE, "--episodes", 3, "--output")

    killed = stop_after(start(*command, cut), cut, num_rows=1, number=signal.SIGKILL)
    stopped = stop_after(start(*command, cut), cut, num_rows=3, number=signal.SIGINT)
    between = len(read_rows(cut))
    for output in (cut, whole):
        process = start(*command, output)
        assert process.communicate(timeout=200)
        assert process.returncode == 0

    assert (killed, stopped) == (-signal.SIGKILL, 130)
    assert 3 <= between < 6
    assert len(read_rows(cut)) == 6
    assert without_times(cut).equals(without_times(whole))
    assert {row.seed for row in read_rows(cut)} == {300_000, 300_001, 300_002}


def finished(*words):
    """Run a command to its end; return its exit code and what it said."""
    process = start(*words)
    said = process.communicate(timeout=200)[0]
    return process.returncode, said


def test_a_replay_confirms_what_was_published_and_finds_what_was_not(tmp_path):
    """A row that says another candidate was chosen does not come out again."""
    results, work = tmp_path / "results", tmp_path / "work"
    finished(*EVALUATE, "--episodes", 2, "--output", results / "look")
    confirm = ("sim.confirm", results, "--workers", 2, "--work")

    assert finished(*confirm, work)[0] == 0
    same = json.loads((results / "look" / "confirmed.json").read_text())
    rows = [replace(row, indices=(7, *row.indices[1:])) for row in read_rows(results / "look")]
    write_table(results / "look" / "rows.parquet", rows)
    code, said = finished(*confirm, tmp_path / "again")

    assert (same["episodes"], same["replayed"], same["different"]) == (4, 2, 0)
    assert code == 1
    assert "look: 2 of 4 episodes replayed, 2 different" in said


def demo(output, renderer):
    """Run the real thing with one task and one episode; return what it said."""
    words = ("sim.demo", "--tasks", "push", "--episodes", 1, "--output", output)
    process = start(*words, MUJOCO_GL=renderer)
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return said


def test_the_demo_shows_what_it_measured_where_nothing_can_be_rendered(tmp_path):
    """The pictures are left out, and it says so."""
    said = demo(tmp_path, "disabled")

    assert "No films: this machine cannot render (disabled" in said
    records = json.loads((tmp_path / "demo.json").read_text())["results"]
    assert {"alone/push", "gain/push", "server_rss_mib"} <= {item["metric"] for item in records}
    assert "No films" in (tmp_path / "report.html").read_text()
    assert len(read_rows(tmp_path / "rows")) == 3


def test_the_demo_films_a_seed_without_a_display(tmp_path):
    """Both arms side by side, inside the report; skipped where there is no software OpenGL."""
    said = demo(tmp_path, "egl")
    if "cannot render" in said:
        pytest.skip(said)

    film = next(tmp_path.glob("*push*200000.mp4"))
    assert film.read_bytes()[4:8] == b"ftyp"
    assert "data:video/mp4;base64," in (tmp_path / "report.html").read_text()
