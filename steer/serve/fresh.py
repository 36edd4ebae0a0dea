"""Judges candidates at an observation that is newer than the one that they were drawn from."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.limiting import kept
from steer.limits import Limits
from steer.serve.drawing import Drawer, Drawn
from steer.serve.ranking import Call, Ranker, check_running
from steer.types import Candidates
from steer.v1 import control_pb2 as pb
from steer.windows import led, still_frozen, windows
from steer.wire.control import sent_from_message, travelled_from_message
from steer.wire.records import candidates_to_message, decision_to_message

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Decides for one robot among what it can still run.

    Attributes:
        drawer: Decodes observations.
        ranker: Decides.
        robot: Its body.
        limits: Of its commands: candidates are moved within them before they are judged; None
            judges them as they are.
        max_candidates: Largest N.
    """

    drawer: Drawer
    ranker: Ranker
    robot: Embodiment
    limits: Limits | None
    max_candidates: int

    async def draw(self, call: Call, asked: pb.ControlRequest) -> Drawn:
        """Return the candidates for an ask, from what it observes or, where it says, foresees.

        Args:
            call: That it is.
            asked: Its message.

        Raises:
            SteerError: As of `Drawer.draw`.
        """
        ask = asked.ask
        if not ask.foreseen:
            seen = [*ask.history, asked.observation]
            count = ask.num_candidates
            return await self.drawer.draw(call, seen, num_candidates=count, frozen=ask.frozen)
        critic = self.drawer.critic(call.session)
        now = await self.drawer.look(asked.observation, critic.card.embodiment)
        check_running(now, self.robot)
        known, after = 0 if now.running is None else len(now.running), ask.foreseen_after
        if now.running is None or not 1 <= after <= known:
            contract = f"1..{known}, as many as run"
            raise InvalidInputError.expected("ask.foreseen_after", contract, after)
        seen = list(ask.foreseen)
        left = max(0, ask.frozen - after)
        drawn = await self.drawer.draw(call, seen, num_candidates=ask.num_candidates, frozen=left)
        whole = led(drawn.candidates, now.running[:after])
        return replace(drawn, observations=(now,), candidates=whole)

    async def decide(
        self, call: Call, drawn: Drawn, asked: pb.ControlRequest, newest: pb.ControlRequest
    ) -> pb.ControlResponse:
        """Return the answer to an ask.

        Args:
            call: That it is.
            drawn: Candidates for it.
            asked: Its message.
            newest: The newest of its epoch; the action that follows it has gone out by now.

        Raises:
            InvalidInputError: The newest observation is not what session and critic need.

        References:
            Real-Time EXPO-FT, arXiv 2609.18207, 2026. Differs: no edits; what runs competes; gate.
        """
        critic = self.drawer.critic(call.session)
        rows, least = drawn.candidates.actions.shape[1], call.session.rule.commit_horizon
        at = _judged_at(asked, newest, horizon=rows, least=least)
        observation = drawn.observations[-1]
        if at is not asked:
            observation = await self.drawer.look(at.observation, critic.card.embodiment)
        check_running(observation, self.robot)
        gone = at.consumed - asked.consumed
        acted, running = int(at is not asked), observation.running
        frozen = still_frozen(asked.ask.frozen, running, gone=gone, acted=acted)
        cut = windows(
            drawn.candidates,
            running,
            body=self.robot,
            gone=gone,
            frozen=frozen,
            most=1 if asked.ask.num_candidates == 1 else self.max_candidates,
            moved_A=self._moved(asked, at),
        )
        candidates = await self._kept(cut, at)
        decision = await self.ranker.decide(
            call,
            critic,
            observation,
            candidates,
            decode_s=drawn.decode_s,
            policy_s=drawn.policy_s,
            wanted=drawn.wanted + len(candidates) - len(drawn.candidates),
        )
        response = pb.ControlResponse(
            sequence=asked.ask.sequence,
            epoch=asked.epoch,
            decision=decision_to_message(decision),
            consumed=at.consumed,
            frozen=min(frozen, rows - gone - 1),
            judged_again=at is not asked,
        )
        response.decision.policy = call.session.policy
        if asked.ask.return_candidates:
            response.decision.candidates.CopyFrom(candidates_to_message(candidates))
        if at.observation.HasField("captured_at"):
            response.captured_at.CopyFrom(at.observation.captured_at)
        return response

    def _moved(self, asked: pb.ControlRequest, at: pb.ControlRequest) -> NDArray[np.float64] | None:
        """Return the sum of what was commanded between two messages; None where they do not say."""
        before = travelled_from_message(asked, self.robot.action_dim)
        now = travelled_from_message(at, self.robot.action_dim)
        return None if before is None or now is None else now - before

    async def _kept(self, candidates: Candidates, at: pb.ControlRequest) -> Candidates:
        """Return the candidates within the robot's limits; row by row, so beside the loop."""
        if self.limits is None:
            return candidates
        sent = sent_from_message(at, self.robot.action_dim)
        moved = await asyncio.to_thread(kept, self.limits, candidates.actions, sent)
        return Candidates(moved, candidates.provenance)


def _judged_at(
    asked: pb.ControlRequest, newest: pb.ControlRequest, *, horizon: int, least: int
) -> pb.ControlRequest:
    """Return which of two observations of an epoch the candidates of the first are judged at.

    Args:
        asked: What they were drawn from.
        newest: No older than that.
        horizon: H of the candidates.
        least: Rows that the critic needs, >= 1.

    Returns:
        The newest where enough rows are left of the candidates there, else the first.
    """
    return newest if horizon - (newest.consumed - asked.consumed) >= least else asked
