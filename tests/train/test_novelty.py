"""`steer novelty`: from a critic and episodes on disk to a file beside the critic."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steer import cli
from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import CriticCard, DatasetSummary, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ObservationField
from steer.errors import ArtefactError, ConfigError, DatasetError
from steer.frames import FrameCard, FrameWriter, data_digest, decision_rows
from steer.rank.scorers.novelty import NOVELTY_FILE, Novelty, NoveltyConfig, pair_features
from steer.serve.scorers import load_scorers
from steer.train.novelty import run
from steer.train.novelty_config import NoveltyFitConfig
from steer.train.targets import build_chunks

LENGTHS, SUCCESS = [9, 7, 8, 6] * 3, [True, False, True, False] * 3
HORIZON = 2
SMALL = NoveltyConfig(num_coins=8, hidden=16, num_steps=60, batch=32)
IMAGE = ObservationField(name="observation.images.front", dtype="uint8", shape=(16, 16, 3))
POINTS = ObservationField(name="observation.points.front", dtype="float32", shape=(8, 3))


@pytest.fixture
def walks(make_episodes):
    return make_episodes(LENGTHS, SUCCESS)


@pytest.fixture
def save(walks, tmp_path):
    """Save a critic of random weights that sees the state, and what else it is told."""

    def save(*more, task="walk to the right", **network):
        body = replace(walks.embodiment, observations=(*walks.embodiment.observations, *more))
        sizes = {"encoder_hidden": 16, "context_dim": 6, "member_hidden": (16,), **network}
        card = CriticCard(
            algorithm="iql",
            embodiment=body,
            horizon=HORIZON,
            num_members=2,
            network=NetworkConfig(**sizes),
            dataset=DatasetSummary(task=task),
        )
        save_critic(Critic(card), tmp_path / "critic")
        return tmp_path / "critic"

    return save


@pytest.fixture
def write_frames(walks, tmp_path):
    """Write what a camera saw at every second row."""

    def write(item):
        owner = np.repeat(walks.episode, walks.end - walks.start)
        rows, is_cloud = decision_rows(owner, every=2), len(item.shape) == 2
        card = FrameCard(
            key=item.name,
            shape=item.shape,
            dtype=item.dtype,
            camera="front",
            every=2,
            rows=len(owner),
            data_sha256=data_digest(walks.actions, np.repeat(walks.seed, walks.end - walks.start)),
            cloud={"num_points": 8} if is_cloud else None,
        )
        writer = FrameWriter(tmp_path / "frames", walks.instruction, card, rows)
        writer.put(0, card.rows, np.stack([np.full(card.shape, n, card.dtype) for n in rows]))
        writer.keep(card.rows)
        return tmp_path / "frames"

    return write


def config(critic, *datasets, **changes):
    names = tuple(map(str, datasets))
    return NoveltyFitConfig(**{"critic": critic, "dataset": names, "fit": SMALL, **changes})


def test_the_pairs_are_contexts_of_the_critic_and_the_chunks_that_it_learns_from(
    walks, save, write_dataset, caplog
):
    """Where success ends an episode its last action is repeated; clipped as the robot clips."""
    critic = save()

    with caplog.at_level("INFO"):
        found = run(config(critic, write_dataset(walks)))

    chunks = build_chunks(walks, horizon=HORIZON, discount=0.9)
    state = torch.from_numpy(walks.observations["observation.state"][chunks.row])
    with torch.inference_mode():
        context = load_critic(critic).embed({"observation.state": state}).numpy()
    features = pair_features(context, walks.actions[chunks.action_rows], walks.embodiment)
    expected = Novelty.fit(features, seed=0, config=SMALL)
    np.testing.assert_allclose(found.novelty(features), expected.novelty(features), rtol=1e-3)
    assert found.about["num_pairs"] == len(chunks)
    assert found.about["num_episodes"] == len(LENGTHS)
    assert "novelty own=" in caplog.text
    assert f"wrote novelty={critic / NOVELTY_FILE} pairs={len(chunks)}" in caplog.text


def test_a_server_of_the_critic_takes_what_was_written(walks, save, write_dataset):
    """And the critic is what it was: the file lies beside it."""
    critic = save()
    before = load_critic(critic).digest

    run(config(critic, write_dataset(walks)))

    assert "novelty" in load_scorers(critic, load_critic(critic))
    assert load_critic(critic).digest == before


def test_equal_seeds_give_equal_files_and_others_do_not(walks, save, write_dataset):
    """The one that is there is replaced."""
    critic, data = save(), write_dataset(walks)
    files = []

    for seed in (3, 3, 4):
        run(config(critic, data, seed=seed))
        files.append((critic / NOVELTY_FILE).read_bytes())

    assert files[0] == files[1] != files[2]
    assert sorted(path.name for path in critic.iterdir()) == [
        "README.md",
        "card.json",
        "critic.safetensors",
        NOVELTY_FILE,
    ]


@pytest.mark.parametrize("item", [IMAGE, POINTS])
def test_a_critic_that_looks_and_reads_is_asked_in_its_own_words(
    walks, save, write_dataset, write_frames, item
):
    """Pairs are those rows that have a frame; the instruction is the data's."""
    critic, data = save(item, language_dim=12), write_dataset(walks)

    found = run(config(critic, data, frames=(write_frames(item),)))

    rows = build_chunks(walks, horizon=HORIZON, discount=0.9).row
    start = np.repeat(walks.start, walks.end - walks.start)[rows]
    assert found.about["num_pairs"] == int(((rows - start) % 2 == 0).sum())
    with pytest.raises(DatasetError, match=f"--frames: expected '{item.name}'"):
        run(config(critic, data))


def test_several_datasets_are_counted_together(walks, save, write_dataset):
    """All episodes of all of them, in their order."""
    critic, first, second = save(), write_dataset(walks), write_dataset(walks, name="again")

    once, twice = run(config(critic, first)), run(config(critic, first, second))

    assert twice.about["num_pairs"] == 2 * once.about["num_pairs"]
    assert twice.about["num_episodes"] == 2 * once.about["num_episodes"]


def test_data_without_outcomes_are_told_of_them_or_refused(walks, save, write_dataset):
    """As in training."""
    critic, data = save(), write_dataset(walks, drop=("next.success",))

    with pytest.raises(DatasetError, match=r"expected a column next\.success"):
        run(config(critic, data))
    assert run(config(critic, data, assume_success=True)).about["num_episodes"] == len(LENGTHS)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"dataset": ()}, "--dataset: expected at least one, got none"),
        ({"threads": 0}, "--threads: expected >= 1, got 0"),
        ({"seed": -1}, "--seed: expected 0..2^63 - 1, got -1"),
        ({"seed": 2**63}, "--seed: expected 0..2^63 - 1, got 9223372036854775808"),
        (
            {"success": Path("x"), "assume_success": True},
            "--success and --assume-success: expected one of them, got both",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(changes, text, tmp_path):
    """Before anything is read."""
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, "data", **changes)

    assert str(caught.value) == text


def test_data_of_another_robot_are_refused(walks, save, write_dataset, make_episodes):
    """By what they lack, with nothing written."""
    critic = save(ObservationField(name="observation.tactile", dtype="float32", shape=(3,)))

    with pytest.raises(DatasetError, match=r"expected \['observation.tactile'\], which the critic"):
        run(config(critic, write_dataset(walks)))
    assert not (critic / NOVELTY_FILE).exists()


def test_a_critic_that_is_not_there_is_an_error(tmp_path, write_dataset, walks):
    """With the path."""
    with pytest.raises(ArtefactError, match=r"none/card.json: cannot be read"):
        run(config(tmp_path / "none", write_dataset(walks)))


def test_the_command_writes_beside_the_critic(walks, save, write_dataset, capsys):
    """Its words are those of the help; an error is one line, and exit code 2."""
    critic, data = save(), write_dataset(walks)
    words = ["novelty", "--critic", str(critic), "--dataset", str(data)]

    assert cli.main([*words, "--fit.num-steps", "5", "--fit.hidden", "8"]) == 0
    assert (critic / NOVELTY_FILE).is_file()
    capsys.readouterr()
    assert cli.main([*words, "--task", "fly"]) == 2
    assert capsys.readouterr().err.startswith("steer: error: ")
