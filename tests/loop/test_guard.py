"""Nothing is decided on an observation that is broken, old or frozen."""

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.loop.guard import ObservationGuard
from steer.types import EncodedImage, Observation

STATE, FRONT = "observation.state", "observation.images.front"
BODY = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="x"),),
    observations=(
        ObservationField(name=STATE, dtype="float32", shape=(2,)),
        ObservationField(name=FRONT, dtype="uint8", shape=(4, 4, 3)),
    ),
)


def seen(value=0.0, *, captured_at_s=None, image=b"jpeg", state=None):
    arrays = {
        STATE: np.full(2, value, np.float32) if state is None else state,
        FRONT: EncodedImage("jpeg", image),
    }
    return Observation(arrays, captured_at_s=captured_at_s)


def test_a_whole_young_one_has_no_fault():
    """Images are not opened for that."""
    guard = ObservationGuard(BODY, max_age_s=0.1, max_frozen_s={STATE: 0.1, FRONT: 0.1})

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


@pytest.mark.parametrize("ahead_s", [0.02, 3600.0, float("nan")])
def test_an_instant_of_another_clock_is_said(ahead_s):
    """It would be young for ever: the clock on the wall, or that of another machine."""
    guard = ObservationGuard(BODY, max_age_s=0.1)

    assert guard.fault(seen(captured_at_s=1.0 + ahead_s), now_s=1.0) == (
        "observation: expected captured_at_s on the loop's monotonic clock, "
        f"got {ahead_s:.3f} s ahead of it"
    )
    assert guard.counts == {"future": 1}


def test_a_driver_may_be_a_little_wrong_about_when_a_frame_was():
    """Some milliseconds, for it estimates."""
    assert ObservationGuard(BODY, max_age_s=0.1).fault(seen(captured_at_s=1.009), now_s=1.0) == ""


def faults(observations, **max_frozen_s):
    """Return what is said of observations a tenth of a second apart, and the counts."""
    names = {"state": STATE, "front": FRONT}
    limits_s = {names[name]: limit_s for name, limit_s in max_frozen_s.items()}
    guard = ObservationGuard(BODY, max_age_s=9.0, max_frozen_s=limits_s)
    return [guard.fault(item, now_s=tick / 10) for tick, item in enumerate(observations)], guard


def test_a_camera_that_hangs_is_found_beside_joints_that_move():
    """And forgiven once it goes on."""
    images = (b"1", b"1", b"1", b"1", b"2", b"2")

    found, guard = faults((seen(tick, image=image) for tick, image in enumerate(images)), front=0.2)

    assert [bool(text) for text in found] == [False, False, False, True, False, False]
    assert found[3] == f"observation {FRONT!r}: expected a change within 0.2 s, got none in 0.300 s"
    assert guard.counts == {"frozen": 1}


def test_joints_that_hang_are_found_beside_a_camera_that_sees():
    """Each field has its own time."""
    found, _ = faults((seen(image=b"%d" % tick) for tick in range(4)), state=0.1, front=0.1)

    assert [bool(text) for text in found] == [False, False, True, True]
    assert STATE in found[2]


def test_what_is_not_named_may_stay_for_ever():
    """A goal, say, or a joint that rests."""
    found, _ = faults((seen(image=b"%d" % tick) for tick in range(9)), front=0.1)

    assert found == [""] * 9


@pytest.mark.parametrize(
    "raw", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 6), np.uint8)[..., ::2]]
)
def test_a_buffer_that_is_filled_again_and_again_has_changed(raw):
    """Drivers hand out the same memory every time; it is compared with what was in it."""

    def frames():
        for tick in range(9):
            raw[...] = tick
            yield Observation({STATE: np.zeros(2, np.float32), FRONT: raw})

    assert faults(frames(), front=0.1)[0] == [""] * 9


def test_a_field_that_was_missing_has_not_changed():
    """Nor does it make the others look so."""
    bare = Observation({STATE: np.zeros(2, np.float32)})

    found, guard = faults([seen(), bare, bare, seen()], front=0.2)

    assert guard.counts == {"missing": 2, "frozen": 1}
    assert "got none in 0.300 s" in found[3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_age_s": 0.0}, "max_age_s: expected > 0"),
        (
            {"max_frozen_s": {FRONT: 0.0}},
            r"max_frozen_s\['observation.images.front'\]: expected > 0",
        ),
        ({"max_frozen_s": {"front": 1.0}}, "max_frozen_s: expected names of 'observation.state', "),
    ],
)
def test_limits_that_are_none_are_refused(options, message):
    """With what would be one."""
    with pytest.raises(InvalidInputError, match=message):
        ObservationGuard(BODY, **{"max_age_s": 1.0, **options})
