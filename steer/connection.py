"""A channel with a session on it, opened again when the server has forgotten it.

Knows calls, deadlines and sessions; not what is asked.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import grpc

from steer.channel import TlsFiles, open_channel, steer_error
from steer.clock import Clock
from steer.embodiment import Embodiment
from steer.errors import (
    InvalidInputError,
    LateError,
    ServerError,
    SessionError,
    SteerError,
    UnreachableError,
)
from steer.v1 import steering_pb2 as pb
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.wire.session import SessionInfo, session_from_message
from steer.wire.tensors import fill_duration

__all__ = ["Connection", "OpenSession", "decoded", "server_share"]

logger = logging.getLogger(__name__)

_TRANSPORT_SHARE = 0.1
_MAX_TRANSPORT_S = 0.005
_LEAST_S = 1e-6
"""Less budget than that cannot be used: gRPC and Duration round it to nothing."""

_Message = TypeVar("_Message")
_Record = TypeVar("_Record")


class OpenSession(NamedTuple):
    """A session, what it was asked for with, and the body that it is for."""

    info: SessionInfo
    request: pb.OpenSessionRequest
    robot: Embodiment


class Connection:
    """A channel to one server and at most one session. Safe to share between threads.

    Args:
        target: `HOST:PORT`; nothing is connected before the first call.
        tls: PEM files, or None for plain text.
        clock: Measures what is left of a budget.
    """

    def __init__(self, target: str, tls: TlsFiles | None, clock: Clock) -> None:
        self.target = target
        self._clock = clock
        self._channel = open_channel(target, tls)
        self.stub: Any = SteeringStub(self._channel)
        self._session: OpenSession | None = None
        self._reopening = threading.Lock()

    def session(self) -> OpenSession:
        """Return the session; raise SessionError where there is none."""
        session = self._session
        if session is None:
            raise SessionError("session: expected open_session before rank or steer, got neither")
        return session

    def call(
        self, what: str, method: Callable[..., _Message], request: object, budget_s: float
    ) -> _Message:
        """Return the answer, or raise one of our errors within about `budget_s` seconds."""
        if budget_s < _LEAST_S:
            raise LateError(f"{what}: expected budget left, got none")
        try:
            return method(request, timeout=budget_s)
        except grpc.RpcError as error:
            raise steer_error(what, error, target=self.target, budget_s=budget_s) from error
        except ValueError as error:  # what gRPC raises on a closed channel
            raise UnreachableError(f"{what}: expected an open client, got a closed one") from error

    def open(
        self, request: pb.OpenSessionRequest, robot: Embodiment, budget_s: float
    ) -> SessionInfo:
        """Open a session in place of the present one."""
        answer = self.call("open_session", self.stub.OpenSession, request, budget_s)
        info = decoded("open_session", session_from_message, answer)
        for warning in info.warnings:
            logger.warning("session: %s", warning)
        self._session = OpenSession(info, request, robot)
        return info

    def call_in_session(
        self,
        what: str,
        method: Callable[..., Any],
        request: pb.RankRequest | pb.SteerRequest,
        deadline_s: float,
    ) -> Any:  # noqa: ANN401  # the answer's type follows from the method
        """Call with the session's id; where the server forgot it, open it anew and call once more.

        All of it within `deadline_s` on the connection's clock.
        """
        session = self.session()
        try:
            return self._call_with(what, method, request, session, deadline_s)
        except SessionError as error:
            logger.info("session forgotten by %s, opening anew: %s", self.target, error)
            session = self.reopened(session, deadline_s)
            return self._call_with(what, method, request, session, deadline_s)

    def reopened(self, forgotten: OpenSession, deadline_s: float) -> OpenSession:
        """Return a session in place of one that the server has forgotten.

        Of several threads that need one, one opens it, before `deadline_s` on the connection's
        clock.
        """
        left_s = deadline_s - self._clock.now_s()
        if not self._reopening.acquire(timeout=max(left_s, 0.0)):
            raise LateError("open_session: expected budget left, got none")
        try:
            if self._session is forgotten:
                left_s = deadline_s - self._clock.now_s()
                self.open(forgotten.request, forgotten.robot, left_s)
            return self.session()
        finally:
            self._reopening.release()

    def close(self) -> None:
        """Close the session, where the server still answers within 1 s, and the channel."""
        session, self._session = self._session, None
        if session is not None:
            try:
                request = pb.CloseSessionRequest(session=session.info.session)
                self.call("close", self.stub.CloseSession, request, 1.0)
            except SteerError as error:
                logger.debug("session not closed: %s", error)
        self._channel.close()

    def _call_with(
        self,
        what: str,
        method: Callable[..., Any],
        request: pb.RankRequest | pb.SteerRequest,
        session: OpenSession,
        deadline_s: float,
    ) -> Any:  # noqa: ANN401  # as above
        left_s = deadline_s - self._clock.now_s()
        request.session = session.info.session
        fill_duration(request.budget, server_share(left_s))
        return self.call(what, method, request, left_s)


def decoded(what: str, convert: Callable[[_Message], _Record], message: _Message) -> _Record:
    """Return the record of an answer; raise ServerError where it breaks the contract."""
    try:
        return convert(message)
    except InvalidInputError as error:
        raise ServerError(f"{what}: the server's answer breaks the contract: {error}") from error


def server_share(budget_s: float) -> float:
    """Return how much of a budget the server may use, in seconds.

    A tenth, at most 5 ms, is kept for the way there and back, so that an answer given at the last
    moment still arrives before gRPC gives up.
    """
    return max(budget_s - min(_MAX_TRANSPORT_S, _TRANSPORT_SHARE * budget_s), 0.0)
