"""Predicted advantages beside what came of them."""

import re

import numpy as np
import pytest

from sim.stats import ScoredDecision, calibration
from steer.errors import InvalidInputError


def draw_decisions(rng, *, num=200, slope=1.0):
    """Return decisions of 4 candidates whose outcomes are `slope` times the score, and noise."""
    decisions = []
    for number in range(num):
        scores = rng.normal(size=4)
        outcomes = slope * scores + 0.1 * rng.normal(size=4)
        decisions.append(ScoredDecision(episode=number // 5, scores=scores, outcomes=outcomes))
    return decisions


def test_a_calibrated_critic_has_what_it_predicted_in_every_bin(rng):
    """Predicted and observed agree, from low to high."""
    bins = calibration(draw_decisions(rng), rng=rng)

    predicted = [found.predicted for found in bins]
    assert predicted == sorted(predicted)
    assert predicted == pytest.approx([found.observed.value for found in bins], abs=0.05)
    assert [found.observed.n for found in bins] == [120] * 5
    assert all(found.observed.low < found.observed.value < found.observed.high for found in bins)


def test_a_boastful_critic_is_found_out(rng):
    """It promises twice what comes."""
    bins = calibration(draw_decisions(rng, slope=0.5), rng=rng)

    assert bins[-1].observed.high < bins[-1].predicted
    assert bins[0].observed.low > bins[0].predicted


def test_advantages_are_over_candidate_0(rng):
    """Of one decision, by hand; one episode says nothing about others."""
    decision = ScoredDecision(episode=0, scores=[1.0, 3.0, 3.0], outcomes=[1.0, 1.0, 0.0])

    (found,) = calibration([decision], rng=rng)

    assert (found.predicted, found.observed.value, found.observed.n) == (2.0, -0.5, 2)
    assert (found.observed.low, found.observed.high) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("decisions", "num_bins", "text"),
    [
        ([], 5, "decisions: expected at least one, got none"),
        ([], 0, "num_bins: expected 1 or more, got 0"),
    ],
)
def test_nothing_to_bin_is_refused(decisions, num_bins, text, rng):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        calibration(decisions, rng=rng, num_bins=num_bins)
