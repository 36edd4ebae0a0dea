"""Limits are checked on the commands alone."""

import numpy as np
import pytest

from sim.realtime.kept import broken_limits, largest_step
from steer.limits import Limits
from steer.loop.limiter import Limiter

ONE = np.ones(2)
LIMITS = Limits(low=-ONE, high=ONE, first=0.5 * ONE, second=0.5 * ONE, third=0.5 * ONE)


def commands(*values):
    return np.repeat(np.float32(values)[:, None], 2, axis=1)


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ((0.0, 0.1, 0.2, 0.3), set()),
        ((0.0, 0.5, 1.0, 1.5), {"range"}),
        ((0.0, 0.25, 0.75, 0.75, 0.5), {"third"}),
        ((0.0, 0.4, 0.4, 0.0), set()),
        ((0.0, 0.45, 0.35, 0.25), {"second", "third"}),
        ((0.0, 0.6, 0.6, 0.6), {"first", "second", "third"}),
    ],
)
def test_each_limit_that_commands_break_is_found(values, broken):
    """By name; the ticks are counted."""
    found = broken_limits(commands(*values), LIMITS)

    assert {name for name, count in found.items() if count} == broken


def test_what_is_not_finite_is_found():
    """A robot must never be told that."""
    assert broken_limits(commands(0.0, np.nan, 0.0, 0.0), LIMITS)["finite"] == 1


def test_what_a_limiter_sends_breaks_neither_range_nor_first_difference(rng):
    """Whatever was wanted; and the largest step is said in parts of its limit."""
    limiter = Limiter(LIMITS)
    limiter.reset(np.zeros(2, np.float32))
    wild = rng.normal(scale=3.0, size=(500, 2)).astype(np.float32)

    sent = np.array([limiter.apply(row).command for row in wild])

    found = broken_limits(sent, LIMITS)
    assert (found["finite"], found["range"], found["first"]) == (0, 0, 0)
    assert 0.5 < largest_step(sent, LIMITS) <= 1.0 + 1e-5
    assert largest_step(commands(0.0, 0.25), LIMITS) == pytest.approx(0.5)
