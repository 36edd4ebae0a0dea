"""A critic of true outcomes passes its audit; one of permuted outcomes does not.

The data: a point walks to a goal, with little, some or much noise, and gives up after `LIMIT`
ticks. About two walks of three succeed.
"""

import json

import numpy as np
import pytest

from steer.critics.artefact import load_critic
from steer.critics.card import NetworkConfig
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import ConfigError, DatasetError, PolicyError
from steer.train import audit_judge
from steer.train.audit import run
from steer.train.audit_config import AuditConfig
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes, relabel
from steer.train.labels import permute_success
from steer.train.run import train

pytestmark = pytest.mark.slow

LIMIT, RADIUS, SPEED, HORIZON = 40, 0.15, 0.06, 4
BODY = Embodiment(
    name="point",
    control_hz=10.0,
    actions=tuple(ActionDim(name=name, low=-1.0, high=1.0) for name in ("dx", "dy")),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(4,)),),
)


def _walk(rng, noise):
    """Return states and actions of one walk, and whether it reached the goal in time."""
    position, goal = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
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


def _walks(seed, count):
    rng = np.random.default_rng(seed)
    walks = [_walk(rng, noise) for noise in np.tile([0.3, 1.0, 3.0], count // 3)]
    lengths = np.array([len(actions) for _, actions, _ in walks])
    end = np.cumsum(lengths)
    episodes = Episodes(
        embodiment=BODY,
        task="reach",
        instruction="go to the goal",
        observations={
            "observation.state": np.concatenate([s for s, _, _ in walks]).astype(np.float32)
        },
        actions=np.concatenate([a for _, a, _ in walks]).astype(np.float32),
        is_success=np.zeros(end[-1], bool),
        is_timeout=np.zeros(end[-1], bool),
        start=end - lengths,
        end=end,
        episode=np.arange(count),
        seed=np.arange(count),
        noise=np.zeros(count, np.float32),
    )
    return relabel(episodes, np.array([reached for _, _, reached in walks]))


@pytest.fixture
def case(tmp_path, write_dataset):
    """Return a maker of a dataset of walks, and of files with other outcomes for it."""

    def make(*, seed, count=480):
        walks = _walks(seed, count)
        root = write_dataset(walks)
        tasks = {"reach": {"instruction": walks.instruction}}
        body = json.loads(BODY.to_json())
        extra = {"format_version": 1, "embodiment": body, "tasks": tasks}
        (root / "meta/steer.json").write_text(json.dumps(extra))

        def outcomes(success, name):
            path = tmp_path / name
            rows = [f"{number},{int(one)}" for number, one in enumerate(success)]
            path.write_text("\n".join(["episode,success", *rows, ""]))
            return path

        return (str(root),), walks, outcomes

    return make


def _learn(dataset, output, *, seed=0, steps=600, success=None):
    train(
        TrainConfig(
            dataset=dataset,
            output=output,
            success=success,
            algorithm="sarsa",
            reward_per="tick",
            horizon=HORIZON,
            steps=steps,
            batch_size=128,
            learning_rate=2e-3,
            seed=seed,
            num_members=2,
            holdout=0.25,
            network=NetworkConfig(encoder_hidden=48, context_dim=24, member_hidden=(48, 48)),
        )
    )
    return output


@pytest.mark.parametrize("seed", range(5))
def test_true_outcomes_pass_and_permuted_ones_fail(case, tmp_path, seed):
    """Whatever the seed, and whether the permuted critic is held to the truth or to its data."""
    dataset, walks, outcomes = case(seed=seed)
    permuted = outcomes(permute_success(walks.success, seed=seed), "permuted.csv")
    honest = _learn(dataset, tmp_path / "honest", seed=seed)
    blind = _learn(dataset, tmp_path / "blind", seed=seed, success=permuted)

    passed = [
        run(AuditConfig(critic=honest, dataset=dataset)),
        run(AuditConfig(critic=blind, dataset=dataset)),
        run(AuditConfig(critic=blind, dataset=dataset, success=permuted)),
    ]

    assert passed == [True, False, False]


def test_the_result_goes_into_card_file_and_picture(case, tmp_path):
    """What was found on the episodes kept back is in the card, as JSON, and as a picture."""
    dataset, _, _ = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=2)
    digest = load_critic(critic).digest

    run(AuditConfig(critic=critic, dataset=dataset, num_states=8))
    found = json.loads((tmp_path / "critic-audit/audit.json").read_text())
    after = load_critic(critic)

    assert after.card.audit == found
    assert after.digest == digest
    assert (found["is_held_out"], found["num_episodes"]) == (True, 15)
    assert (tmp_path / "critic-audit/audit.png").read_bytes()[:4] == b"\x89PNG"


def test_a_table_names_what_was_missed(case, tmp_path, capsys):
    """A critic that has learnt nothing is told so, number by number."""
    dataset, _, _ = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=1)

    passed = run(AuditConfig(critic=critic, dataset=dataset, num_states=8))

    text = capsys.readouterr().out
    assert not passed
    assert "audit FAILED: " in text
    assert "15 held-out episodes" in text


def test_a_policy_draws_what_the_executed_chunk_competes_with(case, tmp_path):
    """It is given what it would have seen, from the start of the episode to the state."""
    dataset, _, _ = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=1)
    asked = []

    def draw(history, count, seed):
        asked.append((history["observation.state"].shape, count, seed))
        return np.zeros((count, 2 * HORIZON, 2), np.float32)

    config = AuditConfig(
        critic=critic, dataset=dataset, policy="lerobot:p", num_states=4, num_candidates=3
    )
    run(config, draw)

    assert load_critic(critic).card.audit["candidates"] == "drawn from lerobot:p"
    assert [(count, seed) for _, count, seed in asked] == [(2, 0), (2, 1), (2, 2), (2, 3)]
    assert all(1 <= length <= LIMIT and width == 4 for (length, width), _, _ in asked)


def test_data_without_failures_are_refused(case, tmp_path):
    """Success alone cannot be told from failure."""
    dataset, walks, outcomes = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=1)
    all_succeed = outcomes(np.ones(len(walks), bool), "all.csv")

    with pytest.raises(DatasetError, match="expected successes and failures"):
        run(AuditConfig(critic=critic, dataset=dataset, success=all_succeed))


def test_time_alone_does_not_tell_success_from_failure(case, tmp_path, monkeypatch):
    """Failures have no chunk in their last ticks; a value that only counts ticks gains nothing."""
    dataset, walks, outcomes = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=1)
    whole = np.flatnonzero(walks.end - walks.start == LIMIT)
    success = np.isin(np.arange(len(walks)), whole[::2])
    config = AuditConfig(
        critic=critic, dataset=dataset, success=outcomes(success, "half.csv"), num_states=4
    )

    def ticks(questions):
        """Return how long each whole episode has gone on, and for short ones what is half-way."""
        episodes, row = questions.episodes, questions.chunks.row
        owner = np.searchsorted(episodes.end, row, side="right")
        is_whole = (episodes.end - episodes.start)[owner] == LIMIT
        return np.where(is_whole, row - episodes.start[owner], float((LIMIT - 1 - HORIZON) // 2))

    monkeypatch.setattr(audit_judge, "executed_values", ticks)
    run(config)

    assert load_critic(critic).card.audit["discrimination"]["0.5"]["value"] == 0.5


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_states": 0}, "--num-states: expected >= 1, got 0"),
        ({"num_candidates": 1}, "--num-candidates: expected >= 2, got 1"),
    ],
)
def test_a_competition_needs_states_and_two_candidates(options, text, tmp_path):
    """Else there is nothing to compare; the text has what it got."""
    with pytest.raises(ConfigError) as caught:
        AuditConfig(critic=tmp_path, dataset=("data",), **options)

    assert str(caught.value) == text


def test_a_policy_that_is_too_slow_is_named(case, tmp_path):
    """It gave fewer candidates than were asked for: no error of arrays."""
    dataset, _, _ = case(seed=0, count=60)
    critic = _learn(dataset, tmp_path / "critic", steps=1)
    config = AuditConfig(
        critic=critic, dataset=dataset, policy="lerobot:p", num_states=4, num_candidates=3
    )

    with pytest.raises(PolicyError, match=r"expected 2 candidates in time, .* got shape \[1, 4, 2"):
        run(config, lambda history, count, seed: np.zeros((1, HORIZON, 2), np.float32))
