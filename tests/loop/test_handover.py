"""What System 1 and System 2 hand each other comes out as it went in, or not at all."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.chunks import Chunk
from steer.loop.handover import (
    chunk_from_bytes,
    chunk_to_bytes,
    request_from_bytes,
    request_to_bytes,
    sensed_from_bytes,
    sensed_to_bytes,
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
    is_steered=False,
    alarm="stac, Überraschung",
    spent=Spent(asked_at_s=12.5, pickup_s=0.25, policy_s=0.5, again_s=0.125),
)


def test_a_request_comes_out_as_it_went_in():
    """Numbers, arrays, images, the running chunk, the order of the observations."""
    found = request_from_bytes(request_to_bytes(REQUEST))

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
    found = sensed_from_bytes(sensed_to_bytes(TICK))

    assert (found.consumed, found.epoch, found.captured_at_s) == (9, 3, 13.5)
    np.testing.assert_array_equal(found.observation.running, SEEN.running)
    np.testing.assert_array_equal(found.sent, TICK.sent)
    np.testing.assert_array_equal(found.travelled, TICK.travelled)


def test_a_chunk_comes_out_as_it_went_in():
    """NaN, too: whoever takes it says no."""
    found = chunk_from_bytes(chunk_to_bytes(CHUNK))

    for item in fields(Chunk):
        np.testing.assert_array_equal(getattr(found, item.name), getattr(CHUNK, item.name))


def test_a_chunk_of_which_nobody_knows_where_the_time_went_says_so():
    """None, and not zeros."""
    assert chunk_from_bytes(chunk_to_bytes(replace(CHUNK, spent=None))).spent is None


@given(st.binary(max_size=300))
def test_bytes_of_anything_else_are_refused(data):
    """With an error of ours, whatever they are."""
    for read in (request_from_bytes, chunk_from_bytes):  # a tick's rest may be any observation
        with pytest.raises(InvalidInputError):
            read(data)


@pytest.mark.parametrize(
    ("read", "whole"),
    [
        (request_from_bytes, request_to_bytes(REQUEST)),
        (chunk_from_bytes, chunk_to_bytes(CHUNK)),
    ],
)
def test_a_part_and_more_than_the_whole_are_refused(read, whole):
    """At every place where it can be cut."""
    for data in (whole + b"x", *(whole[:place] for place in range(len(whole)))):
        with pytest.raises(InvalidInputError):
            read(data)
