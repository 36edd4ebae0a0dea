"""What the next delay is expected to be."""

import pytest

from steer.errors import InvalidInputError
from steer.loop.delay import DelayEstimate


def test_the_largest_of_the_last_few():
    """One bad moment is forgotten once the window has passed it."""
    estimate = DelayEstimate(window=3, first=2, most=8)
    seen = [estimate.ticks]
    for ticks in (1, 5, 2, 2, 2, 30):
        estimate.note(ticks)
        seen.append(estimate.ticks)

    assert seen == [2, 1, 5, 5, 5, 2, 8]


def test_nothing_comes_before_it_was_asked_for():
    """A clock that is off cannot make a delay negative."""
    estimate = DelayEstimate(most=8)
    estimate.note(-3)

    assert estimate.ticks == 0


@pytest.mark.parametrize("options", [{"window": 0}, {"first": 9}, {"first": -1}])
def test_what_is_out_of_range_is_refused(options):
    """With the range."""
    with pytest.raises(InvalidInputError, match="expected"):
        DelayEstimate(**{"most": 8, **options})
