"""The bounded queue before the engine."""

import threading
from dataclasses import dataclass

import pytest

from steer.clock import FakeClock
from steer.errors import OverloadedError, UnreachableError
from steer.serve.batcher import Batcher


@dataclass(frozen=True)
class Item:
    key: str
    number: int
    deadline_s: float = 100.0


def batcher(*items, clock=None, max_waiting=8, max_group=3):
    made = Batcher(clock=clock or FakeClock(), max_waiting=max_waiting, max_group=max_group)
    for item in items:
        made.put(item)
    return made


def numbers(taken):
    group, late = taken
    return [item.number for item in group], [item.number for item in late]


def test_what_waits_for_one_critic_is_served_together_oldest_first():
    """The oldest item says which critic; others keep their place."""
    waiting = batcher(Item("a", 0), Item("b", 1), Item("a", 2), Item("a", 3), Item("a", 4))

    taken = [numbers(waiting.take()) for _ in range(3)]

    assert taken == [([0, 2, 3], []), ([1], []), ([4], [])]


def test_late_items_make_room_for_newer_ones():
    """Under overload the newest are not starved by what nobody waits for."""
    clock = FakeClock()
    waiting = batcher(*(Item("a", n, deadline_s=1.0) for n in range(4)), clock=clock)
    clock.advance(1.0)
    waiting.put(Item("a", 9))

    assert numbers(waiting.take()) == ([9], [0, 1, 2, 3])


def test_one_too_many_is_refused_with_the_time_to_come_back():
    """The time follows from how long groups take."""
    waiting = batcher(*(Item("a", n) for n in range(4)), max_waiting=4)
    waiting.note_group(0.5)

    with pytest.raises(OverloadedError, match="at most 4 waiting requests, got one more") as caught:
        waiting.put(Item("a", 4))

    assert caught.value.retry_after_s == pytest.approx(2 * 0.1)


def test_a_closed_batcher_gives_what_waits_and_then_nothing():
    """Nothing that was accepted is lost; nothing new is accepted."""
    waiting = batcher(Item("a", 0))
    waiting.close()

    taken = [numbers(waiting.take()) for _ in range(2)]

    assert taken == [([0], []), ([], [])]
    with pytest.raises(UnreachableError, match="engine: expected a running one"):
        waiting.put(Item("a", 1))


def test_whoever_waits_for_work_is_woken_by_it():
    """`take` in one thread, `put` in another."""
    waiting, found = batcher(), []
    thread = threading.Thread(target=lambda: found.append(numbers(waiting.take())))
    thread.start()

    waiting.put(Item("a", 7))
    thread.join(5)

    assert found == [([7], [])]
