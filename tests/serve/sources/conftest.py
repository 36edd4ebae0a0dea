"""Checkpoints and workers that the tests of policy sources share."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def runner():
    """One event loop for all tests, so that a worker can serve several of them."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def real_checkpoints(tmp_path_factory):
    """Directory of tiny LeRobot checkpoints and of what LeRobot itself draws from them."""
    root = tmp_path_factory.mktemp("checkpoints")
    subprocess.run(
        [sys.executable, HERE / "make_checkpoints.py", root],
        check=True,
        capture_output=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    return root


@pytest.fixture
def fake_checkpoint(tmp_path):
    """Make a directory that looks like a checkpoint as far as the server reads it."""

    def make(name="policy", **changes):
        directory = tmp_path / name
        directory.mkdir()
        config = {
            "type": "diffusion",
            "n_obs_steps": 2,
            "input_features": {"observation.state": {"type": "STATE", "shape": [4]}},
            "output_features": {"action": {"type": "ACTION", "shape": [2]}},
            **changes,
        }
        (directory / "config.json").write_text(json.dumps(config))
        (directory / "policy_preprocessor.json").write_text('{"steps": []}')
        (directory / "policy_postprocessor.json").write_text('{"steps": []}')
        (directory / "model.safetensors").write_bytes(b"weights")
        return directory

    return make
