"""The embodiment: its limits, its comparison field by field, and its text."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError

ARM = Embodiment(
    name="arm",
    control_hz=20.0,
    actions=(
        ActionDim(name="dx", unit="m", scale=0.05, low=-1.0, high=1.0, max_step=0.5),
        ActionDim(name="gripper", low=-1.0, high=1.0),
    ),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(7,), unit="rad"),
        ObservationField(name="observation.images.top", dtype="uint8", shape=(48, 64, 3)),
    ),
    mode="delta",
    frame="base",
    rotation="none",
    gripper="closes",
)
WORDS = st.text(max_size=8)
NUMBERS = st.floats(-100.0, 100.0)
ACTIONS = st.builds(
    lambda name, unit, scale, low, width: ActionDim(
        name=name, unit=unit, scale=scale, low=low, high=low + width
    ),
    name=st.text(min_size=1, max_size=8),
    unit=WORDS,
    scale=NUMBERS,
    low=NUMBERS,
    width=st.floats(0.0, 10.0),
)
OBSERVATIONS = st.builds(
    ObservationField,
    name=WORDS,
    dtype=st.sampled_from(["float32", "uint8"]),
    shape=st.tuples(st.integers(1, 9)) | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    unit=WORDS,
)
EMBODIMENTS = st.builds(
    Embodiment,
    name=WORDS,
    control_hz=st.floats(0.1, 1000.0),
    actions=st.lists(ACTIONS, min_size=1, max_size=4).map(tuple),
    observations=st.lists(OBSERVATIONS, max_size=4, unique_by=lambda item: item.name).map(tuple),
    mode=st.sampled_from(["", "delta", "absolute"]),
    frame=WORDS,
    rotation=WORDS,
    gripper=st.sampled_from(["", "closes", "opens", "none"]),
    out_of_range=st.sampled_from(["clip", "reject"]),
)


def changed_action(**changes):
    """The arm with another first action."""
    return replace(ARM, actions=(replace(ARM.actions[0], **changes), *ARM.actions[1:]))


def changed_observation(**changes):
    """The arm with another first observation."""
    return replace(ARM, observations=(replace(ARM.observations[0], **changes),))


@given(EMBODIMENTS)
def test_the_text_of_an_embodiment_reads_back_as_the_same(embodiment):
    """`from_json` undoes `to_json`."""
    assert Embodiment.from_json(embodiment.to_json()) == embodiment


@given(EMBODIMENTS)
def test_an_embodiment_agrees_with_itself(embodiment):
    """No field differs from itself."""
    assert embodiment.differences(embodiment) == []


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (replace(ARM, name="leg"), "embodiment.name: expected 'leg', got 'arm'"),
        (replace(ARM, mode="absolute"), "embodiment.mode: expected 'absolute', got 'delta'"),
        (replace(ARM, frame="tool"), "embodiment.frame: expected 'tool', got 'base'"),
        (replace(ARM, rotation="rpy"), "embodiment.rotation: expected 'rpy', got 'none'"),
        (replace(ARM, gripper="opens"), "embodiment.gripper: expected 'opens', got 'closes'"),
        (replace(ARM, control_hz=10.0), "embodiment.control_hz: expected 10, got 20"),
        (
            replace(ARM, out_of_range="reject"),
            "embodiment.out_of_range: expected 'reject', got 'clip'",
        ),
        (
            replace(ARM, actions=ARM.actions[:1]),
            "embodiment.actions: expected 1 dimensions, got 2",
        ),
        (changed_action(name="dy"), "embodiment.actions[0].name: expected 'dy', got 'dx'"),
        (changed_action(unit="cm"), "embodiment.actions[0].unit: expected 'cm', got 'm'"),
        (changed_action(scale=1.0), "embodiment.actions[0].scale: expected 1, got 0.05"),
        (changed_action(low=-2.0), "embodiment.actions[0].low: expected -2, got -1"),
        (changed_action(high=2.0), "embodiment.actions[0].high: expected 2, got 1"),
        (
            changed_observation(shape=(6,)),
            "embodiment.observations['observation.state']: expected float32 of shape [6], "
            "got float32 of shape [7]",
        ),
        (
            changed_observation(dtype="float64"),
            "embodiment.observations['observation.state']: expected float64 of shape [7], "
            "got float32 of shape [7]",
        ),
        (
            changed_observation(unit="deg"),
            "embodiment.observations['observation.state'].unit: expected 'deg', got 'rad'",
        ),
        (
            changed_observation(name="observation.depth"),
            "embodiment.observations['observation.depth']: expected float32 of shape [7], "
            "got nothing",
        ),
    ],
)
def test_a_difference_names_its_field(needed, text):
    """One sentence for the field that differs, and none for the others."""
    assert ARM.differences(needed) == [text]


@pytest.mark.parametrize(
    "needed",
    [
        replace(ARM, control_hz=0.0),
        replace(ARM, name="", mode="", frame="", rotation="", gripper=""),
        changed_action(name="", unit="", scale=0.0, low=0.0, high=0.0, max_step=0.0),
        changed_observation(unit=""),
        replace(ARM, observations=()),
    ],
)
def test_what_one_side_does_not_know_is_not_compared(needed):
    """Unknown fields agree with anything, whichever side does not know them."""
    assert ARM.differences(needed) == []


def test_a_rate_that_differs_by_rounding_agrees():
    """float32 and float64 of the same rate are the same rate."""
    assert ARM.differences(replace(ARM, control_hz=20.0 * (1 + 1e-7))) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"control_hz": -1.0}, "embodiment.control_hz: expected a finite number >= 0, got -1.0"),
        (
            {"control_hz": float("nan")},
            "embodiment.control_hz: expected a finite number >= 0, got nan",
        ),
        ({"actions": ()}, "embodiment.actions: expected at least one dimension, got none"),
        (
            {"observations": (ARM.observations[0],) * 2},
            "embodiment.observations: expected unique names, "
            "got ['observation.state', 'observation.state']",
        ),
    ],
)
def test_an_embodiment_refuses_what_no_robot_is(changes, text):
    """A negative rate, no action and two observations of one name are refused by name."""
    with pytest.raises(InvalidInputError) as caught:
        replace(ARM, **changes)

    assert str(caught.value) == text


@pytest.mark.parametrize(
    "options",
    [
        {"name": "dx", "low": 1.0, "high": -1.0},
        {"name": "dx", "scale": float("inf")},
        {"name": "dx", "max_step": float("nan")},
    ],
)
def test_an_action_refuses_what_is_no_range(options):
    """A dimension has finite numbers, in order."""
    with pytest.raises(
        InvalidInputError, match=r"^action dimension: expected finite numbers and low <= high, got "
    ):
        ActionDim(**options)


def tree(**changes):
    """The arm's JSON with other fields."""
    return json.dumps({**json.loads(ARM.to_json()), **changes})


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", tree(actions=[{}]), tree(wings=2), tree(observations=[{"name": "x"}])],
)
def test_a_text_that_is_no_embodiment_is_refused(text):
    """Whatever is wrong with a text, the error is ours and says what should write it."""
    with pytest.raises(
        InvalidInputError,
        match=r"^embodiment: expected the JSON that Embodiment\.to_json writes, got ",
    ):
        Embodiment.from_json(text)


def test_an_observation_is_found_by_its_name():
    """`observation` gives the field of that name, or None."""
    assert ARM.observation("observation.state") is ARM.observations[0]
    assert ARM.observation("observation.depth") is None
