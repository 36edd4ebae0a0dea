"""The committed weights are those that the manifest and the tuning speak of."""

import hashlib
import json

import pytest

from sim.build_artefacts import MAX_BYTES
from sim.evaluation.tuned import Tuned
from sim.seeds import SPLITS
from sim.suite import ARTEFACTS, critic_path
from sim.tasks import DEMO
from steer.critics.artefact import load_critic
from steer.serve.sources.checkpoint import read_checkpoint

MAX_FILE_BYTES = 20 * 2**20


def test_every_file_is_the_one_that_the_manifest_lists():
    """Nobody has changed weights by hand."""
    listed = json.loads((ARTEFACTS / "MANIFEST.json").read_text())["sha256"]

    assert {
        name: hashlib.sha256((ARTEFACTS / name).read_bytes()).hexdigest() for name in listed
    } == listed
    assert sum((ARTEFACTS / name).stat().st_size for name in listed) < MAX_BYTES


@pytest.mark.parametrize("task", DEMO)
def test_n_and_margin_were_chosen_with_these_critics(task):
    """A choice for other weights says nothing."""
    tuned = Tuned.load()

    assert tuned.critics[task] == load_critic(critic_path(task)).digest


@pytest.mark.parametrize("path", sorted((ARTEFACTS / "policies").iterdir()), ids=lambda p: p.name)
def test_every_policy_is_a_checkpoint_for_a_body(path):
    """With what the server needs to know before it loads it."""
    checkpoint = read_checkpoint(path)

    assert checkpoint.embodiment.name
    assert all(item.stat().st_size < MAX_FILE_BYTES for item in path.iterdir())


@pytest.mark.parametrize("path", sorted(ARTEFACTS.glob("critics/*/card.json")), ids=str)
def test_no_critic_has_seen_a_test_seed(path):
    """Nor one that was tuned on."""
    seeds = load_critic(path.parent).card.dataset.seeds

    assert seeds
    assert seeds[-1] in SPLITS["train"]
