"""A loop that looks whether a core is there: what it sees, and where it cannot look."""

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


@pytest.fixture
def looked():
    """What a witness of the last core saw in a moment."""
    clock = MonotonicClock()
    with Witness(max(cores(), default=None)) as witness:
        assert witness.stalls_S2 is None
        clock.sleep(0.05)
    if witness.stalls_S2 is None:
        pytest.skip("this process may not take a priority of real time")
    return witness.stalls_S2


def test_stalls_are_stretches_of_the_machine_s_clock(looked):
    """Each ends after it began, and none is shorter than a millisecond."""
    assert looked.shape[1] == 2
    assert (looked[:, 1] - looked[:, 0] >= 0.001).all()
    assert (abs(looked - MonotonicClock().now_s()) < 60.0).all()


@pytest.mark.parametrize("options", [{"core": None}, {"core": 0, "above": 99}])
def test_nobody_looks_where_there_is_no_core_or_no_place_above(options):
    """And nothing is started."""
    with Witness(**options) as witness:
        assert witness._process.pid is None

    assert witness.stalls_S2 is None


def test_a_witness_that_dies_costs_what_it_saw_and_no_more(looked, caplog):
    """Whoever measured beside it goes on."""
    with Witness(max(cores())) as witness:
        witness._process.kill()
        witness._process.join()

    assert witness.stalls_S2 is None
    said = "nobody knows whether the core was there: expected the witness, got its end"
    assert said in caplog.messages
