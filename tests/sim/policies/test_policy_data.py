"""Windows by index arithmetic: LeRobot's rule at the ends of an episode."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.policies.data import read_columns
from steer.errors import DatasetError

LENGTHS, IS_SUCCESS, TASK_OF = (3, 4, 2, 5), (True, False, True, True), (0, 0, 1, 0)


@pytest.fixture
def root(tmp_path):
    """Return a dataset of two tasks; row i has action i and state (10 i, 20 i)."""
    root = tmp_path / "robot"
    (root / "meta").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "meta" / "info.json").write_text("{}")
    names = pa.table({"task_index": [0, 1], "task": ["push it", "turn it"]}).to_pandas()
    pq.write_table(pa.Table.from_pandas(names.set_index("task")), root / "meta" / "tasks.parquet")
    count = sum(LENGTHS)
    index = np.arange(count)
    ends = np.cumsum(LENGTHS)
    state = np.stack([10 * index, 20 * index], 1).astype(np.float32)
    success = np.zeros(count, bool)
    success[ends - 1] = IS_SUCCESS
    table = pa.table(
        {
            "observation.state": pa.FixedSizeListArray.from_arrays(state.reshape(-1), 2),
            "action": pa.FixedSizeListArray.from_arrays(index.astype(np.float32), 1),
            "next.success": success,
            "episode_index": np.repeat(np.arange(len(LENGTHS)), LENGTHS),
            "task_index": np.repeat(TASK_OF, LENGTHS),
            "index": index,
        }
    )
    for part, rows in enumerate((slice(7, None), slice(0, 7))):  # files need not be in order
        taken = table.take(index[rows])
        pq.write_table(taken, root / "data" / f"file-{part}.parquet")
    return root


def test_the_rows_of_one_task_are_read_in_order(root):
    """Two other episodes lie between them in the files."""
    columns = read_columns(root, tasks=["push it"])

    assert columns.actions.reshape(-1).tolist() == [0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13]
    assert columns.observations["observation.state"][7].tolist() == [90, 180]
    assert columns.num_episodes == 3


def test_failures_are_left_out_on_request(root):
    """The `filtered` control clones successes alone."""
    columns = read_columns(root, tasks=["push it"], successes_only=True)

    assert columns.actions.reshape(-1).tolist() == [0, 1, 2, 9, 10, 11, 12, 13]
    assert columns.num_episodes == 2


def test_a_window_repeats_the_last_action_and_says_so(root):
    """It never reads into the next episode."""
    columns = read_columns(root, tasks=["push it"])

    rows, is_padding = columns.window(np.array([1, 5]), first=-1, length=4)

    assert rows.tolist() == [[0, 1, 2, 2], [4, 5, 6, 6]]
    assert is_padding.tolist() == [[False, False, False, True]] * 2


def test_a_history_repeats_the_first_observation(root):
    """It never reads into the episode before."""
    columns = read_columns(root, tasks=["push it"])

    assert columns.history(np.array([0, 3, 5]), 2).tolist() == [[0, 0], [3, 3], [4, 5]]


def test_a_dimension_that_hardly_moves_keeps_a_floor_under_its_spread(root):
    """Divided by a spread of almost nothing it would explode on the robot."""
    statistics = read_columns(root, tasks=["turn it"]).statistics()

    assert statistics["action"]["std"].tolist() == [0.5]
    assert statistics["action"]["min"].tolist() == [7]
    still = read_columns(root, tasks=["turn it"])
    still.actions[:] = 3.0
    assert still.statistics()["action"]["std"].tolist() == pytest.approx([0.01])


def test_an_unknown_task_is_refused_with_those_that_there_are(root):
    """Tasks are told by their instruction."""
    with pytest.raises(DatasetError, match=r"^task: expected one of 'push it', 'turn it', got 'x'"):
        read_columns(root, tasks=["x"])


def test_a_file_without_its_footer_is_told_from_a_missing_one(root):
    """A collection that was killed leaves one; collecting again mends it."""
    (root / "data" / "file-9.parquet").write_bytes(b"PAR1 cut short")

    with pytest.raises(DatasetError, match=r"expected finished parquet files, got one cut short"):
        read_columns(root, tasks=["push it"])


def test_a_directory_that_is_no_dataset_is_refused(tmp_path):
    """The text names it."""
    with pytest.raises(
        DatasetError, match=r"^dataset: expected a LeRobotDataset v3 in .*, got none"
    ):
        read_columns(tmp_path, tasks=["push it"])
