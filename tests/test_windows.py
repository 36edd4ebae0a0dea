"""Windows: what is gone is cut off, what is frozen is filled in, what runs competes."""

import numpy as np
import pytest

from steer.errors import InvalidInputError
from steer.types import Candidates, Provenance
from steer.windows import anchored, windows

N, HORIZON = 3, 8
ACTIONS = np.arange(N * HORIZON, dtype=np.float32).reshape(N, HORIZON, 1)
DRAWN = Candidates(ACTIONS)


def runs(first, last):
    return np.arange(first, last, dtype=np.float32)[:, None]


def test_what_was_consumed_is_cut_off_and_what_runs_competes():
    """Last, and as long as the others; candidate 0 stays the policy's own."""
    found = windows(DRAWN, runs(100, 110), gone=3)

    assert found.actions.shape == (N + 1, HORIZON - 3, 1)
    np.testing.assert_array_equal(found.actions[:N], ACTIONS[:, 3:])
    assert found.actions[N, :, 0].tolist() == [100, 101, 102, 103, 104]
    assert found.provenance == (Provenance.POLICY,) * N + (Provenance.CONTINUATION,)


def test_what_stays_frozen_is_judged_as_it_will_run():
    """Its first rows are those of the running chunk, whichever is chosen; nothing is written to."""
    before = ACTIONS.copy()
    found = windows(DRAWN, runs(100, 103), gone=3, frozen=2)

    frozen = np.broadcast_to(runs(100, 102), (N, 2, 1))
    np.testing.assert_array_equal(found.actions[:, :2], frozen)
    np.testing.assert_array_equal(found.actions[:, 2:], ACTIONS[:, 5:])
    np.testing.assert_array_equal(before, ACTIONS)


@pytest.mark.parametrize("running", [None, runs(0, 4)])
def test_what_runs_too_briefly_does_not_compete(running):
    """It would have to be made longer by somebody."""
    assert len(windows(DRAWN, running, gone=3)) == N


def test_what_runs_too_briefly_competes_where_somebody_gives_it_an_end():
    """Of the windows as they were drawn, before anything is filled in."""
    seen = []

    def going_on(running, chunks):
        seen.append(chunks.copy())
        return np.concatenate([running, chunks[1, len(running) :]])

    found = windows(DRAWN, runs(100, 102), gone=3, frozen=1, going_on=going_on)

    assert found.actions[N, :, 0].tolist() == [100, 101, 13, 14, 15]
    np.testing.assert_array_equal(seen[0], ACTIONS[:, 3:])


def test_where_there_is_no_room_the_running_chunk_does_not_compete():
    """Its frozen rows are filled in all the same."""
    found = windows(DRAWN, runs(100, 110), gone=0, frozen=1, most=N)

    assert len(found) == N
    assert found.actions[:, 0, 0].tolist() == [100, 100, 100]


def test_the_continuation_of_an_older_observation_gives_way_to_that_of_now():
    """And of the others it is still known where they came from."""
    kinds = (Provenance.POLICY, Provenance.FITTED, Provenance.CONTINUATION)
    found = windows(Candidates(ACTIONS, kinds), runs(100, 110), gone=0)

    assert found.provenance == kinds
    np.testing.assert_array_equal(found.actions[:2], ACTIONS[:2])
    assert found.actions[2, 0, 0] == 100


@pytest.mark.parametrize("gone", [-1, HORIZON])
def test_where_no_row_is_left_there_are_no_windows(gone):
    """The text says how many may be gone."""
    with pytest.raises(InvalidInputError, match=r"gone: expected 0\.\.7 rows, got"):
        windows(DRAWN, None, gone=gone)


def test_a_path_leads_where_it_was_meant_to_wherever_the_robot_is():
    """What the robot did otherwise is made up for over the next four rows that are free."""
    running = np.full((3, 2), 0.5, np.float32)
    drawn = np.ones((N, HORIZON, 2), np.float32)
    found = anchored(
        drawn,
        running,
        gone=2,
        frozen=1,
        moved_A=np.array([0.5, 0.5]),
        is_motion_A=np.array([True, False]),
    )

    # Three rows of 1 were meant; 0.5 has been moved, and 0.5 of what is frozen is to come.
    np.testing.assert_array_equal(found[:, :, 1], drawn[:, :, 1])
    np.testing.assert_array_equal(found[:, [0, 1, 2, 7], 0], 1)
    np.testing.assert_allclose(found[:, 3:7, 0], 1.5)
    end = 0.5 + running[:1, 0].sum() + found[0, 3:, 0].sum()
    assert end == pytest.approx(HORIZON)


def test_what_did_what_it_was_meant_to_is_left_as_it_is():
    """And where no row is free there is nothing to make up with."""
    is_motion = np.array([True])
    options = {"moved_A": ACTIONS[1, :2].sum(0).astype(float), "is_motion_A": is_motion}
    same = anchored(ACTIONS[1:2], None, gone=2, frozen=0, **options)
    np.testing.assert_array_equal(same, ACTIONS[1:2])
    assert anchored(ACTIONS, None, gone=HORIZON, frozen=0, **options) is ACTIONS
