"""The robot's side of the wire: `SteerClient`.

    with SteerClient("steer:50051") as client:
        client.open_session(embodiment)
        decision = client.rank(observation, candidates, budget_s=0.05)
        for action in decision.chunk[: decision.commit_horizon]:
            robot.act(action)

Needs NumPy, grpcio and protobuf. Every call has a deadline. `rank` always answers, because the
caller holds the candidates; `steer` raises one of `steer.errors`, never gRPC's own.
"""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc

from steer.channel import TlsFiles, open_channel, steer_error
from steer.clock import Clock, MonotonicClock
from steer.embodiment import Embodiment
from steer.errors import (
    InvalidInputError,
    LateError,
    SessionError,
    SteerError,
    UnreachableError,
)
from steer.types import Candidates, Decision, Observation, Reason, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.wire.records import (
    candidates_to_message,
    decision_from_message,
    observation_to_message,
    selection_to_message,
)
from steer.wire.session import (
    ServerDescription,
    SessionInfo,
    description_from_message,
    embodiment_to_message,
    session_from_message,
)
from steer.wire.tensors import duration_from_seconds

__all__ = ["SteerClient", "TlsFiles"]

logger = logging.getLogger(__name__)

SETUP_BUDGET_S = 10.0
"""Default budget of Describe, OpenSession and CloseSession, in seconds."""
MIN_BUDGET_S = 0.05
"""Least default budget of Rank and Steer, in seconds."""
EXPECTED_FACTOR = 3.0
"""Default budget of Rank and Steer, in multiples of what the server expects them to take."""
# Of a budget, what is kept for the way there and back: the server gets the rest.
_TRANSPORT_SHARE = 0.1
_MAX_TRANSPORT_S = 0.005

_Answer = TypeVar("_Answer")


class SteerClient:
    """A robot's connection to a steer server. Safe to share between threads.

    Args:
        target: `HOST:PORT`. Nothing is connected before the first call.
        tls: PEM files; None for an unencrypted connection.
        clock: Measures what is left of a budget.
    """

    def __init__(
        self, target: str, *, tls: TlsFiles | None = None, clock: Clock | None = None
    ) -> None:
        self.target = target
        self._clock = clock or MonotonicClock()
        self._channel = open_channel(target, tls)
        self._stub: Any = SteeringStub(self._channel)
        self._lock = threading.Lock()
        self._opening: pb.OpenSessionRequest | None = None
        self._session: SessionInfo | None = None
        self._sequence = 0
        self._trouble = ""

    def __enter__(self) -> "SteerClient":
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session and the connection."""
        self.close()

    @property
    def session(self) -> SessionInfo | None:
        """What was agreed on with the server; None before `open_session`."""
        return self._session

    def describe(self, *, budget_s: float = SETUP_BUDGET_S) -> ServerDescription:
        """Return what the server is and offers.

        Raises:
            UnreachableError: There is no server.
            LateError: It did not answer within `budget_s` seconds.
        """
        answer = self._call("describe", self._stub.Describe, pb.DescribeRequest(), budget_s)
        return description_from_message(answer)

    def open_session(
        self,
        embodiment: Embodiment,
        *,
        critic: str = "",
        policy: str = "",
        selection: Selection | None = None,
        robot: str = "",
        budget_s: float = SETUP_BUDGET_S,
    ) -> SessionInfo:
        """Agree with the server on a body, a critic, a policy and a way of choosing.

        The session is opened again by itself when the server has forgotten it.

        Args:
            embodiment: The robot's.
            critic: Name of the critic; empty for the only one that fits.
            policy: Name of the policy source; empty for the only one that fits.
            selection: How to decide; None for the critic's defaults.
            robot: Name for the server's log.
            budget_s: Deadline in seconds, > 0.

        Raises:
            EmbodimentMismatchError: The text names the field that differs.
            ConfigError: Several critics or policies fit; the text has their names.
            UnreachableError: There is no server.
            LateError: It did not answer in time.
        """
        request = pb.OpenSessionRequest(
            embodiment=embodiment_to_message(embodiment), critic=critic, policy=policy, robot=robot
        )
        if selection is not None:
            request.selection.CopyFrom(selection_to_message(selection))
        session = self._open(request, budget_s)
        with self._lock:
            self._opening = request
        return session

    def rank(
        self,
        observation: Observation,
        candidates: Candidates,
        *,
        budget_s: float | None = None,
        noise_seed: int = 0,
        epoch: int = 0,
    ) -> Decision:
        """Choose one of the candidates; candidate 0 where the server is late, gone or refuses.

        Args:
            observation: What the robot senses now.
            candidates: Row 0 is the policy's own.
            budget_s: Deadline in seconds, > 0; None for 3 times what the server expects, at least
                0.05 s.
            noise_seed: Seeds the selectors that draw.
            epoch: Number of the episode, for the server's log.

        Returns:
            The decision. Where the client answered by itself its reason is LATE, UNREACHABLE or
            REFUSED and `detail` says more.

        Raises:
            InvalidInputError: An argument breaks its contract; nothing was sent.
            SessionError: `open_session` was never called.
        """
        budget_s = self._budget(budget_s, policy=False)
        deadline_s = self._clock.now_s() + budget_s
        request = pb.RankRequest(
            sequence=self._next_sequence(),
            epoch=epoch,
            observation=observation_to_message(observation),
            candidates=candidates_to_message(candidates),
            noise_seed=noise_seed,
        )
        try:
            answer = self._with_session("rank", self._stub.Rank, request, deadline_s)
            decision = decision_from_message(answer.decision)
        except SteerError as error:
            self._note_trouble(error)
            return _own_decision(candidates, error, request.sequence, self._session)
        self._note_recovery()
        return decision

    def steer(
        self,
        observations: Observation | Sequence[Observation],
        *,
        budget_s: float | None = None,
        num_candidates: int = 0,
        noise_seed: int = 0,
        epoch: int = 0,
        return_candidates: bool = False,
    ) -> Decision:
        """Have the server draw candidates from its policy and choose one.

        Args:
            observations: The last `session.policy.num_observations` observations, oldest first, one
                control tick apart; fewer at the start of an episode; one alone may stand by itself.
            budget_s: As in `rank`.
            num_candidates: N; 0 for the server's default. Candidate 0 does not depend on it.
            noise_seed: Seeds the policy's noise and the selectors that draw.
            epoch: Number of the episode, for the server's log.
            return_candidates: Whether the decision should hold all candidates.

        Raises:
            InvalidInputError: An argument breaks its contract.
            LateError: Not even candidate 0 came in time.
            PolicyError: The policy source died or hung; it is being restarted.
            SessionError: The session has no policy, or `open_session` was never called.
            UnreachableError: The server is gone.
            OverloadedError: The server refuses more work for now.
        """
        budget_s = self._budget(budget_s, policy=True)
        deadline_s = self._clock.now_s() + budget_s
        history = [observations] if isinstance(observations, Observation) else list(observations)
        if not history:
            raise InvalidInputError.expected("observations", "at least one", "none")
        request = pb.SteerRequest(
            sequence=self._next_sequence(),
            epoch=epoch,
            observations=[observation_to_message(item) for item in history],
            num_candidates=num_candidates,
            noise_seed=noise_seed,
            return_candidates=return_candidates,
        )
        answer = self._with_session("steer", self._stub.Steer, request, deadline_s)
        return decision_from_message(answer.decision)

    def close(self) -> None:
        """Close the session, where the server still answers within 1 s, and the connection."""
        session, self._session = self._session, None
        if session is not None:
            try:
                request = pb.CloseSessionRequest(session=session.session)
                self._call("close", self._stub.CloseSession, request, 1.0)
            except SteerError as error:
                logger.debug("session not closed: %s", error)
        self._channel.close()

    def _budget(self, budget_s: float | None, *, policy: bool) -> float:
        """Return the budget of a call: the caller's, or what follows from the server's own."""
        session = self._session
        if session is None:
            raise SessionError("session: expected open_session before rank or steer, got neither")
        if budget_s is None:
            expected_s = session.critic.expected_rank_s
            if policy and session.policy is not None:
                expected_s = session.policy.expected_steer_s
            return max(EXPECTED_FACTOR * expected_s, MIN_BUDGET_S)
        if not (math.isfinite(budget_s) and budget_s > 0):
            raise InvalidInputError.expected("budget_s", "a finite number > 0", budget_s)
        return budget_s

    def _next_sequence(self) -> int:
        with self._lock:
            self._sequence += 1
            return self._sequence

    def _open(self, request: pb.OpenSessionRequest, budget_s: float) -> SessionInfo:
        answer = self._call("open_session", self._stub.OpenSession, request, budget_s)
        session = session_from_message(answer)
        for warning in session.warnings:
            logger.warning("session: %s", warning)
        with self._lock:
            self._session = session
        return session

    def _with_session(
        self,
        what: str,
        method: Callable[..., Any],
        request: pb.RankRequest | pb.SteerRequest,
        deadline_s: float,
    ) -> Any:  # noqa: ANN401  # the answer's type follows from the method
        """Call with the session's id; open the session once more where the server forgot it."""
        for attempt in range(2):
            session, opening = self._session, self._opening
            if session is None or opening is None:
                raise SessionError(f"{what}: expected an open session, got a closed client")
            left_s = deadline_s - self._clock.now_s()
            request.session = session.session
            request.budget.CopyFrom(duration_from_seconds(_server_share(left_s)))
            try:
                return self._call(what, method, request, left_s)
            except SessionError as error:
                if attempt or opening is None:
                    raise
                logger.info("session forgotten by %s, opening anew: %s", self.target, error)
                self._open(opening, deadline_s - self._clock.now_s())
        raise AssertionError

    def _call(
        self, what: str, method: Callable[..., _Answer], request: object, budget_s: float
    ) -> _Answer:
        if budget_s <= 0:
            raise LateError(f"{what}: expected budget left, got none")
        try:
            return method(request, timeout=budget_s)
        except grpc.RpcError as error:
            raise steer_error(what, error, target=self.target, budget_s=budget_s) from error
        except ValueError as error:  # what gRPC raises on a closed channel
            raise UnreachableError(f"{what}: expected an open client, got a closed one") from error

    def _note_trouble(self, error: SteerError) -> None:
        """Log the first of a row of failures, and each change of kind."""
        kind = type(error).__name__
        if kind != self._trouble:
            logger.warning("running the policy's own chunk: %s", error)
        self._trouble = kind

    def _note_recovery(self) -> None:
        if self._trouble:
            logger.warning("steered again by %s", self.target)
        self._trouble = ""


def _server_share(budget_s: float) -> float:
    """Return how much of a budget the server may use; the rest is for the way there and back."""
    return max(budget_s - min(_MAX_TRANSPORT_S, _TRANSPORT_SHARE * budget_s), 0.0)


def _own_decision(
    candidates: Candidates, error: SteerError, sequence: int, session: SessionInfo | None
) -> Decision:
    """Return candidate 0 with the reason why nobody else chose."""
    reason = Reason.REFUSED
    if isinstance(error, LateError):
        reason = Reason.LATE
    elif isinstance(error, UnreachableError):
        reason = Reason.UNREACHABLE
    chunk = candidates.actions[0]
    horizon = len(chunk) if session is None else min(len(chunk), session.critic.horizon)
    return Decision(
        index=0,
        chunk=chunk,
        commit_horizon=horizon,
        reason=reason,
        provenance=candidates.provenance,
        budget_hit=reason is Reason.LATE,
        sequence=sequence,
        detail=str(error),
    )
