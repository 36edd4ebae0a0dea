"""What may be added to a dataset, as `sim.card` decides."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.card import collected_seeds, write_card
from sim.tasks import TASKS
from steer.errors import DatasetError

PUSH, CUBE = TASKS["push"], TASKS["cube-single"]


@pytest.fixture
def root(tmp_path):
    """Return a dataset of push that holds seeds 0 and 1, two rows each."""
    root = tmp_path / "robot"
    (root / "meta").mkdir(parents=True)
    (root / "data").mkdir()
    table = {
        "steer.seed": np.array([0, 0, 1, 1]),
        "steer.noise": np.array([0.3, 0.3, 0.6, 0.6], np.float32),
    }
    pq.write_table(pa.table(table), root / "data" / "file.parquet")
    write_card(root, PUSH)
    return root


def test_a_dataset_that_is_not_there_holds_nothing(tmp_path):
    """The first run makes it."""
    assert collected_seeds(tmp_path / "none", PUSH, {0: 0.3}) == set()


def test_the_seeds_of_a_dataset_are_found(root):
    """Those are not collected again."""
    assert collected_seeds(root, PUSH, {0: 0.3, 1: 0.6, 2: 0.0}) == {0, 1}


def test_another_task_of_the_same_robot_is_added_to_the_card(root):
    """Both stay listed."""
    write_card(root, TASKS["peg-insert-side"])

    assert '"push"' in (root / "meta" / "steer.json").read_text()
    assert collected_seeds(root, PUSH, {}) == {0, 1}


def test_another_embodiment_is_refused(root):
    """The text names the first field that differs."""
    with pytest.raises(DatasetError, match=r"expected embodiment\.name 'ogbench-ur5e', got"):
        collected_seeds(root, CUBE, {})


def test_one_differing_unit_is_enough(root):
    """The whole description is compared, not the robot's name."""
    slower = replace(PUSH, embodiment=replace(PUSH.embodiment, control_hz=40.0))

    with pytest.raises(DatasetError, match=r"expected embodiment\.control_hz 40\.0, got 80\.0"):
        collected_seeds(root, slower, {})


def test_a_seed_with_another_noise_is_refused(root):
    """It would be skipped as present although it is not the episode that was asked for."""
    with pytest.raises(DatasetError, match=r"expected noise 1\.0 for seed 1, got 0\.6"):
        collected_seeds(root, PUSH, {0: 0.3, 1: 1.0})


def test_a_dataset_of_someone_else_is_refused(tmp_path):
    """Whatever it is, nothing is written into it."""
    (tmp_path / "meta").mkdir()

    with pytest.raises(DatasetError, match=r"expected sim\.collect's meta/steer\.json, got none"):
        collected_seeds(tmp_path, PUSH, {})
