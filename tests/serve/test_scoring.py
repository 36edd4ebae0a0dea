"""The maths of a group: the same as alone, whoever else is in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.clock import MonotonicClock
from steer.rank.score import advantage
from steer.serve.scoring import Work, blank_work, bucket, score_group

CPU = torch.device("cpu")
GROUP = ((5, 1.0), (1, 1.0), (8, 0.1), (2, 9.0))
GROUP_TOLERANCE = 1e-4
"""Other shapes take other kernels, which add in another order; values are of the order of 50."""


def make_work(rng, count, *, beta=1.0):
    observation = {"observation.state": rng.normal(size=3).astype(np.float32)}
    chunks = rng.normal(size=(count, 4, 2)).astype(np.float32)
    return Work("reach", observation, chunks, beta, float("inf"))


def score(critic, works, device=CPU):
    return score_group(critic, works, device=device, clock=MonotonicClock())


def test_one_robot_gets_the_critic_s_own_values(make_critic, rng):
    """Nothing is done to values and scores on the way."""
    critic, work = make_critic(), make_work(rng, 5, beta=0.3)

    found = score(critic, [work])

    with torch.inference_mode():
        state = torch.from_numpy(work.observation["observation.state"])[None]
        context = critic.embed({"observation.state": state})
        values = critic.score(context, torch.from_numpy(work.chunks[None, :, :3]))
        scores = advantage(values, beta=0.3)
    np.testing.assert_array_equal(found.values[0], values[:, 0].numpy())
    np.testing.assert_array_equal(found.scores[0], scores[0].numpy())


def test_a_group_of_different_counts_scores_like_each_alone(make_critic, rng):
    """Padding changes neither the ranking nor more than the last bits of a value."""
    critic = make_critic()
    works = [make_work(rng, count, beta=beta) for count, beta in GROUP]

    together = score(critic, works)

    for index, work in enumerate(works):
        alone = score(critic, [work])
        kwargs = {"rtol": 0, "atol": GROUP_TOLERANCE}
        np.testing.assert_allclose(together.values[index], alone.values[0], **kwargs)
        np.testing.assert_allclose(together.scores[index], alone.scores[0], **kwargs)
        assert together.scores[index].argmax() == alone.scores[0].argmax()


def test_the_observation_is_encoded_once_for_all_candidates(make_critic, rng, monkeypatch):
    """One row of the encoder for each robot, not for each candidate."""
    critic, seen = make_critic(), []
    embed = critic.embed
    monkeypatch.setattr(
        critic, "embed", lambda o: seen.append(o["observation.state"].shape[0]) or embed(o)
    )

    score(critic, [make_work(rng, 8), make_work(rng, 8)])

    assert seen == [2]


def test_whoever_asks_gets_the_context_that_its_candidates_were_scored_with(make_critic, rng):
    """And nobody else; the observation is not encoded again."""
    critic, works = make_critic(), [make_work(rng, 3), make_work(rng, 2)]
    works[1] = replace(works[1], wants_context=True)

    found = score(critic, works)

    state = torch.from_numpy(np.stack([w.observation["observation.state"] for w in works]))
    with torch.inference_mode():
        expected = critic.embed({"observation.state": state})[1].numpy()
    assert found.contexts[0] is None
    np.testing.assert_array_equal(found.contexts[1], expected)
    assert score(critic, works[:1]).contexts == [None]


def test_actions_beyond_the_critic_s_horizon_do_not_count(make_critic, rng):
    """Only the prefix that is executed is scored."""
    critic, work = make_critic(), make_work(rng, 5)
    before = score(critic, [work]).scores[0]
    work.chunks[:, 3:] = 99

    np.testing.assert_array_equal(score(critic, [work]).scores[0], before)


def test_blank_work_runs(make_critic):
    """What warms shapes up has the shapes of real work."""
    critic = make_critic()

    found = score(critic, [blank_work("reach", critic, num_candidates=4)])

    assert found.values[0].shape == (4, 4)
    assert not found.scores[0].any()


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (3, 4), (16, 16), (17, 32)])
def test_a_bucket_is_the_next_power_of_two(count, expected):
    """CUDA runs only shapes that are warm."""
    assert bucket(count) == expected


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_ranks_like_the_cpu(make_critic, rng):
    """Padded buckets on another device: the same choice, values up to float32 rounding."""
    works = [make_work(rng, count) for count in (5, 3, 7)]

    on_cpu = score(make_critic(), works)
    on_cuda = score(make_critic().to("cuda"), works, torch.device("cuda"))

    for index in range(len(works)):
        # cuBLAS adds in another order; values are of the order of 50.
        np.testing.assert_allclose(on_cuda.values[index], on_cpu.values[index], rtol=0, atol=1e-3)
        assert on_cuda.scores[index].argmax() == on_cpu.scores[index].argmax()
