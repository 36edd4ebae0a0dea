"""Limits of a body: what its commands may be, and how fast they may change."""

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.limits import Limits


def limits(low=-1.0, high=1.0, first=np.inf, second=np.inf, third=np.inf, size=1):
    """Return the same limits for every dimension."""
    names = {"low": low, "high": high, "first": first, "second": second, "third": third}
    return Limits(**{name: np.full(size, value) for name, value in names.items()})


def body(mode, **changes):
    dims = (
        ActionDim(name="x", unit="m", scale=0.1, low=-1.0, high=1.0, **changes),
        ActionDim(name="gripper"),
    )
    return Embodiment(name="arm", control_hz=10.0, actions=dims, observations=(), mode=mode)


def test_differences_of_absolute_commands_are_velocity_acceleration_and_jerk():
    """In units: 0.2 m/s at 10 Hz are 0.02 m, which is 0.2 of a scale of 0.1 m."""
    found = Limits.of(body("absolute", max_step=0.5), velocity=0.2, acceleration=1.0, jerk=5.0)

    assert (found.low[0], found.high[0]) == (-1.0, 1.0)
    assert (found.low[1], found.high[1]) == (-np.inf, np.inf)
    assert found.first == pytest.approx([0.2, 0.02])  # the gripper has no scale, and no step
    assert found.second == pytest.approx([0.1, 0.01])
    assert found.third == pytest.approx([0.05, 0.005])
    assert Limits.of(body("absolute", max_step=0.1), velocity=0.2).first[0] == 0.1


def test_relative_commands_are_velocities_themselves():
    """Their range is the velocity's, their first difference the acceleration's.

    A gripper is a place all the same.
    """
    found = Limits.of(body("delta"), velocity=[0.05, 3.0], acceleration=1.0, jerk=5.0)

    assert (found.low[0], found.high[0]) == pytest.approx((-0.05, 0.05))
    assert (found.low[1], found.high[1]) == (-np.inf, np.inf)
    assert found.first == pytest.approx([0.1, 0.3])
    assert found.second == pytest.approx([0.05, 0.01])
    assert found.third == pytest.approx([np.inf, 0.005])
    assert Limits.of(body("delta"), acceleration=1.0, holds=()).third[1] == np.inf


def test_fitted_limits_are_kept_by_nearly_all_of_what_they_were_fitted_on():
    """A share of the differences, each order by itself; what never moves is not limited."""
    rng = np.random.default_rng(0)
    walks = [np.cumsum(rng.normal(size=(500, 1)), 0).astype(np.float32) for _ in range(4)]
    still = [np.concatenate([walk, np.zeros_like(walk)], 1) for walk in walks]

    found = Limits.fitted(still, quantile=0.99)

    steps = np.abs(np.concatenate([np.diff(walk[:, 0]) for walk in walks]))
    assert (steps <= found.first[0]).mean() == pytest.approx(0.99, abs=0.002)
    assert np.isinf(found.first[1])
    assert found.low[0] == min(walk.min() for walk in walks)
    assert Limits.fitted(still, quantile=0.99, slack=2.0).third[0] == 2 * found.third[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 2.0}, r"limits\.low, high: expected low <= high"),
        ({"first": 0.0}, r"limits\.first: expected numbers > 0"),
        ({"third": np.nan}, r"limits\.third: expected numbers > 0"),
    ],
)
def test_limits_that_are_none_are_refused(changes, message):
    """With the name of what is wrong."""
    with pytest.raises(InvalidInputError, match=message):
        limits(**changes)


def test_other_misuse_is_refused():
    """Shapes, quantiles, episodes that are too short."""
    for call, message in (
        (lambda: Limits.fitted([np.zeros((3, 1))], quantile=0.9), "commands: expected an episode"),
        (lambda: Limits.fitted([np.zeros((9, 1))], quantile=0.0), "quantile: expected a share"),
        (lambda: Limits(**{**vars_of(limits()), "low": np.zeros(2)}), "limits: expected five"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


def vars_of(found):
    return {name: getattr(found, name) for name in ("low", "high", "first", "second", "third")}
