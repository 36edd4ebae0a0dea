"""What a robot does when what it should do is not there: rung by rung down to a stop."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from types import MappingProxyType

from steer.errors import InvalidInputError

__all__ = ["DEFAULT_LIMITS_S", "Change", "Ladder", "Rung"]

logger = logging.getLogger(__name__)

_KEPT = 64


class Rung(IntEnum):
    """Where on the ladder a robot stands; larger is worse."""

    STEERED = 0
    """It runs a chunk that the critic chose."""
    POLICY = 1
    """It runs the policy's own chunk."""
    REST = 2
    """It runs actions that were not meant to run any more: nothing newer has come."""
    HOLD = 3
    """It slows down and holds its place: there is no action at all."""
    STOP = 4
    """It holds its place until somebody says `reset`: a human has been called."""


DEFAULT_LIMITS_S: Mapping[Rung, float] = MappingProxyType(
    {
        Rung.STEERED: inf,
        Rung.POLICY: inf,
        Rung.REST: inf,
        Rung.HOLD: 2.0,
    }
)
"""How long a robot may stay on each rung at a stretch, in seconds; the rest of a chunk ends by
itself. Once the time of a rung is over it holds, until there is something better than that rung;
once that of HOLD is over, it stops. Before the first chunk ever, HOLD has no limit: a robot that
has not moved yet stands as safely as one that has stopped, and servers take their time to load."""


@dataclass(frozen=True, slots=True)
class Change:
    """A step on the ladder.

    Attributes:
        before: Where it stood.
        after: Where it stands.
        cause: Why, in words.
        now_s: When, on the robot's monotonic clock.
        stayed_s: How long it stood on the rung before.
    """

    before: Rung
    after: Rung
    cause: str
    now_s: float
    stayed_s: float


@dataclass(slots=True, eq=False)
class Ladder:
    """Decides the rung of each tick, and tells of each change.

    One thread's: who resets a robot that runs does so in its loop's, as from `on_tick`.

    Attributes:
        limits_s: How long at a stretch on each rung; see `DEFAULT_LIMITS_S`. STOP has none. With
            an infinite one for HOLD, a robot goes on by itself however long nobody answered.
        changes: The last steps on it, the oldest first; whoever wants to be told takes them out.
        counts: How often each rung was entered.
        times_s: Time on each rung, in seconds, up to the last tick.
        rung: Where the robot stands; HOLD before anything has come.
    """

    limits_s: Mapping[Rung, float] = DEFAULT_LIMITS_S
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=_KEPT))
    counts: dict[Rung, int] = field(default_factory=lambda: dict.fromkeys(Rung, 0))
    times_s: dict[Rung, float] = field(default_factory=lambda: dict.fromkeys(Rung, 0.0))
    rung: Rung = Rung.HOLD
    _since_s: float | None = None
    _last_s: float = 0.0
    _spent: set[Rung] = field(default_factory=set)
    _begun_s: float = inf

    def __post_init__(self) -> None:
        for rung, limit_s in self.limits_s.items():
            if rung is Rung.STOP or not limit_s > 0:
                contract = "seconds > 0, for any rung but STOP"
                raise InvalidInputError.expected(f"limits_s[{rung.name}]", contract, limit_s)

    def step(self, there: Rung, *, now_s: float, cause: str) -> Rung:
        """Return where the robot stands now.

        Args:
            there: The best rung that there is an action for; HOLD where there is none.
            now_s: On the robot's monotonic clock.
            cause: Why it is that one, in words, for the log.
        """
        if self._since_s is None:
            self._since_s = self._last_s = now_s
            self.counts[self.rung] += not any(self.counts.values())  # where it began
        self.times_s[self.rung] += now_s - self._last_s
        self._last_s = now_s
        if self.rung is Rung.STOP:
            return self.rung
        if there < Rung.HOLD:
            self.begin(now_s=now_s)
        after = self._left(there)
        limit_s, since_s = self.limits_s.get(self.rung, inf), max(self._since_s, self._begun_s)
        if after >= self.rung and now_s - since_s >= limit_s:
            self._spent.add(self.rung)
            after, cause = self._left(there), f"{limit_s:g} s of {self.rung.name} are over: {cause}"
        if after is not self.rung:
            self._move(after, cause, now_s)
        return self.rung

    def begin(self, *, now_s: float) -> None:
        """Learn that there is a chunk: from the first one on, HOLD has its limit."""
        self._begun_s = min(self._begun_s, now_s)

    def reset(self, *, now_s: float) -> None:
        """Begin anew from HOLD, every rung's time before it: whoever was called has seen to it."""
        if self.rung is not Rung.HOLD:
            self._move(Rung.HOLD, "reset", now_s)
        self._spent.clear()
        self._since_s = None  # the pause is no time on any rung

    def stop(self, *, now_s: float, cause: str) -> None:
        """Stop at once, whatever there is."""
        if self.rung is not Rung.STOP:
            self._move(Rung.STOP, cause, now_s)

    def _left(self, there: Rung) -> Rung:
        """Return the rung where time for what there is, or for something better, may be over."""
        if there < Rung.HOLD and not any(rung <= there for rung in self._spent):
            return there
        return Rung.STOP if Rung.HOLD in self._spent else Rung.HOLD

    def _move(self, after: Rung, cause: str, now_s: float) -> None:
        since_s = now_s if self._since_s is None else self._since_s
        change = Change(self.rung, after, cause, now_s, now_s - since_s)
        self.rung, self._since_s = after, now_s
        self._spent = {rung for rung in self._spent if rung < after}
        self.counts[after] += 1
        level = logging.ERROR if after is Rung.STOP else logging.WARNING
        if after < change.before:
            level = logging.INFO
        logger.log(
            level,
            "rung=%s from=%s after_s=%.3f: %s",
            after.name,
            change.before.name,
            change.stayed_s,
            cause,
        )
        self.changes.append(change)
