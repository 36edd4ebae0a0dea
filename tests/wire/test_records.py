"""Observations, candidates, selections and decisions, there and back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.types import (
    Candidates,
    Decision,
    EncodedImage,
    Observation,
    Provenance,
    Reason,
    Selection,
    Selector,
    Timings,
)
from steer.v1 import types_pb2
from steer.wire.observations import observation_from_message, observation_to_message
from steer.wire.records import (
    candidates_from_message,
    candidates_to_message,
    decision_from_message,
    decision_to_message,
    selection_from_message,
    selection_to_message,
)

POLICY, PERTURBATION = Provenance.POLICY, Provenance.PERTURBATION
CLIENT_REASONS = {Reason.LATE, Reason.UNREACHABLE, Reason.REFUSED}


def equal(left, right):
    """Return whether two records are equal, arrays bit for bit."""
    if isinstance(left, np.ndarray):
        same = (left.dtype, left.shape) == (right.dtype, right.shape)
        return same and left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if dataclasses.is_dataclass(left):
        names = [item.name for item in dataclasses.fields(left)]
        return all(equal(getattr(left, name), getattr(right, name)) for name in names)
    return left == right


def decision(**changes):
    """A decision with every field set."""
    chunks = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
    fields = {
        "index": 1,
        "chunk": chunks[1],
        "commit_horizon": 3,
        "reason": Reason.ADVANTAGE,
        "overrode": True,
        "scores": np.array([0, 1, -1], np.float32),
        "values": np.ones((2, 3), np.float32),
        "provenance": (POLICY, PERTURBATION, POLICY),
        "feasible": (True, True, False),
        "num_scored": 3,
        "budget_hit": True,
        "timings": Timings(decode_s=0.25, total_s=1.5),
        "critic_digest": "sha256:1",
        "policy": "push",
        "candidates": Candidates(chunks, (POLICY, PERTURBATION, POLICY)),
        "sequence": 2**64 - 1,
    }
    return Decision(**{**fields, **changes})


def test_an_observation_comes_back():
    """Arrays, compressed images, instant and words."""
    sent = Observation(
        {
            "observation.state": np.arange(3, dtype=np.float32),
            "observation.images.top": np.zeros((2, 3, 3), np.uint8),
            "observation.images.wrist": EncodedImage("png", b"..."),
        },
        captured_at_s=12.5,
        instruction="öffne die Tür",
    )

    found = observation_from_message(
        types_pb2.Observation.FromString(observation_to_message(sent).SerializeToString())
    )

    assert equal(sent, found)


@pytest.mark.parametrize("captured_at_s", [None, 0.0, -0.5])
def test_an_instant_of_zero_is_not_an_unknown_one(captured_at_s):
    """The robot's clock may start anywhere."""
    sent = Observation({}, captured_at_s=captured_at_s)

    assert observation_from_message(observation_to_message(sent)).captured_at_s == captured_at_s


def test_a_name_in_tensors_and_in_images_is_refused():
    """One name, one value."""
    message = observation_to_message(Observation({"x": np.zeros(1, np.float32)}))
    message.images["x"].encoding = types_pb2.IMAGE_ENCODING_PNG

    with pytest.raises(InvalidInputError) as caught:
        observation_from_message(message)

    expected = "observation.images['x']: expected a name that is not in tensors, got one that is"
    assert str(caught.value) == expected


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4)), st.integers(0, 2**32 - 1)
)
def test_candidates_come_back(shape, seed):
    """Actions bit for bit, provenance in order."""
    rng = np.random.default_rng(seed)
    kinds = tuple(rng.choice([POLICY, PERTURBATION]) for _ in range(shape[0]))
    sent = Candidates(rng.normal(size=shape).astype(np.float32), kinds)

    found = candidates_from_message(candidates_to_message(sent))

    assert equal(sent, found)


def test_candidates_of_unset_provenance_are_the_policys():
    """As the contract says, in both ways of leaving it out."""
    message = candidates_to_message(Candidates(np.zeros((2, 1, 1), np.float32)))
    del message.provenance[:]
    empty = candidates_from_message(message)
    message.provenance.extend([0, 0])

    assert empty.provenance == (POLICY, POLICY)
    assert candidates_from_message(message).provenance == (POLICY, POLICY)


@pytest.mark.parametrize(
    ("shape", "provenance", "text"),
    [
        ((2, 3), (), "candidates.actions: expected float32 of shape [N, H, A], each >= 1, got"),
        ((0, 3, 2), (), "candidates.actions: expected float32 of shape [N, H, A], each >= 1, got"),
        ((2, 3, 1), (1,), "candidates.provenance: expected 2 entries, one per candidate, got 1"),
        ((2, 3, 1), (1, 9), "candidates.provenance: expected a known Provenance, got 9"),
    ],
)
def test_candidates_that_break_their_contract_are_refused(shape, provenance, text):
    """By name."""
    message = types_pb2.Candidates(provenance=provenance)
    message.actions.dtype = types_pb2.DATA_TYPE_FLOAT32
    message.actions.shape.extend(shape)
    message.actions.data = bytes(4 * int(np.prod(shape)))

    with pytest.raises(InvalidInputError) as caught:
        candidates_from_message(message)

    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("selector", Selector.__args__)
def test_a_selection_comes_back(selector):
    """With what was left open still open."""
    full = Selection(
        selector=selector,
        gated=False,
        margin=0.5,
        beta=2.0,
        temperature=0.1,
        tau=0.9,
        weights={"consensus": 2.0, "tournament": 0.0},
        commit_horizon=4,
    )
    bare = Selection(selector=selector)

    assert selection_from_message(selection_to_message(full)) == full
    assert selection_from_message(selection_to_message(bare)) == bare


def test_an_empty_selection_is_the_default():
    """Unset is argmax with the gate."""
    assert selection_from_message(types_pb2.Selection()) == Selection()


def test_an_unknown_selector_is_refused():
    """By number: this side has no name for it."""
    with pytest.raises(InvalidInputError, match=r"^selection\.selector: .* got 77$"):
        selection_from_message(types_pb2.Selection(selector=77))


def test_a_decision_comes_back():
    """Every field."""
    sent = decision()

    found = decision_from_message(
        types_pb2.Decision.FromString(decision_to_message(sent).SerializeToString())
    )

    assert equal(sent, found)


@pytest.mark.parametrize("reason", sorted(set(Reason) - CLIENT_REASONS, key=lambda item: item.name))
def test_every_reason_of_the_server_comes_back(reason):
    """The others are the client's own and have no number."""
    sent = decision(reason=reason, candidates=None)

    assert decision_from_message(decision_to_message(sent)).reason is reason


def test_a_decision_without_scores_comes_back():
    """Empty arrays keep their rank."""
    sent = decision(scores=np.zeros(0, np.float32), values=np.zeros((0, 0), np.float32))

    assert equal(sent, decision_from_message(decision_to_message(sent)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"index": -1}, "decision.index: expected >= 0, got -1"),
        ({"commit_horizon": 0}, "decision.commit_horizon: expected 1..4, got 0"),
        ({"commit_horizon": 5}, "decision.commit_horizon: expected 1..4, got 5"),
        ({"reason": 0}, "decision.reason: expected a known Reason, got 0"),
        ({"provenance": [8]}, "decision.provenance: expected a known Provenance, got 8"),
        ({"scores": types_pb2.Tensor()}, "decision.scores: expected dtype bool, uint8"),
        ({"values": types_pb2.Tensor(dtype=7, data=bytes(4))}, "decision.values: expected float32"),
        ({"chunk": types_pb2.Tensor(dtype=8)}, "decision.chunk: expected 8 bytes for float64"),
    ],
    ids=str,
)
def test_a_decision_that_breaks_its_contract_is_refused(change, text):
    """By name: a robot never runs half of an answer."""
    message = decision_to_message(decision())
    for name, value in change.items():
        message.ClearField(name)
        message.MergeFrom(types_pb2.Decision(**{name: value}))

    with pytest.raises(InvalidInputError) as caught:
        decision_from_message(message)

    assert str(caught.value).startswith(text)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_a_damaged_decision_is_a_decision_or_a_refusal(position, noise):
    """Overwritten bytes never raise anything else than what the client expects."""
    data = bytearray(decision_to_message(decision()).SerializeToString())
    position %= len(data)
    data[position : position + len(noise)] = noise
    try:
        message = types_pb2.Decision.FromString(bytes(data))
    except Exception:  # noqa: BLE001  # protobuf's own refusal, whose class differs by release
        return

    try:
        found = decision_from_message(message)
    except InvalidInputError:
        return

    assert np.isfinite(found.chunk).all()
    assert 1 <= found.commit_horizon <= len(found.chunk)
