"""What waits for the engine: bounded, oldest first, grouped by critic, late work left out.

Nothing is delayed in order to be grouped; requests are grouped when they wait anyway. Knows no
device, no transport and no event loop.
"""

import threading
from collections import deque
from typing import Generic, Protocol, TypeVar

from steer.clock import Clock
from steer.errors import OverloadedError, UnreachableError

__all__ = ["Batcher", "Waiting"]

_MIN_RETRY_S = 0.01


class Waiting(Protocol):
    """What the batcher must know of an item."""

    @property
    def key(self) -> str:
        """Items of equal keys may be served together."""
        ...

    @property
    def deadline_s(self) -> float:
        """Instant on the batcher's clock from which nobody waits for it any more."""
        ...


_Item = TypeVar("_Item", bound=Waiting)


class Batcher(Generic[_Item]):
    """A bounded queue between the event loop and the engine's thread. Safe to share.

    Args:
        clock: Of the deadlines.
        max_waiting: Items that may wait; more are refused.
        max_group: Items that are served together at most.
    """

    def __init__(self, *, clock: Clock, max_waiting: int, max_group: int) -> None:
        self._clock = clock
        self._max_waiting = max_waiting
        self._max_group = max_group
        self._items: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._group_s = 0.0

    def put(self, item: _Item) -> None:
        """Add an item; returns at once.

        Raises:
            OverloadedError: Too many wait; it says when there should be room again.
            UnreachableError: The batcher is closed.
        """
        with self._changed:
            if self._is_closed:
                raise UnreachableError("engine: expected a running one, got one that has stopped")
            if len(self._items) >= self._max_waiting:
                groups = -(-len(self._items) // self._max_group)
                raise OverloadedError(
                    f"engine: expected at most {self._max_waiting} waiting requests, got one more",
                    retry_after_s=max(groups * self._group_s, _MIN_RETRY_S),
                )
            self._items.append(item)
            self._changed.notify()

    def take(self) -> tuple[list[_Item], list[_Item]]:
        """Wait for work, and return what is served next and what came too late.

        Late items make room for newer ones, so that under overload the newest are not starved by
        work that nobody waits for.

        Returns:
            The oldest item with those of its key, oldest first; and late items of any key. Both
            are empty once the batcher is closed and nothing waits.
        """
        with self._changed:
            while not self._items and not self._is_closed:
                self._changed.wait()
            now_s = self._clock.now_s()
            late = [item for item in self._items if item.deadline_s <= now_s]
            group: list[_Item] = []
            kept: deque[_Item] = deque()
            for item in self._items:
                if item.deadline_s <= now_s:
                    continue
                if len(group) < self._max_group and (not group or item.key == group[0].key):
                    group.append(item)
                else:
                    kept.append(item)
            self._items = kept
            return group, late

    def note_group(self, duration_s: float) -> None:
        """Learn how long a group took, in seconds; what a refusal says follows from it."""
        with self._changed:
            self._group_s += 0.2 * (duration_s - self._group_s)

    def close(self) -> None:
        """Refuse new items; those that wait are still taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
