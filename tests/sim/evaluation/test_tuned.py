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
    check_test_run(evaluation, tuned, served, tmp_path)


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
        ({"digest": "sha256:b"}, "critic 'push': expected sha256:a, with which"),
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
    ("seeds", "is_refused"), [([0, 299], False), ([199_000, 200_000], True), ([], False)]
)
def test_a_critic_that_has_seen_test_seeds_is_refused(tmp_path, seeds, is_refused):
    """Its card shows which seeds its data had."""
    home = tmp_path / "critics" / "push"
    home.mkdir(parents=True)
    (home / "card.json").write_text(json.dumps({"dataset": {"seeds": seeds}}))

    if not is_refused:
        check(tmp_path)
        return
    with pytest.raises(ConfigError, match="seen no test seed, got one of seeds 199000 to 200000"):
        check(tmp_path)


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
