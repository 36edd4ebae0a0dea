"""The `Control` streams of a server: one for each session, ended when the server drains."""

import logging
from collections import Counter

from steer.clock import Clock
from steer.errors import InvalidInputError, SessionError, UnreachableError
from steer.serve.drawing import Drawer
from steer.serve.fresh import Judge
from steer.serve.ranking import Ranker
from steer.serve.sessions import Session, Sessions
from steer.serve.stream import Context, Stream, received
from steer.v1 import control_pb2 as pb
from steer.wire.control import robot_limits_from_messages

__all__ = ["Streams"]

logger = logging.getLogger(__name__)

_START_S = 10.0
"""Time for the first message."""


class Streams:
    """All streams of a server. For one event loop alone.

    Args:
        drawer: Draws candidates.
        ranker: Decides among them.
        sessions: Whom the streams are of.
        max_candidates: Largest N.
        clock: Of budgets.

    Attributes:
        counts: What happened on all streams, by what it is.
    """

    def __init__(
        self,
        drawer: Drawer,
        ranker: Ranker,
        *,
        sessions: Sessions,
        max_candidates: int,
        clock: Clock,
    ) -> None:
        self._drawer, self._ranker, self._sessions = drawer, ranker, sessions
        self._max_candidates, self._clock = max_candidates, clock
        self._open: dict[str, Stream] = {}
        self._is_closed = False
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def close(self) -> None:
        """End all streams, each after the ask that it is at, and begin no other."""
        self._is_closed = True
        for stream in self._open.values():
            stream.end(_draining())

    async def serve(self, context: Context) -> None:
        """Serve a stream until it ends.

        Raises:
            SteerError: What it ends with, where that is not the client's own wish.
        """
        message = await received(context, limit_s=_START_S)
        if message is None:
            return
        if self._is_closed:
            raise _draining()
        session = self._begun(message)
        judge = Judge(
            drawer=self._drawer,
            ranker=self._ranker,
            robot=session.embodiment,
            limits=robot_limits_from_messages(message.start.limits, session.embodiment.action_dim),
            max_candidates=self._max_candidates,
        )
        older = self._open.get(session.token)
        if older is not None:  # of a connection that its robot has left behind
            older.cut(SessionError("session: expected its only stream, got one that is older"))
        stream = self._open[session.token] = Stream(
            context, session, judge, sessions=self._sessions, clock=self._clock, total=self.counts
        )
        logger.info("stream begun session=%s robot=%r", session.token[:8], session.robot)
        try:
            await stream.run()
        finally:
            if self._open.get(session.token) is stream:
                del self._open[session.token]
            counts = " ".join(f"{name.replace(' ', '_')}={n}" for name, n in stream.counts.items())
            logger.info("stream ended session=%s %s", session.token[:8], counts)

    def _begun(self, message: pb.ControlRequest) -> Session:
        """Return the session of a stream's first message."""
        if not message.HasField("start"):
            raise InvalidInputError.expected("start", "one in the first message", "none")
        if message.HasField("observation") or message.HasField("ask"):
            raise InvalidInputError.expected("start", "a message of its own", "one with more")
        session = self._sessions.get(message.start.session)
        self._drawer.source(session)  # refuses one without a policy
        return session


def _draining() -> UnreachableError:
    return UnreachableError("server: expected one that is serving, got one draining")
