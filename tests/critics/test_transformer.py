"""Members that read a chunk action by action, with a value after each of them."""

from dataclasses import replace

import pytest
import torch

from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import NetworkConfig
from steer.critics.critic import Critic
from steer.errors import InvalidInputError

NETWORK = NetworkConfig(
    encoder_hidden=8, context_dim=6, kind="transformer", width=12, depth=2, heads=3
)


@pytest.fixture
def reader(critic):
    """Return a critic that reads, for the same robot as `critic`; it is asked for three actions."""
    torch.manual_seed(0)
    return Critic(replace(critic.card, network=NETWORK, horizon=3)).eval()


@pytest.fixture
def long(chunks):
    """Return chunks of four actions."""
    return torch.cat([chunks, chunks], dim=2)[:, :, :4].contiguous()


def test_every_prefix_has_a_value(reader, observations, long):
    """One a member, observation and candidate; the whole horizon is the default."""
    context = reader.embed(observations)

    values = [reader.score(context, long, length=length) for length in (1, 2, 3)]

    assert values[2].shape == (3, 4, 5)
    assert torch.equal(values[2], reader.score(context, long))
    assert not torch.equal(values[0], values[1])


def test_what_follows_a_prefix_cannot_move_its_value(reader, observations, long):
    """To the last bit: it is never looked at."""
    context = reader.embed(observations)
    other = long.clone()
    other[:, :, 2] += 1.0

    for length in (1, 2):
        before = reader.score(context, long, length=length)
        assert torch.equal(before, reader.score(context, other, length=length))
    assert not torch.equal(reader.score(context, long), reader.score(context, other))


def test_members_are_independent(reader, observations, long):
    """A gradient of one member's values moves the weights of no other, the encoder's aside."""
    reader.score(reader.embed(observations).detach(), long)[1].sum().backward()

    for name, weight in reader.members.named_parameters():
        moved = weight.grad.flatten(1).abs().sum(1) > 0
        assert moved.tolist() in ([False, True, False], [False, False, False]), name


def test_candidates_do_not_see_each_other(reader, observations, long):
    """Permuted candidates get permuted values."""
    context, order = reader.embed(observations), torch.tensor([3, 1, 4, 0, 2])

    values = reader.score(context, long)[:, :, order]

    torch.testing.assert_close(values, reader.score(context, long[:, order]))


@pytest.mark.parametrize("length", [0, 4])
def test_a_prefix_beyond_the_training_is_refused(reader, observations, long, length):
    """With what it was trained for."""
    with pytest.raises(InvalidInputError, match=rf"prefix: expected 1 to 3 actions, got {length}"):
        reader.score(reader.embed(observations), long, length=length)


def test_a_critic_that_reads_chunks_whole_has_one_length(critic, observations, chunks):
    """Its own."""
    with pytest.raises(InvalidInputError, match="prefix: expected 2 actions, got 1"):
        critic.score(critic.embed(observations), chunks, length=1)


def test_it_is_read_as_it_was_written(reader, tmp_path):
    """And has another digest where its card says another size."""
    save_critic(reader, tmp_path / "critic")

    read = load_critic(tmp_path / "critic")

    assert read.card.network == NETWORK
    assert read.digest == reader.digest
    wider = replace(reader.card, network=replace(NETWORK, depth=3))
    assert wider.decision_fields() != reader.card.decision_fields()


def test_cards_of_other_critics_keep_their_digests(critic):
    """What is only said of transformers is not part of them."""
    assert critic.card.decision_fields()["network"].keys() == {
        "encoder_hidden",
        "context_dim",
        "member_hidden",
    }


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"width": 10, "heads": 3}, "network.width: expected a multiple of network.heads, 3"),
        ({"depth": 0}, "network: expected sizes >= 1"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(options, text):
    """By name."""
    with pytest.raises(InvalidInputError, match=text):
        NetworkConfig(**options)
