"""Progress by a critic of this package."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.critics.artefact import load_critic, save_critic
from steer.errors import ConfigError, DatasetError
from steer.train.label_config import ProgressConfig
from steer.train.labelling.progress import label_progress
from steer.train.labelling.recording import open_recording

SUCCESS = np.array([True, False, True, False])


@pytest.mark.slow
def test_progress_is_the_share_of_the_values_range(episodes, open_data, critic):
    """Of what was run from each frame, the last action repeated at the end of an episode."""
    label = label_progress(open_data(episodes), ProgressConfig(critic=critic), SUCCESS, task=None)

    made, state = load_critic(critic), torch.from_numpy(episodes.observations["observation.state"])
    rows = np.minimum(np.arange(24)[:, None] + [0, 1], np.repeat([5, 11, 17, 23], 6)[:, None])
    with torch.no_grad():
        context = made.embed({"observation.state": state})
        value = made.score(context, torch.from_numpy(episodes.actions[rows][:, None]))[..., 0]
    share = (value.mean(0).numpy() + 5) / 5  # a discount of 0.8 makes -5 the worst
    np.testing.assert_allclose(label.columns["steer.progress"], share, atol=1e-5)
    assert (label.numbers["frames"], label.numbers["members"]) == (24, 2)
    assert label.numbers["order_in_successes"].n == 2
    assert label.source.endswith(made.digest)


@pytest.mark.slow
def test_only_the_task_asked_for_is_labelled(episodes, write_dataset, two_tasks, critic):
    """A critic values one task; the frames of others stay without."""
    change, tell = two_tasks
    root = tell(write_dataset(episodes, change=change))
    config = ProgressConfig(critic=critic)
    made = load_critic(critic)
    made.card = replace(made.card, dataset=replace(made.card.dataset, task="walk"))
    save_critic(made, critic)

    label = label_progress(open_recording(root, task="walk"), config, SUCCESS, task="walk")

    assert np.isnan(label.columns["steer.progress"]).tolist() == [False] * 12 + [True] * 12
    with pytest.raises(DatasetError, match=r"--task to be one of .* got none"):
        label_progress(open_recording(root, task=None), config, SUCCESS, task=None)
    with pytest.raises(DatasetError, match="task: expected 'walk', got 'jump'"):
        label_progress(open_recording(root, task="jump"), config, SUCCESS, task="jump")


def test_a_path_without_a_model_says_how_to_give_one(episodes, open_data, tmp_path):
    """Of either kind."""
    recording = open_data(episodes)
    no_critic, no_model = ProgressConfig(critic=tmp_path), ProgressConfig(model=tmp_path)

    with pytest.raises(ConfigError, match=r"no card\.json; train .* with --progress\.critic DIR"):
        label_progress(recording, no_critic, SUCCESS, task=None)
    with pytest.raises(ConfigError, match=r"no config\.json; give it with --progress\.model DIR"):
        label_progress(recording, no_model, SUCCESS, task=None)


@pytest.mark.slow
def test_the_values_of_a_trained_critic_rise_in_time(walker_critic):
    """Which is what makes them progress; the walker goes back and forth, so not without a break."""
    critic, root = walker_critic
    recording = open_recording(root, task=None)

    label = label_progress(recording, ProgressConfig(critic=critic), None, task=None)

    order = label.numbers["order_in_all"]
    assert order.low > 0.4
    assert order.n == 60
