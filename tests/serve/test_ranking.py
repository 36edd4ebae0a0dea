"""One decision, with critics whose values are known."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from steer.clock import FakeClock
from steer.critics.card import NetworkConfig
from steer.errors import InvalidInputError
from steer.rank.scorers import SCORERS
from steer.rank.select import Rule
from steer.serve.engine import Scored
from steer.serve.ranking import Call, Ranker
from steer.serve.sessions import Session
from steer.types import Candidates, Observation, Provenance, Reason
from steer.wire.session import Limits

RULE = Rule(
    selector="argmax", gated=True, margin=0.5, beta=1.0, temperature=1.0, tau=0.7, commit_horizon=3
)
LIMITS = Limits(
    max_candidates=4,
    max_horizon=6,
    max_message_bytes=1,
    max_image_pixels=1,
    session_idle_s=1.0,
    max_budget_s=1.0,
    expected_candidates=4,
    selectors=("argmax",),
    min_margin=0.0,
    is_gate_required=False,
)


class FakeEngine:
    """Answers what it is told to."""

    def __init__(self, outcome):
        self.outcome, self.works = outcome, []

    async def score(self, work):
        self.works.append(work)
        return self.outcome


def scored(*scores):
    values = np.zeros((2, len(scores)), np.float32)
    return Scored(values, np.float32(scores), queue_s=0.1, encode_s=0.2, score_s=0.3)


@pytest.fixture
def decide(make_critic, robot, rng):
    """Decide with what the engine answers."""
    critic = make_critic()

    def decide(
        outcome,
        *,
        count=3,
        length=4,
        rule=RULE,
        arrays=None,
        candidates=None,
        scorers=SCORERS,
        deadline_s=6.0,
        **kwargs,
    ):
        clock, engine = FakeClock(5.0), FakeEngine(outcome)
        if arrays is None:
            arrays = {"observation.state": np.zeros(3, np.float32)}
        if candidates is None:
            chunks = rng.normal(size=(count, length, 2)).astype(np.float32)
            candidates = Candidates(chunks)
        session = Session("t", robot, "reach", "", rule, "r", 0.0, scorers)
        call = Call(session=session, noise_seed=1, sequence=7, start_s=4.0, deadline_s=deadline_s)
        ranker = Ranker(engine, clock=clock, limits=LIMITS)
        decision = asyncio.run(
            ranker.decide(
                call, critic, Observation(arrays), candidates, decode_s=0.5, policy_s=0.25, **kwargs
            )
        )
        return decision, candidates, engine

    return decide


def test_a_winner_is_returned_bit_for_bit_with_all_that_explains_it(decide, make_critic):
    """Index, chunk, commit horizon, scores, provenance, timings and the critic's identity."""
    decision, candidates, _ = decide(scored(0.0, 2.0, 1.0))

    assert decision.chunk.tobytes() == candidates.actions[1].tobytes()
    assert (decision.index, decision.reason, decision.overrode) == (1, Reason.ADVANTAGE, True)
    assert (decision.commit_horizon, decision.num_scored, decision.sequence) == (3, 3, 7)
    assert decision.scores.tolist() == [0, 2, 1]
    assert decision.values.shape == (2, 3)
    assert decision.provenance == (Provenance.POLICY,) * 3
    assert decision.feasible == (True,) * 3
    assert decision.critic_digest == make_critic().digest
    times = decision.timings
    assert (times.decode_s, times.policy_s, times.queue_s) == (0.5, 0.25, 0.1)
    assert (times.encode_s, times.score_s, times.total_s) == (0.2, 0.3, 1.0)


@pytest.mark.parametrize("reason", [Reason.BUDGET, Reason.CRITIC])
@pytest.mark.parametrize("gated", [True, False])
def test_without_scores_candidate_0_runs_bit_for_bit(decide, reason, gated):
    """A spent budget or a broken critic is an answer, not an exception."""
    decision, candidates, _ = decide(reason, rule=replace(RULE, gated=gated))

    assert decision.chunk.tobytes() == candidates.actions[0].tobytes()
    assert (decision.index, decision.reason, decision.overrode) == (0, reason, False)
    assert decision.budget_hit == (reason is Reason.BUDGET)
    assert (decision.num_scored, decision.scores.shape, decision.critic_digest) == (0, (0,), "")


@pytest.mark.parametrize("outcome", [scored(0.0), Reason.BUDGET, Reason.CRITIC])
def test_one_candidate_is_always_the_policy_s_own(decide, outcome):
    """N = 1 gives the policy's chunk bit for bit, whatever the critic does."""
    decision, candidates, _ = decide(outcome, count=1)

    assert decision.chunk.tobytes() == candidates.actions[0].tobytes()
    assert (decision.index, decision.reason) == (0, Reason.SINGLE)


def test_a_rule_that_knows_no_critic_does_not_wait_for_one(decide):
    """The random arm decides even where the engine is busy."""
    rule = replace(RULE, selector="random", gated=False)

    decision, _, engine = decide(None, rule=rule)

    assert engine.works == []
    assert decision.reason is Reason.UNGATED
    assert (decision.num_scored, decision.budget_hit) == (0, False)


def test_fewer_candidates_than_wanted_is_a_budget_that_was_hit(decide):
    """The source ran out of time on the way."""
    decision, _, _ = decide(scored(0.0, 2.0), count=2, wanted=4)

    assert (decision.index, decision.budget_hit) == (1, True)


def test_weighted_scorers_add_to_the_critic(decide):
    """Two candidates that agree outdo one that the critic likes a little better."""
    chunks = np.stack([np.full((4, 2), place, np.float32) for place in (-1.0, 1.0, 0.1, 0.1)])
    outcome = scored(0.0, 0.7, 0.6, 0.55)

    alone, _, _ = decide(outcome, candidates=Candidates(chunks))
    both, _, _ = decide(
        outcome, candidates=Candidates(chunks), rule=replace(RULE, weights={"consensus": 1.0})
    )

    assert (alone.index, both.index) == (1, 2)
    assert both.scores[0] == 0
    assert both.scores[2] > alone.scores[2]
    assert both.left_out == ()


def test_a_scorer_that_fails_is_left_out_flagged_and_counted(decide, caplog):
    """The decision is made with what is left."""
    broken = {"consensus": lambda situation: np.full(len(situation), np.nan, np.float32)}
    rule = replace(RULE, weights={"consensus": 1.0})

    decision, _, _ = decide(scored(0.0, 2.0, 1.0), rule=rule, scorers=broken)

    assert (decision.index, decision.left_out) == (1, ("consensus",))
    assert decision.scores.tolist() == [0, 2, 1]
    assert "left out scorer=consensus count=1 why=expected finite float32" in caplog.text


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_context_is_asked_for_where_novelty_counts(decide, weight):
    """One embedding a request; what the engine found is what the scorer gets, off the loop."""
    seen = []

    def novelty(situation):
        seen.append((situation.context_D, threading.current_thread()))
        return np.float32([0, 0, 9])

    context = np.float32([3, 1, 4])
    outcome = replace(scored(0.0, 2.0, 1.9), context=context)
    rule = replace(RULE, weights={"novelty": weight})

    decision, _, engine = decide(outcome, rule=rule, scorers={"novelty": novelty})

    assert engine.works[0].wants_context is bool(weight)
    assert decision.index == (2 if weight else 1)
    assert [item[0] is context for item in seen] == [True] * bool(weight)
    assert all(item[1] is not threading.main_thread() for item in seen)


def test_a_scorer_that_takes_too_long_ends_in_candidate_0(decide):
    """The budget holds for what competes beside the critic, too."""

    def novelty(situation):
        threading.Event().wait(0.3)
        return np.arange(len(situation), dtype=np.float32)

    rule = replace(RULE, weights={"novelty": 1.0})

    decision, candidates, _ = decide(
        scored(0.0, 2.0, 1.0), rule=rule, scorers={"novelty": novelty}, deadline_s=5.05
    )

    assert (decision.index, decision.reason, decision.num_scored) == (0, Reason.BUDGET, 0)
    assert decision.budget_hit
    assert decision.chunk.tobytes() == candidates.actions[0].tobytes()


def test_an_infeasible_winner_does_not_run(decide, robot, rng):
    """Limits are looked at on the prefix that would be run."""
    body = replace(robot, out_of_range="reject")
    chunks = rng.uniform(-1, 1, size=(2, 4, 2)).astype(np.float32)
    chunks[1, 2] = 6.0
    engine = FakeEngine(scored(0.0, 2.0))
    ranker = Ranker(engine, clock=FakeClock(), limits=LIMITS)
    session = Session("t", body, "reach", "", RULE, "r", 0.0)
    call = Call(session=session, noise_seed=1, sequence=7, start_s=0.0, deadline_s=6.0)
    critic = type("Stub", (), {"digest": "sha256:1", "card": None})()
    network = NetworkConfig()
    critic.card = type("Card", (), {"horizon": 3, "embodiment": robot, "network": network})()
    observation = Observation({"observation.state": np.zeros(3, np.float32)})

    decision = asyncio.run(
        ranker.decide(call, critic, observation, Candidates(chunks), decode_s=0.0)
    )

    assert (decision.index, decision.reason) == (0, Reason.INFEASIBLE)
    assert decision.feasible == (True, False)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"count": 5}, r"number of candidates: expected 1\.\.4, got 5"),
        ({"length": 2}, r"candidates.actions: expected 3\.\.6 actions a chunk, got 2"),
        ({"length": 7}, r"candidates.actions: expected 3\.\.6 actions a chunk, got 7"),
        (
            {"candidates": Candidates(np.zeros((2, 4, 3), np.float32))},
            "candidates.actions: expected 2 dimensions an action, got 3",
        ),
        ({"arrays": {}}, r"'observation.state'\]: expected float32 of shape \[3\], got nothing"),
        (
            {"arrays": {"observation.state": np.zeros(2, np.float32)}},
            r"expected float32 of shape \[3\], got float32 of shape \[2\]",
        ),
        (
            {"arrays": {"observation.state": np.zeros(3)}},
            r"expected float32 of shape \[3\], got float64 of shape \[3\]",
        ),
    ],
)
def test_what_session_and_critic_cannot_use_is_refused(decide, arguments, text):
    """The text names the field, what was expected and what came."""
    with pytest.raises(InvalidInputError, match=text):
        decide(scored(0.0), **arguments)
