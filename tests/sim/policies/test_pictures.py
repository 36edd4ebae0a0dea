"""Pictures for policies: those of several tasks, by task and row."""

import json

import numpy as np
import pytest

from sim.policies.pictures import read_pictures
from steer.errors import DatasetError
from steer.frames import FrameCard, FrameWriter


def write(directory, task, values, *, size=4, camera="corner3"):
    """Write pictures of every second row, each of one brightness."""
    card = FrameCard(
        key=f"observation.images.{camera}",
        shape=(size, size, 3),
        dtype="uint8",
        camera=camera,
        every=2,
        rows=2 * len(values),
        data_sha256=task,
    )
    writer = FrameWriter(directory, task, card, np.arange(0, card.rows, 2))
    writer.put(0, card.rows, np.stack([np.full(card.shape, v, np.uint8) for v in values]))
    writer.keep(card.rows)


def test_each_row_shows_the_picture_of_its_task(tmp_path):
    """Rows of several tasks, in whatever order."""
    write(tmp_path, "push", [1, 2])
    write(tmp_path, "scene", [3, 4, 5])

    found = read_pictures(tmp_path, ["push", "scene"])

    task, source = np.array([1, 0, 1, 0]), np.array([4, 2, 0, 0])
    assert found.take(task, source)[:, 0, 0, 0].tolist() == [5, 2, 3, 1]
    assert found.has(np.array([0, 1, 0, 1]), np.array([4, 4, 2, 1])).tolist() == [
        *(False, True, True, False)
    ]
    assert (found.name, found.shape) == ("observation.images.corner3", (4, 4, 3))


def test_the_digest_of_pictures_is_what_it_was_before_there_were_clouds(tmp_path):
    """A training that was stopped then goes on."""
    write(tmp_path, "push", [1, 2])

    assert json.loads(read_pictures(tmp_path, ["push"]).digest()) == [
        {
            "camera": "corner3",
            "size": 4,
            "every": 2,
            "rows": 4,
            "data_sha256": "push",
            "done": 4,
        }
    ]


@pytest.mark.parametrize("other", [{"size": 5}, {"camera": "topview"}])
def test_pictures_of_two_kinds_are_refused(tmp_path, other):
    """One policy has one camera."""
    write(tmp_path, "push", [1, 2])
    write(tmp_path, "scene", [3], **other)

    with pytest.raises(DatasetError, match="expected one camera and size, got"):
        read_pictures(tmp_path, ["push", "scene"])
