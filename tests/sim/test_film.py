"""Films: made of frames, or a strip of pictures where there is no encoder."""

from unittest import mock

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest

from sim import film


def frames(count):
    """Return frames of rising brightness."""
    return [np.full((64, 64, 3), 10 * i, np.uint8) for i in range(count)]


@pytest.mark.slow
def test_a_film_can_be_read_again(tmp_path):
    """All frames, 20 a second."""
    path = film.write(frames(8), tmp_path / "new" / "film.mp4")

    assert path == tmp_path / "new" / "film.mp4"
    assert imageio_ffmpeg.count_frames_and_secs(str(path)) == (8, pytest.approx(0.4))


def test_without_an_encoder_there_is_a_strip(tmp_path):
    """Six pictures, from the first frame to the last."""
    whole = iio.imwrite

    def no_encoder(path, pictures, **options):
        if options:
            raise RuntimeError("no encoder")
        whole(path, pictures)

    with mock.patch.object(film.iio, "imwrite", no_encoder):
        path = film.write(frames(20), tmp_path / "film.mp4")

    strip = iio.imread(path)
    assert (path.suffix, strip.shape) == (".png", (6 * 64, 64, 3))
    assert (strip[0, 0, 0], strip[-1, 0, 0]) == (0, 190)
