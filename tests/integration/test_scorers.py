"""Novelty of recorded episodes, and the cost of what a camera saw, through `steer serve`."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.frames import points_of
from sim.tasks import NoRendererError, make, spec_of
from sim.tasks.views import view_of
from steer.client import SteerClient
from steer.clouds import MISSING_M
from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.decision_log import DecisionLog
from steer.embodiment import ObservationField
from steer.errors import ConfigError
from steer.train.datasets import load_episodes
from steer.train.targets import build_chunks
from steer.types import Candidates, Observation, Selection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("cameras")]

TASK = spec_of("fetch-push")
HORIZON = 8
EFFECTOR = "observation.effector_position"
ABOVE_THE_CUBE_M, HAND_M = 0.455, 0.08
"""Higher than that is the arm, nearer to its place is the hand: a robot leaves itself out."""
NUM_STATES, NUM_CANDIDATES = 60, 4
ALONE = 1e4
"""A weight beside which the critic does not count."""


def serve(steer_serve, critic):
    return steer_serve("--critic", str(critic), "--listen", "127.0.0.1:0", "--max-group", "1")


@pytest.fixture(scope="module")
def home(tmp_path_factory, call):
    """Twenty episodes of fetch-push, and a critic of a few steps that learnt from them."""
    home = tmp_path_factory.mktemp("scorers")
    where = ("--task", TASK.name, "--root", home / "data", "--episodes", 20)
    code, said = call("sim.collect", *where, "--noise", "0.3:1", "0.6:1")
    assert code == 0, said
    words = ("--dataset", home / "data", "--output", home / "critic", "--horizon", HORIZON)
    options = ("--algorithm", "sarsa", "--steps", 12, "--batch-size", 16, "--num-members", 2)
    code, said = call("steer.cli", "train", *words, *options)
    assert code == 0, said
    return home


@pytest.fixture(scope="module")
def novelty(home, call):
    """What `steer novelty` said when it wrote its file."""
    words = ("--critic", home / "critic", "--dataset", home / "data")
    code, said = call("steer.cli", "novelty", *words)
    assert code == 0, said
    return said


def recorded(home):
    """Return states of the data, each with the chunk that was run there behind three at random."""
    episodes = load_episodes(home / "data")
    chunks = build_chunks(episodes, horizon=HORIZON, discount=0.9)
    rng = np.random.default_rng(0)
    for index in rng.permutation(len(chunks))[:NUM_STATES]:
        row = chunks.row[index]
        arrays = {key: value[row] for key, value in episodes.observations.items()}
        noise = rng.uniform(-1, 1, (NUM_CANDIDATES - 1, HORIZON, 4)).astype(np.float32)
        ran = episodes.actions[chunks.action_rows[index]][None]
        yield Observation(arrays), Candidates(np.concatenate([noise, ran]))


def test_what_the_data_hold_is_told_from_noise_and_replayed(home, novelty, steer_serve, call):
    """By novelty alone the chunk that was run is chosen far more often than one in four."""
    selection = Selection(gated=False, weights={"novelty": ALONE})
    log_path = home / "decisions.log"
    chosen = []

    with serve(steer_serve, home / "critic") as server:
        with SteerClient(server.address()) as client:
            session = client.open_session(TASK.embodiment, selection=selection)
            with DecisionLog(log_path, session, TASK.embodiment) as log:
                for observation, candidates in recorded(home):
                    decision = client.rank(observation, candidates, budget_s=10)
                    log.append(observation, 0, replace(decision, candidates=candidates))
                    chosen.append(decision.index)
                    assert (decision.num_scored, decision.left_out) == (NUM_CANDIDATES, ())
        server.end(signal.SIGTERM)
    code, said = call("steer.cli", "replay", log_path, "--critic", home / "critic")

    assert "novelty own=" in novelty
    share = np.mean(np.array(chosen) == NUM_CANDIDATES - 1)
    assert share > 0.6
    assert code == 0, said
    assert f"{NUM_STATES} of {NUM_STATES} decisions recomputed to the last bit" in said


def test_after_another_training_the_old_novelty_is_refused(home, novelty, steer_serve, tmp_path):
    """At the start of the server, in one line with the command that makes the right one."""
    critic = tmp_path / "critic"
    card = load_critic(home / "critic").card
    torch.manual_seed(0)
    save_critic(Critic(replace(card, weights_sha256="")), critic)
    file = "novelty.safetensors"
    (critic / file).write_bytes((home / "critic" / file).read_bytes())

    with serve(steer_serve, critic) as server:
        code = server.end()

    said = "".join(server.lines)
    assert code == 2
    assert f"steer: error: {critic / file}: expected a novelty fitted for the weights" in said
    assert "; make it anew: steer novelty --critic DIR --dataset DATA" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def scene():
    """The simulation, what a robot in it sends, and its body: with a cloud and its hand's place."""
    pytest.importorskip("open3d")
    env = make(TASK.name)
    first = env.reset(100_001)
    item = points_of(TASK.cameras[0])
    try:
        points = view_of(item, TASK).take(env)
    except NoRendererError as error:
        pytest.skip(str(error))
    place = first.arrays["observation.state"][:3]
    is_robot = np.linalg.norm(points - place, axis=1) < HAND_M
    points[is_robot | (points[:, 2] > ABOVE_THE_CUBE_M)] = MISSING_M
    hand = ObservationField(name=EFFECTOR, dtype="float32", shape=(3,), unit="m")
    body = TASK.embodiment
    body = replace(body, observations=(*body.observations, item, hand))
    yield env, Observation({**first.arrays, item.name: points, EFFECTOR: place}), body
    env.close()


def ways(observation):
    """Return a chunk through the cube, one the other way, and one to the side, alike in length."""
    scene = observation.arrays["observation.environment_state"]
    x, y, _ = (scene[3:6] - scene[:3]) * 2 / (0.05 * HORIZON)
    moves = np.float32([[x, y, 0, -1], [-x, -y, 0, -1], [-y, x, 0, -1]])
    return Candidates(np.repeat(moves[:, None], HORIZON, axis=1))


def shoved_m(env, chunk):
    """Return by how much the cube moves where a chunk is run, in metres; then undo it."""
    before = env.save()
    seen = [env.step(action).observation for action in chunk][-1]
    env.restore(before)
    cube = before.observation.arrays["observation.environment_state"][3:6]
    return float(np.linalg.norm(seen.arrays["observation.environment_state"][3:6] - cube))


def test_the_way_through_what_a_camera_saw_is_not_chosen(scene, steer_serve, tmp_path):
    """The chunk that costs is the one that hits the cube, as running all of them shows."""
    env, observation, body = scene
    candidates = ways(observation)
    network = NetworkConfig(encoder_hidden=8, context_dim=4, member_hidden=(8,))
    seen = TASK.embodiment
    card = CriticCard(algorithm="iql", embodiment=seen, horizon=HORIZON, network=network)
    torch.manual_seed(0)
    save_critic(Critic(card), tmp_path / "critic")
    weights = {"voxel_cost": ALONE}

    with serve(steer_serve, tmp_path / "critic") as server:
        with SteerClient(server.address()) as client:
            client.open_session(body, selection=Selection(gated=False, weights=weights))
            found = client.rank(observation, candidates, budget_s=10)
            with pytest.raises(ConfigError, match=r"weights\['voxel_cost'\]: .* got none"):
                client.open_session(seen, selection=Selection(weights=weights))
        server.end(signal.SIGTERM)
    shoved = [shoved_m(env, chunk) for chunk in candidates.actions]

    assert found.left_out == ()
    assert found.index in (1, 2)
    assert min(found.scores[1:]) > ALONE
    assert shoved[0] > 0.05
    assert max(shoved[1:]) < 0.001
