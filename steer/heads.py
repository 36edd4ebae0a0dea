"""Heads of the fast half: small networks that run beside the robot, in NumPy alone.

Editors change a window of a chunk at the newest observation; what they make is a candidate like any
other: it is scored, and passes the same gate. A forecast says what the robot will observe once what
runs now has run. `steer head` trains them.

Shapes: `N` candidates, `L` rows of a window, `A` action, `O` numbers of an observation, `F`
features, `J` = L x A.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from steer.errors import ArtefactError, InvalidInputError
from steer.types import Observation

__all__ = [
    "EDITORS",
    "KINDS",
    "Head",
    "HeadCard",
    "Kind",
    "NumpyHead",
    "features",
    "forward",
    "load_head",
    "numbers",
    "save_head",
]

Kind = Literal["edit", "residual", "cascade", "forecast"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EDITORS: tuple[Kind, ...] = ("edit", "residual", "cascade")
"""Kinds that change windows."""
_FORMAT = 1
_EPSILON = 1e-5
_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCard:
    """What a head is and was made from.

    Attributes:
        kind: `edit`, bounded by `beta`, raises a critic's value; `residual`, the difference to
            what an expert did; `cascade`, denoises from the window to what an expert did.
        keys: Of the observation's vectors, in the order of the numbers.
        window: L; 1 for a forecast.
        action_dim: A.
        most_gone: Rows that may be gone when the window begins.
        beta: Largest edit, in parts of the range of each dimension.
        steps: Of denoising.
        critic: Digest of the critic that an edit was trained on; empty for others.
        about: Of the training, as a JSON tree.
    """

    kind: Kind
    keys: tuple[str, ...]
    window: int
    action_dim: int
    most_gone: int
    beta: float = 0.0
    steps: int = 1
    critic: str = ""
    about: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError.expected("head.kind", "one of " + ", ".join(KINDS), self.kind)
        least = {"window": 1, "action_dim": 1, "most_gone": 0, "steps": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InvalidInputError.expected(f"head.{name}", f">= {value}", getattr(self, name))
        if self.kind == "edit" and not 0 < self.beta <= 1:
            raise InvalidInputError.expected("head.beta", "in (0, 1]", self.beta)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Card and weights.

    Attributes:
        card: Its card.
        arrays: By name: `observation_mean`, `observation_std` [O]; `action_mean`, `action_std`,
            `low`, `high` [A]; of a forecast `change_mean`, `change_std` [O]; of each layer
            `weight_i` [in, out] and `bias_i` [out]; of the normalisation after all but the last
            `gain_i` and `shift_i` [out].
    """

    card: HeadCard
    arrays: Mapping[str, NDArray[np.float32]]

    @property
    def num_layers(self) -> int:
        """Layers of the network."""
        return sum(name.startswith("weight_") for name in self.arrays)


def features(
    observation_O: NDArray[np.float32],
    window_NJ: NDArray[np.float32],
    *,
    stamp: float,
    time: float | None = None,
) -> NDArray[np.float32]:
    """Return the input of the network, [N, F].

    Args:
        observation_O: Normalised.
        window_NJ: Normalised: what is changed.
        stamp: Rows that are gone, in parts of those that may be.
        time: Of the denoising, 0 at the window and 1 at what is wanted; None for heads that do not.
    """
    rest = [math.sin(math.pi * stamp), math.cos(math.pi * stamp)]
    rest += [] if time is None else [time]
    head = np.concatenate([observation_O, np.array(rest, np.float32)])
    return np.concatenate([np.broadcast_to(head, (len(window_NJ), len(head))), window_NJ], axis=1)


class NumpyHead:
    """Runs a head that edits windows.

    Args:
        head: To run.

    Raises:
        InvalidInputError: It is of another kind.
    """

    def __init__(self, head: Head) -> None:
        if head.card.kind not in EDITORS:
            raise InvalidInputError.expected("head.kind", ", ".join(EDITORS), head.card.kind)
        self.card, self._head = head.card, head

    def windows(
        self, observation: Observation, windows_NLA: NDArray[np.float32], *, gone: int
    ) -> NDArray[np.float32]:
        """Return the windows as the head would have them, clipped into the robot's range.

        Args:
            observation: The newest.
            windows_NLA: Row 0 for the next tick, in robot units.
            gone: Rows of their chunks that are gone.

        Raises:
            InvalidInputError: The observation lacks what the head sees, or the windows are not of
                its shape.
        """
        card, arrays = self.card, self._head.arrays
        if windows_NLA.shape[1:] != (card.window, card.action_dim):
            contract = f"shape [N, {card.window}, {card.action_dim}]"
            raise InvalidInputError.expected("windows", contract, list(windows_NLA.shape))
        mean_O, std_O = arrays["observation_mean"], arrays["observation_std"]
        numbers_O = numbers(observation, self._head)
        seen_O: NDArray[np.float32] = ((numbers_O - mean_O) / std_O).astype(np.float32)
        stamp = min(gone, card.most_gone) / max(1, card.most_gone)
        mean_A, std_A = arrays["action_mean"], arrays["action_std"]
        wanted = (windows_NLA - mean_A) / std_A
        window_NJ: NDArray[np.float32] = wanted.reshape(len(windows_NLA), -1).astype(np.float32)
        if card.kind == "cascade":
            for step in range(card.steps):
                now = features(seen_O, window_NJ, stamp=stamp, time=step / card.steps)
                speed_NJ = forward(self._head, now) / card.steps
                window_NJ = (window_NJ + speed_NJ).astype(np.float32)
            made_NLA = window_NJ.reshape(windows_NLA.shape) * std_A + mean_A
        else:
            out_NJ = forward(self._head, features(seen_O, window_NJ, stamp=stamp))
            out_NLA = out_NJ.reshape(windows_NLA.shape)
            if card.kind == "edit":
                span_A = arrays["high"] - arrays["low"]
                made_NLA = windows_NLA + card.beta * span_A * np.tanh(out_NLA)
            else:
                made_NLA = windows_NLA + out_NLA * std_A
        clipped: NDArray[np.float32] = np.clip(made_NLA, arrays["low"], arrays["high"])
        return clipped.astype(np.float32)


def numbers(observation: Observation, head: Head) -> NDArray[np.float32]:
    """Return the vectors that a head sees, one behind the other, in robot units, [O].

    Raises:
        InvalidInputError: The observation lacks one.
    """
    card, arrays, parts = head.card, head.arrays, []
    for key in card.keys:
        value = observation.arrays.get(key)
        if not isinstance(value, np.ndarray):
            raise InvalidInputError.expected(f"observation {key!r}", "a vector", "none")
        parts.append(np.asarray(value, np.float32).reshape(-1))
    found = np.concatenate(parts)
    size = len(arrays["observation_mean"])
    if len(found) != size:
        contract = f"{size} numbers of {', '.join(card.keys)}"
        raise InvalidInputError.expected("observation", contract, len(found))
    return found


def forward(head: Head, x_NF: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the last layer of the network says."""
    arrays = head.arrays
    for layer in range(head.num_layers):
        x_NF = x_NF @ arrays[f"weight_{layer}"] + arrays[f"bias_{layer}"]
        if layer < head.num_layers - 1:
            centred = x_NF - x_NF.mean(axis=1, keepdims=True)
            deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(_EPSILON))
            x_NF = centred / deviation * arrays[f"gain_{layer}"] + arrays[f"shift_{layer}"]
            x_NF = (x_NF / (1 + np.exp(-x_NF))).astype(np.float32)
    return x_NF


def save_head(path: Path, head: Head) -> None:
    """Write a head; whoever looks sees a whole file or none."""
    tree = {**asdict(head.card), "format": _FORMAT}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".partial")
    with fresh.open("wb") as file:
        np.savez(file, allow_pickle=False, card=np.array(json.dumps(tree)), **dict(head.arrays))
    fresh.replace(path)


def load_head(path: Path) -> Head:
    """Read what `save_head` wrote.

    Raises:
        ArtefactError: It is missing, damaged, too large, of a newer format, or its weights are not
            those that its card needs.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ArtefactError(f"{path}: expected at most {_MAX_BYTES} bytes, got more")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        tree = json.loads(str(arrays.pop("card")))
        if tree.pop("format") != _FORMAT:
            raise ArtefactError(f"{path}: expected format {_FORMAT}, got another")
        names = {item.name for item in fields(HeadCard)}
        if set(tree) != names:
            raise ArtefactError(f"{path}: expected a card with {sorted(names)}, got {sorted(tree)}")
        head = Head(HeadCard(**{**tree, "keys": tuple(tree["keys"])}), arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInputError) as error:
        raise ArtefactError(f"{path}: expected a head, got {error}") from error
    _check(path, head)
    return head


def _check(path: Path, head: Head) -> None:
    card, arrays = head.card, head.arrays
    observed = arrays.get("observation_mean", np.zeros(0, np.float32)).shape
    shapes: dict[str, tuple[int, ...]] = {"observation_mean": observed, "observation_std": observed}
    if card.kind == "forecast":
        size, width = sum(observed), sum(observed) + card.action_dim
        shapes |= dict.fromkeys(("change_mean", "change_std"), observed)
    else:
        size = card.window * card.action_dim
        width = sum(observed) + 2 + (card.kind == "cascade") + size
    vector = (card.action_dim,)
    shapes |= dict.fromkeys(("action_mean", "action_std", "low", "high"), vector)
    for layer in range(head.num_layers):
        weight = arrays.get(f"weight_{layer}", np.zeros((0, 0), np.float32))
        is_last = layer == head.num_layers - 1
        out = size if is_last else weight.shape[-1]
        shapes |= {f"weight_{layer}": (width, out), f"bias_{layer}": (out,)}
        shapes |= {} if is_last else {f"gain_{layer}": (out,), f"shift_{layer}": (out,)}
        width = out
    found = {name: item.shape for name, item in arrays.items()}
    if found != shapes or not head.num_layers:
        raise ArtefactError(f"{path}: expected arrays of shapes {shapes}, got {found}")
    for name, item in arrays.items():
        if item.dtype != np.float32 or not np.isfinite(item).all():
            raise ArtefactError(f"{path}: expected finite float32 in {name}, got something else")
