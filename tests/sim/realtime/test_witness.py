"""A loop that looks whether a core is there: what it sees, and where it cannot look."""

import os

import pytest

from sim.realtime.witness import Witness, stalls_of
from steer.clock import FakeClock, MonotonicClock
from steer.loop.process import cores


class Away(FakeClock):
    """Sleeps longer than it was told, some times."""

    def __init__(self, *oversleeps_s):
        super().__init__()
        self.begun_s, self.oversleeps_s = self.now_s(), list(oversleeps_s)

    def sleep(self, duration_s):
        super().sleep(duration_s + self.oversleeps_s.pop(0))


def test_a_stall_lasts_from_when_a_look_was_due_to_when_it_came():
    """One that is a little late is none, and after one it looks on from then."""
    clock = Away(0.0, 0.0005, 0.02, 0.0, 0.003)

    found = stalls_of(clock, lambda: not clock.oversleeps_s)

    seen = [(due_s - clock.begun_s, now_s - clock.begun_s) for due_s, now_s in found]
    assert seen == [pytest.approx((0.003, 0.023)), pytest.approx((0.025, 0.028))]


def test_it_looks_at_a_core_or_says_that_it_cannot():
    """Whatever this process may; no core is looked at by nobody."""
    clock = MonotonicClock()
    with Witness(max(cores(), default=None)) as witness:
        assert witness.stalls_S2 is None
        clock.sleep(0.05)
    with Witness(None) as nobody:
        pass

    assert nobody.stalls_S2 is None
    if os.geteuid() == 0 and cores():
        assert witness.stalls_S2.shape[1] == 2
        assert (witness.stalls_S2[:, 1] > witness.stalls_S2[:, 0]).all()
