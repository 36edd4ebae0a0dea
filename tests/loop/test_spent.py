"""The age of a decision and what it is made of."""

import pytest

from steer.loop.spent import Spent, age_parts

SPENT = Spent(
    asked_at_s=100.0,
    pickup_s=0.001,
    transport_s=0.002,
    queue_s=0.003,
    policy_s=0.1,
    score_s=0.01,
    server_s=0.004,
)


def test_the_parts_add_up_to_the_age():
    """What System 2 did not spend was waiting for the splice."""
    parts = age_parts(SPENT, runs_at_s=100.2)

    assert parts["splice_s"] == pytest.approx(0.08)
    assert parts["total_s"] == pytest.approx(0.2)
    assert sum(parts.values()) == pytest.approx(2 * parts["total_s"])


def test_the_instant_of_the_observation_is_no_duration():
    """It is no part, and the total does not hold it."""
    assert SPENT.total_s == pytest.approx(0.12)
    assert "asked_at_s" not in age_parts(SPENT, runs_at_s=100.2)
