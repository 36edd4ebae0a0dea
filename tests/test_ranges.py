"""Ranges: what the robot makes of a command."""

from dataclasses import replace

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.ranges import as_run, clip_to_range, overlap_distance, spans

ROBOT = Embodiment(
    name="",
    control_hz=0,
    actions=(ActionDim(name="x", low=-2.0, high=1.0), ActionDim(name="free")),
    observations=(),
)
FAR = np.float32([[-9.0, -9.0], [9.0, 9.0]])


def test_only_known_ranges_are_clipped():
    """An action of unknown range keeps its commands."""
    np.testing.assert_array_equal(clip_to_range(FAR, ROBOT), [[-2.0, -9.0], [1.0, 9.0]])


def test_a_robot_that_does_not_clip_runs_what_it_is_told():
    """Its commands are judged as they are."""
    strict = replace(ROBOT, out_of_range="reject")

    np.testing.assert_array_equal(as_run(FAR, ROBOT), clip_to_range(FAR, ROBOT))
    np.testing.assert_array_equal(as_run(FAR, strict), FAR)


def test_a_span_is_the_range_or_what_is_seen():
    """Where neither says anything, a difference is divided by 1."""
    still = np.float32([[0.0, 5.0]])

    assert spans(ROBOT, FAR).tolist() == [3.0, 18.0]
    assert spans(ROBOT, FAR[:1], FAR[1:]).tolist() == [3.0, 18.0]
    assert spans(ROBOT, still).tolist() == [3.0, 1.0]


def test_what_is_clipped_is_single_precision():
    """A scorer's input stays what the wire brings."""
    assert clip_to_range(FAR, ROBOT).dtype == np.float32


def test_an_unknown_range_is_what_is_seen():
    """Degrees do not drown metres because their range is not known."""
    robot = Embodiment(
        name="", control_hz=0, actions=(ActionDim(name="deg"), ActionDim(name="m")), observations=()
    )
    rest = np.float32([[0, 0]])
    chunks = np.float32([[[90, 0]], [[0, 0.1]], [[0, 0]]])

    distances = overlap_distance(chunks, rest, robot, decay=1.0)

    assert distances[0] == pytest.approx(distances[1])
    assert distances[2] == 0.0
