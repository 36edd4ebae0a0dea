"""A session, a decision with every field set, and a log of three of them."""

from dataclasses import replace

import numpy as np
import pytest

from steer.decision_log import DecisionLog
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import (
    Candidates,
    Decision,
    EncodedImage,
    Observation,
    Provenance,
    Reason,
    Selection,
    Timings,
)
from steer.wire.session import CriticInfo, Limits, PolicyInfo, SessionInfo

STATE = ObservationField(name="observation.state", dtype="float32", shape=(3,), unit="rad")
DIM = ActionDim(name="x", unit="m", scale=0.1, low=-1.0, high=1.0, max_step=0.3)
ROBOT = Embodiment(
    name="arm",
    control_hz=1 / 3,
    actions=(DIM, replace(DIM, name="y")),
    observations=(STATE,),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="closes",
    out_of_range="reject",
)
SESSION = SessionInfo(
    session="secret",
    server_epoch="e1",
    critic=CriticInfo(
        name="reach",
        digest="sha256:1",
        embodiment=ROBOT,
        horizon=3,
        num_members=2,
        algorithm="iql",
        selection=Selection(margin=0.5, beta=1.0),
        expected_rank_s=0.25,
    ),
    policy=PolicyInfo(
        name="noise",
        type="diffusion",
        embodiment=ROBOT,
        horizon=4,
        num_observations=2,
        is_stochastic=True,
        expected_steer_s=0.5,
        digest="sha256:2",
    ),
    selection=Selection(
        selector="softmax", gated=False, margin=0.1, beta=1e-30, temperature=1 / 3, tau=0.9
    ),
    limits=Limits(
        max_candidates=8,
        max_horizon=16,
        max_message_bytes=20_000,
        max_image_pixels=1000,
        session_idle_s=60.0,
        max_budget_s=10.0,
        expected_candidates=4,
        selectors=("argmax", "softmax"),
        min_margin=0.125,
        is_gate_required=True,
    ),
    warnings=("embodiment.frame: not compared",),
)
CHUNKS = np.arange(24, dtype=np.float32).reshape(3, 4, 2)
CANDIDATES = Candidates(CHUNKS, (Provenance.POLICY, Provenance.POLICY, Provenance.PERTURBATION))
DECISION = Decision(
    index=1,
    chunk=CHUNKS[1],
    commit_horizon=3,
    reason=Reason.ADVANTAGE,
    overrode=True,
    scores=np.array([0, 1, -1e-42], np.float32),
    values=np.array([[1, 2, 3], [4, 5, -0.0]], np.float32),
    provenance=CANDIDATES.provenance,
    feasible=(True, True, False),
    num_scored=3,
    budget_hit=True,
    timings=Timings(
        decode_s=0.5, policy_s=1.5, queue_s=0.25, encode_s=2.0, score_s=4.0, total_s=9.0
    ),
    critic_digest="sha256:1",
    policy="noise",
    candidates=CANDIDATES,
    sequence=7,
)
OBSERVATION = Observation(
    {
        "observation.state": np.array([0.1, 0.2, 0.3], np.float32),
        "observation.images.top": EncodedImage("png", b"\x89PNG"),
    },
    captured_at_s=12.5,
    instruction="push the puck",
)


@pytest.fixture
def robot():
    """A body with two action dimensions."""
    return ROBOT


@pytest.fixture
def session():
    """What a server answered to OpenSession, every field set."""
    return SESSION


@pytest.fixture
def candidates():
    """Three chunks of four actions."""
    return CANDIDATES


@pytest.fixture
def decision():
    """A decision for one of them, every field set."""
    return DECISION


@pytest.fixture
def observation():
    """An array and an image."""
    return OBSERVATION


@pytest.fixture
def path(tmp_path):
    """Where the log of a test stands."""
    return tmp_path / "decisions.log"


@pytest.fixture
def three(path, session, robot, decision, observation):
    """A log of three decisions, and the sizes of the file after the header and each of them."""
    with DecisionLog(path, session, robot) as log:
        sizes = [path.stat().st_size]
        for seed in range(3):
            log.append(observation, seed, decision)
            sizes.append(path.stat().st_size)
    return path, sizes
