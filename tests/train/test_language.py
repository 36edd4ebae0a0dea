"""Critics that read the instruction: from data to an audit."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.critics.artefact import load_critic
from steer.critics.card import NetworkConfig
from steer.critics.encoders.language import hash_text, sentence_digest
from steer.critics.encoding import INSTRUCTION
from steer.errors import ArtefactError, ConfigError, DatasetError
from steer.train.audit import run
from steer.train.audit_config import AuditConfig
from steer.train.config import TrainConfig
from steer.train.run import train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

NETWORK = NetworkConfig(encoder_hidden=16, context_dim=8, member_hidden=(16, 16))
READS = replace(NETWORK, language_dim=12)


@pytest.fixture(autouse=True)
def _threads_are_put_back():
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def root(make_episodes, write_dataset):
    """Twenty episodes, in turn of two tasks in one scene: to go right, and to go left."""
    episodes = make_episodes([8] * 20, [True, True, False, True] * 5)
    goes = np.repeat(np.tile([1.0, -1.0], 10), 8)[:, None]
    actions = (goes * np.abs(episodes.actions)).astype(np.float32)
    episodes = replace(episodes, actions=actions)
    return write_dataset(episodes, told=["go right", "go left"] * 10)


@pytest.fixture
def config(root, small_config):
    options = {"dataset": (str(root),), "algorithm": "sarsa", "holdout": 0.3}
    return lambda **changes: small_config(**{**options, **changes})


def preferred(critic, text):
    """Return whether a critic that reads `text` puts going right above going left."""
    vector = torch.from_numpy(hash_text(text, critic.card.network.language_dim))[None]
    context = critic.embed({"observation.state": torch.zeros(1, 2), INSTRUCTION: vector})
    chunks = torch.tensor([0.5, -0.5])[None, :, None, None].expand(-1, -1, 2, -1)
    right, left = critic.score(context, chunks).mean(0)[0]
    return "go right" if right > left else "go left"


def test_a_critic_of_two_tasks_goes_by_the_instruction(config):
    """Though the state does not tell which is wanted, and both did equally well at their own."""
    both = ("go right", "go left")
    many = config(task=both, network=READS, steps=300, passes=1e3, batch_size=64)

    card = train(replace(many, learning_rate=3e-3))

    critic = load_critic(many.output)
    assert [preferred(critic, text) for text in both] == list(both)
    assert card.dataset.tasks == both
    assert (card.dataset.task, card.dataset.instruction) == (
        "go right, go left",
        "go right; go left",
    )


def test_one_task_is_enough_for_a_critic_that_reads(config):
    """Its card names the task as ever."""
    card = train(config(task=("go left",), network=READS))

    assert (card.dataset.task, card.dataset.tasks) == ("go left", ())
    assert load_critic(config().output).card.network.language_dim == 12


def test_an_audit_takes_the_tasks_and_held_out_episodes_of_the_card(config, root, capsys):
    """Each state with its own instruction."""
    train(config(task=("go right", "go left"), network=READS))
    critic = config().output

    run(AuditConfig(critic=critic, dataset=(str(root),), num_states=4))

    told = json.loads((critic.with_name("critic-audit") / "audit.json").read_text())
    assert told["num_episodes"] == 6
    assert told["is_held_out"] is True


def test_few_episodes_are_as_many_of_each_task(config):
    """And no more than the task with the fewest has."""
    card = train(config(task=("go right", "go left"), network=READS, episodes=4, holdout=0.0))

    assert card.dataset.num_episodes == 8
    with pytest.raises(DatasetError, match="--episodes: expected at most the 10 of the dataset"):
        train(config(output=config().output.with_name("b"), task=("go left",), episodes=11))


def test_a_sentence_encoder_makes_the_vectors(config, root, sentence_directory, tmp_path):
    """The card has its digest and size, and nowhere where it lay; the audit needs it again."""
    told = config(
        task=("go right", "go left"), network=NETWORK, sentence_encoder=sentence_directory
    )

    card = train(told)

    digest = sentence_digest(sentence_directory)
    assert (card.sentence_encoder, card.network.language_dim) == (digest, 16)
    written = (told.output / "card.json").read_text()
    assert str(sentence_directory) not in written
    assert json.loads(written)["training"]["sentence_encoder"] == digest
    audit = AuditConfig(critic=told.output, dataset=(str(root),), num_states=4)
    run(replace(audit, sentence_encoder=(sentence_directory,)))
    with pytest.raises(ConfigError, match=f"was trained with, {digest}, got none"):
        run(audit)


def test_a_run_goes_on_with_the_encoder_wherever_it_lies_now(
    config, sentence_directory, tmp_path, monkeypatch
):
    """It is known by what it is."""
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in sentence_directory.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    options = {"task": ("go right", "go left"), "network": NETWORK, "steps": 10}
    first = train(config(sentence_encoder=sentence_directory, **options))

    again = train(config(sentence_encoder=moved, resume=True, **options))

    assert again.weights_sha256 == first.weights_sha256


def test_a_sentence_encoder_that_does_not_fit_is_refused(config, sentence_directory, tmp_path):
    """By length, and where there is none."""
    told = config(task=("go left",), network=READS, sentence_encoder=sentence_directory)
    with pytest.raises(ConfigError, match=r"--network\.language-dim: expected 16, .* got 12"):
        train(told)

    with pytest.raises(ArtefactError, match=r"expected a directory with config\.json"):
        train(replace(told, sentence_encoder=tmp_path / "none"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"task": ("a", "b")},
            "--task: expected one for a critic that reads no instruction, got 2: it cannot tell "
            "them apart; give --network.language-dim 256, or --sentence-encoder DIR",
        ),
        (
            {"other_instructions": 0.5, "task": ("a",)},
            "--other-instructions: expected several --task, got ('a',)",
        ),
        (
            {"other_instructions": 1.0, "task": ("a", "b"), "network": READS},
            "--other-instructions: expected a share in [0, 1), got 1.0",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text, tmp_path):
    """Before any data are read."""
    with pytest.raises(ConfigError) as caught:
        TrainConfig(dataset=("d",), output=tmp_path / "o", **options)

    assert str(caught.value) == text
