"""The arms: which policy, how many candidates, which selection."""

import pytest

from sim.evaluation.arms import ARMS, Settings, arms_of
from steer.errors import InvalidInputError

SETTINGS = Settings(num_candidates=16, margin=0.5, beta=1.0)


@pytest.mark.parametrize(
    ("name", "policy", "num_candidates", "selector", "gated"),
    [
        ("alone", "push", 1, "argmax", True),
        ("random", "push", 16, "random", False),
        ("medoid", "push", 16, "medoid", False),
        ("argmax", "push", 16, "argmax", False),
        ("steered", "push", 16, "argmax", True),
        ("worst", "push", 16, "worst", False),
        ("filtered", "push-filtered", 1, "argmax", True),
        ("filtered-steered", "push-filtered", 16, "argmax", True),
    ],
)
def test_an_arm_is_an_ordinary_session(name, policy, num_candidates, selector, gated):
    """What `proto/` offers to everybody is all that an arm uses."""
    arm = ARMS[name]

    selection = arm.selection(SETTINGS)

    assert (arm.policy("push"), arm.num_candidates(SETTINGS)) == (policy, num_candidates)
    assert (selection.selector, selection.gated) == (selector, gated)
    assert (selection.margin, selection.beta) == (0.5, 1.0)


def test_an_arm_named_twice_is_run_once():
    """In the order of the first mention."""
    assert [arm.name for arm in arms_of("steered, alone,steered")] == ["steered", "alone"]


def test_an_unknown_arm_is_refused():
    """The text lists those that there are."""
    with pytest.raises(InvalidInputError) as refusal:
        arms_of("alone,best")

    assert str(refusal.value) == f"--arms: expected of {', '.join(ARMS)}, got 'best'"


def test_no_arm_is_refused():
    """An empty list is a typo."""
    with pytest.raises(InvalidInputError, match="at least one of"):
        arms_of(" , ")
