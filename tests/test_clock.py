"""The clocks: the real one moves forward, the fake one only when told."""

import threading

import pytest

from steer.clock import FakeClock, MonotonicClock


def test_the_monotonic_clock_never_goes_back():
    """Of many readings in a row, none is before the one ahead of it."""
    clock = MonotonicClock()

    readings = [clock.now_s() for _ in range(1000)]

    assert readings == sorted(readings)


def test_the_monotonic_clock_waits_at_least_as_long_as_asked():
    """`sleep` does not return early."""
    clock = MonotonicClock()
    start_s = clock.now_s()

    clock.sleep(0.01)

    assert clock.now_s() - start_s >= 0.01


@pytest.mark.parametrize("duration_s", [0.0, -1.0])
def test_the_monotonic_clock_does_not_wait_for_the_past(duration_s):
    """A duration that is not positive returns at once."""
    clock = MonotonicClock()
    start_s = clock.now_s()

    clock.sleep(duration_s)

    assert clock.now_s() - start_s < 1.0


def test_the_fake_clock_stands_still():
    """Two readings with nothing between them are the same."""
    clock = FakeClock(start_s=5.0)

    assert (clock.now_s(), clock.now_s()) == (5.0, 5.0)


def test_the_fake_clock_moves_by_what_is_slept_and_advanced():
    """`sleep` and `advance` add up, and neither waits."""
    clock = FakeClock()

    clock.sleep(1.5)
    clock.advance(2.0)

    assert clock.now_s() == 3.5


def test_the_fake_clock_does_not_sleep_backwards():
    """A negative sleep leaves the instant as it is."""
    clock = FakeClock(start_s=5.0)

    clock.sleep(-1.0)

    assert clock.now_s() == 5.0


def test_the_fake_clock_loses_no_advance_of_any_thread():
    """Advances from several threads at once are all counted."""
    clock = FakeClock()
    threads = [
        threading.Thread(target=lambda: [clock.advance(1.0) for _ in range(500)]) for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10.0)

    assert clock.now_s() == 2000.0
