"""Continuity: near to what the robot is about to do anyway."""

from dataclasses import replace

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.rank.scorers.base import Situation
from steer.rank.scorers.continuity import Continuity


def line(*action, length=6):
    return np.tile(np.float32(action), (length, 1))


def test_the_candidate_that_goes_on_beats_the_one_that_turns_back(situated):
    """The robot moves right; one candidate goes on so, one drifts up, one turns back."""
    right, up, back = line(0.8, 0, 0, 1), line(0.5, 0.5, 0, 1), line(-0.8, 0, 0, 1)

    scores = Continuity()(situated([back, up, right], rest_RA=line(0.8, 0, 0, 1, length=3)))

    assert scores.argsort().tolist() == [0, 1, 2]
    assert scores[2] == 0.0


def test_nothing_runs_and_all_score_0(situated):
    """The first chunk of an episode breaks off nothing."""
    chunks = np.random.default_rng(0).normal(size=(3, 4, 4))

    np.testing.assert_array_equal(Continuity()(situated(chunks)), np.zeros(3))
    np.testing.assert_array_equal(
        Continuity()(situated(chunks, rest_RA=np.zeros((0, 4)))), np.zeros(3)
    )


def test_the_score_is_in_parts_of_the_range(situated):
    """From one end of every range to the other is -1, whatever the decay is."""
    for decay in (0.1, 0.5, 1.0):
        scores = Continuity(decay=decay)(
            situated([line(1, 1, 1, 1)], rest_RA=line(-1, -1, -1, -1, length=4))
        )

        np.testing.assert_allclose(scores, [-1.0], rtol=1e-6)


def test_only_the_ticks_that_both_have_count(situated):
    """What a candidate does after the running chunk ends is its own business."""
    late_turn = np.concatenate([line(0.5, 0, 0, 0, length=3), line(-1, -1, -1, -1, length=3)])

    scores = Continuity()(
        situated([line(0.5, 0, 0, 0), late_turn], rest_RA=line(0.5, 0, 0, 0, length=3))
    )

    np.testing.assert_array_equal(scores, [0.0, 0.0])


def test_a_running_chunk_may_be_longer_than_the_candidates(situated):
    """Its far end is not compared with anything."""
    scores = Continuity()(situated([line(0.5, 0, 0, 0, length=2)], rest_RA=line(0.5, 0, 0, 0)))

    np.testing.assert_array_equal(scores, [0.0])


def test_with_decay_the_seam_counts_more_than_what_is_later(situated):
    """A jump at once is worse than the same difference two ticks later."""
    rest = line(0, 0, 0, 0, length=3)
    now, later = rest.copy(), rest.copy()
    now[0, 0], later[2, 0] = 1.0, 1.0

    decayed = Continuity(decay=0.5)(situated([now, later], rest_RA=rest))
    even = Continuity(decay=1.0)(situated([now, later], rest_RA=rest))

    assert decayed[0] == pytest.approx(4 * decayed[1])
    assert even[0] == even[1]


def test_commands_that_the_robot_clips_to_the_same_are_the_same(situated, arm):
    """1.0 and 3.0 are one motion for a robot that clips; for one that does not they differ."""
    chunk, rest = line(3.0, 0, 0, 0), line(1.0, 0, 0, 0)
    strict = replace(arm, out_of_range="reject")

    clips = Continuity()(situated([chunk], rest_RA=rest))
    keeps = Continuity()(situated([chunk], rest_RA=rest, embodiment=strict))

    assert clips[0] == 0.0
    assert keeps[0] < 0.0


def test_a_running_chunk_that_is_not_a_number_gives_no_number(situated):
    """The sum of scores sees it and leaves the score out."""
    scores = Continuity()(situated([line(0, 0, 0, 0)], rest_RA=np.full((2, 4), np.nan)))

    assert np.isnan(scores).all()


def test_the_situation_is_not_bound_to_the_arm():
    """One action and one tick are enough."""
    robot = Embodiment(name="", control_hz=0, actions=(ActionDim(name="x"),), observations=())
    chunks = np.float32([[[0.0]], [[1.0]]])

    scores = Continuity()(
        Situation(chunks_NHA=chunks, embodiment=robot, rest_RA=np.float32([[1.0]]))
    )

    assert scores.tolist() == [-1.0, 0.0]
