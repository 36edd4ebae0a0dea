"""A critic on disk: whole, or refused by what is wrong with it."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from steer.critics import artefact
from steer.critics.artefact import load_critic, save_critic, update_card
from steer.critics.critic import Critic
from steer.embodiment import ObservationField
from steer.errors import ArtefactError


@pytest.fixture
def saved(critic, tmp_path):
    directory = tmp_path / "critic"
    save_critic(critic, directory)
    return directory


def _replace_weights(directory, data):
    """Put other weights there, with a card that vouches for them."""
    (directory / "critic.safetensors").write_bytes(data)
    card = json.loads((directory / "card.json").read_text())
    card["weights_sha256"] = hashlib.sha256(data).hexdigest()
    (directory / "card.json").write_text(json.dumps(card))


def test_round_trip_scores_the_same(critic, saved, observations, chunks):
    """A loaded critic gives the same values bit for bit and has the same digest."""
    loaded = load_critic(saved)

    before = critic.score(critic.embed(observations), chunks)
    after = loaded.score(loaded.embed(observations), chunks)
    assert torch.equal(before, after)
    assert critic.digest == loaded.digest
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_directory_holds_three_files(saved):
    """Nothing temporary is left, and the model card tells the robot's name."""
    assert sorted(os.listdir(saved)) == ["README.md", "card.json", "critic.safetensors"]
    assert os.listdir(saved.parent) == ["critic"]
    assert "`arm`" in (saved / "README.md").read_text()


@pytest.mark.parametrize("name", ["card.json", "critic.safetensors"])
def test_missing_file_is_refused(saved, name):
    """The text names the file that is not there."""
    (saved / name).unlink()

    with pytest.raises(ArtefactError, match=name):
        load_critic(saved)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(saved, share):
    """A file cut anywhere is refused before a tensor is read."""
    path = saved / "critic.safetensors"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(ArtefactError, match="expected sha256"):
        load_critic(saved)


@pytest.mark.parametrize("position", [0, 9, -1])
def test_one_edited_byte_is_refused(saved, position):
    """One byte, in the length, the header or the data, is enough."""
    path = saved / "critic.safetensors"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)

    with pytest.raises(ArtefactError, match="truncated, edited"):
        load_critic(saved)


@pytest.mark.parametrize(
    "data", [b"", b"1234567", struct.pack("<Q", 2**40) + b"{}", struct.pack("<Q", 2) + b"[]"]
)
def test_vouched_for_nonsense_is_refused(saved, data):
    """A card that vouches for nonsense does not make it weights."""
    _replace_weights(saved, data)

    with pytest.raises(ArtefactError, match=r"header|safetensors"):
        load_critic(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("action_std_A"),
        lambda state: state.update(more=torch.zeros(1)),
        lambda state: state.update(action_std_A=torch.ones(3)),
        lambda state: state.update(action_std_A=torch.ones(2, dtype=torch.float64)),
        lambda state: state.update(action_std_A=torch.full((2,), float("nan"))),
    ],
)
def test_tensors_that_do_not_fit_the_card_are_refused(critic, saved, change):
    """Missing, further, misshapen, wide and NaN tensors are refused."""
    state = {name: value.clone() for name, value in critic.state_dict().items()}
    change(state)
    _replace_weights(saved, save(state))

    with pytest.raises(ArtefactError, match="expected"):
        load_critic(saved)


@pytest.mark.parametrize("has_vectors", [False, True])
@pytest.mark.parametrize("language_dim", [0, 5])
def test_a_critic_of_large_images_and_clouds_is_read_again(
    card, tmp_path, has_vectors, language_dim
):
    """However many pixels there are, the weights of its encoders are as many as ever."""
    seen = (
        ObservationField(name="observation.images.top", dtype="uint8", shape=(480, 640, 3)),
        ObservationField(name="observation.points.top", dtype="float32", shape=(4096, 3)),
    )
    vectors = card.embodiment.observations if has_vectors else ()
    card = replace(
        card,
        embodiment=replace(card.embodiment, observations=(*vectors, *seen)),
        network=replace(card.network, language_dim=language_dim),
    )
    critic = Critic(card).eval()

    save_critic(critic, tmp_path / "critic")

    assert load_critic(tmp_path / "critic").digest == critic.digest


def test_many_cameras_in_the_card_cost_nothing(saved):
    """A card that claims a hundred encoders is refused without making one."""
    card = json.loads((saved / "card.json").read_text())
    field = {"dtype": "uint8", "shape": [16, 16, 3], "unit": ""}
    fields = [{**field, "name": f"observation.images.{number}"} for number in range(100)]
    card["embodiment"]["observations"] += fields
    (saved / "card.json").write_text(json.dumps(card))

    with pytest.raises(ArtefactError, match=r"expected the card's 14[0-9]{6} weights"):
        load_critic(saved)


def test_giant_network_in_the_card_costs_nothing(saved):
    """A card that claims a network of terabytes is refused without making it."""
    card = json.loads((saved / "card.json").read_text())
    card["network"]["member_hidden"] = [10**6, 10**6]
    (saved / "card.json").write_text(json.dumps(card))

    with pytest.raises(ArtefactError, match=r"expected the card's [0-9]+ weights"):
        load_critic(saved)


@pytest.mark.parametrize("text", ["", "{", '{"format_version": 1}', '{"format_version": 2}'])
def test_a_damaged_card_is_named_with_its_directory(saved, text):
    """A server has many critics."""
    path = saved / "card.json"
    path.write_text(text)

    with pytest.raises(ArtefactError) as caught:
        load_critic(saved)

    assert str(caught.value).startswith(f"{path}: ")
    assert "expected" in str(caught.value)


def test_newer_format_is_refused(saved):
    """The text says what to do."""
    card = json.loads((saved / "card.json").read_text())
    (saved / "card.json").write_text(json.dumps({**card, "format_version": 2}))

    with pytest.raises(ArtefactError, match="update steer"):
        load_critic(saved)


def test_save_never_replaces_other_files(critic, tmp_path):
    """A directory that holds something else stays as it is."""
    (tmp_path / "thesis.tex").write_text("x")

    with pytest.raises(ArtefactError, match="got other files"):
        save_critic(critic, tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_full_disk_leaves_the_old_critic(critic, saved, monkeypatch, calls):
    """Wherever a save fails, the critic before is whole and nothing else is left."""
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    left = iter(range(calls - 1))

    def full(descriptor):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(artefact.os, "fsync", full)

    with pytest.raises(ArtefactError, match="No space left"):
        save_critic(critic, saved)
    assert before == {path.name: path.read_bytes() for path in saved.iterdir()}
    assert os.listdir(saved.parent) == ["critic"]


@pytest.mark.parametrize(
    ("audit", "verdict"),
    [
        ({"failed": [], "is_held_out": True}, "Audit passed."),
        ({"failed": ["value_order"]}, "Audit FAILED: value_order."),
        ({}, "Audit FAILED: no verdict"),
        (None, "Not audited"),
    ],
)
def test_card_can_be_replaced(saved, audit, verdict):
    """An audit is written beside the same weights, and the model card tells its verdict."""
    update_card(saved, replace(load_critic(saved).card, audit=audit))

    assert load_critic(saved).card.audit == audit
    assert verdict in (saved / "README.md").read_text()
    assert len(os.listdir(saved)) == 3


def test_card_of_other_weights_is_refused(saved, card):
    """A card that was not made for these weights cannot be put beside them."""
    with pytest.raises(ArtefactError, match="got one of none"):
        update_card(saved, card)


@pytest.mark.slow
def test_loading_imports_no_compiler(saved):
    """Loading in a fresh process leaves out torch's compiler: ten seconds and much memory."""
    script = (
        "import sys; from pathlib import Path; from steer.critics.artefact import load_critic; "
        "load_critic(Path(sys.argv[1])); "
        "print(sorted(m for m in sys.modules if m.startswith('torch._inductor')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(saved)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
