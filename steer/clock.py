"""Time as an argument: the monotonic clock, and one for tests that moves only when told."""

import threading
import time
from typing import Protocol

__all__ = ["Clock", "FakeClock", "MonotonicClock"]


class Clock(Protocol):
    """A source of monotonic time in seconds, and the only way to wait."""

    def now_s(self) -> float:
        """Return the present instant in seconds; only differences mean something."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Return after `duration_s` seconds, at once where it is not positive."""
        ...


class MonotonicClock:
    """The machine's monotonic clock. Safe to share between threads."""

    def now_s(self) -> float:
        """Return the machine's monotonic time in seconds."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Block the calling thread for `duration_s` seconds."""
        if duration_s > 0:
            threading.Event().wait(duration_s)


class FakeClock:
    """A clock for tests: it moves only by `advance` or `sleep`, so no test has to wait.

    Args:
        start_s: The first instant, in seconds.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._lock = threading.Lock()

    def now_s(self) -> float:
        """Return the instant that the test has set, in seconds."""
        with self._lock:
            return self._now_s

    def sleep(self, duration_s: float) -> None:
        """Advance by `duration_s` seconds and return at once."""
        self.advance(max(duration_s, 0.0))

    def advance(self, duration_s: float) -> None:
        """Move the clock forward by `duration_s` seconds, >= 0."""
        with self._lock:
            self._now_s += duration_s
