"""Novelty and voxel cost through a real server: what is weighed is added, and is replayed."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.client import SteerClient
from steer.critics.artefact import load_critic, save_critic
from steer.decision_log import DecisionLog
from steer.embodiment import ActionDim, ObservationField
from steer.errors import ArtefactError, ConfigError
from steer.rank.scorers.base import Situation, standardise
from steer.rank.scorers.novelty import NOVELTY_FILE, Novelty, NoveltyConfig, pair_features
from steer.rank.scorers.voxel_cost import DeltaPath, VoxelCost
from steer.serve.replay import run
from steer.serve.replay_config import ReplayConfig
from steer.serve.scorers import EFFECTOR
from steer.types import Candidates, Observation, Selection

BUDGET_S = 20.0
CLOUD = "observation.points.front"
WEIGHT = 0.5
TINY = NoveltyConfig(num_coins=8, hidden=16, num_steps=50, batch=16)


def contexts(critic, states):
    with torch.inference_mode():
        return critic.embed({"observation.state": torch.from_numpy(states)}).numpy()


@pytest.fixture(scope="module")
def counted(make_critic, tmp_path_factory):
    """A critic with a novelty of states near 0 and of small actions."""
    directory = tmp_path_factory.mktemp("counted") / "reach"
    save_critic(make_critic(), directory)
    critic = load_critic(directory)
    rng = np.random.default_rng(0)
    states, chunks = rng.normal(size=(200, 3)), 0.3 * rng.normal(size=(200, 3, 2))
    context = contexts(critic, states.astype(np.float32))
    features = pair_features(context, chunks.astype(np.float32), critic.card.embodiment)
    novelty = Novelty.fit(features, seed=0, config=TINY)
    novelty.save(directory / NOVELTY_FILE, critic=critic.card.weights_sha256)
    return directory


@pytest.fixture(scope="module")
def client(serving, counted):
    """A robot's connection to a server of that critic."""
    with (
        serving(critic=(str(counted),), max_group=1) as address,
        SteerClient(address) as client,
    ):
        yield client


@pytest.fixture
def asked(rng):
    """An observation, and six candidates for it."""
    state = rng.normal(size=3).astype(np.float32)
    chunks = rng.normal(size=(6, 4, 2)).astype(np.float32)
    return Observation({"observation.state": state}), Candidates(chunks)


def ranked(client, robot, asked, **weights):
    client.open_session(robot, selection=Selection(gated=False, weights=weights))
    return client.rank(*asked, budget_s=BUDGET_S)


def added(base, raw):
    """Return the scores of candidates with a scorer's own scores beside the critic's."""
    parts = WEIGHT * standardise(raw)
    return base.scores + (parts - parts[0])


def test_novelty_is_added_with_its_weight(client, robot, asked, counted):
    """Of the context that the server's critic gave, and of the prefix that would be run."""
    critic = load_critic(counted)
    novelty = Novelty.load(counted / NOVELTY_FILE)
    context = contexts(critic, asked[0].arrays["observation.state"][None])
    features = pair_features(np.tile(context, (6, 1)), asked[1].actions[:, :3], robot)

    base = ranked(client, robot, asked)
    found = ranked(client, robot, asked, novelty=WEIGHT)

    np.testing.assert_allclose(found.scores, added(base, -novelty.novelty(features)), atol=1e-4)
    assert (found.scores != base.scores)[1:].all()
    assert (found.index, found.left_out) == (int(found.scores.argmax()), ())


def test_novelty_of_a_critic_that_has_none_is_refused_at_the_opening(serving, robot):
    """Before a robot moves, and with the command that makes it."""
    with serving() as address, SteerClient(address) as client:
        with pytest.raises(ConfigError, match=r"expected novelty.safetensors .* steer novelty --c"):
            client.open_session(robot, selection=Selection(weights={"novelty": 0.5}))
        client.open_session(robot, selection=Selection(weights={"novelty": 0.0}))


def test_a_server_does_not_start_with_the_novelty_of_other_weights(
    serving, counted, make_critic, tmp_path
):
    """It would count in another space, and nobody would notice."""
    save_critic(make_critic(seed=1), tmp_path / "other")
    shutil.copy(counted / NOVELTY_FILE, tmp_path / "other")

    with (
        pytest.raises(ArtefactError, match="expected a novelty fitted for the weights"),
        serving(critic=(str(tmp_path / "other"),)),
    ):
        pass


@pytest.fixture
def log(client, robot, asked, tmp_path):
    """A log of two decisions in which novelty took part."""
    session = client.open_session(robot, selection=Selection(weights={"novelty": WEIGHT}))
    with DecisionLog(tmp_path / "log", session, robot) as log:
        for seed in range(2):
            decision = client.rank(*asked, noise_seed=seed, budget_s=BUDGET_S)
            log.append(asked[0], seed, replace(decision, candidates=asked[1]))
    return tmp_path / "log"


def replayed(log, critic):
    out = io.StringIO()
    return run(ReplayConfig(log=log, critic=critic), out), out.getvalue()


def test_a_decision_with_novelty_is_replayed_to_the_last_bit(log, counted):
    """By the file beside the critic; the head names the weight."""
    code, text = replayed(log, counted)

    assert code == 0, text
    assert text.endswith("2 of 2 decisions recomputed to the last bit\n")
    assert "beta 1, novelty 0.5\n" in text


def test_a_replay_without_the_novelty_says_so(log, critic_dir):
    """The same critic, but what lay beside it is missing."""
    with pytest.raises(ConfigError) as caught:
        replayed(log, critic_dir)

    assert str(caught.value) == (
        "--critic: expected the novelty.safetensors that decided beside it, for this log's session "
        "weighs novelty, got none; copy the server's, or make it anew of the same data with the "
        "same seed: steer novelty --critic DIR --dataset DATA"
    )


def test_a_replay_with_another_novelty_says_why_it_may_differ(log, counted, tmp_path):
    """A log does not name the novelty, and so it cannot be refused."""
    copy = tmp_path / "reach"
    shutil.copytree(counted, copy)
    features = np.random.default_rng(1).normal(size=(9, 8 + 3 * 2)).astype(np.float32)
    weights = load_critic(copy).card.weights_sha256
    Novelty.fit(features, seed=1, config=TINY).save(copy / NOVELTY_FILE, critic=weights)

    code, text = replayed(log, copy)

    assert code == 1
    assert text.endswith("than the one that decided scores otherwise\n")


@pytest.fixture(scope="module")
def hand(robot):
    """A robot that sends a cloud and where its hand is, and is told by how much to move it."""
    dims = tuple(ActionDim(name=n, unit="m", scale=0.05) for n in ("dx", "dy", "dz"))
    fields = (
        ObservationField(name=CLOUD, dtype="float32", shape=(50, 3), unit="m"),
        ObservationField(name=EFFECTOR, dtype="float32", shape=(3,), unit="m"),
    )
    return replace(robot, actions=dims, observations=(*robot.observations, *fields))


@pytest.fixture(scope="module")
def hands_client(serving, make_critic, hand, robot, tmp_path_factory):
    """A robot's connection to a server of a critic that looks at the joints alone."""
    directory = tmp_path_factory.mktemp("hands") / "reach"
    save_critic(make_critic(embodiment=replace(hand, observations=robot.observations)), directory)
    with (
        serving(critic=(str(directory),), max_group=1) as address,
        SteerClient(address) as client,
    ):
        yield client


@pytest.fixture
def walled(rng):
    """Half a metre ahead through a wall, or away from it; and what else the robot senses."""
    wall = np.column_stack([np.full(50, 0.3), rng.uniform(-0.1, 0.1, (50, 2))])
    arrays = {
        "observation.state": rng.normal(size=3).astype(np.float32),
        CLOUD: wall.astype(np.float32),
        EFFECTOR: np.float32([0.2, 0.0, 0.0]),
    }
    moves = np.float32([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 0.1, 0]])
    return Observation(arrays), Candidates(np.tile(moves[:, None], (1, 4, 1)))


def test_voxel_cost_is_added_with_its_weight(hands_client, hand, walled):
    """Of the cloud that the robot sends, and of a path that begins at its hand."""
    base = ranked(hands_client, hand, walled)
    found = ranked(hands_client, hand, walled, voxel_cost=WEIGHT)
    strict = ranked(hands_client, hand, walled, voxel_cost=1000.0)

    arrays = walled[0].arrays
    situation = Situation(
        chunks_NHA=walled[1].actions[:, :3],
        embodiment=hand,
        points_M3=arrays[CLOUD],
        path=DeltaPath(arrays[EFFECTOR], hand),
    )
    np.testing.assert_allclose(found.scores, added(base, VoxelCost()(situation)), atol=1e-4)
    assert strict.index in (1, 2)


def test_a_request_without_the_scene_is_decided_by_the_critic(hands_client, hand, walled):
    """A camera that drops a frame stops no robot, and is no fault."""
    arrays = {key: value for key, value in walled[0].arrays.items() if key != CLOUD}
    blind = (Observation(arrays), walled[1])

    base = ranked(hands_client, hand, blind)
    found = ranked(hands_client, hand, blind, voxel_cost=WEIGHT)

    np.testing.assert_array_equal(found.scores, base.scores)
    assert found.left_out == ()


def test_a_scene_out_of_this_world_is_left_out_flagged_and_the_robot_goes_on(
    hands_client, hand, walled
):
    """A path for which the map would be too large breaks the scorer's contract, and no more."""
    far = Candidates(1e6 * walled[1].actions)

    found = ranked(hands_client, hand, (walled[0], far), voxel_cost=WEIGHT)

    assert found.left_out == ("voxel_cost",)
    assert np.isfinite(found.scores).all()


def test_a_robot_that_cannot_have_voxel_cost_is_refused_at_the_opening(hands_client, hand):
    """By the observation that it lacks."""
    body = replace(hand, observations=hand.observations[:-1])

    with pytest.raises(ConfigError, match=r"weights\['voxel_cost'\]: .*effector_position.* nothin"):
        hands_client.open_session(body, selection=Selection(weights={"voxel_cost": 1.0}))
