"""A robot's loop in virtual time: whatever planner and robot do, it acts on every tick."""

from types import SimpleNamespace

import numpy as np
import pytest

from steer.clock import FakeClock
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Ladder, Rung
from steer.loop.loop import Loop, drive
from steer.loop.system1 import System1
from steer.types import Observation

HZ, HORIZON = 10.0, 16
BODY = Embodiment(
    name="arm",
    control_hz=HZ,
    actions=(ActionDim(name="x", unit="m", scale=1.0, low=-1e6, high=1e6),),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(1,)),),
    mode="absolute",
)


class Place:
    """A robot whose place is what it was last told; it can fail, or be slow."""

    def __init__(self, clock):
        self.clock, self.place, self.told = clock, 0.0, []
        self.observe_error = self.act_error = None
        self.slow_s = 0.0

    def observe(self):
        if self.observe_error is not None:
            raise self.observe_error
        self.clock.advance(self.slow_s)
        state = np.full(1, self.place, np.float32)
        return Observation({"observation.state": state}, captured_at_s=self.clock.now_s())

    def act(self, action):
        self.clock.advance(self.slow_s)
        if self.act_error is not None:
            raise self.act_error
        self.place = action.item()
        self.told.append(self.place)


class Late:
    """Answers after some ticks: row i of a chunk is the number of the action that it is for."""

    def __init__(self, clock):
        self.clock, self.delay, self.requests, self.due = clock, 2, [], []
        self.sensed = []
        self.error, self.alarm = None, ""

    def submit(self, request):
        if self.error is not None:
            raise self.error
        self.requests.append(request)
        self.due.append((self.clock.now_s() + (self.delay - 0.5) / HZ, request))

    def sense(self, sensed):
        self.sensed.append(sensed)

    def poll(self):
        if self.error is not None:
            raise self.error
        now_s = self.clock.now_s()
        ready = [request for due_s, request in self.due if due_s <= now_s]
        self.due = [item for item in self.due if item[0] > now_s]
        return self.answer(ready[-1]) if ready else None

    def answer(self, request):
        rows = request.consumed + np.arange(HORIZON, dtype=np.float32)
        return Chunk(
            actions=rows[:, None],
            consumed=request.consumed,
            frozen=request.frozen,
            commit=8,
            captured_at_s=request.captured_at_s,
            epoch=request.epoch,
            sequence=request.sequence,
            alarm=self.alarm,
        )


@pytest.fixture
def world():
    """A loop whose epoch has begun, and everything that it is made of."""
    clock = FakeClock()
    robot, planner = Place(clock), Late(clock)
    system = System1(BODY, Limits.of(BODY), max_age_s=3.0, ladder=Ladder({Rung.HOLD: 10.0}))
    loop = Loop(
        robot,
        planner,
        system,
        guard=ObservationGuard(BODY, max_age_s=1.0),
        delay=DelayEstimate(most=8),
        patience_ticks=20,
        clock=clock,
    )
    loop.begin(rest=np.zeros(1, np.float32))

    def tick(count):
        found = []
        for _ in range(count):
            found.append(loop.step())
            clock.advance(1 / HZ)
        return found

    return SimpleNamespace(
        clock=clock, robot=robot, planner=planner, system=system, loop=loop, tick=tick
    )


def test_every_action_is_the_one_for_its_tick(world):
    """From the first answer on, none is missing and none comes twice; holding consumes none."""
    found = world.tick(60)

    assert [item.command.rung for item in found[:3]] == [Rung.HOLD, Rung.HOLD, Rung.STEERED]
    assert world.robot.told == [0.0, 0.0, *range(58)]
    assert {item.command.rung for item in found[2:]} == {Rung.STEERED}
    assert not world.loop.counts


@pytest.mark.parametrize("delay", [1, 2, 5, 8])
def test_an_answer_is_asked_for_in_time_whatever_it_takes(world, delay):
    """After the first answers the robot never runs what was not meant to run."""
    world.planner.delay = delay

    found = world.tick(120)[40:]

    assert {item.command.rung for item in found} == {Rung.STEERED}
    ages = [item.command.age_s * HZ for item in found]
    assert max(ages) <= 8 + 2 * delay


def test_a_request_says_what_will_run_and_what_is_frozen(world):
    """The rest of the running chunk goes with it, as many rows frozen as an answer takes."""
    world.tick(30)

    last = world.planner.requests[-1]
    rest = last.observations[-1].running[:, 0]
    assert rest.tolist() == list(range(last.consumed, last.consumed + len(rest)))
    assert last.frozen == world.planner.delay
    assert [request.sequence for request in world.planner.requests] == list(
        range(1, len(world.planner.requests) + 1)
    )


def test_a_planner_that_falls_silent_leads_down_the_ladder_and_up_again(world):
    """The rest of the chunk, hold, and steered once it answers; lost requests are asked anew."""
    world.tick(30)
    world.planner.delay = 10**6
    silent = world.tick(25)
    world.planner.delay, world.planner.due = 2, []
    again = world.tick(25)

    rungs = [item.command.rung for item in silent]
    assert rungs == sorted(rungs)
    assert {Rung.REST, Rung.HOLD} <= set(rungs)
    assert again[-1].command.rung is Rung.STEERED
    assert world.loop.counts["planner"] >= 1


def test_nothing_raises_out_of_a_tick(world, caplog):
    """Planner, sensors and motors fail: counted, logged at first and then ever more seldom."""
    world.planner.error = RuntimeError("no network")
    world.tick(4)
    world.planner.error = None
    world.robot.observe_error = OSError("no camera")
    world.tick(4)
    world.robot.observe_error = None
    found = world.tick(30)

    assert world.loop.counts["planner.poll"] == 4
    assert world.loop.counts["robot.observe"] == 4
    lines = [text for text in caplog.messages if text.startswith("robot.observe")]
    assert lines == [
        f"robot.observe: expected no error, got OSError: no camera ({count} times)"
        for count in (1, 2, 4)
    ]
    assert found[-1].command.rung is Rung.STEERED


def test_motors_that_fail_again_and_again_are_a_stop(world):
    """Nobody knows what the robot does; a single failure is none."""
    world.tick(5)
    world.robot.act_error = OSError("bus")
    world.tick(4)
    once = world.system.ladder.rung
    world.tick(1)

    assert once is not Rung.STOP
    assert world.system.ladder.rung is Rung.STOP


def test_a_broken_observation_is_not_decided_on(world):
    """What runs goes on while it may; then the robot holds."""
    world.planner.error = RuntimeError("asked again and again")
    world.tick(10)
    world.planner.error = None
    world.robot.place = np.nan
    found = world.tick(1)

    assert found[0].command is not None
    assert not world.planner.requests
    assert world.loop.counts["robot.observe"] == 1  # NaN is no observation


def test_an_epoch_begins_with_nothing_of_the_last_one(world):
    """An answer that was under way is refused by its number."""
    world.planner.delay = 5
    world.tick(12)
    while not world.tick(1)[0].asked:
        pass
    world.loop.begin(rest=np.zeros(1, np.float32))
    found = world.tick(6)

    assert world.loop.counts["chunk of another epoch"] == 1
    assert [item.command.rung for item in found[:5]] == [Rung.HOLD] * 5
    assert world.planner.requests[-1].epoch == 2
    assert found[-1].command.rung is Rung.STEERED


def test_in_real_time_slow_motors_cost_ticks_and_no_row_is_skipped(world):
    """Rows are counted, not timed: the robot is late, and where it should be."""
    world.robot.slow_s = 0.08
    ticks = []
    ticker = drive(
        world.loop,
        hz=HZ,
        clock=world.clock,
        until=lambda ticked: len(ticks) >= 30,
        on_tick=ticks.append,
    )

    assert ticker.num_missed >= 14
    told = world.robot.told[3:]
    assert np.diff(told).tolist() == [1.0] * (len(told) - 1)
    assert all(item.cost_s == pytest.approx(0.0) for item in ticks)


def test_it_can_be_asked_at_a_rate(world):
    """Every so many ticks, whether or not the chunk is at its end."""
    world.loop._replan_ticks = 4
    world.tick(41)

    gaps = np.diff([request.consumed for request in world.planner.requests])
    assert set(gaps[2:].tolist()) == {4}


def test_the_planner_hears_of_every_tick(world):
    """Of what the robot senses, has consumed and was sent, before anything is asked."""
    world.tick(40)

    assert len(world.planner.sensed) == 40
    last = world.planner.sensed[-1]
    rest = last.observation.running[:, 0].tolist()
    assert rest == list(range(last.consumed, last.consumed + len(rest)))


def test_an_answer_that_takes_no_time_runs_in_the_same_tick(world):
    """In virtual time: nothing is ever frozen, and nothing is old."""
    world.planner.delay = 0

    found = world.tick(30)

    assert {item.command.rung for item in found} == {Rung.STEERED}
    assert max(item.command.age_s for item in found) == pytest.approx(0.7)


@pytest.mark.parametrize("answer", ["no chunk", np.zeros((16, 1)), 7])
def test_a_planner_that_answers_with_anything_harms_nothing(world, answer):
    """It is counted as its fault, and the robot goes on."""
    world.tick(5)
    world.planner.answer = lambda request: answer
    found = world.tick(20)

    assert all(item.command is not None for item in found)
    assert world.loop.counts["planner.poll"] >= 1


def test_a_robot_that_senses_anything_harms_nothing(world):
    """What runs goes on; nothing is decided on it."""
    world.tick(5)
    world.robot.observe = lambda: {"observation.state": 0}
    found = world.tick(3)

    assert all(item.command is not None for item in found)
    assert world.loop.counts["robot.observe"] == 3


def test_a_callback_that_raises_harms_nothing(world):
    """It is told of each step on the ladder once, after the robot was commanded."""
    told = []

    def tell(change):
        told.append((change.after, len(world.robot.told)))
        raise RuntimeError("my bug")

    world.loop._on_change = tell
    world.tick(20)

    assert told == [(Rung.STEERED, 3)]
    assert world.loop.counts["on_change"] == 1
    assert len(world.robot.told) == 20


def test_a_robot_that_an_alarm_holds_asks_anew_and_goes_on_once_it_is_over(world):
    """With nothing frozen and nothing running, or it would wait for what it does not run."""
    told = []
    world.loop._on_change, world.system._alarm_ticks = told.append, 2
    world.tick(30)
    world.planner.alarm = "stac"
    held = world.tick(30)
    asked = world.planner.requests[-1]
    consumed = world.system.buffer.consumed
    world.planner.alarm = ""
    again = world.tick(6)

    assert held[-1].command.rung is Rung.HOLD
    assert (told[1].after, told[1].cause) == (Rung.HOLD, "alarm of stac")
    assert (asked.frozen, asked.observations[-1].running) == (0, None)
    assert asked.consumed == consumed
    assert again[-1].command.rung is Rung.STEERED
    assert set(np.diff(world.robot.told[-3:]).tolist()) == {1.0}
