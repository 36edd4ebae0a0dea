"""A robot of more dimensions than its policy drives."""

from dataclasses import replace

import numpy as np

from sim.realtime.wide import WidePlanner, WideRobot, wide_body, wide_limits
from sim.tasks import spec_of
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.types import Observation

SEEN = Observation({"observation.state": np.zeros(4, np.float32)})
WIDE = np.arange(14, dtype=np.float32)


class Notes:
    """A planner and a robot of four dimensions that note what they are told."""

    def __init__(self):
        self.told, self.chunk = [], None

    def submit(self, request):
        self.told.append(request.observations[-1].running)

    def sense(self, sensed):
        self.told += [sensed.observation.running, sensed.sent]

    def poll(self):
        return self.chunk

    def act(self, action):
        self.told.append(action)


def test_a_body_gets_as_many_dimensions_as_are_wanted_and_its_own_first():
    """At another rate; what it senses is the same."""
    body = spec_of("push").embodiment
    found = wide_body(body, 14, hz=200.0)

    assert found.actions[:4] == body.actions
    assert (found.action_dim, found.control_hz) == (14, 200.0)
    assert found.observations == body.observations
    assert len(wide_limits(14)) == 14
    assert wide_body(body, 4, hz=80.0) == body


def test_the_robot_is_told_its_own_part():
    """The rest goes nowhere."""
    notes = Notes()
    WideRobot(notes, 4).act(WIDE)

    assert notes.told[0].tolist() == [0, 1, 2, 3]


def test_who_is_asked_sees_the_robots_own_part_and_answers_for_all():
    """Of what runs, and of what was sent."""
    notes = Notes()
    planner = WidePlanner(notes, 4, 14)
    seen = replace(SEEN, running=np.stack([WIDE, WIDE]))
    request = Request(
        observations=(SEEN, seen),
        consumed=0,
        frozen=0,
        epoch=1,
        sequence=1,
        captured_at_s=0.0,
        travelled=np.zeros(14),
    )
    sent = np.stack([WIDE] * 3)

    assert planner.poll() is None
    planner.submit(request)
    planner.sense(
        Sensed(
            observation=seen,
            consumed=0,
            epoch=1,
            captured_at_s=0.0,
            sent=sent,
            travelled=np.zeros(14),
        )
    )
    actions = np.float32([[1, 2, 3, 4]])
    notes.chunk = Chunk(actions=actions, consumed=0, commit=1, captured_at_s=0.0, sequence=1)
    found = planner.poll()

    assert [told.shape for told in notes.told] == [(2, 4), (2, 4), (3, 4)]
    assert found.actions.tolist() == [[1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2]]
