"""The last observations of an episode."""

import pytest

from steer.errors import InvalidInputError
from steer.history import ObservationHistory
from steer.types import Observation


def test_the_history_keeps_the_last_ones_oldest_first():
    """And none of the episode before."""
    first, second, third = (Observation({}) for _ in range(3))
    history = ObservationHistory(2)
    for item in (first, second, third):
        history.append(item)
    kept = list(history)

    history.reset()

    assert kept == [second, third]
    assert len(history) == 0


def test_a_history_of_none_is_refused():
    """A policy sees at least the present."""
    with pytest.raises(InvalidInputError, match=r"^num_observations: expected >= 1, got 0$"):
        ObservationHistory(0)
