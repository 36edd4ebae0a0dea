"""Chunks are spliced by what was consumed, and nothing old, foreign or broken is taken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.chunks import Chunk, ChunkBuffer, Refusal

AGE_S = 1.0


def chunk(sequence=1, consumed=0, horizon=6, *, value=None, **changes):
    """Return a chunk whose row i is `value + i`, `100 * sequence` for none."""
    first = 100 * sequence if value is None else value
    actions = (first + np.arange(horizon, dtype=np.float32))[:, None]
    some = {"commit": min(4, horizon), "captured_at_s": 0.0}
    return Chunk(actions=actions, consumed=consumed, sequence=sequence, **{**some, **changes})


@pytest.fixture
def buffer():
    return ChunkBuffer(1, max_age_s=AGE_S)


def run(buffer, count, *, now_s=0.0):
    """Consume `count` actions and return them; None where there was none."""
    found = []
    for _ in range(count):
        row = buffer.peek(now_s=now_s)
        found.append(None if row is None else row.action.item())
        buffer.consume()
    return found


def test_rows_that_were_consumed_on_the_way_are_gone(buffer):
    """The chunk was asked for before anything ran and comes after two actions."""
    assert buffer.offer(chunk(1), now_s=0.0) is None
    assert run(buffer, 2) == [100, 101]
    assert buffer.offer(chunk(2, consumed=0), now_s=0.0) is None

    assert run(buffer, 2) == [202, 203]


def test_frozen_rows_belong_to_what_ran_before(buffer):
    """A chunk that comes early waits until they have been consumed."""
    buffer.offer(chunk(1), now_s=0.0)
    buffer.offer(chunk(2, consumed=0, frozen=3), now_s=0.0)

    assert run(buffer, 5) == [100, 101, 102, 203, 204]


def test_where_what_ran_has_ended_frozen_rows_are_not_waited_for(buffer):
    """An action that was meant for later is better than none."""
    buffer.offer(chunk(1, horizon=2, commit=2), now_s=0.0)
    buffer.offer(chunk(2, consumed=0, frozen=5), now_s=0.0)

    assert run(buffer, 4) == [100, 101, 202, 203]


def test_the_newest_that_waits_is_the_one_that_runs(buffer):
    """Nothing queues."""
    buffer.offer(chunk(1), now_s=0.0)
    buffer.offer(chunk(2, frozen=2), now_s=0.0)
    buffer.offer(chunk(3, frozen=2), now_s=0.0)

    assert run(buffer, 3) == [100, 101, 302]


def test_a_seam_is_seen(buffer):
    """On the first row of a chunk that runs, whichever row it is."""
    buffer.offer(chunk(1), now_s=0.0)
    first = buffer.peek(now_s=0.0)
    run(buffer, 2)
    buffer.offer(chunk(2), now_s=0.0)
    seam = buffer.peek(now_s=0.0)
    run(buffer, 1)

    assert (first.is_first, first.index) == (True, 0)
    assert (seam.is_first, seam.index, seam.chunk.sequence) == (True, 2, 2)
    assert not buffer.peek(now_s=0.0).is_first


def test_rows_behind_those_that_were_meant_say_so(buffer):
    """Two of six, where four were meant to run."""
    buffer.offer(chunk(1), now_s=0.0)
    meant = []
    for _ in range(6):
        meant.append(buffer.peek(now_s=0.0).is_meant)
        buffer.consume()

    assert meant == [True] * 4 + [False] * 2
    assert buffer.peek(now_s=0.0) is None


def test_an_action_expires_with_its_observation(buffer):
    """By the robot's clock alone, however many rows are left."""
    buffer.offer(chunk(1, captured_at_s=5.0), now_s=5.2)

    assert buffer.peek(now_s=5.0 + AGE_S) is not None
    assert buffer.peek(now_s=5.01 + AGE_S) is None
    assert buffer.left(now_s=5.01 + AGE_S) == 0


def test_a_chunk_that_has_become_too_old_is_not_waited_for(buffer):
    """Nothing of it is consumed any more: what waits for its rows would wait for ever."""
    buffer.offer(chunk(1, captured_at_s=0.0), now_s=0.0)
    run(buffer, 1)
    buffer.offer(chunk(2, consumed=1, frozen=3, captured_at_s=0.9), now_s=0.9)

    assert run(buffer, 1, now_s=0.9) == [101]
    assert run(buffer, 2, now_s=1.1) == [201, 202]


def test_what_would_follow_is_told(buffer):
    """For the next request: the running chunk's rest, and how much of it was meant to run."""
    buffer.offer(chunk(1), now_s=0.0)
    run(buffer, 1)

    assert buffer.rest(now_s=0.0)[:, 0].tolist() == [101, 102, 103, 104, 105]
    assert buffer.left(now_s=0.0) == 3
    run(buffer, 5)
    assert buffer.rest(now_s=0.0) is None
    assert buffer.left(now_s=0.0) == 0


def test_what_would_follow_goes_over_into_the_chunk_that_waits(buffer):
    """Just as it will run."""
    buffer.offer(chunk(1), now_s=0.0)
    run(buffer, 1)
    buffer.offer(chunk(2, consumed=1, frozen=2), now_s=0.0)
    told = buffer.rest(now_s=0.0)[:, 0].tolist()

    assert told == [101, 102, 202, 203, 204, 205]
    assert run(buffer, 6) == told


def test_a_chunk_that_waits_counts_as_what_is_left(buffer):
    """Nobody asks for one that is already there."""
    buffer.offer(chunk(1), now_s=0.0)
    run(buffer, 2)
    buffer.offer(chunk(2, consumed=2, frozen=2), now_s=0.0)

    assert buffer.left(now_s=0.0) == 6  # two that are frozen, and four that are meant


@pytest.mark.parametrize(
    ("offered", "refusal"),
    [
        (chunk(9, epoch=1), Refusal.EPOCH),
        (chunk(2), Refusal.SEQUENCE),
        (chunk(1), Refusal.SEQUENCE),
        (
            replace(chunk(9), actions=np.zeros((6, 2), np.float32)),
            Refusal.SHAPE,
        ),
        (chunk(9, value=np.nan), Refusal.NOT_FINITE),
        (chunk(9, consumed=3), Refusal.FUTURE),
        (chunk(9, captured_at_s=0.01), Refusal.FUTURE),
        (chunk(9, captured_at_s=np.nan), Refusal.FUTURE),
        (chunk(9, captured_at_s=-1.1), Refusal.OLD),
        (chunk(9, horizon=2, commit=1), Refusal.TOO_SHORT),
    ],
)
def test_what_cannot_run_is_refused_and_harms_nothing(buffer, offered, refusal):
    """What runs goes on; the refusal is counted by its cause."""
    buffer.offer(chunk(2), now_s=0.0)
    run(buffer, 2)

    assert buffer.offer(offered, now_s=0.0) is refusal
    assert buffer.counts[refusal] == 1
    assert run(buffer, 2) == [202, 203]


def test_what_was_never_asked_for_is_refused_and_keeps_nothing_out(buffer):
    """It is of another robot, or of another life of this one; its number counts for nothing."""
    assert buffer.offer(chunk(99), now_s=0.0, asked=2) is Refusal.UNASKED
    assert buffer.offer(chunk(2), now_s=0.0, asked=2) is None
    assert buffer.counts[Refusal.UNASKED] == 1


def test_instants_that_have_been_rounded_on_their_way_are_none_of_the_future(buffer):
    """They travel in nanoseconds."""
    assert buffer.offer(chunk(1, captured_at_s=1e-9), now_s=0.0) is None


def test_an_epoch_forgets_all(buffer):
    """Replies to requests of before are refused by rule; sequence numbers begin anew."""
    buffer.offer(chunk(5), now_s=0.0)
    run(buffer, 3)
    buffer.begin(1)

    assert buffer.peek(now_s=0.0) is None
    assert buffer.offer(chunk(6), now_s=0.0) is Refusal.EPOCH
    assert buffer.offer(chunk(1, epoch=1), now_s=0.0) is None
    assert run(buffer, 1) == [100]
    with pytest.raises(InvalidInputError, match="epoch: expected > 1"):
        buffer.begin(1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(1, 8)), max_size=30))
def test_every_action_is_the_one_that_its_chunk_has_for_that_tick(events):
    """Whatever comes, early, late or out of order: row = tick - consumed at the observation."""
    buffer = ChunkBuffer(1, max_age_s=AGE_S)
    for sequence, (wait, delay, horizon) in enumerate(events, start=1):
        asked = max(0, buffer.consumed - delay)
        buffer.offer(chunk(sequence, asked, horizon, value=1000 * sequence), now_s=0.0)
        for _ in range(wait):
            row = buffer.peek(now_s=0.0)
            if row is not None:
                assert row.index == buffer.consumed - row.chunk.consumed
                assert row.action.item() == 1000 * row.chunk.sequence + row.index
            buffer.consume()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 0, "commit": 1}, r"chunk\.actions: expected shape \[H, A\]"),
        ({"commit": 7}, r"chunk\.commit: expected 1\.\.6"),
        ({"frozen": 6}, r"chunk\.frozen: expected 0\.\.5"),
        ({"consumed": -1}, r"chunk\.consumed: expected >= 0"),
    ],
)
def test_a_chunk_that_makes_no_sense_is_refused_where_it_is_made(changes, message):
    """With the name of what is wrong."""
    with pytest.raises(InvalidInputError, match=message):
        chunk(**changes)
