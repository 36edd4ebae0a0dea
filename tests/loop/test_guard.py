"""Nothing is decided on an observation that is broken, old or frozen."""

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.loop.guard import ObservationGuard
from steer.types import EncodedImage, Observation

BODY = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="x"),),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(2,)),
        ObservationField(name="observation.images.front", dtype="uint8", shape=(4, 4, 3)),
    ),
)


def seen(value=0.0, *, captured_at_s=None, image=b"jpeg", state=None):
    arrays = {
        "observation.state": np.full(2, value, np.float32) if state is None else state,
        "observation.images.front": EncodedImage("jpeg", image),
    }
    return Observation(arrays, captured_at_s=captured_at_s)


def test_a_whole_young_one_has_no_fault():
    """Images are not opened for that."""
    guard = ObservationGuard(BODY, max_age_s=0.1, max_frozen=1)

    assert guard.fault(seen(captured_at_s=1.0), now_s=1.05) == ""
    assert not guard.counts


@pytest.mark.parametrize(
    ("observation", "why", "text"),
    [
        (
            Observation({"observation.state": np.zeros(2, np.float32)}),
            "missing",
            "observation 'observation.images.front': expected one, got none",
        ),
        (
            seen(state=np.zeros(3, np.float32)),
            "shape",
            "observation 'observation.state': expected shape [2], got [3]",
        ),
        (
            seen(captured_at_s=0.5),
            "old",
            "observation: expected one at most 0.1 s old, got 0.500 s",
        ),
    ],
)
def test_what_is_wrong_is_said_and_counted(observation, why, text):
    """With what was expected."""
    guard = ObservationGuard(BODY, max_age_s=0.1)

    assert guard.fault(observation, now_s=1.0) == text
    assert guard.counts == {why: 1}


def test_a_sensor_that_hangs_is_found_and_one_that_goes_on_is_forgiven():
    """Equal to the last bit more often than is allowed; one change is enough."""
    guard = ObservationGuard(BODY, max_age_s=1.0, max_frozen=2)
    values = (1.0, 1.0, 1.0, 1.0, 2.0, 2.0)

    found = [guard.fault(seen(value), now_s=0.0) for value in values]

    assert [bool(text) for text in found] == [False, False, True, True, False, False]
    assert found[2] == "observation: expected at most 2 equal ones in a row, got 3"
    assert guard.counts == {"frozen": 2}


def test_a_camera_that_moves_is_a_change():
    """Whatever the state says."""
    guard = ObservationGuard(BODY, max_age_s=1.0, max_frozen=1)

    found = [guard.fault(seen(image=data), now_s=0.0) for data in (b"1", b"2", b"3")]

    assert found == ["", "", ""]


@pytest.mark.parametrize("options", [{"max_age_s": 0.0}, {"max_age_s": 1.0, "max_frozen": 0}])
def test_limits_that_are_none_are_refused(options):
    """With what would be one."""
    with pytest.raises(InvalidInputError, match="expected >"):
        ObservationGuard(BODY, **options)
