"""Loading with LeRobot: what it would let pass in silence is refused."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("lerobot")]

SCRIPT = """
import json, sys
from pathlib import Path
from steer.errors import CheckpointError
from steer.serve.sources.loading import load_policy

def outcome(directory):
    try:
        loaded = load_policy(directory, device="cpu")
    except CheckpointError as error:
        return str(error)
    return f"loaded {loaded.policy.config.type} on {loaded.policy.config.device}"

root = Path(sys.argv[1])
found = {path.name: outcome(path) for path in sorted(root.iterdir())}
(root / "outcomes.json").write_text(json.dumps(found))
"""


def rewrite(path, change):
    """Replace what a JSON file holds by what `change` makes of it."""
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


SAME = ("whole", "truncated", "partial", "unknown", "elsewhere")
READERS = {"reader": "words", "stray-reader": "../words", "hub-reader": "somebody/words"}
"""Checkpoints with a tokenizer, by what they call it."""


def add_tokenizer(directory, name):
    """Let the pre-processor have a tokenizer called `name`; there is one in `words`."""
    (directory / "words").mkdir()
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "move": 1}, unk_token="<unk>"))
    tokenizer.save(str(directory / "words" / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<unk>"}
    (directory / "words" / "tokenizer_config.json").write_text(json.dumps(about))
    step = {"registry_name": "tokenizer_processor", "config": {"tokenizer_name": name}}
    path = directory / "policy_preprocessor.json"
    rewrite(path, lambda tree: tree["steps"].insert(2, step))


@pytest.fixture(scope="module")
def outcomes(real_checkpoints, tmp_path_factory):
    """What loading makes of some checkpoints, by name; LeRobot is imported once for all."""
    root = tmp_path_factory.mktemp("damaged")
    for name in (*SAME, "backbone", "asserting", *READERS):
        source = {"backbone": "diffusion-camera", "asserting": "act"}.get(name, "diffusion")
        shutil.copytree(real_checkpoints / source, root / name)
    damaged = root / "truncated" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    weights = load_file(root / "partial" / "model.safetensors")
    del weights["diffusion.unet.final_conv.1.bias"]
    save_file(weights, root / "partial" / "model.safetensors")
    rewrite(root / "unknown" / "config.json", lambda tree: tree.update(type="warp_drive"))
    rewrite(root / "asserting" / "config.json", lambda tree: tree.update(n_heads=3))
    rewrite(root / "elsewhere" / "config.json", lambda tree: tree.update(device="cuda:3"))
    rewrite(
        root / "backbone" / "config.json",
        lambda tree: tree.update(pretrained_backbone_weights="ResNet18_Weights.IMAGENET1K_V1"),
    )
    for name, tokenizer in READERS.items():
        add_tokenizer(root / name, tokenizer)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", SCRIPT, root], check=True, capture_output=True, env=environment
    )
    return json.loads((root / "outcomes.json").read_text())


def test_a_whole_checkpoint_loads(outcomes):
    """The control of what follows."""
    assert outcomes["whole"] == "loaded diffusion on cpu"


def test_truncated_weights_are_refused_in_one_sentence(outcomes):
    """What LeRobot says stands in it, and where the checkpoint is."""
    assert outcomes["truncated"].startswith(
        "policy checkpoint: expected one that LeRobot can load, got SafetensorError: "
    )
    assert outcomes["truncated"].endswith("/truncated")
    assert "\n" not in outcomes["truncated"]


def test_weights_that_are_not_all_there_are_refused(outcomes):
    """LeRobot would leave them at random."""
    assert outcomes["partial"].startswith(
        "policy checkpoint: expected weights for "
        "'diffusion.unet.final_conv.1.bias', got none (1 missing in all), in "
    )


def test_an_unknown_architecture_is_refused_by_name(outcomes):
    """LeRobot says which there are."""
    assert "Policy type 'warp_drive'" in outcomes["unknown"]


def test_an_architecture_that_asserts_is_refused_in_one_sentence(outcomes):
    """What is wrong with its sizes is found by whatever is built of them."""
    assert outcomes["asserting"].startswith(
        "policy checkpoint: expected one that LeRobot can load, got AssertionError: "
    )
    assert outcomes["asserting"].endswith("/asserting")


def test_a_checkpoint_of_another_device_is_loaded_onto_ours(outcomes):
    """Where a policy was trained does not matter."""
    assert outcomes["elsewhere"] == "loaded diffusion on cpu"


def test_a_pretrained_backbone_is_not_downloaded(outcomes):
    """The checkpoint has the backbone's weights; those of ImageNet would be overwritten."""
    assert outcomes["backbone"] == "loaded diffusion on cpu"


def test_a_tokenizer_inside_the_checkpoint_is_found_by_its_relative_path(outcomes):
    """The checkpoint may lie anywhere, and the server be started anywhere."""
    assert outcomes["reader"] == "loaded diffusion on cpu"


@pytest.mark.parametrize("name", ["stray-reader", "hub-reader"])
def test_a_tokenizer_elsewhere_stays_what_lerobot_takes_it_for(outcomes, name):
    """A name of the hub, which is not there; a path out of the checkpoint is no path."""
    assert READERS[name] in outcomes[name]
    assert "expected one that LeRobot can load" in outcomes[name]
