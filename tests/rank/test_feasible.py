"""Which candidates keep the robot's limits."""

from dataclasses import replace

import numpy as np

from steer.embodiment import ActionDim, Embodiment
from steer.rank.feasible import feasible

ROBOT = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="x", low=-1, high=1), ActionDim(name="y")),
    observations=(),
    out_of_range="reject",
)
CHUNKS = np.array([[[0.5, 9], [0.5, 9]], [[0.5, 9], [1.5, 9]], [[-1, 9], [1, 9]]], np.float32)


def test_a_chunk_outside_of_the_range_is_not_feasible():
    """Dimensions of unknown range are not looked at; the bounds themselves are inside."""
    assert feasible(CHUNKS, ROBOT).tolist() == [True, False, True]


def test_a_robot_that_clips_can_run_anything():
    """`clip` says that the robot keeps its range by itself."""
    assert feasible(CHUNKS, replace(ROBOT, out_of_range="clip")).all()


def test_a_jump_over_the_largest_step_is_not_feasible():
    """`max_step` bounds the change between consecutive actions."""
    robot = replace(ROBOT, actions=(ActionDim(name="x", max_step=1.0), ActionDim(name="y")))

    assert feasible(CHUNKS, robot).tolist() == [True, True, False]
