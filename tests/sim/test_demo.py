"""What the demo decides by itself: what to go on with, and what to film."""

import fcntl

import pytest

from sim import demo
from sim.suite import critic_path
from sim.tasks import DEMO
from steer.critics.card import CriticCard
from steer.critics.verdict import audit_fault
from steer.errors import ConfigError


@pytest.fixture
def rows(tmp_path):
    """Return the directory of an interrupted run of commit `abc`."""
    path = tmp_path / "rows"
    demo._begin(path, "abc")
    (path / "rows.jsonl").write_text("{}\n")
    return path


def test_a_first_run_begins_at_its_beginning(tmp_path):
    """Its minutes count."""
    assert demo._begin(tmp_path / "rows", "abc")


def test_an_interrupted_run_goes_on(rows):
    """Its episodes count, its minutes do not."""
    assert not demo._begin(rows, "abc")
    assert (rows / "rows.jsonl").exists()


def test_a_complete_run_is_replaced(rows):
    """Else a second `make demo` would show the first."""
    (rows / "complete").touch()

    assert demo._begin(rows, "abc")
    assert not (rows / "rows.jsonl").exists()


def test_an_interrupted_run_of_another_commit_is_set_aside(rows):
    """Episodes of two versions are never put together, nor thrown away."""
    assert demo._begin(rows, "def")
    assert not (rows / "rows.jsonl").exists()
    assert (rows.with_suffix(".1") / "rows.jsonl").exists()


def test_the_rows_of_a_running_demo_are_left_alone(rows):
    """Two cannot write to one place."""
    with (rows / "rows.jsonl").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="of no running demo"):
            demo._begin(rows, "def")

    assert (rows / "rows.jsonl").exists()


def test_no_earlier_run_is_ever_overwritten(rows):
    """Neither by a second one set aside, nor by one that was stopped before its first episode."""
    demo._begin(rows, "def")
    demo._begin(rows, "ghi")
    (rows / "rows.jsonl").write_text("{}{}\n")
    demo._begin(rows, "jkl")

    assert (rows.with_suffix(".1") / "rows.jsonl").read_text() == "{}\n"
    assert (rows.with_suffix(".2") / "rows.jsonl").read_text() == "{}{}\n"
    assert not rows.with_suffix(".3").exists()


def test_a_run_outside_of_a_checkout_is_never_gone_on_with(tmp_path):
    """Nothing tells whether it is the same code."""
    demo._begin(tmp_path / "rows", "")
    (tmp_path / "rows" / "rows.jsonl").write_text("{}\n")

    assert demo._begin(tmp_path / "rows", "")


def test_an_interrupted_run_of_files_not_committed_is_set_aside(tmp_path):
    """They may have changed since."""
    rows = tmp_path / "rows"
    demo._begin(rows, "abc-dirty")
    (rows / "rows.jsonl").write_text("{}\n")

    assert demo._begin(rows, "abc-dirty")
    assert not (rows / "rows.jsonl").exists()


def test_the_recorded_command_measures_the_same():
    """Not every run is `make demo`."""
    usual = demo._command(DEMO, num_episodes=30, num_workers=demo._WORKERS, is_filmed=True)
    some = demo._command(["push"], num_episodes=5, num_workers=4, is_filmed=False)

    assert usual == "make demo EPISODES=30"
    assert some == "python -m sim.demo --episodes 5 --tasks push --workers 4 --no-films"


def test_a_wrong_task_is_refused(capsys, tmp_path):
    """Exit code 2 and one line."""
    assert demo.main(["--tasks", "pull", "--output", str(tmp_path)]) == 2
    assert "pull" in capsys.readouterr().err


@pytest.mark.parametrize("task", DEMO)
def test_the_demo_s_server_needs_no_leave_for_its_critics(task):
    """All of them passed their audit; that of `make demo` is started without the flag."""
    path = critic_path(task) / "card.json"

    assert audit_fault(CriticCard.from_json(path.read_text())) == ""
