"""Dense rewards from a file and from a rule."""

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.train.label_config import RewardConfig
from steer.train.labelling.recording import open_recording
from steer.train.labelling.reward import label_reward

SUCCESS = np.array([True, False, True, False])


def test_a_rule_is_taken_after_the_action(episodes, open_data):
    """The last frame is given its own; all rise in time here, those of successes to more."""
    config = RewardConfig(of="observation.state[0]")

    label = label_reward(open_data(episodes), config, SUCCESS)

    state = episodes.observations["observation.state"][:6, 0]
    np.testing.assert_allclose(label.columns["next.reward"][:6], -state[[1, 2, 3, 4, 5, 5]])
    assert label.columns["next.reward"].dtype == np.float32
    order = label.numbers["order_in_successes"]
    assert (round(order.value, 2), order.n) == (0.99, 2)
    assert label.numbers["success_ends_higher"].value == 1.0
    assert label.numbers["most"] == pytest.approx(-0.1)


def test_without_outcomes_all_episodes_are_looked_at(episodes, open_data):
    """Nothing tells then whether a success ends higher."""
    config = RewardConfig(of="observation.state[0]", scale=2.0)

    label = label_reward(open_data(episodes), config, None)

    assert label.numbers["order_in_all"].n == 4
    assert label.numbers["order_in_all"].value < -0.9
    assert "success_ends_higher" not in label.numbers


def test_a_file_labels_frames(episodes, write_dataset, two_tasks, tmp_path):
    """Frames of another task stay without."""
    change, tell = two_tasks
    recording = open_recording(tell(write_dataset(episodes, change=change)), task="walk")
    lines = [f"{episode},{frame},{frame / 8}" for episode in (0, 10) for frame in range(6)]
    (tmp_path / "r.csv").write_text("\n".join(["episode,frame,reward", *lines]))

    label = label_reward(recording, RewardConfig(csv=tmp_path / "r.csv"), SUCCESS)

    assert label.columns["next.reward"][:6].tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.625]
    assert np.isnan(label.columns["next.reward"][12:]).all()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "episode,frame,reward\n0,0,1.0\n",
            "expected finite values, got nan in episode 0, frame 1",
        ),
        ("episode,frame,reward\n0,6,1.0\n", "got frame 6 of episode 0"),
        (
            "episode,frame,reward\n0,0,1.0\n0,0,2.0\n",
            "expected each frame once, got frame 0 of episode 0 again",
        ),
        ("episode,frame,reward\n0,0,much\n", "the columns episode,frame,reward"),
        ("episode,reward\n0,1.0\n", "the columns episode,frame,reward"),
    ],
)
def test_a_wrong_file_is_refused(episodes, open_data, tmp_path, text, complaint):
    """The text says what the file should have been."""
    (tmp_path / "r.csv").write_text(text)

    with pytest.raises(DatasetError, match=complaint):
        label_reward(open_data(episodes), RewardConfig(csv=tmp_path / "r.csv"), None)
