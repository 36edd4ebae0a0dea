"""One critic for robots that run chunks to different lengths: what runs is what is judged."""

import asyncio
import io
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.critics.artefact import load_critic
from steer.decision_log import DecisionLog
from steer.errors import ConfigError, InvalidInputError
from steer.rank.scorers.base import standardise
from steer.serve.engine import Engine
from steer.serve.replay import run as replay
from steer.serve.replay_config import ReplayConfig
from steer.serve.scoring import Work
from steer.types import Candidates, Reason, Selection

BUDGET_S = 20.0
HORIZON, SHORT = 3, 2
GROUP_TOLERANCE = 1e-2
"""Other shapes take other kernels, which add in another order; values are of the order of 50, and
the weights of this critic, four times as large as usual, magnify the difference."""


@pytest.fixture(scope="module")
def client(serving, reader_dir, make_worker):
    """A robot's connection to a server of a critic that reads, with a policy of short chunks."""
    with (
        serving(critic=(str(reader_dir),), worker=make_worker(SHORT), max_group=1) as address,
        SteerClient(address) as client,
    ):
        yield client


@pytest.fixture
def candidates(rng):
    """Six chunks of four actions."""
    return Candidates(rng.normal(size=(6, 4, 2)).astype(np.float32))


def opened(client, robot, length=None, **options):
    return client.open_session(robot, selection=Selection(commit_horizon=length, **options))


def cut(candidates, length):
    return Candidates(np.ascontiguousarray(candidates.actions[:, :length]))


def values_of(reader_dir, observation, candidates):
    """Return what the critic itself says of each prefix, [K, N, P]."""
    critic = load_critic(reader_dir)
    state = torch.from_numpy(observation.arrays["observation.state"])[None]
    with torch.inference_mode():
        context = critic.embed({"observation.state": state})
        return critic.score_prefixes(context, torch.from_numpy(candidates.actions[None]))[:, 0]


@pytest.mark.parametrize("length", [1, 2, 3, None])
def test_a_session_has_the_prefix_judged_that_it_runs(
    client, robot, observation, candidates, reader_dir, length
):
    """The session says so, the decision too, and the values are those after so many actions."""
    session = opened(client, robot, length)

    decision = client.rank(observation, candidates, budget_s=BUDGET_S)

    expected = length or HORIZON
    every = values_of(reader_dir, observation, candidates).numpy()
    assert (session.selection.commit_horizon, session.commit_horizon) == (expected, expected)
    assert decision.commit_horizon == expected
    assert decision.chunk.shape == (4, 2)
    np.testing.assert_allclose(decision.values, every[..., expected - 1], atol=GROUP_TOLERANCE)


def test_what_follows_the_prefix_moves_nothing(client, robot, observation, candidates):
    """To the last bit: another end of the chunks, or none, has the same values and choice."""
    opened(client, robot, SHORT, gated=False)
    other = candidates.actions.copy()
    other[:, SHORT:] = other[::-1, SHORT:]

    found = [
        client.rank(observation, item, budget_s=BUDGET_S)
        for item in (candidates, Candidates(other), cut(candidates, SHORT))
    ]

    assert found[0].num_scored == 6
    for again in found[1:]:
        assert again.values.tobytes() == found[0].values.tobytes()
        assert again.scores.tobytes() == found[0].scores.tobytes()
        assert again.index == found[0].index


def test_shorter_candidates_than_are_run_are_refused_before_they_are_sent(
    client, robot, observation, candidates
):
    """By the session's length, not by the critic's."""
    opened(client, robot, SHORT)

    with pytest.raises(InvalidInputError, match=r"expected 2\.\.256 actions a chunk, got 1"):
        client.rank(observation, cut(candidates, 1), budget_s=BUDGET_S)
    opened(client, robot)
    with pytest.raises(InvalidInputError, match=r"expected 3\.\.256 actions a chunk, got 2"):
        client.rank(observation, cut(candidates, SHORT), budget_s=BUDGET_S)


def test_a_robot_that_decides_by_itself_runs_as_much(client, robot, observation, candidates):
    """Candidate 0, to the session's length."""
    opened(client, robot, SHORT)

    decision = client.rank(observation, cut(candidates, SHORT), budget_s=0.0)

    assert (decision.reason, decision.commit_horizon) == (Reason.LATE, SHORT)


def test_what_does_not_run_need_not_be_feasible(serving, reader_dir, robot, observation):
    """The third action jumps; whoever runs two is not harmed."""
    body = replace(robot, actions=tuple(replace(dim, max_step=1.0) for dim in robot.actions))
    chunks = np.zeros((2, 3, 2), np.float32)
    chunks[1, 2] = 2.0

    with serving(critic=(str(reader_dir),)) as address, SteerClient(address) as client:
        found = []
        for length in (SHORT, HORIZON):
            opened(client, body, length)
            found.append(client.rank(observation, Candidates(chunks), budget_s=BUDGET_S))

    assert [item.feasible for item in found] == [(True, True), (True, False)]


def test_progress_is_that_along_the_prefix(client, robot, observation, candidates, reader_dir):
    """The rise of the value over what runs, beside the advantage at its end."""
    every = values_of(reader_dir, observation, candidates).numpy()
    rise = (every[..., 1] - every[..., 0]).mean(axis=0)

    opened(client, robot, SHORT)
    base = client.rank(observation, candidates, budget_s=BUDGET_S)
    opened(client, robot, SHORT, weights={"progress": 0.5})
    found = client.rank(observation, candidates, budget_s=BUDGET_S)

    parts = 0.5 * standardise(rise)
    np.testing.assert_allclose(found.scores, base.scores + parts - parts[0], atol=1e-3)
    assert np.abs(found.scores - base.scores).max() > 0.1


def test_a_policy_of_chunks_as_short_as_what_runs_will_do(client, robot, observation):
    """Without a length of its own the session has no policy: the critic values three."""
    long = opened(client, robot)
    short = opened(client, robot, SHORT)

    decision = client.steer(observation, num_candidates=4, budget_s=BUDGET_S)

    assert (long.policy, short.policy.horizon) == (None, SHORT)
    assert (decision.chunk.shape, decision.commit_horizon) == ((SHORT, 2), SHORT)
    assert decision.num_scored == 4


def test_a_critic_of_whole_chunks_refuses_another_length(address, robot):
    """When the session is opened, with the length that there is."""
    with SteerClient(address) as client:
        with pytest.raises(ConfigError) as caught:
            opened(client, robot, SHORT)
        session = opened(client, robot, HORIZON)

    assert str(caught.value) == (
        "open_session: selection.commit_horizon: expected 3, which is all that this critic values, "
        "got 2"
    )
    assert session.selection.commit_horizon == HORIZON


def test_a_longer_chunk_than_a_critic_learnt_is_refused(client, robot):
    """Nothing is known of what comes after."""
    with pytest.raises(ConfigError, match=r"commit_horizon: expected 1\.\.3, which is .* got 4"):
        opened(client, robot, 4)


@pytest.mark.parametrize("length", [SHORT, None])
def test_such_decisions_are_replayed_to_the_last_bit(
    client, robot, observation, candidates, reader_dir, tmp_path, length
):
    """The log's head has the length."""
    session = opened(client, robot, length, weights={"progress": 0.5, "consensus": 0.1})
    with DecisionLog(tmp_path / "log", session, robot) as log:
        for seed in range(2):
            decision = client.rank(observation, candidates, noise_seed=seed, budget_s=BUDGET_S)
            log.append(observation, seed, replace(decision, candidates=candidates))
    out = io.StringIO()

    code = replay(ReplayConfig(log=tmp_path / "log", critic=reader_dir), out)

    assert code == 0, out.getvalue()
    assert out.getvalue().endswith("2 of 2 decisions recomputed to the last bit\n")


def test_robots_that_run_different_lengths_are_scored_together(make_reader, rng, monkeypatch):
    """In one pass of the critic, each at its own end, and as it would be alone."""
    critic, groups = make_reader(), []
    embed = critic.embed
    monkeypatch.setattr(
        critic, "embed", lambda o: groups.append(len(o["observation.state"])) or embed(o)
    )
    works = [work(rng, count=count, length=length) for count, length in ((5, 2), (3, 4), (4, 1))]
    engine = Engine(device="cpu", clock=MonotonicClock())
    engine.start()

    async def scenario():
        await engine.load("reach", lambda: critic)
        alone = [await engine.score(item) for item in works]
        groups.clear()
        door = threading.Event()  # shut until all of them wait
        waiting = asyncio.create_task(engine.load("other", lambda: door.wait(10) and critic))
        tasks = [asyncio.create_task(engine.score(item)) for item in works]
        await asyncio.sleep(0)
        door.set()
        await waiting
        return alone, await asyncio.gather(*tasks)

    try:
        alone, together = asyncio.run(scenario())
    finally:
        engine.stop()

    assert groups == [3]
    for item, own, found in zip(works, alone, together, strict=True):
        length = min(item.chunks.shape[1], HORIZON)
        every = critic.score_prefixes(*seen(critic, item))[:, 0, :, :length].numpy()
        for name in ("values", "scores", "prefix_values"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(own, name), rtol=0, atol=GROUP_TOLERANCE
            )
        np.testing.assert_allclose(found.prefix_values, every, rtol=0, atol=GROUP_TOLERANCE)
        np.testing.assert_array_equal(found.values, found.prefix_values[..., -1])


def work(rng, *, count, length):
    observation = {"observation.state": rng.normal(size=3).astype(np.float32)}
    chunks = rng.normal(size=(count, length, 2)).astype(np.float32)
    deadline_s = MonotonicClock().now_s() + BUDGET_S
    return Work("reach", observation, chunks, 1.0, deadline_s, wants_prefixes=True)


def seen(critic, item):
    """Return context and chunks of a work; what follows what runs is something else."""
    state = torch.from_numpy(item.observation["observation.state"])[None]
    tail = np.full((len(item.chunks), HORIZON, 2), 4.0, np.float32)
    chunks = np.concatenate([item.chunks, tail], axis=1)[None]
    return critic.embed({"observation.state": state}), torch.from_numpy(chunks)
