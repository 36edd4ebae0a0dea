"""`python -m sim.realtime`: real decisions, real physics, delays on purpose."""

import json

import pytest

from sim.realtime.__main__ import main
from sim.realtime.bench import Rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CELL = "dit/fetch-push"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Play two seeds with a delay and without one; return the directory of the run."""
    output = tmp_path_factory.mktemp("realtime")
    words = ["bench", "--cells", CELL, "--episodes", "2", "--candidates", "4", "--seeds", "user"]
    words += ["--workers", "1", "--output", str(output)]
    assert main([*words, "--methods", "wait", "naive", "freeze", "--delays", "0"]) == 0
    assert main([*words, "--methods", "wait", "naive", "freeze", "--delays", "0", "5"]) == 0
    return output


def test_without_delay_nobody_stands_and_waiting_is_what_the_evaluation_does(played, tmp_path):
    """Outcome and length of each episode are those of `sim.evaluate`, to the tick."""
    from sim import evaluate
    from sim.evaluation.rows import read_rows

    words = f"--cells {CELL} --arms steered --episodes 2 --candidates 4 --seeds user --workers 1"
    assert evaluate.main([*words.split(), "--output", str(tmp_path / "run")]) == 0
    expected = {row.seed: (row.is_success, row.steps) for row in read_rows(tmp_path / "run")}

    rows = [row for row in Rows(played / "rows.jsonl").rows if row.delay == 0]
    assert {row.method for row in rows} == {"wait", "naive", "freeze"}
    for row in rows:
        assert row.rungs.keys() <= {"STEERED", "POLICY"}
        if row.method == "wait" and not row.broken:
            assert (row.is_success, row.steps) == expected[row.seed]


def test_with_a_delay_waiting_stands_and_asking_ahead_does_not(played):
    """But for the first answer, which nobody can ask for ahead."""
    rows = {(row.method, row.seed): row for row in Rows(played / "rows.jsonl").rows if row.delay}
    assert len(rows) == 6
    for (method, _), row in rows.items():
        stood = sum(row.rungs.get(name, 0) for name in ("NOTHING", "HOLD")) / row.steps
        assert min(row.delays_ticks) >= 5
        assert (stood > 0.3) == (method == "wait")


def test_a_policy_that_looks_is_guided_by_what_runs(tmp_path):
    """Its camera is the robot's, alone it has one candidate, and once it runs it never stands."""
    words = ["bench", "--cells", "smolvla/fetch-push", "--episodes", "2", "--candidates", "4"]
    words += ["--methods", "rtc", "rtc-steered", "--delays", "5", "--seeds", "user"]
    assert main([*words, "--workers", "1", "--output", str(tmp_path)]) == 0

    rows = {(row.method, row.seed): row for row in Rows(tmp_path / "rows.jsonl").rows}
    assert len(rows) == 4
    for (method, _), row in rows.items():
        assert row.num_candidates == (1 if method == "rtc" else 4)
        assert row.overrides == 0 or method == "rtc-steered"
        assert row.rungs.get("HOLD", 0) == 0


def test_what_is_complete_is_not_played_again_and_other_settings_are_refused(played, capsys):
    """Rows of other candidates do not mix."""
    words = ["bench", "--cells", CELL, "--seeds", "user", "--output", str(played), "--delays", "5"]
    before = (played / "rows.jsonl").read_text()

    assert main([*words, "--methods", "naive", "--episodes", "1", "--candidates", "4"]) == 0
    assert main([*words, "--methods", "naive", "--episodes", "1", "--candidates", "8"]) == 2
    assert "expected a run of the same settings, got another" in capsys.readouterr().err
    assert (played / "rows.jsonl").read_text() == before
    assert json.loads((played / "run.json").read_text())["made_by"]


def test_limits_that_are_missing_are_asked_for(tmp_path, capsys):
    """With the command that makes them."""
    words = ["bench", "--cells", CELL, "--limits", str(tmp_path / "none.json")]
    assert main([*words, "--output", str(tmp_path)]) == 2
    assert "run: python -m sim.realtime limits --cells dit/fetch-push" in capsys.readouterr().err


def test_edits_that_would_have_no_room_are_refused(tmp_path, capsys):
    """Instead of a run of `ours` under another name."""
    words = ["bench", "--cells", "dit/fetch-pick-and-place", "--methods", "ours-edit"]
    words += ["--episodes", "1", "--delays", "5", "--candidates", "64", "--seeds", "user"]

    assert main([*words, "--workers", "1", "--output", str(tmp_path)]) == 2
    said = "--candidates: expected <= 47, so that 16 edits have room, got 64"
    assert said in capsys.readouterr().err
