"""Rows of the bench: they come back as they were written, and say how smooth commands were."""

from dataclasses import replace

import numpy as np
import pytest

from sim.realtime.bench import Rows
from sim.realtime.row import jerk_of, largest_step
from sim.realtime.table import table
from steer.errors import InvalidInputError


@pytest.fixture
def row(make_bench_row):
    return make_bench_row(
        method="ours",
        steps=80,
        rungs={"STEERED": 70, "HOLD": 10},
    )


def test_rows_come_back_and_a_torn_one_is_forgotten(row, tmp_path):
    """Whoever was killed in the middle of a line plays that episode again."""
    path = tmp_path / "run" / "rows.jsonl"
    rows = Rows(path)
    rows.add(row)
    rows.add(replace(row, seed=8))
    path.write_text(path.read_text() + row.to_line()[:40])

    again = Rows(path)
    assert again.rows == [row, replace(row, seed=8)]
    assert again.keys == {row.key, replace(row, seed=8).key}
    assert path.read_text().count("\n") == 2


@pytest.mark.parametrize("line", ["no json\n", "[]\n", '{"cell": "dit/push"}\n'])
def test_what_is_no_row_is_refused(line, tmp_path):
    """With what a row has."""
    (tmp_path / "rows.jsonl").write_text(line)
    with pytest.raises(InvalidInputError, match="row: expected"):
        Rows(tmp_path / "rows.jsonl")


def test_a_straight_line_has_no_jerk_and_a_corner_has():
    """Of motions alone: a gripper may jump."""
    is_motion = np.array([True, False])
    line = np.stack([np.arange(10.0), np.tile([0, 1], 5)], axis=1).astype(np.float32)
    corner = line.copy()
    corner[5:, 0] = 5

    assert jerk_of(line, is_motion) == 0
    assert jerk_of(corner, is_motion) == pytest.approx(np.sqrt(1 / 8))
    assert jerk_of(line[:2], is_motion) == 0


def test_the_seam_is_the_largest_step_at_a_splice():
    """Nothing is said of the first tick, nor of steps in between."""
    commands = np.float32([[0, 0], [3, 0], [3.5, 0], [3.5, 9]])
    is_motion = np.array([True, False])

    assert largest_step(commands, [0, 2, 3], is_motion) == pytest.approx(0.5)
    assert largest_step(commands, [0], is_motion) == 0


def test_the_table_has_a_line_for_each_method_and_delay(row):
    """With success and its interval, and the share of ticks without an action."""
    late = replace(row, delay=5)
    rows = [late, replace(late, seed=8, is_success=False), replace(row, method="wait")]
    lines = [line.split() for line in table(rows).splitlines()]

    assert lines[0][:4] == ["method", "delay", "n", "success"]
    assert [line[:4] for line in lines[1:]] == [
        ["wait", "0", "1", "1.00"],
        ["ours", "5", "2", "0.50"],
    ]
    assert lines[2][6] == "0.125"
