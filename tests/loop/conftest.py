"""A robot's loop in virtual time, whose robot, planner and clock each test may spoil."""

import numpy as np
import pytest

from steer.clock import FakeClock
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Ladder, Rung
from steer.loop.loop import Loop
from steer.loop.system1 import System1
from steer.loop.ticker import Ticker
from steer.types import Observation

HZ, HORIZON = 10.0, 16
FIRST, SECOND = 1.5, 1.0
"""What a steered robot's limits are a tick; the planner's own path has 1 and 0."""
STATE, FRONT = "observation.state", "observation.images.front"
BODY = Embodiment(
    name="arm",
    control_hz=HZ,
    actions=(ActionDim(name="x", unit="m", scale=1.0, low=-1e6, high=1e6),),
    observations=(
        ObservationField(name=STATE, dtype="float32", shape=(1,)),
        ObservationField(name=FRONT, dtype="uint8", shape=(2, 2, 3)),
    ),
    mode="absolute",
)


class Place:
    """A robot whose place is what it was last told; its camera fills one buffer for ever."""

    def __init__(self, clock):
        self.clock, self.place, self.told, self.frames = clock, 0.0, [], 0
        self.buffer = np.zeros((2, 2, 3), np.uint8)
        self.heal()

    def heal(self):
        self.observe_error = self.act_error = None
        self.observe_s = self.act_s = self.lag_s = 0.0
        vars(self).pop("observe", None)
        self.is_frozen, self.is_lost, self.missing = False, False, ()

    def observe(self):
        if self.observe_error is not None:
            raise self.observe_error
        self.clock.advance(self.observe_s)
        if not self.is_frozen:
            self.frames += 1
            self.buffer[...] = self.frames % 251
        place = np.nan if self.is_lost else self.place
        arrays = {STATE: np.full(1, place, np.float32), FRONT: self.buffer}
        seen = {name: value for name, value in arrays.items() if name not in self.missing}
        return Observation(seen, captured_at_s=self.clock.now_s() - self.lag_s)

    def act(self, action):
        self.clock.advance(self.act_s)
        if self.act_error is not None:
            raise self.act_error
        self.place = action.item()
        self.told.append(self.place)


class Late:
    """Answers after some ticks: row i of a chunk is the number of the action that it is for.

    What comes in the place of a chunk is what `tamper` makes of it, one a tick, and at once after
    it was asked for what `hurry` makes of it.
    """

    def __init__(self, clock):
        self.clock, self.requests, self.sensed = clock, [], []
        self.due, self.inbox, self.alarm = [], [], ""
        self.heal()

    def heal(self):
        self.delay, self.error = 2, None
        self.tamper, self.hurry = lambda chunk: [chunk], lambda chunk: []

    def submit(self, request):
        if self.error is not None:
            raise self.error
        self.requests.append(request)
        self.inbox += self.hurry(self.answer(request))
        self.due.append((self.clock.now_s() + (self.delay - 0.5) / HZ, request))

    def sense(self, sensed):
        self.sensed.append(sensed)

    def poll(self):
        if self.error is not None:
            raise self.error
        now_s = self.clock.now_s()
        ready = [request for due_s, request in self.due if due_s <= now_s]
        self.due = [item for item in self.due if item[0] > now_s]
        if ready:
            self.inbox += self.tamper(self.answer(ready[-1]))
        return self.inbox.pop(0) if self.inbox else None

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


class World:
    """A loop whose epoch has begun, and everything that it is made of.

    Args:
        limits: As options of `Limits.of`.
        hold_s: Of the ladder.
        max_frozen_s: Of the guard.
        planner: In place of the late one.
        num_observations: That a decision looks at.
    """

    def __init__(
        self, *, hold_s=10.0, max_frozen_s=None, planner=None, num_observations=1, **limits
    ):
        self.clock = FakeClock()
        self.robot, self.planner = Place(self.clock), planner or Late(self.clock)
        self.limits = Limits.of(BODY, **limits)
        ladder = Ladder({Rung.HOLD: hold_s})
        self.system = System1(BODY, self.limits, max_age_s=3.0, ladder=ladder)
        self.loop = Loop(
            self.robot,
            self.planner,
            self.system,
            guard=ObservationGuard(BODY, max_age_s=1.0, max_frozen_s=max_frozen_s),
            delay=DelayEstimate(most=8),
            num_observations=num_observations,
            patience_ticks=20,
            clock=self.clock,
        )
        self.ticker = Ticker(HZ, self.clock)
        self.loop.begin(rest=np.zeros(1, np.float32))

    def tick(self, count):
        """Return what happened in the next so many ticks."""
        return [self.loop.step(self.ticker.wait()) for _ in range(count)]

    def heal(self):
        """Let robot and planner be as they should be."""
        self.robot.heal()
        self.planner.heal()


def rungs_of(ticks):
    return [item.command.rung for item in ticks]


def assert_limits_kept(world):
    """As the robot was told, from its rest on."""
    told = np.array([0.0, 0.0, *world.robot.told])
    assert np.abs(told).max() <= 1e6
    assert np.abs(np.diff(told)).max() <= FIRST + 1e-3
    assert np.abs(np.diff(told, 2)).max() <= SECOND + 1e-3


@pytest.fixture
def steered():
    """A world whose robot is steered, looks for hung cameras and has limits."""
    limits = {"velocity": HZ * FIRST, "acceleration": HZ**2 * SECOND}
    world = World(max_frozen_s={FRONT: 0.3}, **limits)
    assert world.tick(30)[-1].command.rung is Rung.STEERED
    assert not world.loop.counts
    return world


@pytest.fixture
def suffer(steered, caplog):
    """Let a fault befall a steered robot, see what must come of it, and that it is over after.

    A command goes out on every tick, within the limits, and nothing raises.
    """

    def suffer(spoils, worst, counted, line, ticks=45):
        before = counted(steered)
        spoils(steered)
        during = steered.tick(ticks)
        steered.heal()
        after = steered.tick(50)

        assert max(rungs_of(during)) is worst
        assert rungs_of(after)[-10:] == [Rung.STEERED] * 10
        assert counted(steered) > before
        assert [text for text in caplog.messages if line in text], caplog.messages
        assert len(caplog.messages) < 30
        assert_limits_kept(steered)

    return suffer


@pytest.fixture
def rungs():
    return rungs_of


@pytest.fixture
def limits_kept():
    return assert_limits_kept


@pytest.fixture
def make_world():
    return World


@pytest.fixture
def world():
    return World()
