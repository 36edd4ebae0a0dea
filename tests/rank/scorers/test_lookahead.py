"""Look-ahead: few calls of a simulator, spent where they tell most."""

import numpy as np
import pytest

from steer.errors import ConfigError, InvalidInputError, PolicyError
from steer.rank.scorers.base import combine
from steer.rank.scorers.lookahead import LookAhead

CHUNKS = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 2, 4), np.float32)
OUTCOMES = np.float32([0.2, 0.9, 0.1, 0.6, 0.4])


class Simulator:
    """Says how each chunk ends, and remembers which were asked for."""

    def __init__(self, outcomes=OUTCOMES):
        self.outcomes, self.asked = outcomes, []

    def __call__(self, chunk_HA):
        self.asked.append(int(chunk_HA[0, 0]))
        return float(self.outcomes[self.asked[-1]])


def says(*scores):
    return lambda situation: np.array(scores, np.float32)


GUESS = says(0, 3, 1, 4, 2)


def test_with_calls_enough_the_score_is_the_simulator_s(situated):
    """Every candidate once."""
    simulator = Simulator()

    scores = LookAhead(order_by=GUESS, max_calls=9)(situated(CHUNKS, simulate=simulator))

    np.testing.assert_array_equal(scores, OUTCOMES)
    assert sorted(simulator.asked) == [0, 1, 2, 3, 4]


def test_the_policy_s_own_comes_first_and_then_the_best_guesses(situated):
    """Candidate 0 is never the worst for want of a call."""
    simulator = Simulator()

    scores = LookAhead(order_by=GUESS, max_calls=3)(situated(CHUNKS, simulate=simulator))

    assert simulator.asked == [0, 3, 1]
    np.testing.assert_array_equal(scores, np.float32([0.2, 0.9, 0.2, 0.6, 0.2]))


def test_a_good_order_finds_the_best_with_few_calls(situated):
    """The simulator corrects the guess: it preferred 3, and 1 ends better."""
    scores = LookAhead(order_by=GUESS, max_calls=3)(situated(CHUNKS, simulate=Simulator()))

    assert scores.argmax() == OUTCOMES.argmax() == 1


def test_one_call_tells_nothing_and_changes_nothing(situated):
    """All have the score of candidate 0, which adds up to nothing."""
    situation = situated(CHUNKS, simulate=Simulator())
    ahead = LookAhead(order_by=GUESS, max_calls=1)

    combined = combine(situation, {"lookahead": 1.0}, scorers={"lookahead": ahead})

    assert not combined.score_N.any()
    assert combined.num_faults == 0


def test_without_a_simulator_or_an_order_it_cannot_score(situated):
    """Nothing is simulated at random."""
    simulator = Simulator()

    assert LookAhead(order_by=GUESS, max_calls=3)(situated(CHUNKS)) is None
    blind = LookAhead(order_by=lambda situation: None, max_calls=3)
    assert blind(situated(CHUNKS, simulate=simulator)) is None
    assert simulator.asked == []


@pytest.mark.parametrize("order", [says(0, 1), says(0, np.nan, 0, 0, 0)])
def test_an_order_that_is_none_is_refused(situated, order):
    """The simulator's time is not spent on noise."""
    simulator = Simulator()

    with pytest.raises(InvalidInputError, match=r"lookahead.order_by: expected 5 finite scores"):
        LookAhead(order_by=order, max_calls=3)(situated(CHUNKS, simulate=simulator))

    assert simulator.asked == []


def test_a_simulation_that_explodes_leaves_the_look_ahead_out(situated):
    """NaN for one candidate is seen by the sum of scores."""
    situation = situated(CHUNKS, simulate=Simulator(np.float32([0.2, np.nan, 0, 0.6, 0])))
    ahead = LookAhead(order_by=GUESS, max_calls=3)

    combined = combine(situation, {"lookahead": 1.0}, scorers={"lookahead": ahead})

    assert set(combined.faults) == {"lookahead"}


def test_a_simulator_that_dies_leaves_the_look_ahead_out(situated):
    """Its own words are in the faults."""

    def dead(chunk_HA):
        raise PolicyError("simulator: the worker died")

    ahead = LookAhead(order_by=GUESS, max_calls=3)

    combined = combine(
        situated(CHUNKS, simulate=dead), {"lookahead": 1.0}, scorers={"lookahead": ahead}
    )

    assert combined.faults == {"lookahead": "simulator: the worker died"}


def test_a_budget_without_a_call_is_refused():
    """At least the policy's own chunk is simulated."""
    with pytest.raises(ConfigError, match=r"lookahead.max_calls: expected at least 1, got 0"):
        LookAhead(order_by=GUESS, max_calls=0)
