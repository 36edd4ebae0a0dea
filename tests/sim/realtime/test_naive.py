"""The loop that ours is compared with falls behind as such loops do."""

from types import SimpleNamespace

import pytest

from sim.realtime.naive import drive_relative
from steer.clock import FakeClock


class LateClock(FakeClock):
    """Wakes up a tenth of a second late, each time that it sleeps."""

    def sleep(self, duration_s):
        if duration_s > 0:
            self.advance(duration_s + 0.1)


def ends(step_s, count):
    """Return when each of so many steps ended that take so long, ten of them a second."""
    clock, ticks = LateClock(), []

    def step():
        clock.advance(step_s)
        return SimpleNamespace(at_s=clock.now_s())

    drive_relative(
        SimpleNamespace(step=step),
        hz=10.0,
        clock=clock,
        until=lambda ticked: len(ticks) == count,
        on_tick=ticks.append,
    )
    return [item.at_s for item in ticks]


def test_what_waking_up_late_adds_is_never_made_up_for():
    """Ten ticks a second become five."""
    assert ends(0.05, 6) == pytest.approx([0.05, 0.25, 0.45, 0.65, 0.85, 1.05])


def test_a_step_that_takes_longer_than_a_period_is_followed_at_once():
    """It sleeps for no time, and does not catch up either."""
    assert ends(0.25, 3) == pytest.approx([0.25, 0.5, 0.75])
