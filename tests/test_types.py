"""The records: what exists is valid, and what is not valid says why."""

import dataclasses

import numpy as np
import pytest

from steer.errors import InvalidInputError
from steer.types import (
    Candidates,
    Decision,
    EncodedImage,
    Observation,
    Provenance,
    Reason,
    Selection,
    Timings,
)

CHUNKS = "expected float32 of shape [N, H, A], each >= 1"


def chunks(*shape):
    """Zeros as candidates have them."""
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.0], "observation 'x': expected a NumPy array, got list"),
        (
            np.zeros(2, np.complex64),
            "observation 'x': expected dtype bool, uint8, uint16, int32, int64, float16, float32, "
            "float64, got complex64",
        ),
        (np.zeros((1,) * 6), "observation 'x': expected at most 5 axes, got 6"),
        (np.array([[0.0, np.nan]]), "observation 'x': expected finite values, got nan at [0, 1]"),
        (np.array([np.inf]), "observation 'x': expected finite values, got inf at [0]"),
        (np.array(-np.inf), "observation 'x': expected finite values, got -inf at []"),
    ],
)
def test_an_observation_refuses_what_cannot_travel(value, text):
    """The text names the array, what was expected and what came."""
    with pytest.raises(InvalidInputError) as caught:
        Observation(arrays={"x": value})

    assert str(caught.value) == text


def test_an_observation_takes_numbers_and_encoded_images():
    """Numeric arrays of any allowed kind and compressed images stand side by side."""
    arrays = {
        "observation.state": np.zeros(3, np.float32),
        "observation.images.top": np.zeros((4, 5, 3), np.uint8),
        "observation.images.wrist": EncodedImage("jpeg", b"..."),
    }

    assert Observation(arrays=arrays).arrays is arrays


def test_an_instruction_is_measured_in_bytes():
    """Two bytes a letter: 1025 letters are too many, though fewer than 2048."""
    with pytest.raises(InvalidInputError) as caught:
        Observation(arrays={}, instruction="ä" * 1025)

    assert (
        str(caught.value) == "observation.instruction: expected at most 2048 bytes, got 2050 bytes"
    )


@pytest.mark.parametrize(
    ("actions", "got"),
    [
        ([[[0.0]]], "list"),
        (np.zeros((2, 3, 1)), "float64 of shape [2, 3, 1]"),
        (chunks(2, 3), "float32 of shape [2, 3]"),
        (chunks(0, 3, 1), "float32 of shape [0, 3, 1]"),
        (chunks(2, 0, 1), "float32 of shape [2, 0, 1]"),
        (chunks(2, 3, 0), "float32 of shape [2, 3, 0]"),
    ],
)
def test_candidates_refuse_a_wrong_dtype_or_shape(actions, got):
    """The text says the shape and type that were expected, and those that came."""
    with pytest.raises(InvalidInputError) as caught:
        Candidates(actions=actions)

    assert str(caught.value) == f"candidates.actions: {CHUNKS}, got {got}"


def test_candidates_refuse_a_value_that_is_not_finite():
    """The text says where the first bad value stands."""
    actions = chunks(2, 3, 1)
    actions[1, 2, 0] = np.nan

    with pytest.raises(InvalidInputError) as caught:
        Candidates(actions=actions)

    assert str(caught.value) == "candidates.actions: expected finite values, got nan at [1, 2, 0]"


def test_candidates_refuse_a_provenance_of_another_length():
    """There is one provenance for each candidate, or none at all."""
    with pytest.raises(InvalidInputError) as caught:
        Candidates(actions=chunks(2, 3, 1), provenance=(Provenance.POLICY,))

    assert (
        str(caught.value) == "candidates.provenance: expected 2 entries, one per candidate, got 1"
    )


def test_candidates_come_from_the_policy_where_nothing_else_is_said():
    """An empty provenance is filled in, one for each candidate."""
    candidates = Candidates(actions=chunks(3, 2, 1))

    assert (len(candidates), candidates.provenance) == (3, (Provenance.POLICY,) * 3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"selector": "best"},
            "selection.selector: expected one of argmax, softmax, implicit, medoid, random, worst, "
            "got best",
        ),
        ({"margin": -0.1}, "selection.margin: expected a finite number >= 0, got -0.1"),
        ({"margin": float("nan")}, "selection.margin: expected a finite number >= 0, got nan"),
        ({"beta": 0.0}, "selection.beta: expected a finite number > 0, got 0.0"),
        ({"beta": float("inf")}, "selection.beta: expected a finite number > 0, got inf"),
        ({"temperature": 0.0}, "selection.temperature: expected a finite number > 0, got 0.0"),
        ({"tau": 1.0}, "selection.tau: expected a number in (0, 1), got 1.0"),
        ({"tau": float("nan")}, "selection.tau: expected a number in (0, 1), got nan"),
        ({"commit_horizon": 0}, "selection.commit_horizon: expected >= 1, got 0"),
    ],
)
def test_a_selection_refuses_an_option_out_of_range(options, text):
    """The text names the option and its range."""
    with pytest.raises(InvalidInputError) as caught:
        Selection(**options)

    assert str(caught.value) == text


def test_a_selection_is_gated_and_leaves_the_knobs_to_the_server():
    """Who asks for nothing gets the gate, and the critic's own margin and softness."""
    selection = Selection()

    assert (selection.selector, selection.gated, selection.margin, selection.beta) == (
        "argmax",
        True,
        None,
        None,
    )


def test_a_decision_without_scores_says_so_by_empty_arrays():
    """What was not scored has arrays of length zero, and all timings are zero."""
    decision = Decision(index=0, chunk=chunks(2, 1), commit_horizon=2, reason=Reason.LATE)

    assert decision.scores.shape == (0,)
    assert decision.values.shape == (0, 0)
    assert decision.timings == Timings()


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (Observation(arrays={}), "instruction"),
        (Candidates(actions=chunks(1, 1, 1)), "actions"),
        (Selection(), "margin"),
        (Timings(), "total_s"),
        (EncodedImage("png", b""), "data"),
    ],
)
def test_a_record_cannot_be_changed(record, field):
    """What was checked when it was made stays as it was checked."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, field, None)
