"""The noise plan of a recording; what is recorded is tested through the command, `test_collect`."""

from collections import Counter

import numpy as np
import pytest

from sim import recording
from sim.recording import noise_plan, with_cameras
from sim.tasks import TASKS
from steer.errors import DatasetError, InvalidInputError


@pytest.mark.parametrize("name", TASKS)
def test_three_hundred_episodes_hold_the_mixture_exactly(name):
    """The task table promises so many of each."""
    mixture = TASKS[name].mixture

    assert Counter(noise_plan(mixture, 300)) == dict(mixture)


def test_a_longer_plan_begins_with_the_shorter_one():
    """Otherwise a dataset could not be extended."""
    mixture = TASKS["push"].mixture

    assert noise_plan(mixture, 300)[:40] == noise_plan(mixture, 40)


def test_the_levels_are_spread_evenly():
    """A dataset cut short is a small one of the same mixture."""
    assert noise_plan(((0.0, 1), (0.6, 2)), 6) == [0.6, 0.0, 0.6] * 2


@pytest.mark.parametrize("pair", [(-0.1, 1), (float("nan"), 1), (0.3, 0)])
def test_a_noise_that_makes_no_sense_is_refused(pair):
    """The text shows what was given."""
    with pytest.raises(
        InvalidInputError, match=r"^noise: expected sigma >= 0 and count >= 1, got "
    ):
        noise_plan((pair,), 3)


def test_an_episode_that_is_refused_is_not_kept(tmp_path, monkeypatch):
    """Nor are those of its shard; the check sees each as it was recorded."""
    frames, seen = [{"next.success": np.array([True])}], []
    monkeypatch.setattr(recording, "make", lambda name: None)
    monkeypatch.setattr(recording, "attempt", lambda *_: frames)
    monkeypatch.setattr(recording, "_open", lambda *_: pytest.fail("it was to be kept"))

    def refuse(seed, found):
        seen.append((seed, found))
        raise DatasetError("another episode")

    with pytest.raises(DatasetError, match="another episode"):
        recording.record(
            TASKS["push"],
            tmp_path / "data",
            {7: 0.0},
            progress=lambda *_: None,
            expert=object(),
            check=refuse,
        )

    assert seen == [(7, frames)]
    assert not (tmp_path / "data").exists()


def test_a_camera_becomes_an_observation():
    """After those that the robot has anyway."""
    spec = with_cameras(TASKS["push"], ["corner3"], 64)

    *others, picture = spec.embodiment.observations
    assert tuple(others) == TASKS["push"].embodiment.observations
    assert (picture.name, picture.shape) == ("observation.images.corner3", (64, 64, 3))


def test_pictures_without_pixels_are_refused():
    """The text says what is wrong."""
    with pytest.raises(InvalidInputError, match=r"^image size: expected >= 1 pixel, got 0$"):
        with_cameras(TASKS["push"], ["corner3"], 0)
