"""Comparisons that stop early: their verdicts, their error rates, what they save."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.stats import (
    SequentialPlan,
    SequentialTest,
    discordance,
    mcnemar_power,
    run_sequentially,
)
from steer.errors import InvalidInputError

PLAN = SequentialPlan()
OPPOSITE = {
    "better": "worse",
    "worse": "better",
    "equivalent": "equivalent",
    "no clear difference": "no clear difference",
}
PAIRS = st.lists(st.sampled_from([-1, 0, 0, 1, 1]), min_size=30, max_size=30)


def draw(rng, won, lost, *, num_runs):
    """Return pairs of runs, shape [num_runs, 100]."""
    return rng.choice([1, -1, 0], p=[won, lost, 1.0 - won - lost], size=(num_runs, 100))


def feed(pairs, plan):
    """Return the test after the pairs that it asked for."""
    test = SequentialTest(plan)
    for pair in pairs:
        if test.add(first=pair > 0, second=pair < 0) is not None:
            break
    return test


def test_an_arm_that_wins_every_pair_is_soon_better():
    """After nine pairs: 2 / 2^9 is the first chance below what may be spent by then."""
    result = feed([1] * 100, PLAN).result()

    assert (result.verdict, result.pairs, result.gain.value) == ("better", 9, 1.0)
    assert result.p_value == pytest.approx(2 / 2**9)
    assert result.gain.low > 0.0


def test_arms_that_always_agree_are_soon_equivalent():
    """Nothing differs in 28 pairs, so a gain of .15 is out of the question."""
    result = feed([0] * 100, PLAN).result()

    assert (result.verdict, result.pairs, result.p_value) == ("equivalent", 28, 1.0)


def test_arms_that_take_turns_run_to_the_end():
    """Many pairs differ, none of the arms leads, and 100 pairs are too few to call it equal."""
    result = feed([1, -1] * 50, PLAN).result()

    assert (result.verdict, result.pairs, result.p_value) == ("no clear difference", 100, 1.0)


def test_before_the_verdict_there_is_none():
    """The figures so far may be looked at; the p-value waits, or looking would pay."""
    result = feed([1, 1, 1], PLAN).result()

    assert (result.verdict, result.pairs, result.p_value) == (None, 3, 1.0)
    assert result.gain.low < 0.0


@pytest.mark.slow
@settings(max_examples=30)
@given(PAIRS)
def test_one_by_one_and_all_at_once_are_the_same(pairs):
    """The class and the function, on the same pairs."""
    plan = SequentialPlan(max_pairs=30, alpha=0.1, region=0.3)

    one = feed(pairs, plan).result()
    verdicts, used = run_sequentially([pairs, pairs], plan)

    assert list(verdicts) == [one.verdict] * 2
    assert list(used) == [one.pairs] * 2


@settings(max_examples=30)
@given(PAIRS)
def test_swapping_the_arms_swaps_the_verdict(pairs):
    """No arm is favoured."""
    plan = SequentialPlan(max_pairs=30, alpha=0.2, region=0.3)

    (there, back), used = run_sequentially([pairs, [-pair for pair in pairs]], plan)

    assert back == OPPOSITE[there]
    assert used[0] == used[1]


def test_after_the_verdict_no_pair_is_taken():
    """Who goes on after the verdict does not have its error rate."""
    test = feed([1] * 9, PLAN)

    with pytest.raises(InvalidInputError, match="no more after the verdict 'better', got pair 10"):
        test.add(first=True, second=False)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: SequentialPlan(max_pairs=0), "max_pairs: expected 1 or more, got 0"),
        (lambda: SequentialPlan(alpha=1.0), "alpha: expected a number in (0, 1), got 1.0"),
        (lambda: SequentialPlan(region=0.0), "region: expected a number in (0, 1), got 0.0"),
        (
            lambda: run_sequentially([[1] * 99], PLAN),
            "pairs: expected shape [R, S] with S >= 100, got shape (1, 99)",
        ),
        (
            lambda: run_sequentially([[2] * 100], PLAN),
            "pairs: expected each -1, 0 or 1, got [2]",
        ),
    ],
)
def test_what_is_no_plan_or_no_pairs_is_refused(call, text):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("differing", [0.05, 0.2, 0.5, 1.0])
def test_arms_that_do_not_differ_are_seldom_told_apart(differing, rng):
    """Of 2,000 runs at most 5%, and the error of counting that: the rate is at most .05."""
    pairs = draw(rng, differing / 2, differing / 2, num_runs=2_000)

    verdicts, _ = run_sequentially(pairs, PLAN)

    assert np.isin(verdicts, ("better", "worse")).mean() <= 0.05 + 2 * 0.005


@pytest.mark.slow
@pytest.mark.parametrize("differing", [0.15, 0.3, 0.6])
def test_arms_that_differ_by_the_region_are_seldom_equivalent(differing, rng):
    """Of 2,000 runs with a gain of .15 at most 5%."""
    pairs = draw(rng, (differing + 0.15) / 2, (differing - 0.15) / 2, num_runs=2_000)

    verdicts, _ = run_sequentially(pairs, PLAN)

    assert (verdicts == "equivalent").mean() <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alone", "correlation"), [(0.3, 0.0), (0.3, 0.3), (0.1, 0.3), (0.45, 0.1), (0.3, 0.7)]
)
def test_a_mix_of_gains_takes_three_fifths_of_the_pairs(alone, correlation, rng):
    """Gains of 0 to .5 in equal parts: 40% saved, and 5 points of power lost at most."""
    used, lost_power = [], []
    for gain in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        won, lost = discordance(alone, gain, correlation=correlation)
        verdicts, pairs = run_sequentially(draw(rng, won, lost, num_runs=400), PLAN)
        used.append(pairs.mean())
        power = mcnemar_power(100, won=won, lost=lost)
        lost_power.append(power - np.isin(verdicts, ("better", "worse")).mean())

    assert 1.0 - np.mean(used) / 100 >= 0.40
    assert max(lost_power) <= 0.05 + 3 * 0.02
