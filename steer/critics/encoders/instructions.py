"""Instructions as language vectors, each made once: what training, audit and server share.

Shape legend: B texts, L length of a language vector.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.critics.card import CriticCard
from steer.critics.encoders.language import SentenceEncoder, hash_text, sentence_digest
from steer.errors import ConfigError, InvalidInputError

__all__ = ["Instructions", "check_instruction", "find_encoders", "instructions_for"]

_MOST = 1024
"""Vectors that are kept: 4 MiB of 1024 numbers each."""


class Instructions:
    """Language vectors of instructions; the last ones asked for are kept. May be shared by threads.

    Args:
        size: L.
        sentences: Makes the vectors; None to hash.
        most: How many are kept, >= 1.

    Attributes:
        size: L.
        num_made: Vectors made so far, those made again included.

    Raises:
        InvalidInputError: The encoder's vectors are of another length.
    """

    def __init__(
        self, size: int, sentences: SentenceEncoder | None = None, *, most: int = _MOST
    ) -> None:
        if sentences is not None and sentences.size != size:
            raise InvalidInputError.expected(
                "sentence encoder", f"vectors of {size}", sentences.size
            )
        self.size = size
        self.num_made = 0
        self._sentences, self._most = sentences, most
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a text, float32 [L]; read-only, for it is kept.

        Raises:
            InvalidInputError: There are no words in it.
        """
        check_instruction("instruction", text)
        with self._lock:  # so that nobody makes it twice
            found = self._kept.get(text)
            if found is None:
                found = self._make(text)
                self._kept[text] = found
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(text)
            return found

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of texts, float32 [B, L]; see `vector`."""
        return np.stack([self.vector(text) for text in texts])

    def _make(self, text: str) -> NDArray[np.float32]:
        self.num_made += 1
        sentences = self._sentences
        made = hash_text(text, self.size) if sentences is None else sentences.encode([text])[0]
        made.setflags(write=False)
        return made


def check_instruction(what: str, text: str) -> None:
    """Refuse an instruction that says nothing to a critic that reads it.

    Raises:
        InvalidInputError: It is empty, or spaces alone.
    """
    if not text.strip():
        raise InvalidInputError.expected(what, "the task in words, which the critic reads", "none")


def find_encoders(directories: Sequence[Path]) -> dict[str, Path]:
    """Return directories of sentence encoders by their digests; none is loaded.

    Raises:
        ArtefactError: A directory is missing or incomplete.
    """
    return {sentence_digest(directory): directory for directory in directories}


def instructions_for(
    cards: Mapping[str, CriticCard], directories: Sequence[Path], *, device: str = "cpu"
) -> dict[str, Instructions]:
    """Return what makes the language vectors of each critic that reads instructions.

    Critics of one sentence encoder share it, and what it has made.

    Args:
        cards: By the critic's name.
        directories: Of sentence encoders, at least those that the critics were trained with.
        device: Of torch, for sentence encoders.

    Returns:
        By the critic's name; none for critics that read nothing.

    Raises:
        ConfigError: An encoder that a critic was trained with is missing, or one was given that no
            critic was trained with.
        ArtefactError: A directory holds no sentence encoder.
    """
    found = find_encoders(directories)
    needed = {card.sentence_encoder for card in cards.values()} - {""}
    given = ", ".join(f"{path} with {digest}" for digest, path in found.items()) or "none"
    for name, card in cards.items():
        if card.sentence_encoder and card.sentence_encoder not in found:
            raise ConfigError(
                f"--sentence-encoder: expected the one that critic {name!r} was trained with, "
                f"{card.sentence_encoder}, got {given}"
            )
    for digest, path in found.items():
        if digest not in needed:
            raise ConfigError(
                f"--sentence-encoder: expected one that a critic of these was trained with, got "
                f"{path} with {digest}"
            )
    loaded = {
        digest: Instructions(encoder.size, encoder)
        for digest, path in found.items()
        for encoder in [SentenceEncoder(path, device=device)]
    }
    return {
        name: loaded[card.sentence_encoder]
        if card.sentence_encoder
        else Instructions(card.network.language_dim)
        for name, card in cards.items()
        if card.network.language_dim
    }
