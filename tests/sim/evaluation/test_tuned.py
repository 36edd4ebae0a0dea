"""Test seeds are for what was frozen on tune seeds, and for nothing else."""

import json
from types import SimpleNamespace

import pytest

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.cells import Cell
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.tuned import Tuned, check_test_run
from steer.errors import ConfigError

FROZEN = Settings(num_candidates=12, margin=0.5)
TUNED = Tuned(FROZEN, {"push": "sha256:a"}, is_there=True)


@pytest.fixture(autouse=True)
def _critic(tmp_path):
    """A critic of push whose card shows train seeds."""
    write_card(tmp_path, [0, 299])


def write_card(tmp_path, seeds):
    """Write the card of the critic of push."""
    home = tmp_path / "critics" / "push"
    home.mkdir(parents=True, exist_ok=True)
    (home / "card.json").write_text(json.dumps({"dataset": {"seeds": seeds}}))


def check(tmp_path, settings=FROZEN, digest="sha256:a", split="test", tuned=TUNED, **changes):
    """Check a run of push, alone and steered."""
    block = Block(
        cells=(Cell("diffusion", "push"),),
        arms=(ARMS["alone"], ARMS["steered"]),
        num_episodes=2,
        **changes,
    )
    evaluation = Evaluation(blocks=(block,), split=split, settings=settings)
    served = SimpleNamespace(critics=[SimpleNamespace(name="push", digest=digest)])
    check_test_run(evaluation, tuned, served, lambda task: tmp_path / "critics" / task)


@pytest.mark.parametrize("changes", [{}, *({"num_candidates": n} for n in (1, 8, 16, 64))])
def test_what_was_frozen_may_see_test_seeds(tmp_path, changes):
    """The sweep over N too: it is published as one."""
    check(tmp_path, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": Settings(num_candidates=12, margin=0.4)}, "--margin: expected 0.5, as tuned"),
        (
            {"settings": Settings(num_candidates=12, margin=0.5, beta=2.0)},
            "--beta: expected None, as tuned",
        ),
        ({"num_candidates": 5}, "--candidates: expected on test seeds 12"),
        ({"digest": "sha256:b"}, "critic 'push': expected sha256:a, as when"),
        ({"tuned": Tuned(FROZEN, {}, is_there=True)}, "tuning.json does not know"),
    ],
)
def test_anything_else_is_refused_on_test_seeds(tmp_path, changes, message):
    """And allowed on others."""
    with pytest.raises(ConfigError, match=message):
        check(tmp_path, **changes)

    check(tmp_path, split="user", **changes)
    check(tmp_path, split="tune", **changes)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([199_000, 200_000], "seen no test seed, got one of seeds 199000 to 200000"),
        ([], "a card that says which seeds it has seen"),
    ],
)
def test_a_critic_that_may_have_seen_test_seeds_is_refused(tmp_path, seeds, message):
    """Its card shows which seeds its data had."""
    write_card(tmp_path, seeds)

    with pytest.raises(ConfigError, match=message):
        check(tmp_path)


def test_a_task_that_is_complete_needs_no_critic(tmp_path):
    """The server of a run that goes on has the critics of what is missing alone."""
    blocks = tuple(
        Block(cells=(Cell("diffusion", task),), arms=(ARMS["steered"],), num_episodes=1)
        for task in ("push", "cube-single")
    )
    evaluation = Evaluation(blocks=blocks, split="test", settings=FROZEN)
    served = SimpleNamespace(critics=[SimpleNamespace(name="push", digest="sha256:a")])

    check_test_run(evaluation, TUNED, served, lambda task: tmp_path / "critics" / task)


def test_the_record_is_read(tmp_path):
    """What is not there has the defaults."""
    assert Tuned.load(tmp_path) == Tuned(Settings(), {}, is_there=False)
    tree = {"settings": {"num_candidates": 8, "margin": 1.0, "beta": None}, "critics": {"a": "b"}}
    (tmp_path / "tuning.json").write_text(json.dumps(tree))

    found = Tuned.load(tmp_path)

    assert found == Tuned(Settings(num_candidates=8, margin=1.0), {"a": "b"}, is_there=True)


@pytest.mark.parametrize("text", ["", "[]", '{"settings": {"n": 1}, "critics": {}}'])
def test_a_damaged_record_is_refused(tmp_path, text):
    """By its path."""
    (tmp_path / "tuning.json").write_text(text)

    with pytest.raises(ConfigError, match=r"tuning\.json: expected a record of sim\.tune"):
        Tuned.load(tmp_path)
