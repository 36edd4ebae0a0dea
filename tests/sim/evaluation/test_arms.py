"""The arms: which policy, how many candidates, which selection."""

import pytest

from sim.evaluation.arms import ARMS, Settings, arms_of
from sim.evaluation.cells import Cell
from sim.evaluation.plan import arm_source
from steer.errors import InvalidInputError

SETTINGS = Settings(num_candidates=16, margin=0.5, beta=1.0)


@pytest.mark.parametrize(
    ("name", "source", "num_candidates", "selector", "gated"),
    [
        ("alone", "diffusion-push", 1, "argmax", True),
        ("random", "diffusion-push", 16, "random", False),
        ("medoid", "diffusion-push", 16, "medoid", False),
        ("argmax", "diffusion-push", 16, "argmax", False),
        ("steered", "diffusion-push", 16, "argmax", True),
        ("worst", "diffusion-push", 16, "worst", False),
        ("filtered", "diffusion-filtered-push", 1, "argmax", True),
        ("filtered-steered", "diffusion-filtered-push", 16, "argmax", True),
        ("oracle", "diffusion-push", 16, "argmax", True),
        ("null", "diffusion-push", 1, "argmax", True),
    ],
)
def test_an_arm_is_an_ordinary_session(name, source, num_candidates, selector, gated):
    """What `proto/` offers to everybody is all that an arm uses."""
    arm = ARMS[name]

    selection = arm.selection(SETTINGS)

    assert arm_source(Cell("diffusion", "push"), arm) == source
    assert arm.num_candidates(SETTINGS) == num_candidates
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


def test_only_the_null_arm_sees_other_noise():
    """All others are paired by it."""
    assert {name for name, arm in ARMS.items() if arm.stream} == {"null"}
