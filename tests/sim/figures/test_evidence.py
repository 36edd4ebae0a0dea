"""The side runs: how much data is enough, and disturbed tasks."""

import pytest

from sim.figures import data_curve, disturbed_cells


def rows_of(make_row, outcomes, *, task="push", arm="steered", **more):
    """Return a row for each outcome, on seeds from 0 on."""
    return [
        make_row(arm, seed, is_success=bool(won), task=task, **more)
        for seed, won in enumerate(outcomes)
    ]


@pytest.fixture
def alone(make_row):
    """Return the policy alone: one success of four."""
    return rows_of(make_row, (1, 0, 0, 0), arm="alone", indices=(0, 0))


def test_a_point_is_the_gain_over_the_policy_alone(make_row, alone):
    """In the order that was given."""
    runs = {
        "25": alone + rows_of(make_row, (1, 1, 0, 0)),
        "300": alone + rows_of(make_row, (1, 1, 1, 1)),
    }

    points = data_curve(runs)

    assert [point.amount for point in points] == ["25", "300"]
    assert [point.mean.fixed.value for point in points] == [0.25, 0.75]
    assert points[1].cells["diffusion/push"].won == 3


def test_all_points_are_of_the_same_cells(make_row, alone):
    """The suite has more cells than the runs beside it."""
    more = rows_of(make_row, (1, 1), task="scene") + rows_of(
        make_row, (0, 0), task="scene", arm="alone"
    )
    runs = {
        "25": alone + rows_of(make_row, (1, 1, 0, 0)),
        "300": alone + rows_of(make_row, (1, 1, 1, 1)) + more,
    }

    assert [set(point.cells) for point in data_curve(runs)] == [{"diffusion/push"}] * 2


def test_runs_without_a_cell_in_common_have_no_curve(make_row, alone):
    """Nothing is compared that is not the same."""
    other = rows_of(make_row, (1, 0), task="scene")

    assert data_curve({}) == ()
    assert data_curve({"25": alone, "50": other}) == ()


def test_a_disturbed_cell_stands_under_the_calm_one(make_row, alone):
    """With the argmax where it ran, and the share of overrides."""
    calm = alone + rows_of(make_row, (1, 1, 1, 1)) + rows_of(make_row, (1, 1), task="scene")
    rows = (
        rows_of(make_row, (1, 0, 0, 0), task="push~noise", arm="alone", indices=(0, 0))
        + rows_of(make_row, (1, 1, 0, 0), task="push~noise", indices=(0, 0, 0, 2))
        + rows_of(make_row, (0, 0, 0, 0), task="push~noise", arm="argmax")
    )

    first, second = disturbed_cells(rows, calm)

    assert (first.name, second.name) == ("diffusion/push", "diffusion/push~noise")
    assert first.argmax is None
    assert (second.steered.value, second.argmax.value) == (0.25, -0.25)
    assert second.override_rate == 0.25
    assert first.change is None
    assert second.change.value == -0.5  # a gain of .25, and .75 where nothing is disturbed
