"""A critic of true rewards passes its audit; one of permuted rewards does not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steer.critics.artefact import load_critic
from steer.critics.card import NetworkConfig
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import DatasetError
from steer.train.audit import run
from steer.train.audit_config import AuditConfig
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes, relabel
from steer.train.run import train

LIMIT, RADIUS, SPEED = 30, 0.12, 0.08
BODY = Embodiment(
    name="point",
    control_hz=10.0,
    actions=tuple(ActionDim(name=name, low=-1.0, high=1.0) for name in ("dx", "dy")),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(4,)),),
)


def _attempt(rng, noise):
    """Return states and actions of one walk to a goal, and whether it got there in time."""
    position, goal = rng.uniform(-1, 1, 2), np.array([0.4, -0.3])
    states, actions = [], []
    for _ in range(LIMIT):
        wanted = (goal - position) / max(np.linalg.norm(goal - position), 1e-6)
        action = np.clip(wanted + rng.normal(0, noise, 2), -1, 1)
        states.append([*position, *(goal - position)])
        actions.append(action)
        position = position + SPEED * action
        if np.linalg.norm(goal - position) < RADIUS:
            return states, actions, True
    return states, actions, False


def _walks(count=320):
    rng = np.random.default_rng(7)
    attempts = [_attempt(rng, noise) for noise in np.tile([0.1, 0.3, 1.0, 4.0], count // 4)]
    lengths = np.array([len(actions) for _, actions, _ in attempts])
    end = np.cumsum(lengths)
    success = np.array([reached for _, _, reached in attempts])
    episodes = Episodes(
        embodiment=BODY,
        task="reach",
        instruction="go to the goal",
        observations={
            "observation.state": np.concatenate([s for s, _, _ in attempts]).astype(np.float32)
        },
        actions=np.concatenate([a for _, a, _ in attempts]).astype(np.float32),
        is_success=np.zeros(end[-1], bool),
        is_timeout=np.zeros(end[-1], bool),
        start=end - lengths,
        end=end,
        episode=np.arange(count),
        seed=np.arange(count),
        noise=np.zeros(count, np.float32),
    )
    return relabel(episodes, success)


@pytest.fixture
def judged(tmp_path, write_dataset):
    """Return a judge of critics that are trained on the walks, with outcomes of one's choice."""
    walks = _walks()
    body = json.loads(BODY.to_json())
    tasks = {"reach": {"instruction": walks.instruction}}
    extra = json.dumps({"format_version": 1, "embodiment": body, "tasks": tasks})
    truth = write_dataset(walks, name="truth")
    (truth / "meta/steer.json").write_text(extra)

    def judge(*, seed, is_permuted):
        root = truth
        if is_permuted:
            rewards = np.random.default_rng(seed).permutation(walks.is_success)
            root = write_dataset(replace(walks, is_success=rewards), name=f"permuted-{seed}")
            (root / "meta/steer.json").write_text(extra)
        output = tmp_path / f"critic-{seed}-{is_permuted}"
        train(
            TrainConfig(
                dataset=str(root),
                output=output,
                horizon=4,
                steps=800,
                batch_size=128,
                seed=seed,
                num_members=2,
                holdout=0.25,
                network=NetworkConfig(encoder_hidden=48, context_dim=24, member_hidden=(48, 48)),
            )
        )
        return run(AuditConfig(critic=output, dataset=str(truth), num_states=64)), output

    return judge


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_true_rewards_pass_and_permuted_ones_fail(judged, seed):
    """Whatever the seed, the audit tells a critic that learnt something from one that could not."""
    true_passes, _ = judged(seed=seed, is_permuted=False)

    permuted_passes, _ = judged(seed=seed, is_permuted=True)

    assert (true_passes, permuted_passes) == (True, False)


@pytest.mark.slow
def test_the_result_goes_into_card_file_and_picture(judged):
    """What was found is in the card, beside it as JSON, and as a picture; the digest stays."""
    _, critic = judged(seed=0, is_permuted=False)
    found = json.loads((critic.with_name(critic.name + "-audit") / "audit.json").read_text())

    card = load_critic(critic).card

    assert card.audit == found
    assert found["is_held_out"]
    assert found["num_episodes"] == 80
    assert (critic.with_name(critic.name + "-audit") / "audit.png").stat().st_size > 10_000


@pytest.mark.slow
def test_data_without_failures_are_refused(judged, tmp_path, write_dataset):
    """Success alone cannot be told from failure."""
    _, critic = judged(seed=0, is_permuted=False)
    walks = _walks(40)
    successes = walks.select(np.flatnonzero(walks.success))
    root = write_dataset(replace(successes, episode=np.arange(len(successes))), name="successes")
    body = json.loads(BODY.to_json())
    tasks = {"reach": {"instruction": walks.instruction}}
    extra = {"format_version": 1, "embodiment": body, "tasks": tasks}
    (root / "meta/steer.json").write_text(json.dumps(extra))

    with pytest.raises(DatasetError, match="expected successes and failures"):
        run(AuditConfig(critic=critic, dataset=str(root)))
