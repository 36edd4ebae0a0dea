"""The rule that picks N and the margin."""

import json

from sim import tune
from sim.evaluation.arms import Settings
from sim.stats import paired_difference
from sim.tune import GRID, choose

GOOD = paired_difference([True] * 20 + [False] * 10, [False] * 30)
BAD = paired_difference([True] * 5 + [False] * 25, [False] * 30)


def test_the_highest_lower_end_is_chosen():
    """Not the highest difference: that favours luck."""
    lucky = paired_difference([True] * 3, [False] * 3)
    trials = [
        (Settings(margin=0.0), lucky),
        (Settings(margin=0.5), GOOD),
        (Settings(margin=1.0), BAD),
    ]

    assert choose(trials).margin == 0.5


def test_of_equal_settings_the_larger_margin_is_chosen():
    """It leaves the policy alone more often."""
    trials = [(Settings(margin=margin), GOOD) for margin in (0.0, 1.0, 0.5)]

    assert choose(trials).margin == 1.0


def test_then_the_smaller_n_is_chosen():
    """It costs less."""
    trials = [(Settings(num_candidates=n, margin=0.5), GOOD) for n in (16, 8)]

    assert choose(trials).num_candidates == 8


def test_no_setting_is_tried_twice():
    """Each costs minutes."""
    assert len(set(GRID)) == len(GRID)


def test_a_tasks_choice_leaves_those_of_others(tmp_path, monkeypatch):
    """Tasks are tuned when their critics are ready."""
    monkeypatch.setattr(tune, "ARTEFACTS", tmp_path)

    tune._record("push", {"margin": 0.5}, {"episodes": 30})
    tune._record("cube-single", {"margin": 1.0}, {"episodes": 40})

    tree = json.loads((tmp_path / "tuning.json").read_text())
    assert tree["settings"] == {"push": {"margin": 0.5}, "cube-single": {"margin": 1.0}}
    assert tree["trials"]["push"] == {"episodes": 30}
    assert (tree["rule"], tree["seeds"]) == (tune.RULE, "tune")
