"""The curve of a run: what is on the disk, and what a kill may leave."""

import pytest

from steer.train.logs import Curve


@pytest.fixture
def directory(tmp_path):
    curve = Curve(tmp_path, first_step=0)
    for step in (10, 20, 30):
        curve.add(step, {"critic": step / 3, "learning_rate": 1e-5 / step})
    curve.close()
    return tmp_path


@pytest.mark.slow
def test_curve_is_on_disk(directory):
    """CSV, picture and TensorBoard's file are there."""
    lines = (directory / "curve.csv").read_text().splitlines()

    assert len(lines) == 4
    assert (directory / "curve.png").stat().st_size > 1000
    assert list((directory / "tensorboard").iterdir())


@pytest.mark.slow
def test_points_after_the_state_are_dropped(directory):
    """A run that goes on from step 20 writes step 30 once."""
    curve = Curve(directory, first_step=20)
    curve.add(30, {"critic": 1.0, "learning_rate": 1.0})
    curve.close()

    steps = [line.split(",")[0] for line in (directory / "curve.csv").read_text().split()[1:]]
    assert steps == ["10.0", "20.0", "30.0"]


@pytest.mark.slow
@pytest.mark.parametrize("torn", ["40.0,1.3", "40.0,1.3,8.9e-", "4"])
def test_torn_line_is_dropped(directory, torn):
    """Half a line, left by a kill, does not stop the next run."""
    path = directory / "curve.csv"
    path.write_text(path.read_text() + torn)

    Curve(directory, first_step=100).close()

    assert len(path.read_text().splitlines()) == 4
