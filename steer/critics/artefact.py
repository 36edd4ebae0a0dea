"""A critic on disk: `critic.safetensors`, `card.json` and `README.md` in one directory.

Nothing is unpickled. What does not match is refused by name.
"""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.errors import ArtefactError

__all__ = ["CARD", "WEIGHTS", "load_card", "load_critic", "rewrite_card", "save_critic"]

WEIGHTS = "critic.safetensors"
CARD = "card.json"
MODEL_CARD = "README.md"
MAX_CARD_BYTES = 1 << 20
MAX_WEIGHTS_BYTES = 1 << 30


def save_critic(critic: Critic, directory: Path) -> CriticCard:
    """Write a critic; its directory appears whole, or not at all.

    Args:
        critic: Its card's `weights_sha256` is filled in.
        directory: Replaced where it exists.

    Returns:
        The card as written.
    """
    tensors = {name: value.detach().cpu() for name, value in critic.state_dict().items()}
    weights = save_tensors({name: value.contiguous() for name, value in tensors.items()})
    card = replace(critic.card, weights_sha256=hashlib.sha256(weights).hexdigest())
    fresh = directory.with_name(directory.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _write(fresh / WEIGHTS, weights)
    _write(fresh / CARD, card.to_json().encode())
    _write(fresh / MODEL_CARD, describe(card).encode())
    shutil.rmtree(directory, ignore_errors=True)
    fresh.replace(directory)
    critic.card = card
    return card


def load_critic(directory: Path, *, device: str = "cpu") -> Critic:
    """Read a critic and check it against its card.

    Args:
        directory: What `save_critic` wrote.
        device: Where its weights go.

    Returns:
        The critic, in evaluation mode, without gradients.

    Raises:
        ArtefactError: A file is missing, damaged, of a newer format, or does not fit the card.
    """
    card = load_card(directory)
    weights = _read(directory / WEIGHTS, MAX_WEIGHTS_BYTES)
    found = hashlib.sha256(weights).hexdigest()
    if found != card.weights_sha256:
        raise ArtefactError(
            f"{WEIGHTS}: expected sha256 {card.weights_sha256}, got {found}; the file was cut or "
            f"changed after it was written, in {directory}"
        )
    try:
        critic = Critic(card)
        critic.load_state_dict(load_tensors(weights))
    except (SafetensorError, RuntimeError) as error:
        raise ArtefactError(
            f"{WEIGHTS}: expected the tensors that {CARD} describes, got {error}"
        ) from error
    if not all(bool(torch.isfinite(value).all()) for value in critic.parameters()):
        raise ArtefactError(f"{WEIGHTS}: expected finite weights, got NaN or infinity")
    return critic.requires_grad_(requires_grad=False).eval().to(device)


def load_card(directory: Path) -> CriticCard:
    """Read a critic's card alone.

    Raises:
        ArtefactError: It is missing, damaged or of a newer format.
    """
    text = _read(directory / CARD, MAX_CARD_BYTES)
    try:
        return CriticCard.from_json(text.decode())
    except UnicodeDecodeError as error:
        raise ArtefactError(f"{CARD}: expected UTF-8, got {error}") from error


def rewrite_card(directory: Path, card: CriticCard) -> None:
    """Put another card in the place of a critic's; a crash leaves the old one or the new one.

    Raises:
        ArtefactError: The card belongs to other weights.
    """
    present = load_card(directory)
    if card.weights_sha256 != present.weights_sha256:
        raise ArtefactError(
            f"{CARD}: expected the card of weights {present.weights_sha256}, got one of "
            f"{card.weights_sha256}"
        )
    for name, text in ((MODEL_CARD, describe(card)), (CARD, card.to_json())):
        fresh = directory / (name + ".partial")
        _write(fresh, text.encode())
        fresh.replace(directory / name)


def describe(card: CriticCard) -> str:
    """Return the model card: what it was trained on, how, and what an audit found."""
    body = card.embodiment
    needs = ", ".join(f"`{item.name}` {list(item.shape)}" for item in body.observations)
    lines = [
        "# Critic",
        "",
        f"Scores the first {card.horizon} actions of a chunk for `{body.name or 'a robot'}` "
        f"({body.action_dim} actions, {body.control_hz:g} Hz), with {card.num_members} members.",
        "",
        f"- Algorithm: `{card.algorithm}`, discount {card.discount:g} per control tick",
        f"- Needs: {needs}",
        f"- Gate: margin {card.selection.margin:g}, beta {card.selection.beta:g} "
        f"({card.selection.because})",
        *(f"- Dataset, {key}: {value}" for key, value in card.dataset.items()),
        f"- Digest: `{card.digest}`",
        "",
        "## Audit",
        "",
        "Not audited: run `steer audit` before any rollout." if card.audit is None else "",
        *(f"- {key}: {value}" for key, value in (card.audit or {}).items()),
        "",
        "Values are discounted returns on data like those it was trained on. It cannot rank what",
        "those data never show, and it is no safety function.",
        "",
    ]
    return "\n".join(lines)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, cap: int) -> bytes:
    if not path.is_file():
        raise ArtefactError(f"critic: expected {path.name} in {path.parent}, got no such file")
    size = path.stat().st_size
    if size > cap:
        raise ArtefactError(f"{path.name}: expected at most {cap} bytes, got {size}")
    return path.read_bytes()
