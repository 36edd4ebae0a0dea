"""A critic on disk: `critic.safetensors`, `card.json` and a model card, `README.md`.

Nothing here is executable, nothing is pickled, and nothing half-written is ever loaded: a save
makes a whole directory and renames it; a load checks the weights against the card's digest before
it looks at a tensor.
"""

import hashlib
import math
import os
import secrets
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.model_card import model_card
from steer.errors import ArtefactError, InvalidInputError

__all__ = ["load_critic", "save_critic", "update_card"]

WEIGHTS, CARD, README = "critic.safetensors", "card.json", "README.md"
MAX_WEIGHTS_BYTES = 2**30
MAX_HEADER_BYTES = 2**20
MAX_CARD_BYTES = 2**22
_LEAST = {3: 140_000, 2: 40_000}
"""By the axes of an observation, images and clouds: weights of its encoder, whatever its extent."""


def save_critic(critic: Critic, directory: Path) -> None:
    """Write a critic; whoever looks sees the old directory or the whole new one.

    Args:
        critic: To write; its card learns the digest of the weights.
        directory: Made with its parents; replaced where it holds a critic.

    Raises:
        ArtefactError: The directory holds something else, or the disk refuses.
    """
    tensors = {name: value.cpu().contiguous() for name, value in critic.state_dict().items()}
    weights = save(tensors)
    card = replace(critic.card, weights_sha256=hashlib.sha256(weights).hexdigest())
    _write(directory, weights, card)
    critic.card = card


def update_card(directory: Path, card: CriticCard) -> None:
    """Put another card (an audit, a margin) in the place of a critic's, atomically.

    Raises:
        ArtefactError: The card belongs to other weights, or the disk refuses.
    """
    got = hashlib.sha256(_read(directory / WEIGHTS, MAX_WEIGHTS_BYTES)).hexdigest()
    if got != card.weights_sha256:
        raise ArtefactError(
            f"{directory / CARD}: expected the card of weights {got}, got one of "
            f"{card.weights_sha256 or 'none'}"
        )
    try:
        for name, text in ((CARD, card.to_json()), (README, model_card(card))):
            fresh = directory / f".{name}.{secrets.token_hex(4)}"
            try:
                _write_file(fresh, text.encode())
                fresh.replace(directory / name)
            finally:
                fresh.unlink(missing_ok=True)
        _sync(directory)
    except OSError as error:
        raise ArtefactError(f"{directory}: cannot be written: {error}") from error


def load_critic(directory: Path, *, device: str = "cpu") -> Critic:
    """Read a critic, ready to score.

    Args:
        directory: What `save_critic` wrote.
        device: Of torch.

    Raises:
        ArtefactError: A file is missing, truncated, edited, of a newer format, or does not match
            the card.
    """
    text = _read(directory / CARD, MAX_CARD_BYTES).decode(errors="replace")
    card = CriticCard.from_json(text, name=str(directory / CARD))
    data = _read(directory / WEIGHTS, MAX_WEIGHTS_BYTES)
    got = hashlib.sha256(data).hexdigest()
    if got != card.weights_sha256:
        raise ArtefactError(
            f"{directory / WEIGHTS}: expected sha256 {card.weights_sha256 or 'in the card'}, got "
            f"{got}; the file is truncated, edited, or belongs to another card"
        )
    tensors = _tensors(directory / WEIGHTS, data)
    path = directory / WEIGHTS
    claimed, held = _num_weights(card), sum(value.numel() for value in tensors.values())
    if claimed > held:  # before the network is made: the card may claim one of any size
        raise ArtefactError(f"{path}: expected the card's {claimed} weights, got {held}")
    try:
        critic = Critic(card)
    except InvalidInputError as error:
        raise ArtefactError(f"{directory / CARD}: {error}") from error
    _check_tensors(path, tensors, critic.state_dict())
    critic.load_state_dict(tensors)
    return critic.to(device).requires_grad_(requires_grad=False).eval()


def _read(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise ArtefactError(f"{path}: expected at most {limit} bytes, got {size}")
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from error


def _tensors(path: Path, data: bytes) -> dict[str, Tensor]:
    header = int.from_bytes(data[:8], "little") if len(data) >= 8 else -1
    if not 0 <= header <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise ArtefactError(
            f"{path}: expected a header of at most {MAX_HEADER_BYTES} bytes, got {header}"
        )
    try:
        return load(data)
    except SafetensorError as error:
        raise ArtefactError(f"{path}: expected safetensors, got {error}") from error


def _num_weights(card: CriticCard) -> int:
    """Return how many weights the matrices of the card's network have at least."""
    network, body = card.network, card.embodiment
    if network.kind == "transformer":
        tokens = network.context_dim + body.action_dim + 1 + card.horizon + card.head.num_outputs
        member = network.width * (tokens + 8 * network.depth * network.width)
    else:
        inputs = network.context_dim + card.horizon * body.action_dim
        widths = (inputs, *network.member_hidden, card.head.num_outputs)
        member = sum(a * b for a, b in pairwise(widths))
    shapes = [item.shape for item in body.observations]
    vectors = [shape for shape in shapes if len(shape) == 1]
    sensed = sum(map(math.prod, vectors)) + network.context_dim if vectors else 0
    seen = sum(_LEAST.get(len(shape), 0) for shape in shapes)
    told = network.language_dim * network.context_dim
    return card.num_members * member + network.encoder_hidden * sensed + seen + told


def _check_tensors(path: Path, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    if tensors.keys() != expected.keys():
        wrong = sorted(tensors.keys() ^ expected.keys())
        raise ArtefactError(f"{path}: expected the tensors of the card's network, wrong: {wrong}")
    for name, value in tensors.items():
        shape = list(expected[name].shape)
        if list(value.shape) != shape or value.dtype != torch.float32:
            got = f"{value.dtype} of shape {list(value.shape)}"
            raise ArtefactError(f"{path}: {name}: expected float32 of shape {shape}, got {got}")
        if not bool(value.isfinite().all()):
            raise ArtefactError(f"{path}: {name}: expected finite values, got NaN or Inf")


def _write(directory: Path, weights: bytes, card: CriticCard) -> None:
    directory = Path(directory).absolute()
    if directory.exists() and not (directory / CARD).is_file() and any(directory.iterdir()):
        raise ArtefactError(f"{directory}: expected a critic or nothing, got other files")
    token = secrets.token_hex(4)
    new = directory.with_name(f".{directory.name}.{token}.new")
    old = directory.with_name(f".{directory.name}.{token}.old")
    try:
        new.mkdir(parents=True)
        for name, data in (
            (WEIGHTS, weights),
            (CARD, card.to_json().encode()),
            (README, model_card(card).encode()),
        ):
            _write_file(new / name, data)
        if directory.exists():
            directory.rename(old)
        new.rename(directory)
        _sync(directory.parent)
    except OSError as error:
        raise ArtefactError(f"{directory}: cannot be written: {error}") from error
    finally:
        if old.exists() and not directory.exists():
            old.rename(directory)
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
