"""`steer frames`: a LeRobotDataset's own images, through lerobot's own loader."""

import numpy as np
import pytest
import torch

from steer.cli import main
from steer.errors import ConfigError, DatasetError
from steer.frames import open_frames, resized
from steer.train import decode as module
from steer.train.decode import run
from steer.train.frames_config import FramesConfig
from steer.train.joined import load_datasets

KEY, CLOUD = "observation.images.front", "observation.points.front"
TASK, LENGTHS = "put the cup down", (5, 4)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def pixels(row):
    """Return the image that was recorded in a row: another one in each."""
    return np.random.default_rng(row).integers(0, 256, (20, 24, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two episodes with images and clouds, written by lerobot."""
    import datasets
    from lerobot.datasets import LeRobotDataset

    datasets.disable_progress_bars()
    root = tmp_path_factory.mktemp("lerobot") / "cups"
    names = ["height", "width", "channels"]
    dataset = LeRobotDataset.create(
        "local/cups",
        fps=10,
        root=root,
        robot_type="arm",
        use_videos=False,
        features={
            "observation.state": {"dtype": "float32", "shape": (2,), "names": None},
            KEY: {"dtype": "image", "shape": (20, 24, 3), "names": names},
            CLOUD: {"dtype": "float32", "shape": (4, 3), "names": None},
            "action": {"dtype": "float32", "shape": (2,), "names": ["a", "b"]},
            "next.success": {"dtype": "bool", "shape": (1,), "names": None},
        },
    )
    row = 0
    for length in LENGTHS:
        for tick in range(length):
            numbers = np.float32([row, -row])
            cloud = np.full((4, 3), row, np.float32)
            cloud[3] = np.nan
            success = np.array([tick == length - 1 and length == LENGTHS[0]])
            vectors = {"observation.state": numbers, "action": numbers, "next.success": success}
            dataset.add_frame({**vectors, KEY: pixels(row), CLOUD: cloud, "task": TASK})
            row += 1
        dataset.save_episode()
    dataset.finalize()
    return root


@pytest.fixture(autouse=True)
def _threads_are_put_back():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def options(root, output, **changes):
    """Return the options of a run."""
    return FramesConfig(**{"dataset": str(root), "key": KEY, "output": output, **changes})


def test_images_at_decisions_are_decoded(root, tmp_path):
    """Every third row of each episode, as it was recorded."""
    run(options(root, tmp_path, every=3, size=None))

    store = open_frames(tmp_path, TASK, maker="m")

    assert store.places(np.arange(9)).tolist() == [0, -1, -1, 1, -1, 2, -1, -1, 3]
    for place, row in enumerate((0, 3, 5, 8)):
        np.testing.assert_array_equal(store.take(np.array([place]))[0], pixels(row))
    assert (store.card.camera, store.card.every, store.card.cloud) == ("front", 3, None)


def test_images_are_made_smaller_as_a_robot_makes_them(root, tmp_path):
    """With the same function, to the last bit; training finds them."""
    assert main(["frames", "--dataset", str(root), "--key", KEY, "--every", "4", "--size", "16",
                 "--output", str(tmp_path)]) == 0  # fmt: skip

    episodes = load_datasets((str(root),), frames=(tmp_path,))

    seen = episodes.frames[KEY].take(np.array([4, 5]))
    for image, row in zip(seen, (4, 5), strict=True):
        np.testing.assert_array_equal(image, resized(pixels(row), height=16, width=16))
    assert episodes.embodiment.observations[-1].shape == (16, 16, 3)


def test_recorded_clouds_are_taken_as_they_are(root, tmp_path):
    """But for what is missing, which travels as a point that is far away."""
    run(options(root, tmp_path, key=CLOUD, every=4))

    store = open_frames(tmp_path, TASK, maker="m")

    assert store.take(np.array([1]))[0].tolist() == [[4.0] * 3] * 3 + [[1e6] * 3]
    assert (store.card.dtype, store.card.shape) == ("float32", (4, 3))


def test_a_stopped_run_goes_on(root, tmp_path, monkeypatch):
    """Episodes that are done are not decoded again."""
    monkeypatch.setattr(module, "_SHARD_EPISODES", 1)
    whole, asked = module._frame, []

    def stop(loader, config, kind, index):
        asked.append(index)
        if asked.count(5) == 1 and index == 5:
            raise KeyboardInterrupt
        return whole(loader, config, kind, index)

    monkeypatch.setattr(module, "_frame", stop)
    with pytest.raises(KeyboardInterrupt):
        run(options(root, tmp_path, every=2))
    run(options(root, tmp_path, every=2))

    assert asked == [0, 0, 2, 4, 5, 0, 5, 7]
    assert len(open_frames(tmp_path, TASK, maker="m")) == 5


def test_a_feature_that_is_no_camera_is_refused(root, tmp_path):
    """With those that are."""
    with pytest.raises(DatasetError) as caught:
        run(options(root, tmp_path, key="observation.images.wrist"))

    assert str(caught.value) == (
        f"{root}: expected --key to be one of {KEY}, {CLOUD}, got 'observation.images.wrist'"
    )


def test_images_of_changing_size_are_refused(root, tmp_path, monkeypatch):
    """By episode and frame; made all of one size they are welcome."""
    whole = module._open

    class Loader:
        def __init__(self, *arguments):
            self.inner = whole(*arguments)

        def __getitem__(self, index):
            item = dict(self.inner[index])
            if index == 3:
                item[KEY] = item[KEY][:, :-2]
            return item

    monkeypatch.setattr(module, "_open", Loader)

    with pytest.raises(DatasetError) as caught:
        run(options(root, tmp_path / "a", every=3, size=None))

    assert str(caught.value) == (
        f"{KEY} in episode 0, frame 3: expected shape [20, 24, 3], as in the first, got "
        "[18, 24, 3]; give a --size"
    )
    run(options(root, tmp_path / "b", every=3, size=16))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"every": 0}, "--every: expected >= 1, got 0"),
        ({"size": 15}, "--size: expected >= 16 pixels, got 15"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes, text, tmp_path):
    """Before anything is read."""
    with pytest.raises(ConfigError, match=text):
        options("x/y", tmp_path, **changes)
