"""Episodes of a corridor whose values are known, in memory and on disk.

The robot stands in one of `cells` cells and may go right (action >= 0) or left; it succeeds when it
goes right from the last one. Its position is sensed as one-hot, so that a network can be exact.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from steer.critics.card import NetworkConfig
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes

CELLS = 5


def _body(cells):
    field = ObservationField(name="observation.state", dtype="float32", shape=(cells,))
    return Embodiment(
        name="corridor",
        control_hz=10.0,
        actions=(ActionDim(name="dx", low=-1.0, high=1.0),),
        observations=(field,),
    )


@pytest.fixture(autouse=True)
def _torch_is_put_back():
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_episodes():
    """Return a maker of episodes: lengths, and which of them succeed."""

    def make(lengths, success):
        rng = np.random.default_rng(0)
        end = np.cumsum(lengths)
        success, total = np.asarray(success, bool), int(end[-1])
        is_success, is_timeout = np.zeros(total, bool), np.zeros(total, bool)
        is_success[end[success] - 1] = True
        is_timeout[end[~success] - 1] = True
        return Episodes(
            embodiment=_body(2),
            task="walk",
            instruction="walk to the right",
            observations={"observation.state": rng.normal(size=(total, 2)).astype(np.float32)},
            actions=rng.uniform(-1, 1, (total, 1)).astype(np.float32),
            is_success=is_success,
            is_timeout=is_timeout,
            start=end - np.asarray(lengths),
            end=end,
            episode=np.arange(len(lengths)) * 10,
            seed=np.full(len(lengths), -1),
            noise=np.full(len(lengths), np.nan, np.float32),
        )

    return make


@pytest.fixture(scope="session")
def corridor():
    """200 episodes of a walker that goes right with probability 0.7, all to the end."""
    rng = np.random.default_rng(0)
    cells, actions, lengths = [], [], []
    for _ in range(200):
        cell, length = int(rng.integers(CELLS)), 0
        while cell < CELLS:
            goes_right = rng.random() < 0.7
            cells.append(cell)
            actions.append(rng.uniform(0.5, 1.0) * (1 if goes_right else -1))
            cell = cell + 1 if goes_right else max(cell - 1, 0)
            length += 1
        lengths.append(length)
    end = np.cumsum(lengths)
    is_success = np.zeros(end[-1], bool)
    is_success[end - 1] = True
    return Episodes(
        embodiment=_body(CELLS),
        task="walk",
        instruction="walk to the right",
        observations={"observation.state": np.eye(CELLS, dtype=np.float32)[cells]},
        actions=np.array(actions, np.float32)[:, None],
        is_success=is_success,
        is_timeout=np.zeros(end[-1], bool),
        start=end - np.array(lengths),
        end=end,
        episode=np.arange(200),
        seed=np.arange(200),
        noise=np.zeros(200, np.float32),
    )


@pytest.fixture
def small_config(tmp_path):
    """Options of a run that takes a moment."""

    def make(**changes):
        options = {
            "dataset": ("unused",),
            "output": tmp_path / "critic",
            "algorithm": "iql",
            "reward_per": "tick",
            "horizon": 2,
            "steps": 12,
            "batch_size": 16,
            "num_members": 2,
            "discount": 0.8,
            "log_every": 4,
            "save_every": 5,
            "network": NetworkConfig(encoder_hidden=16, context_dim=8, member_hidden=(16, 16)),
        }
        return TrainConfig(**{**options, **changes})

    return make


def _column(values):
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


@pytest.fixture
def write_dataset(tmp_path):
    """Return a writer of the files of a LeRobotDataset v3, without lerobot.

    `told` is the instruction of each episode, where they are of several tasks.
    """

    def write(episodes, *, drop=(), name="data", change=None, instruction=None, told=None):
        told = told or [instruction or episodes.instruction] * len(episodes)
        texts = list(dict.fromkeys(told))
        root = tmp_path / name
        lengths = episodes.end - episodes.start
        total = len(episodes.actions)
        columns = {
            **episodes.observations,
            "action": episodes.actions,
            "next.success": episodes.is_success,
            "steer.seed": np.repeat(episodes.seed, lengths),
            "steer.noise": np.repeat(episodes.noise, lengths),
            "index": np.arange(total),
            "episode_index": np.repeat(episodes.episode, lengths),
            "frame_index": np.arange(total) - np.repeat(episodes.start, lengths),
            "task_index": np.repeat([texts.index(text) for text in told], lengths),
        }
        columns = {key: np.array(value) for key, value in columns.items() if key not in drop}
        if change is not None:
            change(columns)
        for path in ("data/chunk-000", "meta"):
            (root / path).mkdir(parents=True)
        half = total // 2
        for number, rows in enumerate((slice(0, half), slice(half, total))):
            table = pa.table({key: _column(value[rows]) for key, value in columns.items()})
            pq.write_table(table, root / f"data/chunk-000/file-{number:03d}.parquet")
        tasks = pa.table({"task_index": list(range(len(texts))), "task": texts})
        pq.write_table(tasks, root / "meta/tasks.parquet")
        features = {
            key: {"dtype": value.dtype.name, "shape": [*value.shape[1:]] or [1], "names": None}
            for key, value in columns.items()
        }
        info = {"codebase_version": "v3.0", "fps": 10, "features": features, "robot_type": "bot"}
        (root / "meta/info.json").write_text(json.dumps(info))
        return root

    return write
