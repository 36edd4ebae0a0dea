"""One decision: check the candidates, have them scored, gate and select, and say why."""

import logging
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock
from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import check_instruction
from steer.embodiment import Embodiment
from steer.errors import InvalidInputError, OverloadedError
from steer.rank.feasible import feasible
from steer.rank.scorers import NOVELTY, PROGRESS
from steer.rank.select import Choice, decide, selector_seed
from steer.serve.engine import Engine, Scored, Unscored
from steer.serve.scoring import Work
from steer.serve.sessions import Session
from steer.serve.situation import read_field, score_beside, situation_of
from steer.types import Candidates, Decision, Observation, Reason, Timings
from steer.wire.session import Limits

__all__ = ["Call", "Ranker", "check_running"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What of a request does not depend on how its candidates came about.

    Attributes:
        session: Of the robot.
        noise_seed: Of the selectors that draw.
        sequence: The client's number of the request, echoed.
        start_s: Instant of its arrival, on the server's clock.
        deadline_s: Instant at which the answer must be ready.
    """

    session: Session
    noise_seed: int
    sequence: int
    start_s: float
    deadline_s: float


class Ranker:
    """Decides among candidates. Runs on the event loop; the maths of critics is the engine's.

    Args:
        engine: Scores.
        clock: Of the timings.
        limits: Of N and H.
    """

    def __init__(self, engine: Engine, *, clock: Clock, limits: Limits) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self.num_faults: dict[str, int] = {}

    async def decide(
        self,
        call: Call,
        critic: Critic,
        observation: Observation,
        candidates: Candidates,
        *,
        decode_s: float,
        policy_s: float = 0.0,
        wanted: int = 0,
    ) -> Decision:
        """Return what to run, and why; candidate 0 where the budget or the critic fails.

        Args:
            call: The request.
            critic: That the session was matched to.
            observation: What the critic sees, images decoded.
            candidates: Row 0 is the policy's own.
            decode_s: Time that decoding took, in seconds.
            policy_s: Time that drawing took, in seconds.
            wanted: How many candidates were asked for; fewer came where the budget ended.

        Raises:
            InvalidInputError: Candidates or observation are not what session and critic need.
            OverloadedError: Too many requests wait for the engine.
        """
        session, horizon = call.session, call.session.rule.commit_horizon
        self._check(candidates, observation, session)
        chunks = candidates.actions
        prefix = chunks[:, :horizon]
        mask = feasible(prefix, session.embodiment)
        work = _work(call, critic, observation, prefix)
        outcome = await self._score(work, session, is_drawn=wanted > 0)
        left_out: tuple[str, ...] = ()
        if isinstance(outcome, Scored) and session.rule.weights and len(chunks) > 1:
            prefixes = replace(candidates, actions=prefix)
            outcome, left_out = await self._with_scorers(
                call, critic, outcome, prefixes, observation
            )
        choice = _choose(call, critic, outcome, mask, prefix, wanted=wanted)
        scored = outcome if isinstance(outcome, Scored) else None
        return Decision(
            index=choice.index,
            chunk=chunks[choice.index],
            commit_horizon=horizon,
            reason=choice.reason,
            overrode=choice.overrode,
            scores=scored.scores if scored else np.zeros(0, np.float32),
            values=scored.values if scored else np.zeros((0, 0), np.float32),
            provenance=candidates.provenance,
            feasible=tuple(mask.tolist()),
            num_scored=len(chunks) if scored else 0,
            budget_hit=outcome is Reason.BUDGET or len(chunks) < wanted,
            timings=self._timings(call, scored, decode_s, policy_s),
            critic_digest=critic.digest if scored else "",
            sequence=call.sequence,
            left_out=left_out,
        )

    async def values(
        self, call: Call, critic: Critic, observation: Observation, candidates: Candidates
    ) -> NDArray[np.float32] | None:
        """Return each member's value of each candidate, float32 [K, N], before anything is decided.

        None where the rule does not ask the critic, or it failed or had no time.

        Raises:
            InvalidInputError: See `decide`.
        """
        self._check(candidates, observation, call.session)
        prefix = candidates.actions[:, : call.session.rule.commit_horizon]
        work = _work(call, critic, observation, prefix)
        outcome = await self._score(work, call.session, is_drawn=True)
        return outcome.values if isinstance(outcome, Scored) else None

    async def _with_scorers(
        self,
        call: Call,
        critic: Critic,
        scored: Scored,
        prefixes: Candidates,
        observation: Observation,
    ) -> tuple[Scored | Unscored, tuple[str, ...]]:
        """Return the scores with what the weighted scorers add, and which of them failed."""
        session = call.session
        situation = situation_of(scored, prefixes, observation, session, critic.card)
        limit_s = call.deadline_s - self._clock.now_s()
        try:
            found = await score_beside(situation, session, limit_s=limit_s)
        except TimeoutError:
            return Reason.BUDGET, ()
        for name, why in found.faults.items():
            count = self.num_faults[name] = self.num_faults.get(name, 0) + 1
            if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th: it may fail for ever
                logger.warning("left out scorer=%s count=%d why=%s", name, count, why)
        scores = scored.scores + (found.score_N - found.score_N[0])
        return replace(scored, scores=scores), tuple(found.faults)

    async def _score(
        self, work: Work, session: Session, *, is_drawn: bool
    ) -> Scored | Unscored | None:
        """Return what the engine finds; None where nobody needs a critic to choose.

        Candidates that were drawn for the robot are not thrown away because the engine is busy: it
        gets candidate 0, as does one that asks for a single candidate. A client that holds several
        is told of the overload instead.
        """
        if not session.rule.needs_critic:
            return None
        try:
            return await self._engine.score(work)
        except OverloadedError:
            if not is_drawn and len(work.chunks) > 1:
                raise
            return Reason.BUDGET

    def check_count(self, count: int) -> None:
        """Raise InvalidInputError unless so many candidates are allowed."""
        if not 1 <= count <= self._limits.max_candidates:
            contract = f"1..{self._limits.max_candidates}"
            raise InvalidInputError.expected("number of candidates", contract, count)

    def _check(self, candidates: Candidates, observation: Observation, session: Session) -> None:
        robot, horizon = session.embodiment, session.rule.commit_horizon
        check_running(observation, robot)
        count, length, action_dim = candidates.actions.shape
        self.check_count(count)
        if action_dim != robot.action_dim:
            raise InvalidInputError.expected(
                "candidates.actions", f"{robot.action_dim} dimensions an action", action_dim
            )
        if not horizon <= length <= self._limits.max_horizon:
            contract = f"{horizon}..{self._limits.max_horizon} actions a chunk"
            raise InvalidInputError.expected("candidates.actions", contract, length)

    def _timings(
        self, call: Call, scored: Scored | None, decode_s: float, policy_s: float
    ) -> Timings:
        return Timings(
            decode_s=decode_s,
            policy_s=policy_s,
            queue_s=scored.queue_s if scored else 0.0,
            encode_s=scored.encode_s if scored else 0.0,
            score_s=scored.score_s if scored else 0.0,
            total_s=self._clock.now_s() - call.start_s,
        )


def _work(
    call: Call, critic: Critic, observation: Observation, prefix: NDArray[np.float32]
) -> Work:
    return Work(
        critic=call.session.critic,
        observation=_needed(observation, critic.card),
        chunks=prefix,
        beta=call.session.rule.beta,
        wants_prefixes=PROGRESS in call.session.rule.weights,
        wants_context=call.session.rule.weights.get(NOVELTY, 0.0) > 0,
        deadline_s=call.deadline_s,
        instruction=observation.instruction,
    )


def check_running(observation: Observation, robot: Embodiment) -> None:
    """Raise InvalidInputError where the rest of the running chunk is of another robot."""
    running = observation.running
    if running is not None and running.shape[1] != robot.action_dim:
        contract = f"{robot.action_dim} dimensions an action"
        raise InvalidInputError.expected("observation.running", contract, running.shape[1])


def _choose(
    call: Call,
    critic: Critic,
    outcome: Scored | Unscored | None,
    mask: NDArray[np.bool_],
    prefix: NDArray[np.float32],
    *,
    wanted: int,
) -> Choice:
    """Decide with the scores; without, where the rule needs them, for candidate 0."""
    if len(prefix) == 1 and wanted > 1:  # the budget ended after candidate 0 was drawn
        return Choice(0, Reason.BUDGET, overrode=False)
    if isinstance(outcome, Reason) and len(prefix) > 1:
        return Choice(0, outcome, overrode=False)
    scores = outcome.scores if isinstance(outcome, Scored) else np.zeros(len(prefix), np.float32)
    return decide(
        scores,
        mask,
        prefix,
        rule=call.session.rule,
        embodiment=call.session.embodiment,
        seed=selector_seed(critic.digest, call.noise_seed),
    )


def _needed(observation: Observation, card: CriticCard) -> dict[str, NDArray[np.generic]]:
    """Return what the critic needs of an observation, but for the vector of its instruction.

    Raises:
        InvalidInputError: It is missing, or has another dtype or shape; or the critic reads an
            instruction, and there is none.
    """
    found: dict[str, NDArray[np.generic]] = {}
    for item in card.embodiment.observations:
        value = read_field(observation, item)
        if value is None:
            contract = f"{item.dtype} of shape {list(item.shape)}"
            what = f"observation.tensors[{item.name!r}]"
            raise InvalidInputError.expected(what, contract, "nothing")
        found[item.name] = value
    if card.network.language_dim:
        check_instruction("observation.instruction", observation.instruction)
    return found
