"""Frames of recorded episodes: played back to the last bit, or refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim import frames as module
from sim.frames import main, make_frames, pictures_of, points_of
from sim.policies.pictures import read_pictures
from sim.tasks import TASKS, Step
from steer.clouds import MISSING_M, Intrinsics
from steer.errors import ConfigError, DatasetError
from steer.frames import open_frames
from steer.types import Observation

PUSH = TASKS["push"]
LENGTHS = (4, 3)


class FakeEnv:
    """Observes its seed and how many actions ran; a picture shows the latter.

    Attributes:
        depth_m: What its camera, 1 m above the table, measures.
    """

    depth_m = 0.9

    def reset(self, seed):
        self.seed, self.tick = seed, 0
        return self._observe()

    def step(self, action):
        self.tick += 1
        return Step(self._observe(), -1.0, is_success=False)

    def render(self, camera, *, height, width):
        return np.full((height, width, 3), 10 * self.seed + self.tick, np.uint8)

    def depth(self, camera, *, height, width):
        return np.full((height, width), self.depth_m, np.float32)

    def pinhole(self, camera, *, height, width):
        pose = np.diag([1.0, -1, -1, 1])  # looks down
        pose[:3, 3] = (0, 0.6, 1.0)
        return Intrinsics(fx=4 * width, fy=4 * width, cx=width / 2, cy=height / 2), pose

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


def photograph(root, output, *, camera="corner3", size=8, **options):
    """Bring the pictures of the task to what was asked for."""
    make_frames(PUSH, root, output, pictures_of(camera, size), **options)


def shown(directory, rows):
    """Return the brightness of the pictures of recorded rows."""
    found = read_pictures(directory, ["push"])
    return found.take(np.zeros(len(rows), np.int64), np.asarray(rows))[:, 0, 0, 0].tolist()


def test_a_picture_shows_what_was_seen_before_the_action(root, tmp_path):
    """In each row that belongs to it, in whatever order they are asked for."""
    photograph(root, tmp_path / "out")

    assert shown(tmp_path / "out", [0, 1, 6, 4]) == [10, 11, 22, 20]
    assert read_pictures(tmp_path / "out", ["push"]).shape == (8, 8, 3)


def test_ticks_can_be_left_out(root, tmp_path):
    """Counted from the start of each episode; it says which rows have a picture."""
    photograph(root, tmp_path / "out", every=2)

    found = read_pictures(tmp_path / "out", ["push"])

    has = found.has(np.zeros(7, np.int64), np.arange(7))
    assert has.tolist() == [True, False, True, False, True, False, True]
    assert shown(tmp_path / "out", [0, 2, 4, 6]) == [10, 12, 20, 22]


def test_the_robot_is_closed_however_the_run_ends(tmp_path, monkeypatch):
    """Its renderers hold memory of the graphics card."""
    env, closed = FakeEnv(), []
    monkeypatch.setattr(env, "close", lambda: closed.append(True), raising=False)
    monkeypatch.setattr(module, "make", lambda name: env)

    with pytest.raises(DatasetError, match="expected what was recorded"):
        photograph(write(tmp_path / "robot", wrong_at=2), tmp_path / "out")

    assert closed == [True]


def test_a_stopped_run_goes_on(root, tmp_path, monkeypatch):
    """Episodes that are done are not played again; half of them are no pictures yet."""
    monkeypatch.setattr(module, "_SHARD_EPISODES", 1)
    played = []
    whole = module._play_back

    def stop_at_the_second(env, seed, *rest, **options):
        played.append(seed)
        if played == [1, 2]:
            raise KeyboardInterrupt
        return whole(env, seed, *rest, **options)

    monkeypatch.setattr(module, "_play_back", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        photograph(root, tmp_path / "out")
    with pytest.raises(DatasetError, match=r"expected all of them, got 4 of 7 rows"):
        read_pictures(tmp_path / "out", ["push"])

    photograph(root, tmp_path / "out")

    assert played == [1, 2, 2]
    assert shown(tmp_path / "out", [3, 5]) == [13, 21]


def test_another_simulator_is_noticed(tmp_path, monkeypatch):
    """Pictures of another course of events would be worse than none."""
    monkeypatch.setattr(module, "make", lambda name: FakeEnv())
    root = write(tmp_path / "robot", wrong_at=5)

    with pytest.raises(DatasetError, match=r"^episode of seed 2 in tick 1: expected what was rec"):
        photograph(root, tmp_path / "out")


def test_pictures_of_another_size_are_not_mixed_in(root, tmp_path):
    """The text says what to do."""
    photograph(root, tmp_path / "out")

    with pytest.raises(DatasetError, match="delete them, or choose another directory"):
        photograph(root, tmp_path / "out", size=9)


def test_an_unknown_camera_is_refused(root, tmp_path):
    """With those that there are."""
    with pytest.raises(ConfigError, match=r"expected cameras of corner3, topview, .* got 'front'"):
        photograph(root, tmp_path / "out", camera="front")


def test_the_command_writes_a_card_beside_the_pictures(root, tmp_path):
    """Progress can be read from it."""
    words = ["--root", str(root), "--tasks", "push", "--camera", "corner3", "--size", "8"]

    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    card = json.loads((tmp_path / "out" / "push.json").read_text())
    assert (card["done"], card["rows"], card["camera"]) == (7, 7, "corner3")
    assert (card["key"], card["shape"]) == ("observation.images.corner3", [8, 8, 3])
    assert main([*words, "--every", "0", "--output", str(tmp_path / "out")]) == 2


def test_missing_pictures_are_told_with_the_command_that_makes_them(tmp_path):
    """In one line."""
    with pytest.raises(DatasetError, match=r"got none; run `python -m sim\.frames`$"):
        read_pictures(tmp_path, ["push"])


def test_clouds_are_stored_as_they_travel(root, tmp_path):
    """512 points in metres; what is missing is far away, and the card says how they were made."""
    pytest.importorskip("open3d")
    make_frames(PUSH, root, tmp_path / "out", points_of("corner3"), every=2)

    store = open_frames(tmp_path / "out", "push", maker="m")

    cloud = store.take(np.array([0]))[0]
    is_point = (cloud != MISSING_M).all(1)
    assert (cloud.shape, cloud.dtype, len(store)) == ((512, 3), np.float32, 4)
    assert 0 < is_point.sum() < 512
    np.testing.assert_allclose(cloud[is_point][:, 2], 0.1, atol=1e-6)
    assert store.card.key == "observation.points.corner3"
    assert store.card.cloud["num_points"] == 512
    assert store.card.cloud["low_m"] == [-0.42, 0.4, 0.008]


@pytest.mark.parametrize("depth_m", [1.0, 0.0, np.nan])
def test_a_camera_without_a_point_in_the_crop_is_refused(root, tmp_path, monkeypatch, depth_m):
    """The table alone, zeros, NaN: a critic of such clouds would learn nothing of the scene."""
    pytest.importorskip("open3d")
    monkeypatch.setattr(FakeEnv, "depth_m", depth_m)

    with pytest.raises(DatasetError, match=r"episode of seed 1: expected points of 'corner3' with"):
        make_frames(PUSH, root, tmp_path / "out", points_of("corner3"))
