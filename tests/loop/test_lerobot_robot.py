"""A robot of LeRobot is driven like any other; names decide, and not the order of things."""

import importlib.util

import numpy as np
import pytest

from steer.clock import FakeClock
from steer.errors import InvalidInputError
from steer.limits import Limits
from steer.loop import run
from steer.loop.chunks import Chunk
from steer.loop.lerobot_robot import LeRobotRobot

JOINTS = ("shoulder_pan.pos", "elbow_flex.pos", "gripper.pos")
CAMERA = (4, 6, 3)


class Arm:
    """What LeRobot's `Robot` offers, with two joints, a gripper and a camera."""

    name = "so101_follower"

    def __init__(self):
        self.places = dict.fromkeys(JOINTS, 0.0)
        self.picture = np.full(CAMERA, 7, np.uint8)
        self.most = np.inf
        self.more = {}

    @property
    def observation_features(self):
        return {**dict.fromkeys(JOINTS, float), "front": CAMERA, **self.more}

    @property
    def action_features(self):
        return dict.fromkeys(JOINTS, float)

    def get_observation(self):
        found = {"front": self.picture, **self.places}
        return {name: found[name] for name in sorted(found)}  # in no order that we know

    def send_action(self, action):
        self.places = {name: min(value, self.most) for name, value in action.items()}
        return self.places


@pytest.fixture
def arm():
    return Arm()


def test_its_body_has_the_names_and_the_order_of_its_features(arm):
    """Joints by their own names; pictures as uint8."""
    body = LeRobotRobot(
        arm, control_hz=30.0, unit="deg", ranges={"gripper.pos": (0.0, 100.0)}
    ).embodiment

    assert [dim.name for dim in body.actions] == list(JOINTS)
    assert (body.actions[2].low, body.actions[2].high, body.actions[2].unit) == (0.0, 100.0, "deg")
    assert (body.name, body.control_hz, body.mode) == ("so101_follower", 30.0, "absolute")
    assert [(item.name, item.dtype, item.shape) for item in body.observations] == [
        ("observation.state", "float32", (3,)),
        ("observation.images.front", "uint8", CAMERA),
    ]


def test_numbers_are_found_by_their_names(arm):
    """The driver returns them in another order."""
    arm.places = {"elbow_flex.pos": 2.0, "gripper.pos": 3.0, "shoulder_pan.pos": 1.0}
    robot = LeRobotRobot(arm, control_hz=30.0, instruction="pick", clock=FakeClock(5.0))

    seen = robot.observe()

    assert seen.arrays["observation.state"].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(seen.arrays["observation.images.front"], arm.picture)
    assert (seen.captured_at_s, seen.instruction) == (5.0, "pick")
    assert robot.rest().tolist() == [1.0, 2.0, 3.0]


def test_commands_go_out_by_name_and_what_the_driver_moved_is_counted(arm):
    """What runs would not be what was judged."""
    robot = LeRobotRobot(arm, control_hz=30.0)
    robot.act(np.float32([0.25, 0.5, 0.75]))
    assert (arm.places, robot.num_moved) == (dict(zip(JOINTS, (0.25, 0.5, 0.75), strict=True)), 0)

    arm.most = 0.5
    robot.act(np.float32([0.25, 0.5, 0.75]))

    assert robot.num_moved == 1


def test_where_it_stands_is_not_known_under_names_that_it_does_not_sense(arm):
    """A base is told a speed that nobody senses."""
    arm.get_observation = lambda: {"elbow_flex.pos": 2.0}

    rest = LeRobotRobot(arm, control_hz=30.0).rest()

    np.testing.assert_array_equal(rest, np.float32([np.nan, 2.0, np.nan]))


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({}, r"get_observation\(\): expected 'front', got nothing"),
        ({"front": np.zeros(CAMERA)}, r"'front': expected uint8 of shape \[4, 6, 3\], got float64"),
        ({"front": np.zeros((6, 4, 3), np.uint8)}, r"got uint8 of shape \[6, 4, 3\]"),
        (
            {"front": np.zeros(CAMERA, np.uint8), "elbow_flex.pos": 1.0},
            r"expected 'shoulder_pan.pos', got elbow_flex.pos, front",
        ),
        (
            {"front": np.zeros(CAMERA, np.uint8), "shoulder_pan.pos": "far"},
            "'shoulder_pan.pos': expected a number, got far",
        ),
    ],
)
def test_what_is_not_as_the_features_say_is_refused_by_name(arm, seen, message):
    """The loop counts it as a fault, and goes on."""
    arm.get_observation = lambda: seen

    with pytest.raises(InvalidInputError, match=message):
        LeRobotRobot(arm, control_hz=30.0).observe()


def test_features_that_nobody_can_decide_on_are_refused_or_left_out(arm):
    """Depth is no colour picture."""
    arm.more = {"front_depth": (4, 6, 1)}

    with pytest.raises(InvalidInputError, match=r"\['front_depth'\]: expected float, or \(height"):
        LeRobotRobot(arm, control_hz=30.0)
    body = LeRobotRobot(arm, control_hz=30.0, without={"front_depth", "front"}).embodiment
    assert [item.name for item in body.observations] == ["observation.state"]


class ToTheRight:
    """A planner that always wants all joints at one."""

    def __init__(self):
        self.request = None

    def submit(self, request):
        self.request = request

    def sense(self, sensed):
        pass

    def poll(self):
        request, self.request = self.request, None
        if request is None:
            return None
        return Chunk(
            actions=np.ones((8, 3), np.float32),
            consumed=request.consumed,
            commit=8,
            captured_at_s=request.captured_at_s,
            epoch=request.epoch,
            sequence=request.sequence,
        )


def drive(arm, count):
    clock = FakeClock()
    robot = LeRobotRobot(arm, control_hz=10.0, clock=clock)
    body = robot.embodiment
    ticks = []
    run(
        robot,
        ToTheRight(),
        body,
        limits=Limits.of(body, velocity=1.0),
        rest=robot.rest(),
        until=lambda ticked: ticks.append(ticked) or len(ticks) == count,
        clock=clock,
    )


def test_it_is_driven_within_its_limits(arm):
    """A tenth a tick, from where it stands, all three joints alike."""
    arm.places = dict.fromkeys(JOINTS, 0.5)

    drive(arm, 3)

    assert list(arm.places.values()) == pytest.approx([0.8, 0.8, 0.8])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("lerobot") is None, reason="needs lerobot")
def test_a_robot_of_lerobots_own_base_class_is_driven(tmp_path):
    """With its configuration, its name and its calibration directory."""
    from dataclasses import dataclass

    from lerobot.robots import Robot, RobotConfig

    @RobotConfig.register_subclass("steer_test_arm")
    @dataclass
    class Config(RobotConfig):
        pass

    class Real(Arm, Robot):
        config_class = Config
        is_connected = is_calibrated = True

        def __init__(self, config):
            Robot.__init__(self, config)
            Arm.__init__(self)

        def connect(self, *, calibrate=True):
            pass

        def calibrate(self):
            pass

        def configure(self):
            pass

        def disconnect(self):
            pass

    real = Real(Config(id="one", calibration_dir=tmp_path))
    drive(real, 2)

    assert list(real.places.values()) == pytest.approx([0.2, 0.2, 0.2])
