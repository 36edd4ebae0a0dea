"""A critic's card: round trip, identity, and what is refused."""

import json
from dataclasses import replace

import pytest

from steer.critics.card import (
    CriticCard,
    DatasetSummary,
    HeadConfig,
    NetworkConfig,
    SelectionDefaults,
)
from steer.errors import ArtefactError, InvalidInputError


def test_round_trip(card):
    """A card is equal to itself after a trip through JSON."""
    full = replace(
        card,
        dataset=DatasetSummary(
            name="demo", task="push", num_episodes=3, held_out=(4, 7), seeds=(0, 9)
        ),
        training={"seed": 3},
        audit={"failed": []},
        versions={"torch": "2"},
        weights_sha256="ab",
    )

    assert full == CriticCard.from_json(full.to_json())


def test_card_of_before_there_were_seeds(card):
    """An older card is read; which seeds it was made from is not known."""
    tree = json.loads(card.to_json())
    del tree["dataset"]["seeds"]

    assert CriticCard.from_json(json.dumps(tree)).dataset.seeds == ()


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_other_format_is_refused(card, version):
    """A card of a newer format is refused with the number that it has."""
    text = json.dumps({**json.loads(card.to_json()), "format_version": version})

    with pytest.raises(ArtefactError, match=f"format_version 1, got {version}"):
        CriticCard.from_json(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"x"', "{", "\x00"])
def test_text_that_is_no_card_is_refused(text):
    """What is not a card gives our error and no other."""
    with pytest.raises(ArtefactError, match="expected a critic's card"):
        CriticCard.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 0},
        {"horizon": 2.0},
        {"num_members": True},
        {"discount": 1.0},
        {"discount": "x"},
        {"surprise": 1},
        {"network": {"encoder_hidden": 8}},
        {"network": None},
        {"network": {"encoder_hidden": -1, "context_dim": 6, "member_hidden": [8]}},
        {"embodiment": {}},
        {"selection": {"margin": -1.0, "beta": 1.0}},
        {"selection": {"margin": 0.5, "beta": 1.0, "weights": {"consensus": -1.0}}},
    ],
)
def test_wrong_field_is_refused(card, change):
    """A field that is missing, unknown or out of range is refused."""
    text = json.dumps({**json.loads(card.to_json()), **change})

    with pytest.raises(ArtefactError, match=r"^card\.json: .*expected "):
        CriticCard.from_json(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: tree.pop("network"), "CriticCard: expected the fields ['network'] too"),
        (lambda tree: tree["head"].pop("v_min"), "HeadConfig: expected the fields ['v_min'] too"),
        (lambda tree: tree.update(surprise=1), "CriticCard: expected no fields ['surprise']"),
        (lambda tree: tree.update(head=None), "HeadConfig: expected the fields ['kind',"),
        (lambda tree: tree.update(discount="x"), "expected fields of a card's types, got "),
        (
            lambda tree: tree["head"].update(margin_bins=True),
            "head.margin_bins: expected an integer, got True",
        ),
        (
            lambda tree: tree["embodiment"]["observations"][0].update(shape=["x"]),
            "card.embodiment.observations['observation.state'].shape: expected integers >= 1",
        ),
    ],
)
def test_the_text_names_the_file_and_the_field(card, change, words):
    """A server has many critics: "'network'" says neither which nor what."""
    tree = json.loads(card.to_json())
    change(tree)

    with pytest.raises(ArtefactError) as caught:
        CriticCard.from_json(json.dumps(tree), name="push/card.json")

    assert str(caught.value).startswith(f"push/card.json: {words}")


@pytest.mark.parametrize(
    "build",
    [
        lambda: HeadConfig(v_min=0.0, v_max=0.0),
        lambda: HeadConfig(num_bins=7),
        lambda: HeadConfig(sigma_bins=0.0),
        lambda: NetworkConfig(member_hidden=()),
        lambda: SelectionDefaults(margin=float("nan")),
        lambda: SelectionDefaults(beta=0.0),
    ],
)
def test_records_check_themselves(build):
    """A configuration that makes no sense cannot be made."""
    with pytest.raises(InvalidInputError, match="expected"):
        build()


def test_a_sentence_encoder_is_part_of_what_decides_and_nothing_where_there_is_none(card):
    """Older critics keep their digests; of two encoders the decisions differ."""
    told = replace(card, network=replace(card.network, language_dim=4))
    one, other = (replace(told, sentence_encoder="sha256:" + digit * 64) for digit in "12")

    assert "sentence_encoder" not in told.decision_fields()
    assert one.decision_fields() != other.decision_fields()
    assert CriticCard.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("size", "encoder"), [(4, "sha256:12"), (4, "mine"), (0, "sha256:" + 64 * "1")]
)
def test_a_sentence_encoder_that_is_no_digest_or_not_read_is_refused(card, size, encoder):
    """A path, for example: it would mean nothing elsewhere."""
    network = replace(card.network, language_dim=size)

    with pytest.raises(InvalidInputError, match=r"card\.sentence_encoder: expected a language_dim"):
        replace(card, network=network, sentence_encoder=encoder)


def test_a_card_of_before_there_were_several_tasks(card):
    """An older card is read; it is of one task and no sentence encoder."""
    tree = json.loads(card.to_json())
    del tree["sentence_encoder"], tree["dataset"]["tasks"]

    found = CriticCard.from_json(json.dumps(tree))

    assert (found.sentence_encoder, found.dataset.tasks) == ("", ())
