"""Outcomes from a file and from a rule."""

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.train.label_config import SuccessConfig
from steer.train.labelling.recording import open_recording
from steer.train.labelling.success import label_success

RULE = SuccessConfig(of="observation.state[0:1]", to="observation.state[1:2]", below=0.5)


def test_a_file_labels_the_last_frame_of_each_success(episodes, open_data, tmp_path):
    """And says how many there are."""
    (tmp_path / "s.csv").write_text("episode,success\n0,0\n10,1\n20,0\n30,1\n")
    recording = open_data(episodes, drop=("next.success",))

    label = label_success(recording, SuccessConfig(csv=tmp_path / "s.csv"))

    assert np.flatnonzero(label.columns["next.success"]).tolist() == [11, 23]
    assert (label.numbers["episodes"], label.numbers["frames"]) == (4, 24)
    assert label.numbers["share_of_successes"].value == 0.5
    assert "agrees_with_before" not in label.numbers


def test_a_rule_judges_the_last_observation(episodes, open_data):
    """It agrees here with what was recorded, and says so."""
    label = label_success(open_data(episodes), RULE)

    assert np.flatnonzero(label.columns["next.success"]).tolist() == [5, 17]
    assert label.source == (
        "the distance of observation.state[0:1] to observation.state[1:2] is below 0.5 in the last "
        "frame"
    )
    assert label.numbers["agrees_with_before"].value == 1.0
    assert label.numbers["close_to_threshold"] == 0


def test_close_outcomes_are_counted(episodes, open_data):
    """A threshold that a tenth would turn round is no sure label."""
    above = SuccessConfig(of="observation.state[0]", above=0.75)

    label = label_success(open_data(episodes), above)

    assert np.flatnonzero(label.columns["next.success"]).tolist() == [11, 23]
    assert label.numbers["close_to_threshold"] == 2
    assert label.numbers["agrees_with_before"].value == 0.0


def test_other_tasks_keep_their_outcomes(episodes, write_dataset, two_tasks, caplog):
    """Only what was asked for is labelled; that all fail is said."""
    change, tell = two_tasks
    recording = open_recording(tell(write_dataset(episodes, change=change)), task="walk")

    never = SuccessConfig(of="observation.state[0]", below=-1.0)
    label = label_success(recording, never)

    assert np.flatnonzero(label.columns["next.success"]).tolist() == [17]
    assert label.numbers["episodes"] == 2
    assert "none of 2 episodes are labelled as successes" in caplog.text


def test_a_rule_on_nan_is_refused(episodes, open_data):
    """NaN is below no threshold, and would pass for a failure."""

    def spoil(columns):
        columns["observation.state"][11, 0] = np.nan

    with pytest.raises(DatasetError, match="NaN or Inf in the last frame of episode 10"):
        label_success(open_data(episodes, change=spoil), RULE)
