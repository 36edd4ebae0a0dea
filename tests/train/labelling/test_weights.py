"""Weights of frames for a fine-tuning, by a critic of this package."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from steer import cli
from steer.critics.artefact import load_critic
from steer.errors import DatasetError
from steer.train.candidates import save_candidates
from steer.train.datasets import load_episodes
from steer.train.label_config import WeightsConfig
from steer.train.labelling.recording import open_recording
from steer.train.labelling.weights import label_weights
from steer.train.targets import row_windows

SUCCESS = np.array([True, False, True, False])


def _weights(recording, config, success=SUCCESS):
    label = label_weights(recording, config, success, task=None)
    return label.columns["steer.weight"], label.numbers


@pytest.fixture
def drawn(episodes, tmp_path):
    """A file of three candidates of each state of `episodes`, two actions each; and those."""
    chunks = np.random.default_rng(1).uniform(-1, 1, (24, 3, 2, 1)).astype(np.float32)
    save_candidates(tmp_path / "drawn", chunks, episodes, about={"num_candidates": 3})
    return tmp_path / "drawn", chunks


def _advantage(directory, episodes, chunks):
    """By the definition, slowly: each state, each member."""
    made = load_critic(directory)
    states = torch.from_numpy(episodes.observations["observation.state"])
    executed = episodes.actions[row_windows(episodes, horizon=2)]
    with torch.no_grad():
        context = made.embed({"observation.state": states})
        own = made.score(context, torch.from_numpy(executed[:, None])).double().numpy()[:, :, 0]
        draws = made.score(context, torch.from_numpy(chunks)).double().numpy()
    ahead, beta = own - draws.mean(axis=2), made.card.selection.beta
    return -beta * np.log(np.exp(-ahead / beta).mean(axis=0))


@pytest.mark.slow
def test_a_weight_is_the_exponential_of_the_pessimistic_advantage(
    episodes, open_data, critic, drawn
):
    """Over the mean of the candidates, member by member."""
    path, chunks = drawn
    advantage = _advantage(critic, episodes, chunks)
    config = WeightsConfig(critic=critic, candidates=path, temperature=0.01)

    weight, numbers = _weights(open_data(episodes), config)

    np.testing.assert_allclose(weight, np.minimum(np.exp(advantage / 0.01), 20), rtol=2e-3)
    assert weight.std() > 0.01
    assert weight.dtype == np.float32
    assert numbers["frames"] == 24
    assert numbers["largest"] == pytest.approx(weight.max())
    share = weight.sum() ** 2 / (24 * np.square(weight).sum())
    assert numbers["effective_share"] == pytest.approx(share)
    assert numbers["mean_of_failures"].value == pytest.approx(
        np.r_[weight[6:12], weight[18:]].mean()
    )
    assert numbers["mean_of_successes"].n == 2


@pytest.mark.slow
def test_chunks_like_the_policys_weigh_1(episodes, open_data, critic, tmp_path):
    """Whatever the temperature."""
    same = np.repeat(episodes.actions[row_windows(episodes, horizon=2)][:, None], 3, axis=1)
    save_candidates(tmp_path / "same", same, episodes, about={})
    config = WeightsConfig(critic=critic, candidates=tmp_path / "same", temperature=0.01)

    weight, numbers = _weights(open_data(episodes), config)

    np.testing.assert_allclose(weight, 1.0, atol=1e-3)
    assert numbers["effective_share"] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_no_weight_is_above_the_cap(episodes, open_data, critic, drawn):
    """Not even where the exponential has no number; the share of those is told."""
    path, chunks = drawn
    above = _advantage(critic, episodes, chunks) > 1e-5
    config = WeightsConfig(critic=critic, candidates=path, temperature=1e-7, most=5.0)

    weight, numbers = _weights(open_data(episodes), config)

    assert 0 < above.sum() < 24
    np.testing.assert_allclose(weight[above], 5.0, rtol=1e-6)
    assert weight.max() <= 5.0 + 1e-5
    assert numbers["capped_share"] == (weight > 4.999).mean()


@pytest.mark.slow
def test_edits_behind_the_draws_are_not_the_policy(episodes, open_data, critic, drawn, tmp_path):
    """A file of `steer candidates --edit` gives the weights of one without."""
    path, chunks = drawn
    about = {"num_candidates": 3, "edit": "sha256:0"}
    edited = np.concatenate([chunks, np.ones_like(chunks)], axis=1)
    save_candidates(tmp_path / "edited", edited, episodes, about=about)
    recording = open_data(episodes)

    plain, _ = _weights(recording, WeightsConfig(critic=critic, candidates=path))
    config = WeightsConfig(critic=critic, candidates=tmp_path / "edited")
    weight, _ = _weights(recording, config)

    np.testing.assert_array_equal(weight, plain)


@pytest.mark.slow
def test_candidates_of_other_data_are_refused(make_episodes, open_data, critic, drawn):
    """As training refuses them."""
    other = make_episodes([5, 5, 5, 5], SUCCESS)
    config = WeightsConfig(critic=critic, candidates=drawn[0])

    with pytest.raises(DatasetError, match="expected candidates of every episode, got none of ep"):
        _weights(open_data(other), config)


@pytest.mark.slow
def test_candidates_shorter_than_the_critics_chunks_are_refused(
    episodes, open_data, critic, tmp_path
):
    """With the shape that is needed."""
    save_candidates(tmp_path / "short", np.zeros((24, 3, 1, 1), np.float32), episodes, about={})
    config = WeightsConfig(critic=critic, candidates=tmp_path / "short")

    with pytest.raises(DatasetError, match=r"at least 2, 1\], got \[24, 3, 1, 1\]"):
        _weights(open_data(episodes), config)


@pytest.mark.slow
def test_frames_after_the_success_weigh_1(episodes, open_data, critic, drawn):
    """No candidate is drawn there, and the critic has learnt nothing of them."""

    def change(columns):
        columns["next.success"][:] = False
        columns["next.success"][2:6] = True

    recording = open_data(episodes, change=change)

    weight, numbers = _weights(recording, WeightsConfig(critic=critic, temperature=0.01))

    assert numbers["frames_after_success"] == 3
    assert weight[3:6].tolist() == [1.0] * 3
    assert (weight[:3] != 1.0).all()


@pytest.mark.slow
def test_a_single_episode_has_nothing_to_compare_with(episodes, open_data, critic):
    """Weights of 1 everywhere would look like an answer."""
    recording = open_data(episodes.select([0]))

    with pytest.raises(DatasetError, match=r"got none; draw .* with --weights\.candidates FILE"):
        _weights(recording, WeightsConfig(critic=critic), SUCCESS[:1])


@pytest.mark.slow
def test_steps_to_the_goal_weigh_more_than_steps_back(walker_critic, corridor):
    """By a trained critic, over what others did in the same cell; nothing but that tells them."""
    critic, root = walker_critic
    chunks = corridor.select(range(60))
    both = chunks.actions[row_windows(chunks, horizon=2)][:, :, 0] >= 0
    ahead, back = both.all(axis=1), ~both.any(axis=1)

    weight, numbers = _weights(open_recording(root, task=None), WeightsConfig(critic=critic), None)

    assert weight[ahead].mean() > 1.2 * weight[back].mean()
    assert np.mean(weight[ahead][:, None] > weight[back]) > 0.8
    assert 0 < numbers["effective_share"] < 1
    assert "mean_of_successes" not in numbers


@pytest.mark.slow
def test_the_copy_is_read_as_data_with_weights(episodes, write_dataset, critic, drawn, tmp_path):
    """By this package's loader; the column, its feature and its statistics are there."""
    root = write_dataset(episodes)
    words = ["--dataset", str(root), "--output", str(tmp_path / "out"), "--kinds", "weights"]
    words += ["--weights.critic", str(critic), "--weights.candidates", str(drawn[0])]

    code = cli.main(["label", *words, "--weights.temperature", "0.1", "--weights.most", "5"])

    assert code == 0
    config = WeightsConfig(critic=critic, candidates=drawn[0], temperature=0.1, most=5.0)
    weight, _ = _weights(open_recording(root, task=None), config)
    copy = open_recording(tmp_path / "out", task=None)
    np.testing.assert_array_equal(copy.column("steer.weight"), weight)
    assert load_episodes(tmp_path / "out").fingerprint() == load_episodes(root).fingerprint()
    told = json.loads((tmp_path / "out/meta/labels.json").read_text())["labels"][0]
    assert (told["kind"], told["wrote"]) == ("weights", ["steer.weight"])
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())["steer.weight"]
    assert stats["mean"] == pytest.approx([float(weight.mean())])
    assert pq.read_schema(tmp_path / "out/data/chunk-000/file-000.parquet").field("steer.weight")
