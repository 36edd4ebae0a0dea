"""One call drives anything that observes and acts."""

import numpy as np
import pytest

import steer.loop
from steer.clock import FakeClock
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.ladder import Ladder, Rung
from steer.loop.running import act_after
from steer.types import Observation

HZ = 10.0
BODY = Embodiment(
    name="arm",
    control_hz=HZ,
    actions=(ActionDim(name="x", unit="m", scale=1.0, low=-1.0, high=1.0),),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(1,)),),
    mode="absolute",
)


class Arm:
    """A robot of two methods, and nothing else."""

    def __init__(self):
        self.told = []

    def observe(self):
        return Observation({"observation.state": np.zeros(1, np.float32)})

    def act(self, action):
        self.told.append(action.item())


class Slow(Arm):
    """Senses for as long as it is told, some times."""

    def __init__(self, clock, *takes_s):
        super().__init__()
        self.clock, self.takes_s, self.told_at_s = clock, list(takes_s), []

    def observe(self):
        self.clock.advance(self.takes_s.pop(0))
        return super().observe()

    def act(self, action):
        super().act(action)
        self.told_at_s.append(self.clock.now_s())


class Far:
    """A planner that always wants the same place, until it dies."""

    def __init__(self, dies_after=1_000_000, alarm=""):
        self.requests, self.answered, self.dies_after = [], 0, dies_after
        self.alarm = alarm

    def submit(self, request):
        self.requests.append(request)

    def sense(self, sensed):
        pass

    def poll(self):
        if not self.answered < len(self.requests) <= self.dies_after:
            return None
        request, self.answered = self.requests[-1], len(self.requests)
        return Chunk(
            actions=np.full((8, 1), 0.5, np.float32),
            consumed=request.consumed,
            frozen=request.frozen,
            commit=8,
            captured_at_s=request.captured_at_s,
            epoch=request.epoch,
            sequence=request.sequence,
            alarm=self.alarm,
        )


def run(count, **options):
    """Run so many ticks; return the robot, what came of each tick, and what is left."""
    arm, found = options.pop("arm", None) or Arm(), []
    planner = options.pop("planner", None) or Far()

    def until(ticked):
        found.append(ticked)
        return len(found) == count

    some = {"rest": np.zeros(1, np.float32), "clock": FakeClock(), "until": until}
    ran = steer.loop.run(arm, planner, options.pop("body", BODY), **{**some, **options})
    return arm, found, ran


def test_a_robot_of_two_methods_is_driven_at_its_own_rate():
    """An action a tick, from the first one on."""
    arm, found, ran = run(30)

    assert len(arm.told) == 30
    assert arm.told[-1] == 0.5
    assert [item.tick.due_s for item in found] == pytest.approx([n / HZ for n in range(30)])
    assert (ran.ticker.num_missed, ran.loop.counts) == (0, {})
    assert ran.system.ladder.rung is Rung.STEERED


@pytest.mark.parametrize(("options", "after_s"), [({}, 0.002), ({"act_after_s": 0.05}, 0.05)])
def test_actions_go_out_at_equal_intervals_however_long_the_rest_of_a_tick_takes(options, after_s):
    """So long after each tick is due; at once where that is over, and the next one is in time."""
    clock = FakeClock()
    arm = Slow(clock, 0.0, 0.001, 0.0005, 0.06, 0.0)

    _, found, ran = run(5, clock=clock, arm=arm, **options)

    late_s = np.array(arm.told_at_s) - [item.tick.due_s for item in found]
    assert late_s == pytest.approx([after_s, after_s, after_s, 0.06, after_s])
    assert ran.ticker.num_missed == 0
    assert [item.cost_s for item in found] == [0.0] * 5


class Stolen(FakeClock):
    """Sleeps longer than it was told, once, when it is told to sleep for so long."""

    def __init__(self, when_s, oversleeps_s):
        super().__init__()
        self.when_s, self.oversleeps_s = when_s, oversleeps_s

    def sleep(self, duration_s):
        more_s = 0.0
        if duration_s == pytest.approx(self.when_s):
            more_s, self.oversleeps_s = self.oversleeps_s, 0.0
        super().sleep(duration_s + more_s)


@pytest.mark.parametrize("oversleeps_s", [0.01, 0.04, 0.06, 0.095, 0.11, 0.31, 0.36])
def test_after_an_action_that_overslept_the_next_one_is_not_at_once(oversleeps_s, caplog):
    """Two are half a period apart at least, and what took the time is told."""
    clock = Stolen(0.03, oversleeps_s)
    arm = Slow(clock, 0.0, *[0.0] * 9)

    _, _, ran = run(8, clock=clock, arm=arm, act_after_s=0.03)

    assert min(np.diff(arm.told_at_s)) >= 0.05 - 1e-9
    assert arm.told_at_s[-1] % 0.1 == pytest.approx(0.03)
    assert bool(ran.ticker.num_missed) == (oversleeps_s > 0.05)
    said = [text for text in caplog.messages if "the wait to act took" in text]
    assert len(said) == (oversleeps_s > 0.05)


def test_a_clock_that_wakes_too_early_is_asked_again():
    """No action goes out before its instant."""

    class Early(FakeClock):
        def sleep(self, duration_s):
            super().sleep(duration_s / 2 if duration_s > 0.001 else duration_s)

    clock = Early()
    arm = Slow(clock, 0.0, 0.0, 0.0)

    run(3, clock=clock, arm=arm)

    assert arm.told_at_s == pytest.approx([0.002, 0.102, 0.202])


def test_a_fast_robot_is_told_a_quarter_into_its_period():
    """A slow one after 2 ms."""
    assert [act_after(hz) for hz in (1000.0, 200.0, 125.0, 20.0)] == [
        0.00025,
        0.00125,
        0.002,
        0.002,
    ]


def test_an_action_may_go_out_at_once():
    """As soon as it is known."""
    clock = FakeClock()
    arm = Slow(clock, 0.0, 0.001)

    run(2, clock=clock, arm=arm, act_after_s=0.0)

    assert arm.told_at_s == pytest.approx([0.0, 0.101])


def test_its_limits_are_kept():
    """Without any given they are the body's; here a step of a tenth."""
    slow = Limits.of(BODY, velocity=1.0)

    assert run(9, limits=slow)[0].told[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert run(9)[0].told[0] == 0.5


def test_a_planner_is_asked_again_as_soon_as_it_has_answered():
    """Or as late as an answer allows, where that is wanted: once a chunk is used up."""
    often, seldom = Far(), Far()
    run(24, planner=often)
    run(24, planner=seldom, replan_ticks=0)

    assert (len(often.requests), len(seldom.requests)) == (24, 3)


def test_a_robot_asks_for_help_where_alarms_are_to_be_acted_on():
    """So many ticks after the first one; else they are counted and that is all."""
    changes = []
    told = {"planner": Far(alarm="stac"), "on_change": changes.append}
    _, found, ran = run(9, alarm_ticks=3, **told)

    assert [item.command.rung for item in found][-2:] == [Rung.HOLD] * 2
    assert changes[-1].cause == "alarm of stac"
    assert run(9, planner=Far(alarm="stac"))[1][-1].command.rung is Rung.STEERED
    assert ran.system.alarms["stac"] > 0


def test_whoever_wants_to_know_is_told_of_ticks_and_rungs():
    """While it runs, on the same clock."""
    ticks, changes = [], []
    clock = FakeClock(100.0)

    run(5, on_tick=ticks.append, on_change=changes.append, clock=clock)

    assert len(ticks) == 5
    assert [(change.after, change.now_s) for change in changes] == [(Rung.STEERED, 100.0)]


def test_a_planner_that_dies_takes_the_robot_down_the_ladder_and_is_asked_again():
    """Once a second, as long as it takes."""
    planner = Far(dies_after=1)
    ladder = Ladder({Rung.HOLD: 100.0})
    _, found, _ = run(60, planner=planner, ladder=ladder, patience_s=1.0)

    assert [item.command.rung for item in found][-1] is Rung.HOLD
    asked = [number for number, item in enumerate(found) if item.asked]
    assert set(np.diff(asked[1:])) == {10}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"body": Embodiment(name="", control_hz=0, actions=BODY.actions, observations=())}, "hz"),
        ({"patience_s": 0.0}, "patience_s: expected > 0, got 0"),
        ({"max_age_s": 0.0}, "max_age_s: expected > 0"),
        ({"act_after_s": 0.06}, "act_after_s: expected 0 to 0.05 s, half a period, got 0.06"),
        ({"act_after_s": -0.01}, "act_after_s: expected 0 to"),
        ({"act_after_s": float("nan")}, "act_after_s: expected 0 to"),
    ],
)
def test_what_makes_no_loop_is_refused(options, message):
    """Before the robot moves."""
    with pytest.raises(InvalidInputError, match=message):
        run(1, **options)
