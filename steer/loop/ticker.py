"""The beat of a control loop: deadlines are absolute, what was missed is skipped and counted."""

import math
from dataclasses import dataclass, field

from steer.clock import Clock
from steer.errors import InvalidInputError

__all__ = ["Tick", "Ticker"]

_APART = 0.5
"""Of a period, from when one tick began to when the next one acts."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One beat.

    Attributes:
        number: Of its period, from 0; numbers between two beats belong to ticks that were missed.
        due_s: When it was due, on the ticker's clock.
        late_s: How much later than that it began, >= 0.
        num_missed: Ticks just before it that were skipped.
        asked_s: When it was asked for.
    """

    number: int
    due_s: float
    late_s: float
    num_missed: int
    asked_s: float = field(default=0.0, compare=False)


class Ticker:
    """Beats at a fixed rate for ever, without drift and without catching up.

    Tick k is due at start + k / hz. Work that takes longer than a period costs the ticks that it
    covers: the next beat is that of the period which has already begun, at once, and never a burst
    of those that are gone. After one that begins or acts so late that the next action would follow
    in less than half a period, the one that is due next is skipped: a command that follows another
    at once is twice the speed that its limits mean. What `observe` takes is taken to be the same
    each time.

    Args:
        hz: Ticks a second, finite and > 0.
        clock: Of the deadlines.
        act_after_s: How long after a tick was due its action goes out, as `Loop` takes it; that of
            a late one goes out at once.

    Raises:
        InvalidInputError: `hz` is no rate.
    """

    def __init__(self, hz: float, clock: Clock, *, act_after_s: float = 0.0) -> None:
        if not (math.isfinite(hz) and hz > 0):
            raise InvalidInputError.expected("hz", "a finite number > 0", hz)
        self.hz = hz
        self._clock, self._act_after_s = clock, act_after_s
        self._start_s: float | None = None
        self._last, self._begun_s, self._acted_s = -1, -math.inf, -math.inf
        self.num_missed = 0

    @property
    def period_s(self) -> float:
        """Time between two ticks, in seconds."""
        return 1.0 / self.hz

    def wait(self) -> Tick:
        """Return at the next tick; the first one is at once."""
        now_s = asked_s = self._clock.now_s()
        if self._start_s is None:
            self._start_s = now_s
        running = math.floor((now_s - self._start_s) * self.hz)
        number = max(self._last + 1, running, self._apart())
        due_s = self._start_s + number / self.hz
        while now_s < due_s:
            self._clock.sleep(due_s - now_s)
            now_s = self._clock.now_s()
        missed = number - self._last - 1
        self._last, self._begun_s = number, now_s
        self.num_missed += missed
        return Tick(number, due_s, now_s - due_s, missed, asked_s)

    def acted(self, now_s: float) -> None:
        """Take note of when an action went out that had waited for its instant."""
        self._acted_s = now_s

    def _apart(self) -> int:
        """Return the first tick whose action is due half a period after the last one, at least."""
        if self._start_s is None or self._last < 0:
            return 0
        gone_s = max(self._begun_s, self._acted_s) - self._act_after_s - self._start_s
        return math.ceil(gone_s * self.hz + _APART)
