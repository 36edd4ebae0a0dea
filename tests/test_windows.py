"""Windows: what is gone is cut off, what is frozen is filled in, what runs competes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.types import Candidates, Provenance
from steer.windows import anchored, continuation, still_frozen, windows

N, HORIZON = 3, 8
ACTIONS = np.arange(N * HORIZON, dtype=np.float32).reshape(N, HORIZON, 1)
DRAWN = Candidates(ACTIONS)


def runs(first, last):
    return np.arange(first, last, dtype=np.float32)[:, None]


def body(*names, mode="delta"):
    dims = tuple(ActionDim(name=name) for name in names)
    return Embodiment(name="arm", control_hz=10.0, actions=dims, observations=(), mode=mode)


def windows_of(candidates, running, **options):
    return windows(candidates, running, body=body("dx"), **options)


@pytest.mark.parametrize(
    ("frozen", "gone", "acted", "left", "still"),
    [(3, 2, 0, 4, 1), (3, 2, 1, 4, 1), (3, 5, 0, 4, 0), (3, 5, 1, 4, 1), (3, 5, 1, 0, 0)],
)
def test_what_the_robot_does_until_the_answer_is_there_is_done_all_the_same(
    frozen, gone, acted, left, still
):
    """However late it is, as long as something runs."""
    assert still_frozen(frozen, runs(0, left), gone=gone, acted=acted) == still
    assert still_frozen(frozen, None, gone=gone, acted=acted) == max(0, frozen - gone)


def test_what_was_consumed_is_cut_off_and_what_runs_competes():
    """Last, and as long as the others; candidate 0 stays the policy's own."""
    found = windows_of(DRAWN, runs(100, 110), gone=3)

    assert found.actions.shape == (N + 1, HORIZON - 3, 1)
    np.testing.assert_array_equal(found.actions[:N], ACTIONS[:, 3:])
    assert found.actions[N, :, 0].tolist() == [100, 101, 102, 103, 104]
    assert found.provenance == (Provenance.POLICY,) * N + (Provenance.CONTINUATION,)


def test_what_stays_frozen_is_judged_as_it_will_run():
    """Its first rows are those of the running chunk, whichever is chosen; nothing is written to."""
    before = ACTIONS.copy()
    found = windows_of(DRAWN, runs(100, 103), gone=3, frozen=2)

    frozen = np.broadcast_to(runs(100, 102), (N, 2, 1))
    np.testing.assert_array_equal(found.actions[:N, :2], frozen)
    np.testing.assert_array_equal(found.actions[:N, 2:], ACTIONS[:, 5:])
    np.testing.assert_array_equal(before, ACTIONS)


@pytest.mark.parametrize("running", [None, runs(0, 0)])
def test_where_nothing_runs_nothing_more_competes(running):
    """The first chunk of an episode, and one after a stop."""
    assert len(windows_of(DRAWN, running, gone=3)) == N


def test_what_runs_too_briefly_ends_like_the_nearest_as_it_was_drawn():
    """Before anything is filled in."""
    found = windows_of(DRAWN, runs(100, 102), gone=3, frozen=1)

    assert found.actions[N, :, 0].tolist() == [100, 101, *ACTIONS[N - 1, 5:, 0]]


def test_where_there_is_no_room_the_running_chunk_does_not_compete():
    """Its frozen rows are filled in all the same."""
    found = windows_of(DRAWN, runs(100, 110), gone=0, frozen=1, most=N)

    assert len(found) == N
    assert found.actions[:, 0, 0].tolist() == [100, 100, 100]


def test_the_continuation_of_an_older_observation_gives_way_to_that_of_now():
    """And of the others it is still known where they came from."""
    kinds = (Provenance.POLICY, Provenance.FITTED, Provenance.CONTINUATION)
    found = windows_of(Candidates(ACTIONS, kinds), runs(100, 110), gone=0)

    assert found.provenance == kinds
    np.testing.assert_array_equal(found.actions[:2], ACTIONS[:2])
    assert found.actions[2, 0, 0] == 100


@pytest.mark.parametrize("gone", [-1, HORIZON])
def test_where_no_row_is_left_there_are_no_windows(gone):
    """The text says how many may be gone."""
    with pytest.raises(InvalidInputError, match=r"gone: expected 0\.\.7 rows, got"):
        windows_of(DRAWN, None, gone=gone)


def test_a_path_leads_where_it_was_meant_to_wherever_the_robot_is():
    """What the robot did otherwise is made up for over the next four rows that are free."""
    running = np.full((3, 2), 0.5, np.float32)
    drawn = np.ones((N, HORIZON, 2), np.float32)
    found = anchored(
        drawn,
        running,
        body=body("dx", "gripper"),
        gone=2,
        frozen=1,
        moved_A=np.array([0.5, 0.5]),
    )

    # Three rows of 1 were meant; 0.5 has been moved, and 0.5 of what is frozen is to come.
    np.testing.assert_array_equal(found[:, :, 1], drawn[:, :, 1])
    np.testing.assert_array_equal(found[:, [0, 1, 2, 7], 0], 1)
    np.testing.assert_allclose(found[:, 3:7, 0], 1.5)
    end = 0.5 + running[:1, 0].sum() + found[0, 3:, 0].sum()
    assert end == pytest.approx(HORIZON)


def test_what_did_what_it_was_meant_to_is_left_as_it_is():
    """And where no row is free there is nothing to make up with."""
    options = {"moved_A": ACTIONS[1, :2].sum(0).astype(float), "body": body("dx")}
    same = anchored(ACTIONS[1:2], None, gone=2, frozen=0, **options)
    np.testing.assert_array_equal(same, ACTIONS[1:2])
    assert anchored(ACTIONS, None, gone=HORIZON, frozen=0, **options) is ACTIONS


ARM = body("dx", "dy", "gripper")


def chunks_of(count=8):
    """Chunks that differ from tick to tick and from each other."""
    return np.random.default_rng(0).normal(size=(count, HORIZON, 3)).astype(np.float32)


def test_the_continuation_goes_on_and_ends_like_the_nearest():
    """The rest bit for bit, then the tail of the chunk that goes the same way."""
    right = np.tile(np.float32([0.5, 0.0, 1.0]), (HORIZON, 1))
    left = np.tile(np.float32([-0.5, 0.0, 1.0]), (HORIZON, 1))
    right[5:, 1] = 0.7
    rest = np.tile(np.float32([0.45, 0.05, 1.0]), (5, 1))

    found = continuation(rest, np.stack([left, right]), ARM)

    assert found.shape == (HORIZON, 3)
    np.testing.assert_array_equal(found[:5], rest)
    np.testing.assert_array_equal(found[5:], right[5:])


@pytest.mark.parametrize("extra", [0, 3])
def test_a_running_chunk_that_is_long_enough_needs_no_tail(extra):
    """It is cut after H actions."""
    rest = np.random.default_rng(0).normal(size=(HORIZON + extra, 3)).astype(np.float32)

    np.testing.assert_array_equal(continuation(rest, chunks_of(), ARM), rest[:HORIZON])


@given(st.integers(1, HORIZON - 1), st.integers(0, 7))
def test_a_chunk_that_already_runs_continues_as_itself(left, index):
    """Where the rest is the beginning of a candidate, the continuation is that candidate."""
    chunks = chunks_of()

    found = continuation(chunks[index, :left], chunks, ARM)

    np.testing.assert_array_equal(found, chunks[index])


def test_nothing_that_runs_cannot_go_on():
    """The first chunk of an episode has no continuation."""
    with pytest.raises(InvalidInputError, match="running chunk: expected at least 1 action left"):
        continuation(np.zeros((0, 3), np.float32), chunks_of(), ARM)
