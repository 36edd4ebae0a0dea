"""Language vectors: the same everywhere, near for texts that are alike."""

import json

import numpy as np
import pytest
import torch

from steer.critics.encoders.language import (
    SentenceEncoder,
    check_language,
    hash_text,
    sentence_digest,
)
from steer.errors import ArtefactError, InvalidInputError

TEXTS = ("pick up the red cup", "open the drawer", "pick")


def test_a_text_has_the_same_vector_in_every_process():
    """Compared with numbers written down here: not Python's own hash, which is salted."""
    got = hash_text("Pick up the cup.", 8)

    expected = [0.531704, -0.346909, 0, 0, -0.184795, -0.231272, -0.300432, 0.64734]
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("size", [16, 100, 256])
def test_vectors_have_length_one(size):
    """In float32, and of the size asked for."""
    vector = hash_text("open the drawer", size)

    assert vector.shape == (size,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("text", ["", "  \n\t ", "... !"])
def test_a_text_without_words_is_zeros(text):
    """So no instruction is no direction."""
    assert not hash_text(text).any()


@pytest.mark.parametrize(
    "other",
    ["PICK  up\tthe cup", "pick up the cup.", "pick up the \uff43up", "pick, up the (cup)!"],
)
def test_spelling_does_not_count(other):
    """Case, spaces, punctuation around words and forms of the same character."""
    assert np.array_equal(hash_text("pick up the cup"), hash_text(other))


def test_composed_and_decomposed_letters_are_the_same():
    """Also where lower case is what makes them differ."""
    for composed, decomposed in (("Tür öffnen", "Tu\u0308r o\u0308ffnen"), ("\u0130x", "I\u0307x")):
        assert np.array_equal(hash_text(composed), hash_text(decomposed))


def test_texts_that_share_words_are_near():
    """Nearer than texts that share none; and the order of words counts."""
    cup = hash_text("pick up the red cup")

    assert cup @ hash_text("pick up the red cups") > 0.8
    assert cup @ hash_text("pick up the blue cup") > 0.5
    assert abs(cup @ hash_text("open a drawer")) < 0.3
    assert 0.5 < cup @ hash_text("the red cup pick up") < 0.99


@pytest.mark.parametrize(
    "text", ["拿起红色的杯子", "ارفع الكوب الأحمر", "лупа", "कप उठाओ", "🤖", "\ud800"]
)
def test_every_script_has_a_direction(text):
    """Another one than the next text in it, even for what is no character at all."""
    assert np.linalg.norm(hash_text(text)) == pytest.approx(1.0, abs=1e-6)
    assert not np.allclose(hash_text(text), hash_text(text + text))


def test_long_texts_have_vectors():
    """10,000 characters, some of them in a single word."""
    for text in ("pick the cup " * 800, "x" * 10_000):
        assert np.linalg.norm(hash_text(text)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("size", [0, -1, True])
def test_sizes_that_make_no_sense_are_refused(size):
    """With what was given."""
    with pytest.raises(InvalidInputError, match="size: expected an integer >= 1, got"):
        hash_text("cup", size)


def test_language_that_an_encoder_was_not_made_for_is_refused():
    """Another type as well as another shape."""
    check_language(torch.zeros(2, 5), rows=2, size=5)
    check_language(None, rows=2, size=0)

    with pytest.raises(InvalidInputError) as caught:
        check_language(torch.zeros(2, 5).double(), rows=2, size=5)
    assert str(caught.value) == (
        "language: expected torch.float32 of shape [2, 5], got torch.float64 of shape [2, 5]"
    )


@pytest.fixture(scope="module")
def sentences(sentence_directory):
    """Return an encoder that was read from there."""
    return SentenceEncoder(sentence_directory)


@pytest.mark.slow
def test_sentences_have_vectors_of_length_one(sentences):
    """Different ones, and the same when asked again."""
    vectors = sentences.encode(TEXTS)

    assert vectors.shape == (3, sentences.size) == (3, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])
    assert np.array_equal(vectors, sentences.encode(TEXTS))


@pytest.mark.slow
def test_a_sentence_does_not_see_those_beside_it(sentences):
    """Padding to the longest of them is not part of the mean."""
    alone = np.concatenate([sentences.encode([text]) for text in TEXTS])

    np.testing.assert_allclose(sentences.encode(TEXTS), alone, atol=1e-5)


@pytest.mark.slow
def test_what_does_not_fit_into_the_model_is_cut_off(sentences):
    """Twelve tokens here, with one at either end, also where the tokenizer knows no limit."""
    assert np.array_equal(sentences.encode(["a " * 10]), sentences.encode(["a " * 5000]))
    assert np.isfinite(sentences.encode([""])).all()


@pytest.mark.slow
def test_no_sentences_are_refused(sentences):
    """There would be nothing to return."""
    with pytest.raises(InvalidInputError, match="texts: expected at least one, got none"):
        sentences.encode([])


def test_a_missing_directory_is_named_with_what_to_do(tmp_path):
    """A model is never downloaded; the text says how to come by one."""
    with pytest.raises(ArtefactError) as caught:
        SentenceEncoder(tmp_path / "none")

    assert str(caught.value).startswith(
        f"{tmp_path / 'none'}: expected a directory with config.json, a tokenizer and "
        "*.safetensors, got none; where there is a network, save one there with save_pretrained()"
    )


@pytest.fixture
def copy(sentence_directory, tmp_path):
    """Return a copy of the model to damage."""
    for path in sentence_directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.slow
def test_pickled_weights_are_not_read(copy):
    """Even where there are no others."""
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")

    with pytest.raises(ArtefactError, match=r"expected .* \*\.safetensors, got none"):
        SentenceEncoder(copy)


@pytest.mark.slow
def test_weights_that_are_missing_are_not_left_at_random(copy):
    """transformers would warn, and go on with other vectors in each process."""
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))

    with pytest.raises(ArtefactError, match=r"expected weights for 'encoder.layer.1.*', got none"):
        SentenceEncoder(copy)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text"), [("model.safetensors", "no"), ("config.json", "no"), ("config.json", "{}")]
)
def test_a_damaged_directory_is_refused(copy, file, text):
    """As an artefact, whatever transformers says of it."""
    (copy / file).write_text(text)

    with pytest.raises(ArtefactError, match="expected a sentence encoder, got"):
        SentenceEncoder(copy)


@pytest.mark.slow
def test_an_encoder_is_known_by_its_files_wherever_they_lie(sentence_directory, copy):
    """Not by its README; and by every byte of its weights and tokenizer."""
    digest = sentence_digest(sentence_directory)
    (copy / "README.md").write_text("mine")

    assert sentence_digest(copy) == digest
    assert digest.startswith("sha256:")

    (copy / "vocab.txt").write_text((copy / "vocab.txt").read_text().swapcase())
    assert sentence_digest(copy) != digest


def test_a_directory_without_an_encoder_has_no_digest(tmp_path):
    """The same text as when it is read."""
    with pytest.raises(ArtefactError, match=r"expected a directory with config\.json"):
        sentence_digest(tmp_path)
