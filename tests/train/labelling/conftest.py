"""Small recordings to label."""

import json

import numpy as np
import pytest

from steer.train.labelling.recording import open_recording


@pytest.fixture
def episodes(make_episodes):
    """Four episodes of six frames; the even ones end near the goal."""
    made = make_episodes([6, 6, 6, 6], [True, False, True, False])
    state = made.observations["observation.state"]
    for index in range(4):
        there = np.linspace(1.0, 0.1 if index % 2 == 0 else 0.8, 6)
        state[6 * index : 6 * index + 6] = np.stack([there, 0 * there], 1)
    return made


@pytest.fixture
def open_data(write_dataset):
    """Return a writer of a dataset that opens it for labels."""

    def make(episodes, *, task=None, **options):
        return open_recording(write_dataset(episodes, **options), task=task)

    return make


@pytest.fixture
def two_tasks():
    """Return a change of columns and the table of tasks that make the last two another task."""

    def change(columns):
        columns["task_index"][12:] = 1

    def tell(root):
        tree = {"tasks": {"walk": {"instruction": "walk to the right"}}}
        (root / "meta/steer.json").write_text(json.dumps(tree))
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = pa.table({"task_index": [0, 1], "task": ["walk to the right", "jump"]})
        pq.write_table(names, root / "meta/tasks.parquet")
        return root

    return change, tell
