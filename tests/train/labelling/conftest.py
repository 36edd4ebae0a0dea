"""Small recordings to label."""

import json

import numpy as np
import pytest
import torch

from steer.critics.artefact import save_critic
from steer.critics.card import DatasetSummary
from steer.train.datasets import load_episodes
from steer.train.fit import fit
from steer.train.labelling.recording import open_recording
from steer.train.targets import build_chunks


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


@pytest.fixture
def learn(small_config, tmp_path):
    """Return a maker of critics, two members of two actions, that learnt from a dataset."""

    def make(root, **options):
        learnt = load_episodes(root)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            chunks = build_chunks(learnt, horizon=2, discount=0.8)
            config, summary = (
                small_config(algorithm="sarsa", **options),
                DatasetSummary(task=learnt.task),
            )
            made, _ = fit(config, learnt, chunks, summary)
        save_critic(made, tmp_path / "critic")
        return tmp_path / "critic"

    return make


@pytest.fixture
def critic(episodes, write_dataset, learn):
    """A critic of one step, of the walk."""
    return learn(write_dataset(episodes, name="learnt"), steps=1)


@pytest.fixture
def walker_critic(corridor, write_dataset, learn):
    """A trained critic of the corridor, and what it learnt from."""
    root = write_dataset(corridor.select(range(60)), name="corridor")
    return learn(root, steps=400, learning_rate=3e-3), root
