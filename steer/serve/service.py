"""The Steering service: decode, draw, decide, encode. No maths and no device here."""

import asyncio
import logging
from dataclasses import fields
from typing import Any

import grpc.aio

from steer import __version__
from steer.clock import Clock
from steer.embodiment import Embodiment
from steer.errors import ConfigError, InvalidInputError, LateError, UnreachableError
from steer.rank.select import Rule
from steer.serve.catalogue import Catalogue
from steer.serve.engine import Engine
from steer.serve.images import decode_images
from steer.serve.matching import match
from steer.serve.proposing import propose
from steer.serve.ranking import Call, Ranker
from steer.serve.sessions import Sessions
from steer.serve.sources.base import PolicySource
from steer.serve.status import rpc
from steer.types import Decision, EncodedImage, Observation, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1 import types_pb2
from steer.v1.steering_pb2_grpc import SteeringServicer
from steer.wire.observations import observation_from_message
from steer.wire.records import (
    candidates_from_message,
    candidates_to_message,
    decision_to_message,
    selection_from_message,
    selection_to_message,
)
from steer.wire.session import (
    Limits,
    critic_to_message,
    embodiment_from_message,
    limits_to_message,
    policy_to_message,
)
from steer.wire.tensors import duration_to_seconds

__all__ = ["Service"]

logger = logging.getLogger(__name__)

_MAX_ROBOT_BYTES = 128
_REPLY_S = 0.002
"""Kept of a budget for encoding the reply, in seconds; at most a tenth of it."""
_Context = grpc.aio.ServicerContext


class Service(SteeringServicer):
    """Answers robots. All of it runs on one event loop.

    Args:
        engine: Scores.
        sessions: Who is connected.
        limits: What is accepted.
        clock: Of budgets and timings.
        device: For Describe.
        epoch: Of this start of the server.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        sessions: Sessions,
        limits: Limits,
        clock: Clock,
        device: str,
        epoch: str,
    ) -> None:
        self._catalogue = Catalogue()
        self._ranker = Ranker(engine, clock=clock, limits=limits)
        self._sessions = sessions
        self._limits = limits
        self._clock = clock
        self._device = device
        self._epoch = epoch
        self._state = "starting"

    def open(self, catalogue: Catalogue) -> None:
        """Begin to answer: all that the catalogue holds is loaded and warm."""
        self._catalogue = catalogue
        self._state = ""

    def close(self) -> None:
        """Answer new requests with UNAVAILABLE; open ones go on."""
        self._state = "draining"

    @rpc
    async def Describe(  # noqa: N802  # the contract's name
        self, request: pb.DescribeRequest, context: "_Context[Any, Any]"
    ) -> pb.DescribeResponse:
        """Tell what the server is and offers."""
        del request, context  # Unused.
        self._check_ready()
        catalogue = self._catalogue
        return pb.DescribeResponse(
            server_version=__version__,
            server_epoch=self._epoch,
            critics=[critic_to_message(catalogue.critic_info(name)) for name in catalogue.critics],
            policies=[policy_to_message(catalogue.policy_info(name)) for name in catalogue.sources],
            limits=limits_to_message(self._limits),
            device=self._device,
        )

    @rpc
    async def OpenSession(  # noqa: N802
        self, request: pb.OpenSessionRequest, context: "_Context[Any, Any]"
    ) -> pb.OpenSessionResponse:
        """Agree on a body, a critic, a policy and a rule."""
        del context  # Unused.
        self._check_ready()
        if not request.HasField("embodiment"):
            raise InvalidInputError.expected("embodiment", "the robot's", "none")
        size = len(request.robot.encode())
        if size > _MAX_ROBOT_BYTES:
            contract = f"at most {_MAX_ROBOT_BYTES} bytes"
            raise InvalidInputError.expected("robot", contract, f"{size} bytes")
        robot = embodiment_from_message(request.embodiment)
        found = match(self._catalogue, robot, critic=request.critic, policy=request.policy)
        wanted = selection_from_message(request.selection)
        rule = self._catalogue.rule_of(found.critic, robot, wanted, self._limits)
        session = self._sessions.open(
            robot,
            critic=found.critic,
            policy=found.policy,
            rule=rule,
            robot=request.robot,
            scorers=self._catalogue.scorers_of(found.critic),
        )
        logger.info(
            "opened session=%s robot=%r critic=%s policy=%s selector=%s gated=%s margin=%g",
            session.token[:8],
            request.robot,
            found.critic,
            found.policy or "-",
            rule.selector,
            rule.gated,
            rule.margin,
        )
        response = pb.OpenSessionResponse(
            session=session.token,
            server_epoch=self._epoch,
            critic=critic_to_message(self._catalogue.critic_info(found.critic)),
            selection=selection_to_message(_selection(rule)),
            limits=limits_to_message(self._limits),
            warnings=found.warnings,
        )
        if found.policy:
            info = self._catalogue.policy_info(found.policy, critic=found.critic)
            response.policy.CopyFrom(policy_to_message(info))
        return response

    @rpc
    async def CloseSession(  # noqa: N802
        self, request: pb.CloseSessionRequest, context: "_Context[Any, Any]"
    ) -> pb.CloseSessionResponse:
        """Forget a session."""
        del context  # Unused.
        self._sessions.close(request.session)
        return pb.CloseSessionResponse()

    @rpc
    async def Rank(  # noqa: N802
        self, request: pb.RankRequest, context: "_Context[Any, Any]"
    ) -> pb.RankResponse:
        """Choose one of the client's candidates."""
        del context  # Unused.
        call = self._begin(request)
        candidates = candidates_from_message(request.candidates)
        critic = self._catalogue.critics[call.session.critic]
        observation = await self._observation(request.observation, _names(critic.card.embodiment))
        decision = await self._ranker.decide(
            call,
            critic,
            observation,
            candidates,
            decode_s=self._clock.now_s() - call.start_s,
        )
        _log("ranked", call, decision)
        return pb.RankResponse(decision=decision_to_message(decision))

    @rpc
    async def Steer(  # noqa: N802
        self, request: pb.SteerRequest, context: "_Context[Any, Any]"
    ) -> pb.SteerResponse:
        """Draw candidates and choose one."""
        del context  # Unused.
        call = self._begin(request)
        source = self._source(call.session.policy)
        count = request.num_candidates or self._limits.expected_candidates
        rule = call.session.rule
        self._ranker.check_count(count + rule.num_fitted + int(rule.continuation))
        # Of more than the policy looks at, the rest is not even decoded.
        recent = request.observations[-source.info.num_observations :]
        critic = self._catalogue.critics[call.session.critic]
        needed = _names(critic.card.embodiment, source.info.embodiment)
        observations = [await self._observation(item, needed) for item in recent]
        if not observations:
            raise InvalidInputError.expected("observations", "at least one", "none")
        drawing_s = self._clock.now_s()
        rank_s = self._catalogue.expected_rank_s[call.session.critic] if count > 1 else 0.0
        budget_s = call.deadline_s - drawing_s - rank_s
        if budget_s <= 0:
            raise LateError(f"budget: expected time to draw candidate 0, got {budget_s:.4f} s")
        candidates, wanted = await propose(
            call,
            source,
            observations,
            num_candidates=count,
            budget_s=budget_s,
            ranker=self._ranker,
            critic=critic,
            clock=self._clock,
        )
        decision = await self._ranker.decide(
            call,
            critic,
            observations[-1],
            candidates,
            decode_s=drawing_s - call.start_s,
            policy_s=self._clock.now_s() - drawing_s,
            wanted=wanted,
        )
        _log("steered", call, decision)
        message = decision_to_message(decision)
        message.policy = call.session.policy
        if request.return_candidates:
            message.candidates.CopyFrom(candidates_to_message(candidates))
        return pb.SteerResponse(decision=message)

    def _begin(self, request: pb.RankRequest | pb.SteerRequest) -> Call:
        """Start the clock, and check that there is time and a session."""
        start_s = self._clock.now_s()
        self._check_ready()
        budget_s = self._limits.max_budget_s
        if request.HasField("budget"):
            budget_s = min(duration_to_seconds(request.budget, "budget"), budget_s)
        if budget_s <= 0:
            raise InvalidInputError.expected("budget", "> 0 s", f"{budget_s:g} s: already spent")
        return Call(
            session=self._sessions.get(request.session),
            noise_seed=request.noise_seed,
            sequence=request.sequence,
            start_s=start_s,
            deadline_s=start_s + budget_s - min(_REPLY_S, budget_s / 10),
        )

    def _source(self, name: str) -> PolicySource:
        if not name:
            names = ", ".join(map(repr, self._catalogue.sources)) or "none"
            raise ConfigError(
                "policy: expected a session with one, got none that fits or several; name one of "
                f"this server's in OpenSession: {names}"
            )
        return self._catalogue.sources[name]

    async def _observation(
        self, message: types_pb2.Observation, needed: frozenset[str]
    ) -> Observation:
        observation = observation_from_message(message)
        pixels = self._limits.max_image_pixels
        if any(isinstance(value, EncodedImage) for value in observation.arrays.values()):
            # Decoding takes milliseconds: not on the loop.
            return await asyncio.to_thread(
                decode_images, observation, max_pixels=pixels, needed=needed
            )
        return decode_images(observation, max_pixels=pixels, needed=needed)

    def _check_ready(self) -> None:
        if self._state:
            raise UnreachableError(f"server: expected one that is serving, got one {self._state}")


def _names(*embodiments: Embodiment) -> frozenset[str]:
    return frozenset(item.name for body in embodiments for item in body.observations)


def _selection(rule: Rule) -> Selection:
    return Selection(**{item.name: getattr(rule, item.name) for item in fields(rule)})


def _log(what: str, call: Call, decision: Decision) -> None:
    logger.debug(
        "%s session=%s sequence=%d n=%d index=%d reason=%s total_ms=%.2f",
        what,
        call.session.token[:8],
        decision.sequence,
        len(decision.provenance),
        decision.index,
        decision.reason.value,
        1000 * decision.timings.total_s,
    )
