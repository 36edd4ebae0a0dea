"""The robots that are connected: what was agreed on with each, and when it was last heard of."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from steer.clock import Clock
from steer.embodiment import Embodiment
from steer.errors import OverloadedError, SessionError
from steer.rank.scorers import SCORERS
from steer.rank.scorers.base import Scorer
from steer.rank.select import Rule

__all__ = ["Session", "Sessions"]


@dataclass(slots=True, eq=False)
class Session:
    """One robot's agreement; all of it can be rebuilt by opening a session again.

    Attributes:
        token: What requests carry.
        embodiment: The robot's.
        critic: Name of its critic.
        policy: Name of its policy source; empty for none.
        rule: How to decide.
        robot: The robot's name, for logs.
        used_s: When it was last heard of.
        scorers: What its rule may weigh beside the critic.
    """

    token: str
    embodiment: Embodiment
    critic: str
    policy: str
    rule: Rule
    robot: str
    used_s: float
    scorers: Mapping[str, Scorer] = SCORERS


class Sessions:
    """Open sessions. For one event loop alone.

    Args:
        clock: Of the idle times.
        idle_s: A session that nobody uses for so long expires.
        max_sessions: Open ones at a time.

    Attributes:
        idle_s: As given.
    """

    def __init__(self, *, clock: Clock, idle_s: float, max_sessions: int) -> None:
        self._clock = clock
        self.idle_s = idle_s
        self._max_sessions = max_sessions
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        """Return how many are open, those included that have expired since the last `open`."""
        return len(self._sessions)

    def open(
        self,
        embodiment: Embodiment,
        *,
        critic: str,
        policy: str,
        rule: Rule,
        robot: str,
        scorers: Mapping[str, Scorer] = SCORERS,
    ) -> Session:
        """Return a new session; `Session` says what each argument is.

        Raises:
            OverloadedError: There are too many.
        """
        self._sweep()
        if len(self._sessions) >= self._max_sessions:
            raise OverloadedError(
                f"session: expected at most {self._max_sessions} open ones, got one more",
                retry_after_s=1.0,
            )
        token = secrets.token_hex(16)
        now_s = self._clock.now_s()
        session = Session(token, embodiment, critic, policy, rule, robot, now_s, scorers)
        self._sessions[token] = session
        return session

    def get(self, token: str) -> Session:
        """Return an open session and note that it was used.

        Raises:
            SessionError: It is unknown, or has expired.
        """
        session = self._sessions.get(token)
        now_s = self._clock.now_s()
        if session is None:
            raise SessionError(f"session: expected an open one, got the unknown {token[:64]!r}")
        if now_s - session.used_s > self.idle_s:
            del self._sessions[token]
            raise SessionError(
                f"session: expected one used within {self.idle_s:g} s, got one that has expired"
            )
        session.used_s = now_s
        return session

    def close(self, token: str) -> None:
        """Forget a session; an unknown one is not an error."""
        self._sessions.pop(token, None)

    def _sweep(self) -> None:
        limit_s = self._clock.now_s() - self.idle_s
        self._sessions = {k: v for k, v in self._sessions.items() if v.used_s >= limit_s}
