"""Thresholds from successes: what they promise holds exactly, and too few are refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.alarm import Threshold, largest_in_a_row
from steer.loop.thresholds import (
    MONITORS,
    Curve,
    Signals,
    Thresholds,
    conformal,
    fit_thresholds,
)

LIMIT = Threshold(high=2.0, low=1.0, in_a_row=2, cooldown_ticks=16)


def episode(*values, step=8, **signals):
    """Return an episode whose state is worth so much at every decision."""
    read = dict.fromkeys(("stac", "departure", "sample_variance", "ensemble_spread"), 0.0)
    return [
        Signals(tick=step * number, value=value, **{**read, **signals})
        for number, value in enumerate(values)
    ]


@given(
    scores=st.lists(st.integers(0, 9).map(float), min_size=2, max_size=40),
    alpha=st.sampled_from([0.05, 0.1, 0.2, 0.5]),
)
def test_at_most_a_share_of_alpha_is_above_the_threshold_of_the_others(scores, alpha):
    """Exactly, for any numbers, ties included: who is the new one is chance, and no more."""
    if len(scores) - 1 < math.ceil((1 - alpha) / alpha - 1e-9):
        return
    above = sum(
        score > conformal(scores[:number] + scores[number + 1 :], alpha=alpha)
        for number, score in enumerate(scores)
    )

    assert above <= alpha * len(scores) + 1e-9


@pytest.mark.parametrize(("alpha", "least"), [(0.1, 9), (0.05, 19), (0.5, 1), (0.3, 3)])
def test_too_few_successes_for_alpha_are_refused_by_number(alpha, least):
    """With as many as are said it is the largest one."""
    scores = [float(number) for number in range(least)]

    assert conformal(scores, alpha=alpha) == least - 1
    with pytest.raises(InvalidInputError) as caught:
        conformal(scores[1:], alpha=alpha)
    text = f"thresholds: expected at least {least} successful episodes for alpha = {alpha:g}"
    assert str(caught.value) == f"{text}, got {least - 1}"


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_that_is_no_share_is_refused(alpha):
    """Nobody can be promised nothing."""
    with pytest.raises(InvalidInputError, match=r"alpha: expected a share in \(0, 1\)"):
        conformal([1.0], alpha=alpha)


def test_the_expected_value_is_that_of_episodes_which_ran_for_so_long():
    """The median, straight between decisions; where fewer than three run it stays."""
    fast = [episode(-3.0, -1.0), episode(-4.0, -2.0), episode(-5.0, -3.0)]
    slow = episode(-6.0, -5.0, -4.0, -3.0, step=4)
    curve = Curve.fitted([*fast, slow])

    assert curve(0) == -4.5
    assert curve(4) == -3.5  # -2, -3, -4 and -5
    assert curve(8) == -2.5
    assert curve(100) == -2.5


def test_an_expectation_needs_three_episodes_with_values():
    """None of a policy without a critic."""
    with pytest.raises(InvalidInputError, match="at least 3 episodes with values, got 2"):
        Curve.fitted([episode(-1.0), episode(-1.0), episode(None)])


def test_thresholds_are_fitted_on_what_episodes_reach_in_a_row():
    """Nine episodes and alpha = .1: the largest; an alarm ends at what half of them reach."""
    episodes = [
        [Signals(tick=8 * at, value=-1.0, stac=x, departure=0.0, sample_variance=0.0,
                 ensemble_spread=0.0) for at, x in enumerate([0.0, 10.0 * number, float(number)])]
        for number in range(9)
    ]  # fmt: skip
    found = fit_thresholds(
        episodes, scale=(1.0, math.inf), alpha=0.1, in_a_row=2, cooldown_ticks=16
    )

    assert found.limits["stac"] == Threshold(high=8.0, low=8.0, in_a_row=2, cooldown_ticks=16)
    alone = fit_thresholds(episodes, scale=(1.0,), alpha=0.1)
    assert alone.limits["stac"] == Threshold(high=80.0, low=40.0)
    assert set(found.limits) == set(MONITORS)
    assert found.expected(0) == -1.0


def test_progress_of_a_fitted_episode_is_against_the_values_of_the_others():
    """The worst of four is 2 behind the median of the others, and 1.5 behind that of all."""
    episodes = [episode(value, value) for value in (-1.0, -2.0, -3.0, -4.0)]
    found = fit_thresholds(episodes, scale=(1.0,), alpha=0.2)

    assert found.limits["value_progress"].high == 2.0
    assert found.expected(0) == -2.5


@given(st.lists(st.integers(0, 6).map(float), min_size=12, max_size=24), st.integers(1, 2))
def test_no_more_than_alpha_of_the_fitted_episodes_alarm(numbers, in_a_row):
    """Of any monitor whose readings are their own."""
    episodes = [episode(-1.0, -1.0, -1.0, stac=number, departure=-number) for number in numbers]
    found = fit_thresholds(episodes, scale=(1.0,), alpha=0.2, in_a_row=in_a_row)

    for name in ("stac", "departure"):
        high = found.limits[name].high
        readings = [[item.readings(None)[name] for item in each] for each in episodes]
        above = sum(largest_in_a_row(each, in_a_row) > high for each in readings)
        assert above <= 0.2 * len(episodes)


def test_episodes_that_are_too_short_to_alarm_fit_no_threshold():
    """Minus infinity would alarm at once in every longer one."""
    episodes = [episode(-1.0) for _ in range(12)]

    with pytest.raises(
        InvalidInputError, match="thresholds of stac: expected episodes with 2 read"
    ):
        fit_thresholds(episodes, scale=(1.0,), alpha=0.2, in_a_row=2)


def test_thresholds_come_out_of_json_as_they_went_in():
    """Infinite scales, too."""
    curve = Curve((0, 8), (-3.0, -1.5))
    made = Thresholds(
        scale=(1.0, math.inf), limits={"stac": LIMIT, "value_progress": LIMIT}, expected=curve
    )
    bare = Thresholds(scale=(1.0,), limits={})

    assert Thresholds.from_tree(json.loads(json.dumps(made.to_tree()))) == made
    assert Thresholds.from_tree(json.loads(json.dumps(bare.to_tree()))) == bare


GOOD = Thresholds(scale=(1.0,), limits={"stac": LIMIT}).to_tree()


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {**GOOD, "more": 1},
        {**GOOD, "scale": None},
        {**GOOD, "scale": ["x"]},
        {**GOOD, "limits": {"stac": {"high": 1.0}}},
        {**GOOD, "limits": {"stac": None}},
        {**GOOD, "limits": {"clock": LIMIT.to_tree()}},
        {**GOOD, "limits": {"value_progress": LIMIT.to_tree()}},
        {**GOOD, "expected": [[0, 1]]},
        {**GOOD, "expected": [[1, 0], [0.0, 0.0]]},
        {**GOOD, "expected": [[], []]},
        {**GOOD, "expected": [[0], [math.nan]]},
    ],
)
def test_a_tree_of_something_else_is_refused(tree):
    """With an error of ours, whatever it is."""
    with pytest.raises(InvalidInputError):
        Thresholds.from_tree(tree)
