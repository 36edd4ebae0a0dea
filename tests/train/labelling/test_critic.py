"""Which critics can label, whatever they label."""

from dataclasses import replace

import pytest

from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ObservationField
from steer.errors import ConfigError
from steer.train.label_config import ProgressConfig, WeightsConfig
from steer.train.labelling.progress import label_progress
from steer.train.labelling.weights import label_weights

FRONT = ObservationField(name="observation.images.front", dtype="uint8", shape=(32, 32, 3))
CLOUD = ObservationField(name="observation.points", dtype="float32", shape=(64, 3))


@pytest.fixture(params=["--progress.critic", "--weights.critic"])
def label(request, episodes, open_data):
    """Both kinds that ask a critic, and the option that gives it."""

    def run(directory):
        recording = open_data(episodes)
        if request.param == "--progress.critic":
            return label_progress(recording, ProgressConfig(critic=directory), None, task=None)
        return label_weights(recording, WeightsConfig(critic=directory), None, task=None)

    return run, request.param


@pytest.fixture
def save(critic, tmp_path):
    """Return a writer of a critic with another card."""

    def write(change):
        save_critic(Critic(change(load_critic(critic).card)).eval(), tmp_path / "other")
        return tmp_path / "other"

    return write


@pytest.mark.slow
@pytest.mark.parametrize("field", [FRONT, CLOUD])
def test_a_critic_that_looks_at_images_or_points_is_refused(label, save, field):
    """By what it looks at, not by the lack of a column."""
    run, option = label

    def look(card):
        body = card.embodiment
        return replace(card, embodiment=replace(body, observations=(*body.observations, field)))

    directory = save(look)

    with pytest.raises(ConfigError) as caught:
        run(directory)
    assert str(caught.value) == (
        f"{option}: expected a critic that sees vectors alone, got {directory}, which looks at "
        f"'{field.name}'; `steer label` has no images or points to show it"
    )


@pytest.mark.slow
def test_a_critic_with_a_sentence_encoder_is_refused(label, save):
    """There is none here to make its vectors."""
    run, option = label
    network = NetworkConfig(
        encoder_hidden=16, context_dim=8, member_hidden=(16, 16), language_dim=8
    )

    directory = save(
        lambda card: replace(card, network=network, sentence_encoder="sha256:" + "0" * 64)
    )

    with pytest.raises(ConfigError) as caught:
        run(directory)
    assert str(caught.value) == (
        f"{option}: expected a critic that hashes its instruction, got {directory}, which reads a "
        "sentence encoder's vectors; `steer label` has no --sentence-encoder"
    )


@pytest.mark.slow
def test_a_critic_that_hashes_its_instruction_labels(label, save):
    """The labeller reads the instruction in the dataset."""
    run, _ = label
    network = NetworkConfig(
        encoder_hidden=16, context_dim=8, member_hidden=(16, 16), language_dim=8
    )

    made = run(save(lambda card: replace(card, network=network)))

    assert made.numbers["frames"] == 24


def test_a_path_without_a_critic_says_how_to_give_one(label, tmp_path):
    """With the option that it belongs to."""
    run, option = label

    with pytest.raises(ConfigError, match=rf"no card\.json; train .* with {option} DIR"):
        run(tmp_path)
