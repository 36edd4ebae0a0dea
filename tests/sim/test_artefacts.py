"""The committed weights are those that the manifest and the tuning speak of."""

import hashlib
import json

import pytest

from sim.build_artefacts import MAX_BYTES
from sim.evaluate import ARTEFACTS
from sim.tasks import DEMO
from steer.critics.artefact import load_critic
from steer.serve.sources.checkpoint import read_checkpoint


def test_every_file_is_the_one_that_the_manifest_lists():
    """Nobody has changed weights by hand."""
    listed = json.loads((ARTEFACTS / "MANIFEST.json").read_text())["sha256"]

    assert {
        name: hashlib.sha256((ARTEFACTS / name).read_bytes()).hexdigest() for name in listed
    } == listed
    assert sum((ARTEFACTS / name).stat().st_size for name in listed) < MAX_BYTES


@pytest.mark.parametrize("task", DEMO)
def test_n_and_margin_were_chosen_with_these_weights(task):
    """A choice for other weights says nothing."""
    trials = json.loads((ARTEFACTS / "tuning.json").read_text())["trials"][task]

    assert trials["critic"] == load_critic(ARTEFACTS / task / "critic").digest
    assert trials["policy"] == read_checkpoint(ARTEFACTS / task / "policy").digest
