"""Films: made of frames, or a strip of pictures where there is no encoder."""

from unittest import mock

import imageio.v3 as iio
import numpy as np

from sim import film


def frames(count):
    """Return frames of rising brightness."""
    return [np.full((64, 64, 3), 10 * i, np.uint8) for i in range(count)]


def test_a_film_can_be_read_again(tmp_path):
    """All frames, 20 a second."""
    path = film.write(frames(8), tmp_path / "new" / "film.mp4")

    assert path == tmp_path / "new" / "film.mp4"
    read = iio.imread(path, plugin="pyav")
    assert read.shape == (8, 64, 64, 3)
    assert np.abs(read[:, 0, 0, 0] - 10.0 * np.arange(8)).max() <= 3
    assert iio.immeta(path, plugin="pyav")["fps"] == 20


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
