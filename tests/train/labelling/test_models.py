"""Progress by reward models of lerobot, on a dataset that lerobot itself wrote."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from steer.errors import ConfigError, DatasetError
from steer.train.label import run
from steer.train.label_config import LabelConfig, ProgressConfig
from steer.train.labelling.models import model_progress
from steer.train.labelling.recording import open_recording

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
IMAGE = "observation.images.top"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two episodes of five frames with pictures of noise."""
    from lerobot.datasets import LeRobotDataset

    features = {
        IMAGE: {"dtype": "image", "shape": (32, 32, 3), "names": ["height", "width", "channels"]},
        "observation.state": {"dtype": "float32", "shape": (3,), "names": None},
        "action": {"dtype": "float32", "shape": (2,), "names": ["a", "b"]},
    }
    root, rng = tmp_path_factory.mktemp("models") / "made", np.random.default_rng(0)
    made = LeRobotDataset.create(
        "local/made", fps=10, root=root, features=features, use_videos=False
    )
    for _ in range(2):
        for frame in range(5):
            made.add_frame(
                {
                    IMAGE: rng.integers(0, 256, (32, 32, 3), np.uint8),
                    "observation.state": np.full(3, frame, np.float32),
                    "action": np.zeros(2, np.float32),
                    "task": "pick",
                }
            )
        made.save_episode()
    made.finalize()
    return root


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A reward classifier with random weights on a tiny ResNet, saved as lerobot saves them."""
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.rewards import RewardClassifierConfig, make_reward_model
    from transformers import ResNetConfig, ResNetModel

    place = tmp_path_factory.mktemp("classifier")
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}
    ResNetModel(ResNetConfig(**sizes, layer_type="basic")).save_pretrained(place / "backbone")
    config = RewardClassifierConfig(
        model_name=str(place / "backbone"),
        num_cameras=1,
        hidden_dim=8,
        latent_dim=8,
        input_features={IMAGE: PolicyFeature(type=FeatureType.VISUAL, shape=(3, 32, 32))},
        device="cpu",
    )
    torch.manual_seed(0)
    make_reward_model(config).save_pretrained(place / "model")
    return place / "model"


def test_a_classifier_labels_frames_and_lerobot_reads_them(root, classifier, tmp_path, capsys):
    """Loaded as lerobot does; the copy opens with lerobot's own loader, pictures and all."""
    from lerobot.datasets import LeRobotDataset
    from lerobot.rewards import make_reward_pre_post_processors
    from lerobot.rewards.classifier.modeling_classifier import Classifier

    output = tmp_path / "out"
    config = LabelConfig(
        dataset=root,
        output=output,
        kinds=("progress",),
        progress=ProgressConfig(model=classifier),
    )

    run(config)

    model, data = Classifier.from_pretrained(str(classifier)), LeRobotDataset("a/b", root=root)
    preprocess, _ = make_reward_pre_post_processors(model.config, dataset_stats=data.meta.stats)
    batch = preprocess({IMAGE: torch.stack([data[row][IMAGE] for row in range(10)])})
    with torch.no_grad():
        expected = model.predict([batch[IMAGE]]).probabilities.numpy()
    copy = LeRobotDataset("a/c", root=output)
    labelled = np.array([float(copy[row]["steer.progress"]) for row in range(10)])
    np.testing.assert_allclose(labelled, expected, atol=1e-5)
    assert np.ptp(labelled) > 0
    assert torch.equal(copy[7][IMAGE], data[7][IMAGE])
    np.testing.assert_allclose(copy.meta.stats["steer.progress"]["mean"], [labelled.mean()], 1e-4)
    assert "order_in_all" in capsys.readouterr().out


def test_pictures_that_are_not_there_are_named(root, classifier, tmp_path):
    """The model says what it looks at."""
    other = tmp_path / "other"
    other.mkdir()
    tree = json.loads((classifier / "config.json").read_text())
    tree["input_features"] = {"observation.images.wrist": tree["input_features"][IMAGE]}
    (other / "config.json").write_text(json.dumps(tree))

    with pytest.raises(DatasetError, match=r"looks at, got no \['observation\.images\.wrist'\]"):
        model_progress(open_recording(root, task=None), other, device="cpu")


@pytest.mark.parametrize("kind", ["sarm", "topreward", "robometer"])
def test_models_that_see_windows_are_run_by_lerobots_own_command(root, tmp_path, monkeypatch, kind):
    """With the data, the model and the place that it is to write to."""
    import importlib

    (tmp_path / "config.json").write_text(json.dumps({"type": kind}))
    module = importlib.import_module(f"lerobot.rewards.{kind}.compute_rabc_weights")
    told = []

    def compute(dataset, *, reward_model_path, output_path, device, **others):
        told.append((dataset, reward_model_path, device, others))
        table = {
            "index": list(range(9, -1, -1)),
            "progress_sparse": [row / 10 for row in range(10)],
        }
        pq.write_table(pa.table(table), output_path)

    monkeypatch.setattr(module, f"compute_{kind}_progress", compute)

    values, source = model_progress(open_recording(root, task=None), tmp_path, device="cpu")

    np.testing.assert_allclose(values, 0.9 - np.arange(10) / 10)
    others = {"num_visualizations": 0} if kind == "sarm" else {}
    assert told == [(str(root.resolve()), str(tmp_path), "cpu", others)]
    assert source == f"lerobot's {kind} {tmp_path}"


def test_what_lerobot_cannot_load_is_told(root, tmp_path):
    """A SARM without weights, and a type that is none."""
    recording = open_recording(root, task=None)
    (tmp_path / "config.json").write_text(json.dumps({"type": "sarm", "hidden_dim": 12}))
    with pytest.raises(ConfigError, match=r"a reward model that lerobot can run, got .*: \w+Error"):
        model_progress(recording, tmp_path, device="cpu")

    (tmp_path / "config.json").write_text(json.dumps({"type": "oracle"}))
    with pytest.raises(ConfigError, match=r"of type reward_classifier, .*, got 'oracle'"):
        model_progress(recording, tmp_path, device="cpu")


def test_progress_out_of_range_is_refused(root, tmp_path, monkeypatch):
    """lerobot leaves NaN where it failed on a frame, and goes on."""
    from lerobot.rewards.sarm import compute_rabc_weights

    def compute(dataset, *, output_path, **others):
        del dataset, others
        pq.write_table(pa.table({"index": [0], "progress_sparse": [0.5]}), output_path)

    monkeypatch.setattr(compute_rabc_weights, "compute_sarm_progress", compute)
    (tmp_path / "config.json").write_text(json.dumps({"type": "sarm"}))

    with pytest.raises(DatasetError, match=r"in \[0, 1\] of every frame, got nan \(9 frames"):
        model_progress(open_recording(root, task=None), tmp_path, device="cpu")
