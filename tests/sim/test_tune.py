"""The rule that picks N, the margin and beta."""

import json

import numpy as np
import pytest

from sim import tune
from sim.evaluation.arms import Settings
from sim.evaluation.row import Row
from sim.stats import Estimate, MeanGain
from sim.suite import cells_of
from sim.tasks import spec_of
from sim.tune import CELLS, GRID, choose


def gain(value, low):
    """Return a mean gain."""
    found = Estimate(value, low, 2 * value - low, 180)
    return MeanGain(found, found)


def test_the_highest_lower_end_is_chosen():
    """Not the highest gain: that favours luck."""
    trials = [
        (Settings(margin=0.0), gain(0.5, 0.0)),
        (Settings(margin=0.5), gain(0.3, 0.2)),
        (Settings(margin=1.0), gain(0.1, 0.0)),
    ]

    assert choose(trials).margin == 0.5


def test_of_equal_settings_the_larger_margin_is_chosen():
    """It leaves the policy alone more often."""
    trials = [(Settings(margin=margin), gain(0.3, 0.2)) for margin in (0.0, 1.0, 0.5)]

    assert choose(trials).margin == 1.0


def test_then_the_smaller_n_is_chosen():
    """It costs less."""
    trials = [(Settings(num_candidates=n, margin=0.5), gain(0.3, 0.2)) for n in (16, 8)]

    assert choose(trials).num_candidates == 8


def test_no_setting_is_tried_twice():
    """Each costs minutes."""
    keys = {(tune._name(settings), settings.num_candidates) for settings in GRID}
    assert len(keys) == len(GRID)


def test_the_cells_are_of_every_package_and_of_strong_policies_too():
    """One choice is for all of them."""
    cells = cells_of(CELLS)

    assert {spec_of(cell.task).package for cell in cells} == {
        "metaworld",
        "ogbench",
        "gymnasium-robotics",
    }
    assert {cell.policy for cell in cells} >= {"diffusion", "act", "dit", "diffusion-clean"}


@pytest.fixture
def rows(make_row) -> list[Row]:
    """Return rows of push where steering with a margin of 0.5 and N = 16 wins every seed."""
    alone = [make_row("alone", seed, is_success=False) for seed in range(20)]
    good = [make_row("steered", seed) for seed in range(20)]
    return alone + good + [make_row("steered", s, is_success=s > 9, count=8) for s in range(20)]


def test_the_record_has_every_trial_and_the_choice(rows):
    """With the critics that it holds for."""
    alone = [row for row in rows if row.arm == "alone"]
    grid = [Settings(num_candidates=n, margin=0.5) for n in (8, 16)]
    trials = [(item, tune._gain(item, alone, rows)) for item in grid]

    record = tune._record(cells_of("diffusion/push"), 20, trials, {"push": "sha256:a"})

    assert json.loads(json.dumps(record)) == record
    assert Settings(**record["settings"]) == Settings(num_candidates=16, margin=0.5)
    assert [trial["gain"] for trial in record["trials"]] == [0.5, 1.0]
    assert (record["critics"], record["cells"]) == ({"push": "sha256:a"}, ["diffusion/push"])
    assert np.isclose(record["trials"][1]["low"], 1.0)
