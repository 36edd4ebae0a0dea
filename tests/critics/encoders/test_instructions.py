"""Vectors of instructions: each made once, of the critic's own sentence encoder or hashed."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from steer.critics.encoders.instructions import Instructions, check_instruction, instructions_for
from steer.critics.encoders.language import SentenceEncoder, hash_text, sentence_digest
from steer.errors import ArtefactError, ConfigError, InvalidInputError

OTHER = "sha256:" + "0" * 64


class CountingSentences(SentenceEncoder):
    """Makes vectors of ones without a model, and remembers of what."""

    size = 3

    def __init__(self):
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        return np.ones((len(texts), 3), np.float32)


def test_each_distinct_instruction_is_made_once():
    """However often it is asked for, also by several threads at a time."""
    sentences = CountingSentences()
    instructions = Instructions(3, sentences)

    def ask():
        instructions.vectors(["push", "pull", "push"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert sorted(sentences.texts) == ["pull", "push"]
    assert instructions.num_made == 2


def test_what_is_kept_is_bounded():
    """The one that nobody has asked for the longest goes first."""
    sentences = CountingSentences()
    instructions = Instructions(3, sentences, most=2)

    for text in ("a", "b", "a", "c", "a", "b"):
        instructions.vector(text)

    assert sentences.texts == ["a", "b", "c", "b"]


def test_vectors_that_are_kept_cannot_be_written():
    """Whoever changed one would change it for all."""
    vector = Instructions(8).vector("push")

    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1.0
    assert np.array_equal(vector, hash_text("push", 8))


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_instruction_of_nothing_is_refused(text):
    """With what the critic wants."""
    with pytest.raises(InvalidInputError) as caught:
        check_instruction("observation.instruction", text)

    assert str(caught.value) == (
        "observation.instruction: expected the task in words, which the critic reads, got none"
    )
    with pytest.raises(InvalidInputError, match="instruction: expected the task in words"):
        Instructions(8).vector(text)


@pytest.mark.parametrize("text", ["拿起红色的杯子", "ارفع الكوب الأحمر", "x" * 10_000, "!"])
def test_other_scripts_and_long_texts_have_vectors(text):
    """Finite ones, always the same."""
    vector = Instructions(16).vector(text)

    assert np.isfinite(vector).all()
    assert np.array_equal(vector, Instructions(16).vector(text))


@pytest.fixture
def reads(card):
    """Return a card of a critic that reads vectors of so many numbers."""
    return lambda size, encoder="": replace(
        card, network=replace(card.network, language_dim=size), sentence_encoder=encoder
    )


def test_critics_without_a_sentence_encoder_need_none(card, reads):
    """Those that read nothing get nothing."""
    found = instructions_for({"deaf": card, "hashed": reads(8)}, [])

    assert list(found) == ["hashed"]
    assert np.array_equal(found["hashed"].vector("push"), hash_text("push", 8))


@pytest.mark.slow
def test_a_sentence_encoder_is_found_by_its_digest(reads, sentence_directory):
    """And shared by the critics that were trained with it."""
    told = reads(16, sentence_digest(sentence_directory))

    found = instructions_for({"one": told, "two": told, "hashed": reads(4)}, [sentence_directory])

    expected = SentenceEncoder(sentence_directory).encode(["push"])[0]
    assert found["one"] is found["two"]
    np.testing.assert_array_equal(found["one"].vector("push"), expected)
    assert found["hashed"].size == 4


@pytest.mark.slow
def test_a_missing_or_another_sentence_encoder_is_refused(reads, sentence_directory, tmp_path):
    """With the digest that is wanted, and those that were given; none is loaded before."""
    digest = sentence_digest(sentence_directory)
    with pytest.raises(ConfigError) as caught:
        instructions_for({"reach": reads(16, OTHER)}, [sentence_directory])
    assert str(caught.value) == (
        "--sentence-encoder: expected the one that critic 'reach' was trained with, "
        f"{OTHER}, got {sentence_directory} with {digest}"
    )

    with pytest.raises(ConfigError, match=f"trained with, {OTHER}, got none"):
        instructions_for({"reach": reads(16, OTHER)}, [])
    with pytest.raises(ConfigError, match="expected one that a critic of these was trained with"):
        instructions_for({"hashed": reads(16)}, [sentence_directory])
    with pytest.raises(ArtefactError, match=r"expected a directory with config\.json"):
        instructions_for({"reach": reads(16, digest)}, [tmp_path / "none"])


@pytest.mark.slow
def test_an_encoder_of_another_length_is_refused(reads, sentence_directory):
    """A card may say so, whatever the digest."""
    with pytest.raises(InvalidInputError, match="expected vectors of 5, got 16"):
        Instructions(5, SentenceEncoder(sentence_directory))
