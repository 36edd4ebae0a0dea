"""What every test may ask for, and how long it may take."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess

import hypothesis
import numpy as np
import pytest

from steer.errors import ConfigError

SLOW_LIMIT_S = 300.0
"""Of a test that starts processes: they load torch, and share two cores with other tests."""


def pytest_configure() -> None:
    """Have Ctrl-C work in what tests start, also where the tests run in the background.

    There a shell has it ignored, and every process that is started inherits that. How long an
    example takes is no property of the code: machines that test are busy.
    """
    hypothesis.settings.register_profile("busy", deadline=None)
    hypothesis.settings.load_profile("busy")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _choose_opengl()


def _choose_opengl() -> None:
    """Have tests that render in this process do so as the commands do.

    MuJoCo looks at the variable once, when it is imported. The robot's side has no simulator.
    """
    if "MUJOCO_GL" in os.environ or importlib.util.find_spec("mujoco") is None:
        return
    from sim import opengl  # not there on the robot's side

    with contextlib.suppress(ConfigError):
        os.environ["MUJOCO_GL"] = opengl.choose()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests a longer limit than pyproject.toml gives to all."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT_S))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of its own for each test, always with the same draws."""
    return np.random.default_rng(20_261_121)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Self-signed certificates and keys of the server and of a robot."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    root = tmp_path_factory.mktemp("tls")
    for name in ("server", "robot"):
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500"
        files = ["-keyout", str(root / f"{name}.key"), "-out", str(root / f"{name}.pem")]
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command = ["openssl", *words.split(), *files, *subject]
        subprocess.run(command, check=True, capture_output=True)
    return root


@pytest.fixture(scope="session")
def sentence_directory(tmp_path_factory):
    """Where a tiny BERT with random weights, that reads letters, is saved; 16 numbers a text."""
    transformers = pytest.importorskip("transformers")
    import torch  # not there on the robot's side

    path = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters)]
    (path / "vocab.txt").write_text("\n".join(tokens))
    transformers.BertTokenizer(str(path / "vocab.txt")).save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.BertModel(config, add_pooling_layer=False).save_pretrained(path)
    return path
