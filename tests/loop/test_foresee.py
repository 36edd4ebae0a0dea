"""Asking for what comes after what runs: observations of then, chunks with what runs in front."""

import numpy as np

from steer.forecast import Forecast
from steer.heads import Head, HeadCard
from steer.loop.foresee import foreseen, prefixed
from steer.loop.planner import Request
from steer.types import Candidates, Decision, Observation, Provenance, Reason

KEY = "observation.state"


def walker():
    """Return the forecast of a robot whose place moves by its command, to the letter."""
    card = HeadCard(kind="forecast", keys=(KEY,), window=1, action_dim=1, most_gone=0, about={})
    one = np.ones(1)
    arrays = {
        "observation_mean": 0 * one,
        "observation_std": one,
        "action_mean": 0 * one,
        "action_std": one,
        "low": -one,
        "high": one,
        "change_mean": 0 * one,
        "change_std": one,
        "weight_0": np.array([[0.0], [1.0]]),
        "bias_0": 0 * one,
    }
    return Forecast(Head(card, {name: np.float32(item) for name, item in arrays.items()}))


def seen(place, running=None):
    rest = None if running is None else np.float32(running)[:, None]
    return Observation({KEY: np.float32([place])}, instruction="walk", running=rest)


def request(*observations, frozen=2):
    return Request(
        observations=observations,
        consumed=4,
        frozen=frozen,
        epoch=1,
        sequence=1,
        captured_at_s=0.5,
        travelled=np.zeros(1),
    )


def places(observations):
    return [item.arrays[KEY][0].item() for item in observations]


def test_the_policy_is_shown_where_the_robot_will_be():
    """After the frozen rows; what would follow them is what runs then."""
    found, rows = foreseen(request(seen(1.0, [0.5, -0.25, 0.125])), walker())

    assert places(found) == [1.25]
    assert rows[:, 0].tolist() == [0.5, -0.25]
    assert found[-1].running[:, 0].tolist() == [0.125]
    assert found[-1].instruction == "walk"


def test_a_policy_that_looks_back_sees_the_way_there():
    """One observation a tick: as many as before, the last ones foreseen."""
    past = (seen(0.0), seen(0.5), seen(1.0, [0.5, 0.5]))

    assert places(foreseen(request(*past), walker())[0]) == [1.0, 1.5, 2.0]
    assert places(foreseen(request(*past, frozen=1), walker())[0]) == [0.5, 1.0, 1.5]


def test_where_nothing_is_frozen_nothing_is_foreseen():
    """The robot stands, or an answer takes no time."""
    for asked in (request(seen(1.0)), request(seen(1.0, [0.5]), frozen=0)):
        found, rows = foreseen(asked, walker())
        assert found is asked.observations
        assert len(rows) == 0


def test_no_more_is_foreseen_than_runs():
    """What would follow then is not known."""
    found, rows = foreseen(request(seen(1.0, [0.5]), frozen=3), walker())

    assert (places(found), len(rows), found[-1].running) == ([1.5], 1, None)


def test_a_decision_has_what_runs_in_front_of_it():
    """Its chunk and all its candidates: row 0 is for the tick of the request."""
    drawn = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    kinds = (Provenance.POLICY, Provenance.FITTED)
    decision = Decision(
        index=1,
        chunk=drawn[1],
        commit_horizon=2,
        reason=Reason.ADVANTAGE,
        candidates=Candidates(drawn, kinds),
    )
    found = prefixed(decision, np.float32([[7], [8]]))

    assert found.chunk[:, 0].tolist() == [7, 8, 3, 4, 5]
    assert found.candidates.actions[0, :, 0].tolist() == [7, 8, 0, 1, 2]
    assert found.candidates.provenance == kinds
    assert prefixed(decision, np.zeros((0, 0), np.float32)) is decision
