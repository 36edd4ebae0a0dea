"""How many ticks a decision takes, from its observation to the tick that it is there for."""

from collections import deque

from steer.errors import InvalidInputError

__all__ = ["DelayEstimate"]


class DelayEstimate:
    """The largest of the last measured delays: what the next one is expected to be.

    The largest, for a chunk that comes later than expected costs a seam, and one that comes
    earlier only waits; of the last few, so that one bad moment is forgotten. A decision that never
    came counts as one that took as long as it was waited for.

    Args:
        window: How many of the last delays.
        first: Before any was measured, in ticks.
        most: That is ever returned, in ticks: more than a chunk has rows makes no sense.

    Raises:
        InvalidInputError: One is out of its range.

    References:
        Black et al., Real-Time Chunking, 2025, take the largest of the last ten.
    """

    def __init__(self, *, window: int = 10, first: int = 1, most: int) -> None:
        if window < 1:
            raise InvalidInputError.expected("window", ">= 1", window)
        if not 0 <= first <= most:
            raise InvalidInputError.expected("first", f"0..{most}", first)
        self._measured: deque[int] = deque(maxlen=window)
        self._first, self._most = first, most

    def note(self, ticks: int) -> None:
        """Take a measured delay, in ticks >= 0."""
        self._measured.append(max(0, ticks))

    @property
    def ticks(self) -> int:
        """What to expect, 0 to `most`."""
        return min(self._most, max(self._measured, default=self._first))
