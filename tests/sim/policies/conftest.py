"""A dataset of random rows that the tests of policies share."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.tasks import TASKS

NUM_EPISODES, LENGTH = 4, 10


def write_dataset(root, names):
    """Write a dataset of Meta-World tasks with random rows: four episodes of ten for each."""
    (root / "meta").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "meta" / "info.json").write_text("{}")
    texts = [TASKS[name].instruction for name in names]
    table = pa.table({"task_index": range(len(names)), "task": texts}).to_pandas()
    pq.write_table(pa.Table.from_pandas(table.set_index("task")), root / "meta" / "tasks.parquet")
    rng = np.random.default_rng(0)
    count = NUM_EPISODES * LENGTH * len(names)

    def column(size):
        numbers = rng.uniform(-1, 1, (count, size)).astype(np.float32)
        return pa.FixedSizeListArray.from_arrays(numbers.reshape(-1), size)

    columns = {
        "observation.state": column(4),
        "observation.environment_state": column(39),
        "action": column(4),
        "next.success": np.arange(count) % (2 * LENGTH) == 2 * LENGTH - 1,
        "steer.seed": np.arange(count) // LENGTH,
        "steer.noise": (np.arange(count) // LENGTH % 2).astype(np.float32),
        "episode_index": np.arange(count) // LENGTH,
        "task_index": np.arange(count) // (NUM_EPISODES * LENGTH),
        "index": np.arange(count),
    }
    pq.write_table(pa.table(columns), root / "data" / "file.parquet")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Return a dataset of push."""
    root = tmp_path_factory.mktemp("policy") / "robot"
    write_dataset(root, ["push"])
    return root


@pytest.fixture(scope="session")
def root_of_two(tmp_path_factory):
    """Return a dataset of push and basketball."""
    root = tmp_path_factory.mktemp("policies") / "robot"
    write_dataset(root, ["push", "basketball"])
    return root
