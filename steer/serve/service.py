"""The Steering service: decode, draw, decide, encode. No maths and no device here."""

import logging
from dataclasses import fields
from typing import Any

import grpc.aio

from steer import __version__
from steer.clock import Clock
from steer.errors import InvalidInputError, UnreachableError
from steer.rank.select import Rule
from steer.serve.catalogue import Catalogue
from steer.serve.control import Streams
from steer.serve.drawing import Drawer
from steer.serve.engine import Engine
from steer.serve.matching import match
from steer.serve.ranking import Call, Ranker
from steer.serve.sessions import Sessions
from steer.serve.status import rpc
from steer.types import Decision, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1.steering_pb2_grpc import SteeringServicer
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

__all__ = ["Service"]

logger = logging.getLogger(__name__)

_MAX_ROBOT_BYTES = 128
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

    Attributes:
        streams: Of `Control`.
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
        self._ranker = Ranker(engine, clock=clock, limits=limits)
        self._drawer = Drawer(self._ranker, limits=limits, clock=clock)
        self.streams = Streams(
            self._drawer,
            self._ranker,
            sessions=sessions,
            max_candidates=limits.max_candidates,
            clock=clock,
        )
        self._sessions = sessions
        self._limits = limits
        self._clock = clock
        self._device = device
        self._epoch = epoch
        self._state = "starting"

    def open(self, catalogue: Catalogue) -> None:
        """Begin to answer: all that the catalogue holds is loaded and warm."""
        self._drawer.catalogue = catalogue
        self._state = ""

    def close(self) -> None:
        """Answer new requests with UNAVAILABLE; open ones go on, streams up to the ask at hand."""
        self._state = "draining"
        self.streams.close()

    @rpc
    async def Describe(  # noqa: N802  # the contract's name
        self, request: pb.DescribeRequest, context: "_Context[Any, Any]"
    ) -> pb.DescribeResponse:
        """Tell what the server is and offers."""
        del request, context  # Unused.
        self._check_ready()
        catalogue = self._drawer.catalogue
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
        catalogue = self._drawer.catalogue
        wanted = selection_from_message(request.selection)
        found = match(
            catalogue,
            robot,
            critic=request.critic,
            policy=request.policy,
            commit_horizon=wanted.commit_horizon,
        )
        rule = catalogue.rule_of(found.critic, robot, wanted, self._limits)
        session = self._sessions.open(
            robot,
            critic=found.critic,
            policy=found.policy,
            rule=rule,
            robot=request.robot,
            scorers=catalogue.scorers_of(found.critic),
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
            critic=critic_to_message(catalogue.critic_info(found.critic)),
            selection=selection_to_message(_selection(rule)),
            limits=limits_to_message(self._limits),
            warnings=found.warnings,
        )
        if found.policy:
            info = catalogue.policy_info(found.policy, critic=found.critic)
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
        critic = self._drawer.critic(call.session)
        observation = await self._drawer.look(request.observation, critic.card.embodiment)
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
        drawn = await self._drawer.draw(
            call,
            request.observations,
            num_candidates=request.num_candidates,
            frozen=request.frozen,
        )
        decision = await self._ranker.decide(
            call,
            self._drawer.critic(call.session),
            drawn.observations[-1],
            drawn.candidates,
            decode_s=drawn.decode_s,
            policy_s=drawn.policy_s,
            wanted=drawn.wanted,
        )
        _log("steered", call, decision)
        message = decision_to_message(decision)
        message.policy = call.session.policy
        if request.return_candidates:
            message.candidates.CopyFrom(candidates_to_message(drawn.candidates))
        return pb.SteerResponse(decision=message)

    @rpc
    async def Control(  # noqa: N802
        self, request_iterator: object, context: "_Context[Any, Any]"
    ) -> None:
        """Plan ahead for a robot that moves on."""
        del request_iterator  # The stream is read by whoever serves it.
        self._check_ready()
        await self.streams.serve(context)

    def _begin(self, request: pb.RankRequest | pb.SteerRequest) -> Call:
        """Start the clock, and check that there is time and a session."""
        start_s = self._clock.now_s()
        self._check_ready()
        return self._drawer.call(
            self._sessions.get(request.session),
            request.budget if request.HasField("budget") else None,
            noise_seed=request.noise_seed,
            sequence=request.sequence,
            start_s=start_s,
        )

    def _check_ready(self) -> None:
        if self._state:
            raise UnreachableError(f"server: expected one that is serving, got one {self._state}")


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
