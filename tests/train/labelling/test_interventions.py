"""Interventions as preferences."""

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.train.label_config import InterventionsConfig
from steer.train.labelling.interventions import label_interventions

CONFIG = InterventionsConfig(column="is_intervention", horizon=2)


def took_over(*frames):
    """Return a change of columns: a human ran these frames."""

    def change(columns):
        flag = np.zeros(len(columns["action"]), np.bool_)
        flag[list(frames)] = True
        columns["is_intervention"] = flag

    return change


def test_what_the_human_ran_is_preferred_to_what_the_policy_ran_nearby(episodes, open_data):
    """Episodes begin alike; frames 0 to 2 of the first are the human's."""
    recording = open_data(episodes, change=took_over(0, 1, 2))

    label = label_interventions(recording, CONFIG)

    pairs, actions = label.pairs, episodes.actions
    assert (pairs.episode.tolist(), pairs.frame.tolist()) == ([0, 0], [0, 1])
    np.testing.assert_array_equal(pairs.preferred, [actions[0:2], actions[1:3]])
    rows = [row for row in (6, 12, 18) if np.array_equal(pairs.rejected[0], actions[row : row + 2])]
    assert pairs.rejected_episode[0] in [10 * (row // 6) for row in rows]
    assert label.numbers["interventions"] == 1
    assert (label.numbers["frames"], label.numbers["pairs"]) == (3, 2)
    assert label.numbers["state_distance"].n == 1
    assert label.columns == {}


def test_chunks_that_are_partly_the_humans_are_neither(episodes, open_data):
    """One frame is no chunk of two, and none crosses the end of an episode."""
    recording = open_data(episodes, change=took_over(2, 5, 6, 14, 15))

    label = label_interventions(recording, CONFIG)

    assert (label.pairs.episode.tolist(), label.pairs.frame.tolist()) == ([20], [2])
    assert label.numbers["interventions"] == 4


def test_states_that_are_far_make_no_pair(episodes, open_data):
    """They are counted; where all are, nothing is written."""

    def far(columns):
        took_over(0, 1, 2, 12, 13)(columns)
        columns["observation.state"][12:14, 0] = 5.0

    near = InterventionsConfig(column="is_intervention", horizon=2, max_distance=0.5)
    label = label_interventions(open_data(episodes, change=far), near)

    assert label.pairs.episode.tolist() == [0, 0]
    assert label.numbers["left_out_no_state_near"] == 1

    def all_far(columns):
        took_over(12, 13)(columns)
        columns["observation.state"][12:14, 0] = 5.0

    with pytest.raises(DatasetError, match=r"within 0\.5 deviations .* --interventions\.max-dist"):
        label_interventions(open_data(episodes, change=all_far, name="far"), near)


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ((), "expected frames that a human ran, got none"),
        ((1, 3), "expected 2 actions of the human in a row, got fewer"),
        (range(24), "expected 2 actions of the policy in a row, got fewer"),
    ],
)
def test_data_that_make_no_pair_are_refused(episodes, open_data, frames, complaint):
    """The text says which side is missing."""
    with pytest.raises(DatasetError, match=complaint):
        label_interventions(open_data(episodes, change=took_over(*frames)), CONFIG)


def test_a_missing_column_is_named(episodes, open_data):
    """The default is where lerobot records it."""
    with pytest.raises(DatasetError, match=r"numbers 'complementary_info\.is_intervention'"):
        label_interventions(open_data(episodes), InterventionsConfig())
