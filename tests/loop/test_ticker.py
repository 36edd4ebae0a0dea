"""A beat that neither drifts nor catches up."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.clock import FakeClock, MonotonicClock
from steer.errors import InvalidInputError
from steer.loop.ticker import Tick, Ticker


@pytest.fixture
def clock():
    return FakeClock(start_s=100.0)


def test_beats_do_not_drift(clock):
    """However long the work takes, as long as it fits, tick k is due at start + k / hz."""
    ticker = Ticker(10.0, clock)
    ticks = []
    for work_s in (0.03, 0.09, 0.0, 0.05):
        ticks.append(ticker.wait())
        clock.advance(work_s)

    assert [tick.number for tick in ticks] == [0, 1, 2, 3]
    assert [tick.due_s for tick in ticks] == pytest.approx([100.0, 100.1, 100.2, 100.3])
    assert all(tick.late_s == pytest.approx(0.0) for tick in ticks)
    assert ticker.num_missed == 0


def test_work_that_takes_too_long_costs_its_own_ticks_and_no_burst_follows(clock):
    """After 0.34 s of work in a period of 0.1 s, ticks 1 and 2 are gone and 3 is late."""
    ticker = Ticker(10.0, clock)
    ticker.wait()
    clock.advance(0.34)

    late, following = ticker.wait(), ticker.wait()

    assert (late.number, late.num_missed, late.late_s) == (3, 2, pytest.approx(0.04))
    assert (following.number, following.num_missed, following.late_s) == (4, 0, pytest.approx(0))
    assert ticker.num_missed == 2


def test_a_little_late_is_no_tick_lost(clock):
    """Work that ends within the next period begins that tick late."""
    ticker = Ticker(10.0, clock)
    ticker.wait()
    clock.advance(0.15)

    assert ticker.wait() == Tick(1, pytest.approx(100.1), pytest.approx(0.05), 0)


def test_after_a_tick_that_was_very_late_the_next_one_is_not_at_once(clock):
    """Tick 1 begins 10 ms before tick 2 is due: that one is skipped and counted, 3 is on time."""
    ticker = Ticker(10.0, clock)
    ticker.wait()
    clock.advance(0.19)

    late, following = ticker.wait(), ticker.wait()

    assert (late.number, late.num_missed, late.late_s) == (1, 0, pytest.approx(0.09))
    assert (following.number, following.num_missed, following.late_s) == (3, 1, pytest.approx(0))
    assert ticker.num_missed == 1


def test_a_tick_whose_action_still_follows_late_enough_is_not_skipped(clock):
    """The action of tick 2 goes out 20 ms after it is due: half a period after tick 1 began."""
    ticker = Ticker(10.0, clock, act_after_s=0.02)
    ticker.wait()
    clock.advance(0.165)

    late, following = ticker.wait(), ticker.wait()
    clock.advance(0.175)

    assert (late.number, following.number, following.num_missed) == (1, 2, 0)
    assert [ticker.wait().number, ticker.wait().number] == [3, 5]


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=40))
def test_two_ticks_are_half_a_period_apart_and_none_is_twice_or_early(works_s):
    """Whatever the work takes; and what was skipped is counted, no more and no less."""
    clock = FakeClock(100.0)
    ticker, ticks, begun_s = Ticker(10.0, clock), [], []
    for work_s in works_s:
        ticks.append(ticker.wait())
        begun_s.append(clock.now_s())
        clock.advance(work_s)

    assert all(later - begun >= 0.05 - 1e-9 for begun, later in pairwise(begun_s))
    numbers = [tick.number for tick in ticks]
    assert all(later > number for number, later in pairwise(numbers))
    assert ticker.num_missed == numbers[-1] + 1 - len(ticks)
    assert all(0 <= tick.late_s < 0.1 + 1e-9 for tick in ticks)


def test_a_clock_that_wakes_too_early_is_asked_again(clock):
    """A tick never begins before it is due."""

    class Early(FakeClock):
        def sleep(self, duration_s):
            self.advance(duration_s / 2 if duration_s > 0.01 else duration_s)

    early = Early(5.0)
    ticker = Ticker(10.0, early)
    ticker.wait()

    assert ticker.wait().late_s >= 0
    assert early.now_s() >= 5.1


def test_the_machine_s_clock_beats_at_its_rate():
    """A hundred ticks at 1 kHz take 0.1 s, give or take the last."""
    ticker = Ticker(1000.0, MonotonicClock())
    first = ticker.wait()
    while (last := ticker.wait()).number < 100:
        pass

    assert last.due_s - first.due_s == pytest.approx(last.number / 1000, abs=1e-9)


@pytest.mark.parametrize("hz", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_rate_is_refused(clock, hz):
    """With what would be one."""
    with pytest.raises(InvalidInputError, match="hz: expected a finite number > 0"):
        Ticker(hz, clock)
