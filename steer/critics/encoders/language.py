"""Language vectors: of an instruction, once an episode, by hashing or by a local model.

Shape legend: B texts, T tokens, L length of a language vector.
"""

import hashlib
import string
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from steer.errors import ArtefactError, ConfigError, InvalidInputError

__all__ = ["SentenceEncoder", "check_language", "hash_text", "sentence_digest"]

_GRAMS = (2, 3, 4)
"""Lengths of the pieces of a text, in characters."""

_BYTES = 4
"""Of a character in UTF-32: every piece is then a slice."""

_MAX_TOKENS = 512
"""That a sentence encoder reads, where neither it nor its tokenizer says less."""

_READ = (".json", ".model", ".safetensors", ".txt")
"""Endings of the files that weights, configuration and tokenizer are read from."""


def hash_text(text: str, size: int = 256) -> NDArray[np.float32]:
    """Return a vector for a text, near those of texts that share words and pieces of words.

    Needs no model, knows no meaning: "cup" and "mug" are as far apart as "cup" and "door". Words,
    and pieces of 2 to 4 characters across them, are each added with a sign at a hashed place;
    words and pieces weigh the same. It depends on nothing but its arguments and, through
    `unicodedata`, on how Unicode normalises the script.

    Args:
        text: In any script. Case, spacing, punctuation around words and compatible forms of
            characters do not count.
        size: L, >= 1.

    Returns:
        float32 of shape [L], of length 1; zeros for a text without words.

    Raises:
        InvalidInputError: `size` is not a positive integer.

    References:
        Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009, section 2;
        Bojanowski et al., Enriching Word Vectors with Subword Information, 2017, section 3.2.
        Differs: nothing is learnt, and pieces run across the spaces between words.
    """
    if type(size) is not int or size < 1:
        raise InvalidInputError.expected("size", "an integer >= 1", repr(size))
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    words = [word for part in plain.split() if (word := part.strip(string.punctuation))]
    if not words:
        return np.zeros(size, np.float32)
    padded = f" {' '.join(words)} ".encode("utf-32-le", errors="surrogatepass")
    pieces = (
        padded[at : at + num * _BYTES]
        for num in _GRAMS
        for at in range(0, len(padded) - num * _BYTES + 1, _BYTES)
    )
    whole = (word.encode("utf-32-le", errors="surrogatepass") for word in words)
    total = _unit(_hashed(whole, size, salt=1)) + _unit(_hashed(pieces, size, salt=0))
    return _unit(total).astype(np.float32)


def check_language(language_BL: Tensor | None, *, rows: int, size: int) -> None:
    """Refuse a language vector that an encoder was not made for, and the lack of one.

    Args:
        language_BL: To check.
        rows: B.
        size: L; 0 where the encoder takes no language.

    Raises:
        InvalidInputError: It has another shape or type, is missing, or is one too many.
    """
    contract = f"torch.float32 of shape {[rows, size]}" if size else "none"
    got = "none"
    if language_BL is not None:
        got = f"{language_BL.dtype} of shape {list(language_BL.shape)}"
    if got != contract:
        raise InvalidInputError.expected("language", contract, got)


class SentenceEncoder:
    """A frozen sentence encoder of `transformers`, read from a local directory.

    It is no part of a critic on disk: name its directory wherever the critic is used.

    Args:
        directory: Holds `config.json`, a tokenizer, and weights as safetensors. Nothing is
            downloaded, unpickled or executed.
        device: Of torch.

    Raises:
        ArtefactError: The directory is missing or incomplete, or does not fit together.
        ConfigError: transformers is not installed.

    References:
        Reimers and Gurevych, Sentence-BERT, 2019, section 3: mean pooling. Differs: vectors have
        length 1, and a checkpoint's own pooling layers are not read.
    """

    def __init__(self, directory: Path, *, device: str = "cpu") -> None:
        _check_directory(directory)
        library = _transformers()
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = library.AutoTokenizer.from_pretrained(directory, **options)
            model, report = library.AutoModel.from_pretrained(
                directory,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ArtefactError(f"{directory}: expected a sentence encoder, got {error}") from error
        # Of weights that stay at random transformers only warns. Poolers are not used.
        missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
        if missing:
            raise ArtefactError(f"{directory}: expected weights for {missing[0]!r}, got none")
        self._model = model.to(device).eval().requires_grad_(requires_grad=False)
        positions = getattr(model.config, "max_position_embeddings", _MAX_TOKENS)
        self._max_tokens = min(self._tokenizer.model_max_length, positions, _MAX_TOKENS)

    @property
    def size(self) -> int:
        """L."""
        return int(self._model.config.hidden_size)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of texts; what does not fit into the model is cut off.

        Args:
            texts: At least one. A vector does not depend on the texts beside it.

        Returns:
            float32 of shape [B, L], each row of length 1.

        Raises:
            InvalidInputError: There are no texts.
        """
        if not texts:
            raise InvalidInputError.expected("texts", "at least one", "none")
        tokens = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        ).to(self._model.device)
        state_BTL: Tensor = self._model(**tokens).last_hidden_state
        is_token_BT1 = tokens["attention_mask"].unsqueeze(-1).to(state_BTL.dtype)
        mean_BL = (state_BTL * is_token_BT1).sum(1) / is_token_BT1.sum(1).clamp_min(1)
        vectors_BL: NDArray[np.float32] = torch.nn.functional.normalize(mean_BL).cpu().numpy()
        return vectors_BL


def sentence_digest(directory: Path) -> str:
    """Return `sha256:<hex>` over the files of a sentence encoder, whatever its directory is called.

    Those count that weights, configuration and tokenizer are read from: not a README.

    Args:
        directory: As `SentenceEncoder` takes it; nothing is loaded.

    Raises:
        ArtefactError: The directory is missing or incomplete, or a file cannot be read.
    """
    _check_directory(directory)
    total = hashlib.sha256()
    try:
        for path in sorted(directory.iterdir()):
            if path.suffix in _READ and path.is_file():
                with path.open("rb") as file:
                    one = hashlib.file_digest(file, "sha256").hexdigest()
                total.update(f"{path.name} {one}\n".encode())
    except OSError as error:
        raise ArtefactError(f"{directory}: cannot be read: {error.strerror}") from error
    return f"sha256:{total.hexdigest()}"


def _hashed(items: Iterable[bytes], size: int, *, salt: int) -> NDArray[np.float64]:
    """Return the sum of items, each a signed one at its place."""
    hashes = np.array([zlib.crc32(item, salt) for item in items], np.int64)
    signs = 1.0 - 2.0 * (hashes >> 31)
    total: NDArray[np.float64] = np.zeros(size)
    np.add.at(total, (hashes & 0x7FFFFFFF) % size, signs)
    return total


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _check_directory(directory: Path) -> None:
    if not (directory / "config.json").is_file() or not any(directory.glob("*.safetensors")):
        raise ArtefactError(
            f"{directory}: expected a directory with config.json, a tokenizer and *.safetensors, "
            "got none; where there is a network, save one there with save_pretrained() of "
            "AutoModel and AutoTokenizer, for example of sentence-transformers/all-MiniLM-L6-v2, "
            "and give its path"
        )


def _transformers() -> Any:  # noqa: ANN401  # its classes do not tell their parameters
    try:
        import transformers  # an extra, and slow to load
    except ModuleNotFoundError as error:
        raise ConfigError(
            "sentence encoder: expected transformers, got none; type: pip install transformers"
        ) from error
    return transformers
