"""What System 1 and System 2 hand each other comes out as it went in, or not at all."""

import contextlib
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.checks import DTYPES
from steer.errors import InvalidInputError
from steer.loop.chunks import Chunk
from steer.loop.handover import (
    _FIELD,
    _OBSERVATION,
    chunk_from_bytes,
    chunk_to_bytes,
    observation_from_bytes,
    observation_to_parts,
    request_from_bytes,
    request_to_parts,
    sensed_from_bytes,
    sensed_to_parts,
)
from steer.loop.planner import Request, Sensed
from steer.loop.spent import Spent
from steer.types import EncodedImage, Observation

SEEN = Observation(
    {
        "observation.state": np.float32([1, 2, 3]),
        "observation.images.front": EncodedImage("jpeg", b"data"),
    },
    captured_at_s=12.5,
    instruction="push",
    running=np.float32([[1, 2], [3, 4]]),
)
REQUEST = Request(
    observations=(Observation({"observation.state": np.float32([0, 0, 0])}), SEEN),
    consumed=7,
    frozen=2,
    epoch=3,
    sequence=5,
    captured_at_s=12.5,
    travelled=np.array([0.5, -1.5]),
)
TICK = Sensed(
    observation=SEEN,
    consumed=9,
    epoch=3,
    captured_at_s=13.5,
    sent=np.float32([[1, 2], [3, np.nan], [np.nan, np.nan]]),
    travelled=np.array([0.25, 2.0]),
)
CHUNK = Chunk(
    actions=np.float32([[1, 2], [3, 4], [5, np.nan]]),
    consumed=7,
    frozen=2,
    commit=1,
    epoch=3,
    sequence=5,
    captured_at_s=12.5,
    fallback="critic",
    alarm="stac, Überraschung",
    spent=Spent(asked_at_s=12.5, pickup_s=0.25, policy_s=0.5),
)


def joined(parts):
    """Return parts as they lie in memory, one behind the other."""
    return b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)


REQUEST_BYTES, TICK_BYTES = joined(request_to_parts(REQUEST)), joined(sensed_to_parts(TICK))


def test_a_request_comes_out_as_it_went_in():
    """Numbers, arrays, images, the running chunk, the order of the observations."""
    found = request_from_bytes(REQUEST_BYTES)

    for name in ("consumed", "frozen", "epoch", "sequence", "captured_at_s"):
        assert getattr(found, name) == getattr(REQUEST, name)
    assert len(found.observations) == 2
    np.testing.assert_array_equal(found.travelled, REQUEST.travelled)
    last = found.observations[-1]
    state = "observation.state"
    np.testing.assert_array_equal(last.running, SEEN.running)
    np.testing.assert_array_equal(last.arrays[state], SEEN.arrays[state])
    assert last.arrays["observation.images.front"] == SEEN.arrays["observation.images.front"]
    assert (last.instruction, last.captured_at_s) == ("push", 12.5)


def test_a_tick_comes_out_as_it_went_in():
    """What the robot senses, and how far it is."""
    found = sensed_from_bytes(TICK_BYTES)

    assert (found.consumed, found.epoch, found.captured_at_s) == (9, 3, 13.5)
    np.testing.assert_array_equal(found.observation.running, SEEN.running)
    np.testing.assert_array_equal(found.sent, TICK.sent)
    np.testing.assert_array_equal(found.travelled, TICK.travelled)


@pytest.mark.parametrize("dtype", [*DTYPES, ">f4", ">i8"])
def test_arrays_of_any_kind_come_out_as_they_went_in(dtype):
    """A number, a row, nothing at all, a transposed picture; in the machine's own order."""
    rows = np.arange(6).reshape(2, 3).astype(dtype)
    arrays = {"number": rows[1, 1:2].reshape(()), "rows": rows, "none": rows[:0], "turned": rows.T}

    found = observation_from_bytes(joined(observation_to_parts(Observation(arrays))))

    assert list(found.arrays) == list(arrays)
    for name, value in arrays.items():
        assert found.arrays[name].dtype == np.dtype(dtype).newbyteorder("=")
        assert found.arrays[name].shape == value.shape
        np.testing.assert_array_equal(found.arrays[name], value)
    assert (found.captured_at_s, found.instruction, found.running) == (None, "", None)


def test_arrays_are_handed_over_as_they_lie():
    """System 1 pays for one copy, into the memory."""
    state = np.arange(3, dtype=np.float32)

    parts = observation_to_parts(Observation({"observation.state": state}))

    assert np.shares_memory(parts[-1], state)


@settings(deadline=None)
@given(st.binary(max_size=3), st.integers(0, 255), st.lists(st.integers(-3, 2**63 - 1), max_size=9))
def test_extents_of_anything_allocate_nothing(name, kind, shape):
    """They are refused, or are those of what is there."""
    head = _OBSERVATION.pack(0.0, 0, 1, 0, 0) + _FIELD.pack(len(name), kind, len(shape)) + name
    data = head + struct.pack(f"<{len(shape)}q", *shape) + bytes(8)

    with contextlib.suppress(InvalidInputError):
        observation_from_bytes(data)


def test_a_chunk_comes_out_as_it_went_in():
    """NaN, too: whoever takes it says no."""
    found = chunk_from_bytes(chunk_to_bytes(CHUNK))

    for item in fields(Chunk):
        np.testing.assert_array_equal(getattr(found, item.name), getattr(CHUNK, item.name))


def test_a_chunk_of_which_nobody_knows_where_the_time_went_says_so():
    """None, and not zeros."""
    assert chunk_from_bytes(chunk_to_bytes(replace(CHUNK, spent=None))).spent is None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_anything_else_are_refused(data):
    """With an error of ours, whatever they are."""
    for read in (request_from_bytes, sensed_from_bytes, chunk_from_bytes, observation_from_bytes):
        with pytest.raises(InvalidInputError):
            read(data)


@pytest.mark.parametrize(
    ("read", "whole"),
    [
        (request_from_bytes, REQUEST_BYTES),
        (sensed_from_bytes, TICK_BYTES),
        (chunk_from_bytes, chunk_to_bytes(CHUNK)),
    ],
)
def test_a_part_and_more_than_the_whole_are_refused(read, whole):
    """At every place where it can be cut."""
    for data in (whole + b"x", *(whole[:place] for place in range(len(whole)))):
        with pytest.raises(InvalidInputError):
            read(data)
