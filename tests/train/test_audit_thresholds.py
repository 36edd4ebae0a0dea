"""What a critic must reach."""

from dataclasses import replace

import pytest

from steer.critics.card import CriticCard
from steer.train.audit_config import Thresholds
from steer.train.audit_result import Audit
from steer.train.audit_table import _verdict


@pytest.fixture
def card(make_episodes):
    """Return the card of a critic of the corridor."""
    body = make_episodes([3], [True]).embodiment
    return CriticCard(algorithm="sarsa", embodiment=body, horizon=2)


@pytest.mark.parametrize(("reward_per", "least"), [("tick", 0.4), ("chunk", 0.1), (None, 0.4)])
def test_what_must_be_explained_goes_by_what_is_counted(card, reward_per, least):
    """By the chunk there is little but success and failure left to explain."""
    training = {"reward_per": reward_per} if reward_per else {}

    found = Thresholds().of(replace(card, training=training))

    assert found["explained"] == least
    assert set(found) == set(Thresholds.__dataclass_fields__)


def test_what_was_asked_for_holds_for_any_critic(card):
    """Nobody overrules who audits."""
    asked = Thresholds(explained=0.7, value_order=0.1)

    found = asked.of(replace(card, training={"reward_per": "chunk"}))

    assert (found["explained"], found["value_order"]) == (0.7, 0.1)


@pytest.mark.parametrize(
    ("failed", "is_held_out", "words"),
    [
        ((), True, "passed"),
        (("explained",), True, "FAILED: explained"),
        ((), False, "proves nothing"),
    ],
)
def test_the_verdict_is_what_the_server_makes_of_it(failed, is_held_out, words):
    """An audit on what was learnt from is not called passed, for no server takes it."""
    audit = object.__new__(Audit)  # the verdict reads two of its many fields
    object.__setattr__(audit, "failed", failed)
    object.__setattr__(audit, "is_held_out", is_held_out)

    assert _verdict(audit).startswith(words)
