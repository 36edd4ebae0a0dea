"""Windows of late chunks: what is gone is cut off, what is frozen stays, paths are made up for."""

import numpy as np
import pytest

from steer.types import Provenance
from steer.windows import anchored, windows

N, HORIZON = 3, 8
ACTIONS = np.arange(N * HORIZON, dtype=np.float32).reshape(N, HORIZON, 1)


def test_what_was_consumed_is_cut_off_and_what_runs_competes():
    """Last, and as long as the others; candidate 0 stays the policy's own."""
    found, kinds = windows(ACTIONS, np.arange(100, 110, dtype=np.float32)[:, None], gone=3)

    assert found.shape == (N + 1, HORIZON - 3, 1)
    np.testing.assert_array_equal(found[:N], ACTIONS[:, 3:])
    assert found[N, :, 0].tolist() == [100, 101, 102, 103, 104]
    assert kinds == (Provenance.POLICY,) * N + (Provenance.CONTINUATION,)


@pytest.mark.parametrize("running", [None, np.zeros((4, 1), np.float32)])
def test_what_runs_too_briefly_does_not_compete(running):
    """It would have to be made longer by somebody."""
    found, kinds = windows(ACTIONS, running, gone=3)

    assert (len(found), len(kinds)) == (N, N)


def test_what_stays_frozen_is_judged_as_it_will_run():
    """Its first rows are those of the running chunk, whichever is chosen."""
    running = np.arange(100, 103, dtype=np.float32)[:, None]
    found, _ = windows(ACTIONS, running, gone=3, frozen=2)

    np.testing.assert_array_equal(found[:, :2], np.broadcast_to(running[:2], (N, 2, 1)))
    np.testing.assert_array_equal(found[:, 2:], ACTIONS[:, 5:])


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
