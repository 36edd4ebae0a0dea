"""Pictures of recorded episodes: played back to the last bit, or refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.policies import pictures as module
from sim.policies.pictures import main, photograph, read_pictures
from sim.tasks import TASKS, Step
from steer.errors import DatasetError, InvalidInputError
from steer.types import Observation

PUSH = TASKS["push"]
LENGTHS = (4, 3)


class FakeEnv:
    """Observes its seed and how many actions ran; a picture shows the latter."""

    def reset(self, seed):
        self.seed, self.tick = seed, 0
        return self._observe()

    def step(self, action):
        self.tick += 1
        return Step(self._observe(), -1.0, is_success=False)

    def render(self, camera, *, height, width):
        return np.full((height, width, 3), 10 * self.seed + self.tick, np.uint8)

    def close(self):
        pass

    def _observe(self):
        return Observation({"observation.environment_state": np.float32([self.seed, self.tick])})


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a dataset of two episodes of the fake, of seeds 1 and 2."""
    monkeypatch.setattr(module, "make", lambda name: FakeEnv())
    return write(tmp_path / "robot")


def write(root, *, wrong_at=None):
    """Write the fake's episodes, with another observation in row `wrong_at`."""
    (root / "meta").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "meta" / "info.json").write_text("{}")
    names = pa.table({"task_index": [0], "task": [PUSH.instruction]}).to_pandas()
    pq.write_table(pa.Table.from_pandas(names.set_index("task")), root / "meta" / "tasks.parquet")
    seeds = np.repeat([1, 2], LENGTHS)
    ticks = np.concatenate([np.arange(length) for length in LENGTHS])
    seen = np.stack([seeds, ticks], 1).astype(np.float32)
    if wrong_at is not None:
        seen[wrong_at] += 1
    columns = {
        "observation.environment_state": pa.FixedSizeListArray.from_arrays(seen.reshape(-1), 2),
        "action": pa.FixedSizeListArray.from_arrays(np.zeros(4 * len(seeds), np.float32), 4),
        "steer.seed": seeds,
        "episode_index": seeds - 1,
        "task_index": np.zeros(len(seeds), np.int64),
        "index": np.arange(len(seeds)),
    }
    pq.write_table(pa.table(columns), root / "data" / "file.parquet")
    return root


def shown(directory, rows):
    """Return the brightness of the pictures of recorded rows."""
    found = read_pictures(directory, ["push"])
    return found.take(np.zeros(len(rows), np.int64), np.asarray(rows))[:, 0, 0, 0].tolist()


def test_a_picture_shows_what_was_seen_before_the_action(root, tmp_path):
    """In each row that belongs to it, in whatever order they are asked for."""
    photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8)

    assert shown(tmp_path / "out", [0, 1, 6, 4]) == [10, 11, 22, 20]
    assert read_pictures(tmp_path / "out", ["push"]).shape == (8, 8, 3)


def test_ticks_can_be_left_out(root, tmp_path):
    """Counted from the start of each episode; it says which rows have a picture."""
    photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8, every=2)

    found = read_pictures(tmp_path / "out", ["push"])

    has = found.has(np.zeros(7, np.int64), np.arange(7))
    assert has.tolist() == [True, False, True, False, True, False, True]
    assert shown(tmp_path / "out", [0, 2, 4, 6]) == [10, 12, 20, 22]


def test_a_stopped_run_goes_on(root, tmp_path, monkeypatch):
    """Episodes that are done are not played again; half of them are no pictures yet."""
    monkeypatch.setattr(module, "_SHARD_EPISODES", 1)
    played = []
    whole = module._play_back

    def stop_at_the_second(env, seed, *rest):
        played.append(seed)
        if played == [1, 2]:
            raise KeyboardInterrupt
        return whole(env, seed, *rest)

    monkeypatch.setattr(module, "_play_back", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8)
    with pytest.raises(DatasetError, match=r"expected all of them, got 4 of 7 rows"):
        read_pictures(tmp_path / "out", ["push"])

    photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8)

    assert played == [1, 2, 2]
    assert shown(tmp_path / "out", [3, 5]) == [13, 21]


def test_another_simulator_is_noticed(tmp_path, monkeypatch):
    """Pictures of another course of events would be worse than none."""
    monkeypatch.setattr(module, "make", lambda name: FakeEnv())
    root = write(tmp_path / "robot", wrong_at=5)

    with pytest.raises(DatasetError, match=r"^episode of seed 2 in tick 1: expected what was rec"):
        photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8)


def test_pictures_of_another_size_are_not_mixed_in(root, tmp_path):
    """The text says what to do."""
    photograph(PUSH, root, tmp_path / "out", camera="corner3", size=8)

    with pytest.raises(DatasetError, match="delete them, or choose another directory"):
        photograph(PUSH, root, tmp_path / "out", camera="corner3", size=9)


def test_an_unknown_camera_is_refused(root, tmp_path):
    """With those that there are."""
    with pytest.raises(InvalidInputError, match="camera: expected one of corner3, topview"):
        photograph(PUSH, root, tmp_path / "out", camera="front", size=8)


def test_the_command_writes_a_card_beside_the_pictures(root, tmp_path):
    """Progress can be read from it."""
    words = ["--root", str(root), "--tasks", "push", "--camera", "corner3", "--size", "8"]

    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    card = json.loads((tmp_path / "out" / "push.json").read_text())
    assert (card["done"], card["rows"], card["camera"], card["size"]) == (7, 7, "corner3", 8)


def test_missing_pictures_are_told_with_the_command_that_makes_them(tmp_path):
    """In one line."""
    with pytest.raises(DatasetError, match=r"got none; run `python -m sim\.policies\.pictures`$"):
        read_pictures(tmp_path, ["push"])
