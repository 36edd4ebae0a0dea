"""Opening a dataset for labels."""

import json

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.train.labelling.recording import open_recording


def test_frames_after_a_success_are_kept(episodes, open_data):
    """Labels are written for every row, and not only for those that are learnt from."""

    def early(columns):
        columns["next.success"][1] = True

    recording = open_data(episodes, change=early)

    assert recording.end.tolist() == [6, 12, 18, 24]
    assert recording.column("action").shape == (24,)
    assert recording.column("observation.state").shape == (24, 2)


def test_one_task_of_several(episodes, write_dataset, two_tasks):
    """The others keep their rows and are not asked for."""
    change, tell = two_tasks
    root = tell(write_dataset(episodes, change=change))

    recording = open_recording(root, task="walk")

    assert recording.is_asked.tolist() == [True, True, False, False]
    with pytest.raises(DatasetError, match=r"--task to be one of \['jump', 'walk'\], got fly"):
        open_recording(root, task="fly")


def test_frames_without_a_label(episodes, write_dataset, two_tasks):
    """They stay what they were; new numbers are NaN there, and new outcomes are refused."""
    change, tell = two_tasks
    recording = open_recording(tell(write_dataset(episodes, change=change)), task="walk")
    labelled, zeros = recording.asked_frames, np.zeros(24, np.bool_)

    kept = recording.spread("next.success", zeros, labelled)
    new = recording.spread("next.reward", zeros.astype(np.float32), labelled)

    assert np.flatnonzero(kept).tolist() == [17]
    assert np.isnan(new).tolist() == [False] * 12 + [True] * 12
    assert new.dtype == np.float32
    with pytest.raises(DatasetError, match="expected labels of all episodes, got those of one"):
        recording.spread("is_good", zeros, labelled)


def test_an_unknown_column_lists_the_known(episodes, open_data):
    """A typo says what there is."""
    with pytest.raises(DatasetError, match=r"numbers 'state', got none; it has: observation\.st"):
        open_data(episodes).column("state")


def test_what_is_no_dataset_is_refused(tmp_path, episodes, write_dataset):
    """A directory without metadata, and one of another version."""
    with pytest.raises(DatasetError, match=r"expected a LeRobotDataset root, got no meta/info"):
        open_recording(tmp_path / "none", task=None)
    root = write_dataset(episodes)
    info = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps({**info, "codebase_version": "v2.1"}))
    with pytest.raises(DatasetError, match=r"expected a LeRobotDataset v3\.x, got v2\.1"):
        open_recording(root, task=None)


def test_a_missing_frame_is_refused(episodes, open_data):
    """Labels of the frames after it would be of others."""

    def gap(columns):
        columns["frame_index"][8:12] += 1

    with pytest.raises(DatasetError, match="got frame 3 of episode 10 out of order"):
        open_data(episodes, change=gap)
