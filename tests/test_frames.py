"""Frames beside a dataset: whole or refused, in whatever rows they are."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steer.errors import DatasetError
from steer.frames import (
    FrameCard,
    FrameWriter,
    data_digest,
    decision_rows,
    open_frames,
    resized,
)

ROWS = np.array([0, 2, 4, 6])
CARD = FrameCard(
    key="observation.images.front",
    shape=(2, 3, 3),
    dtype="uint8",
    camera="front",
    every=2,
    rows=7,
    data_sha256="d",
)


def images(*values):
    """Return images of one brightness each."""
    return np.stack([np.full(CARD.shape, value, np.uint8) for value in values])


def write(directory, task="walk"):
    """Write the frames of two episodes, of rows 0 to 3 and 4 to 6."""
    writer = FrameWriter(directory, task, CARD, ROWS)
    writer.put(0, 4, images(10, 12))
    writer.put(4, 7, images(14, 16))
    writer.keep(7)


def test_a_row_gets_its_own_frame(tmp_path):
    """In whatever order; a row without one has the place -1."""
    write(tmp_path)

    store = open_frames(tmp_path, "walk", maker="m")

    assert len(store) == 4
    assert store.places(np.array([4, 3, 0, 99])).tolist() == [2, -1, 0, -1]
    assert store.take(np.array([2, 0, 2]))[:, 0, 0, 0].tolist() == [14, 10, 14]
    assert store.take(np.array([1])).dtype == np.uint8
    assert (store.card.field.name, store.card.field.shape) == (CARD.key, CARD.shape)


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    """What was kept stands; until the end they are not to be read."""
    writer = FrameWriter(tmp_path, "walk", CARD, ROWS)
    writer.put(0, 4, images(10, 12))
    writer.keep(4)
    with pytest.raises(DatasetError) as caught:
        open_frames(tmp_path, "walk", maker="make them")
    again = FrameWriter(tmp_path, "walk", CARD, ROWS)
    first = again.done
    again.put(4, 7, images(14, 16))
    again.keep(7)

    assert first == 4
    assert str(caught.value) == (
        f"frames of 'walk' in {tmp_path}: expected all of them, got 4 of 7 rows; run `make them`"
    )
    assert open_frames(tmp_path, "walk", maker="m").take(np.arange(4))[:, 0, 0, 0].tolist() == [
        *(10, 12, 14, 16)
    ]


def test_frames_of_other_rows_or_cameras_are_not_mixed_in(tmp_path):
    """The text says what to do."""
    write(tmp_path)
    other = replace(CARD, every=3)

    with pytest.raises(DatasetError, match="delete them, or choose another directory"):
        FrameWriter(tmp_path, "walk", other, ROWS)


def test_an_image_of_another_size_is_refused(tmp_path):
    """With the rows of its episode."""
    writer = FrameWriter(tmp_path, "walk", CARD, ROWS)

    with pytest.raises(DatasetError) as caught:
        writer.put(4, 7, np.zeros((2, 4, 4, 3), np.uint8))

    assert str(caught.value) == (
        "observation.images.front in rows 4 to 6: expected uint8 of shape [2, 2, 3, 3], got uint8 "
        "of shape [2, 4, 4, 3]"
    )


def test_pictures_of_before_there_were_clouds_are_still_read(tmp_path):
    """Their card knows a camera and a size alone."""
    card = {"camera": "c", "size": 2, "every": 3, "rows": 1, "data_sha256": "x", "done": 1}
    (tmp_path / "push.json").write_text(json.dumps(card))
    np.save(tmp_path / "push.rows.npy", np.array([0]))
    np.save(tmp_path / "push.npy", np.full((1, 2, 2, 3), 7, np.uint8))

    store = open_frames(tmp_path, "push", maker="m")

    assert store.card.key == "observation.images.c"
    assert (store.card.shape, store.card.dtype, store.card.every) == ((2, 2, 3), "uint8", 3)
    assert store.take(np.array([0])).max() == 7


@pytest.mark.parametrize("text", ["[]", "{", '{"key": "k"}', '{"camera": "c"}'])
def test_a_card_that_is_none_is_refused(tmp_path, text):
    """By its path."""
    (tmp_path / "walk.json").write_text(text)

    with pytest.raises(DatasetError, match=r"walk\.json: expected a card of frames, got"):
        open_frames(tmp_path, "walk", maker="m")


def test_frames_that_are_cut_short_are_refused(tmp_path):
    """Neither a torn file nor one of other rows is looked at."""
    write(tmp_path)
    np.save(tmp_path / "walk.rows.npy", np.arange(3))
    with pytest.raises(DatasetError, match=r"expected uint8 of shape \[3, 2, 3, 3\], got uint8"):
        open_frames(tmp_path, "walk", maker="m")

    whole = (tmp_path / "walk.npy").read_bytes()
    (tmp_path / "walk.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"walk\.npy: expected frames, got"):
        open_frames(tmp_path, "walk", maker="m")


def test_an_instruction_is_a_file_name_too(tmp_path):
    """Where a dataset gives its task no name."""
    write(tmp_path, task="Put the cup / mug down!")

    assert (tmp_path / "Put-the-cup-mug-down-.json").exists()
    assert len(open_frames(tmp_path, "Put the cup / mug down!", maker="m")) == 4


def test_decisions_are_counted_from_the_start_of_each_episode():
    """The first row always has a frame."""
    episode = np.array([5, 5, 5, 5, 5, 7, 8, 8, 8, 8])

    assert decision_rows(episode, every=3).tolist() == [0, 3, 5, 6, 9]
    assert decision_rows(episode, every=1).tolist() == list(range(10))


def test_data_are_known_by_seeds_and_actions(rng):
    """Other types of the same numbers are the same data; without seeds they are others."""
    actions, seeds = rng.random((4, 2)).astype(np.float32), np.arange(4)

    found = data_digest(actions, seeds)

    assert found == data_digest(actions.astype(np.float64), seeds.astype(np.int32))
    assert found != data_digest(actions, None)
    assert found != data_digest(actions[::-1], seeds)


def test_a_smaller_image_is_the_mean_over_areas():
    """Exactly so where pixels fit into each other, and in shares where they do not."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[:2, :3] = 100
    image[0, 0] = 200

    half = resized(image, height=2, width=2)

    assert half[:, :, 0].tolist() == [[round((5 * 100 + 200) / 6), 0], [0, 0]]
    assert resized(image, height=4, width=6) is image
    thirds = resized(np.array([[[0] * 3, [90] * 3]], np.uint8), height=1, width=3)
    assert thirds[0, :, 0].tolist() == [0, 45, 90]


def test_the_brightness_of_an_image_survives(rng):
    """Whatever the sizes are."""
    image = rng.integers(0, 256, (48, 37, 3)).astype(np.uint8)

    for size in ((16, 16), (20, 31), (96, 74)):
        small = resized(image, height=size[0], width=size[1])
        assert small.shape == (*size, 3)
        assert abs(float(small.mean()) - float(image.mean())) < 0.5
