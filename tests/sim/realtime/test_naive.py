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


def test_what_waking_up_late_adds_is_never_made_up_for():
    """Ten ticks a second become five."""
    clock, ticks = LateClock(), []

    def step():
        clock.advance(0.05)
        return SimpleNamespace(at_s=clock.now_s())

    drive_relative(
        SimpleNamespace(step=step),
        hz=10.0,
        clock=clock,
        until=lambda ticked: len(ticks) == 6,
        on_tick=ticks.append,
    )

    starts = [item.at_s - 0.05 for item in ticks]
    assert starts == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_step_that_takes_longer_than_a_period_is_followed_at_once():
    """It sleeps for no time, and does not catch up either."""
    clock, ticks = LateClock(), []

    def step():
        clock.advance(0.25)
        return SimpleNamespace(at_s=clock.now_s())

    drive_relative(
        SimpleNamespace(step=step),
        hz=10.0,
        clock=clock,
        until=lambda ticked: len(ticks) == 3,
        on_tick=ticks.append,
    )

    assert [item.at_s for item in ticks] == pytest.approx([0.25, 0.5, 0.75])
