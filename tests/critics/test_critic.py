"""The critic: embed once, score the executed prefix as the robot runs it."""

import pytest
import torch

from steer.critics.critic import Critic
from steer.errors import InvalidInputError


def test_shapes(critic, observations, chunks):
    """One context an observation, one value a member, observation and candidate."""
    context = critic.embed(observations)

    assert context.shape == (4, 6)
    assert critic.score(context, chunks).shape == (3, 4, 5)


def test_only_the_prefix_counts(critic, observations, chunks):
    """Actions beyond the critic's horizon are never run, and change nothing."""
    context = critic.embed(observations)
    other = chunks.clone()
    other[:, :, 2:] = 9.0

    assert torch.equal(critic.score(context, chunks), critic.score(context, other))


def test_commands_are_clipped_as_the_robot_clips(critic, observations, chunks):
    """A command out of range scores as the end of the range; a range not known clips nothing."""
    context = critic.embed(observations)
    far, end = chunks.clone(), chunks.clone()
    far[..., 0], end[..., 0] = 5.0, 1.0
    free = end.clone()
    free[..., 1] = 5.0

    assert torch.equal(critic.score(context, far), critic.score(context, end))
    assert not torch.equal(critic.score(context, free), critic.score(context, end))


def test_candidates_do_not_see_each_other(critic, observations, chunks):
    """Permuted candidates get permuted values, up to the last bits."""
    context = critic.embed(observations)
    order = torch.tensor([3, 1, 4, 0, 2])

    values = critic.score(context, chunks)[:, :, order]

    torch.testing.assert_close(values, critic.score(context, chunks[:, order]))


def test_grouping_moves_only_last_bits(critic, observations, chunks):
    """An observation scored alone has the value that it has in a group, within 1e-4."""
    context = critic.embed(observations)
    alone = critic.score(critic.embed({k: v[1:2] for k, v in observations.items()}), chunks[1:2])

    torch.testing.assert_close(alone[:, 0], critic.score(context, chunks)[:, 1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(4, 5, 1, 2), (4, 5, 3, 1)])
def test_chunks_that_do_not_fit_are_refused(critic, observations, shape):
    """Too few actions, or of another dimension, cannot be scored."""
    with pytest.raises(InvalidInputError, match="at least 2 actions of 2 dimensions"):
        critic.score(critic.embed(observations), torch.zeros(shape))


def test_normalisation_is_the_datasets(card):
    """After fitting, the data have mean 0 and deviation 1 inside, actions after clipping."""
    critic = Critic(card)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 5, generator=generator) * 3 + 7
    data = {"observation.state": x[:, :3], "observation.environment_state": x[:, 3:]}
    actions = torch.randn(500, 2, generator=generator) * 4

    critic.fit_normalisation(data, actions)

    inside = critic.encoder.normalise(critic.encoder.concatenate(data))
    torch.testing.assert_close(inside.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std(0, correction=0), torch.ones(5))
    assert critic.action_std_A[0] < 1.0


def test_digest_follows_weights_and_decisive_fields(card, critic):
    """Another weight or margin is another critic; another audit is not."""
    from dataclasses import replace

    def digest(other, delta):
        copy = Critic(other)
        copy.load_state_dict({k: v + delta for k, v in critic.state_dict().items()})
        return copy.eval().digest

    same = digest(replace(card, audit={"failed": []}, versions={"torch": "9"}), 0.0)
    margin = digest(replace(card, selection=replace(card.selection, margin=2.0)), 0.0)

    assert same == critic.digest
    assert len({critic.digest, margin, digest(card, 1e-3)}) == 3
