"""Novelty: how seldom the data held a chunk like this in a state like this.

Shapes: `M` pairs of observation and chunk, `N` candidates, `H` horizon, `A` action, `D` context,
`J` = D + H x A features of a pair, `F` coins.
"""

import json
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from steer.embodiment import Embodiment
from steer.errors import ArtefactError, ConfigError, InvalidInputError
from steer.ranges import as_run
from steer.rank.scorers.base import Situation
from steer.rank.scorers.coins import CoinNetwork, fit_coins

__all__ = ["NOVELTY_FILE", "Novelty", "NoveltyConfig", "pair_features"]

NOVELTY_FILE = "novelty.safetensors"
"""What it is called beside the critic that it was fitted for."""
FORMAT = "steer-novelty-1"
_SAID = "steer"
"""All that the file says of itself; one entry, for several would come in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyConfig:
    """How the network is made and fitted."""

    num_coins: int = 20
    """F. One pair's estimate is off by a factor of about 1 +- sqrt(2 / F)."""
    hidden: int = 128
    """Width of the two hidden layers."""
    num_steps: int = 2000
    """Of the optimiser."""
    batch: int = 512
    """Pairs a step."""
    learning_rate: float = 1e-3
    """At the first step; it falls to 0 in a straight line."""

    def __post_init__(self) -> None:
        for name in ("num_coins", "hidden", "num_steps", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"novelty.{name}: expected at least 1, got {getattr(self, name)}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ConfigError(
                f"novelty.learning_rate: expected a finite number > 0, got {self.learning_rate}"
            )


def pair_features(
    context_MD: NDArray[np.float32], chunks_MHA: NDArray[np.float32], embodiment: Embodiment
) -> NDArray[np.float32]:
    """Return context and chunk side by side, the chunk as the robot runs it, shape [M, J].

    Args:
        context_MD: What an encoder gives of each observation; the same encoder for fit and score.
        chunks_MHA: In robot units; the prefix that is run.
        embodiment: Clips.
    """
    chunks_MJ = as_run(chunks_MHA, embodiment).reshape(len(chunks_MHA), -1)
    return np.concatenate([context_MD, chunks_MJ], axis=1)


class Novelty:
    """Score by minus the novelty, an estimate of 1 / count: from about -1 (never seen) to 0.

    Every pair in the data is given coins of its own, +1 or -1. The best that a network can answer
    for a pair that came n times is the mean of n coins, whose square is 1 / n on average. What it
    was never asked it answers like its fixed random part, whose square is about 1, or more far out.
    Novelty is not badness: use it beside a critic.

    Args:
        network: Fitted; see `fit` and `load`.
        about: What it was fitted on, as a JSON tree; empty where nobody said.

    Attributes:
        about: The same.

    References:
        Lobel, Bagaria and Konidaris, Flipping Coins to Estimate Pseudocounts, 2023; Yang et al.,
        Steering VLA Models as Anti-Exploration, 2025 (TACO), ranks chunks so. Differs: features of
        observation and chunk in the place of the policy's hidden states, so that the policy may be
        a black box; a small network; no prioritised sampling, for the data are fixed.
    """

    def __init__(self, network: CoinNetwork, about: Mapping[str, Any] | None = None) -> None:
        self._network = network.requires_grad_(requires_grad=False).eval()
        self.about = dict(about or {})

    @property
    def num_features(self) -> int:
        """J."""
        return len(self._network.mean_J)

    @classmethod
    def fit(
        cls,
        features_MJ: NDArray[np.float32],
        *,
        seed: int,
        config: NoveltyConfig | None = None,
        about: Mapping[str, Any] | None = None,
        on_step: Callable[[], object] | None = None,
    ) -> "Novelty":
        """Return the novelty that a dataset teaches.

        Args:
            features_MJ: Of `pair_features`, finite, M >= 1. Pairs that came more often are in it
                more often.
            seed: Equal arguments give an equal network, on one machine.
            config: None for the presets.
            about: What the data are, for whoever reads the file.
            on_step: Called after each step, to show how far it is.

        Raises:
            InvalidInputError: The features are not finite, or there are none.
        """
        config = config or NoveltyConfig()
        if not features_MJ.size or not np.isfinite(features_MJ).all():
            got = f"shape {list(features_MJ.shape)}" + (", not all finite" * bool(features_MJ.size))
            raise InvalidInputError.expected("novelty features", "finite numbers [M, J]", got)
        generator = torch.Generator().manual_seed(seed)
        x_MJ = torch.from_numpy(features_MJ.copy())  # torch wants an array that may be written
        network = CoinNetwork(x_MJ.shape[1], hidden=config.hidden, num_coins=config.num_coins)
        network.draw(generator)
        network.fit_normalisation(x_MJ)
        fit_coins(
            network,
            x_MJ,
            num_steps=config.num_steps,
            batch=config.batch,
            learning_rate=config.learning_rate,
            generator=generator,
            on_step=on_step,
        )
        return cls(network, about)

    def novelty(self, features_NJ: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the estimate of 1 / count of each pair, shape [N], >= 0.

        Raises:
            InvalidInputError: The features are not those that were fitted.
        """
        if features_NJ.shape[1] != self.num_features:
            raise InvalidInputError.expected(
                "novelty features", f"{self.num_features} a pair", features_NJ.shape[1]
            )
        with torch.inference_mode():
            answer_NF = self._network(torch.from_numpy(features_NJ.copy()))
            result: NDArray[np.float32] = answer_NF.square().mean(dim=1).numpy()
        return result

    def __call__(self, situation: Situation) -> NDArray[np.float32] | None:
        """Return the score of each candidate, shape [N]; None where the context is not known.

        Raises:
            InvalidInputError: Context or chunks are not as long as those that were fitted.
        """
        if situation.context_D is None:
            return None
        context_ND = np.tile(situation.context_D, (len(situation), 1))
        return -self.novelty(pair_features(context_ND, situation.chunks_NHA, situation.embodiment))

    def save(self, path: Path, *, critic: str = "") -> None:
        """Write it as safetensors; whoever looks sees the old file or the whole new one.

        Args:
            path: Of the file.
            critic: Digest of the weights that gave the contexts; empty for none.

        Raises:
            ArtefactError: The disk refuses.
        """
        tensors = {name: value.contiguous() for name, value in self._network.state_dict().items()}
        tree = {"format": FORMAT, "critic": critic, "about": self.about}
        said = json.dumps(tree, sort_keys=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            fresh.write_bytes(save(tensors, metadata={_SAID: said}))
            fresh.replace(path)
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"{path}: cannot be written: {error}") from error
        finally:
            fresh.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path, *, critic: str | None = None) -> "Novelty":
        """Read what `save` wrote.

        Args:
            path: Of the file.
            critic: Digest of the weights that will give the contexts; None for any.

        Raises:
            ArtefactError: The file is missing, damaged, something else, or was fitted for other
                weights.
        """
        try:
            with safe_open(path, framework="pt") as file:
                said = _said(path, (file.metadata() or {}).get(_SAID, "{}"))
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"{path}: cannot be read: {error}") from error
        if said.get("format") != FORMAT:
            raise ArtefactError(f"{path}: expected format {FORMAT!r}, got {said.get('format')!r}")
        if critic is not None and said.get("critic") != critic:
            raise ArtefactError(
                f"{path}: expected a novelty fitted for the weights {critic}, got one for "
                f"{said.get('critic') or 'none'}"
            )
        about = said.get("about")
        return cls(_network(path, tensors), about if isinstance(about, dict) else None)


def _said(path: Path, text: str) -> dict[str, Any]:
    """Return what the file says of itself."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path}: {_SAID}: expected JSON, got {error}") from error
    if not isinstance(tree, dict):
        raise ArtefactError(f"{path}: {_SAID}: expected a JSON object, got {type(tree).__name__}")
    return tree


def _network(path: Path, tensors: dict[str, Tensor]) -> CoinNetwork:
    """Return the network that the tensors are of, after a look at each of them."""
    try:
        hidden, num_features = tensors["learnt.0.weight"].shape
        num_coins, _ = tensors["learnt.4.weight"].shape
        # Before the network is made: the first layer may claim one of any size.
        if tensors["learnt.2.weight"].shape != (hidden, hidden):
            raise ValueError(f"layers of {hidden} and {list(tensors['learnt.2.weight'].shape)}")
        network = CoinNetwork(num_features, hidden=hidden, num_coins=num_coins)
        network.load_state_dict(tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise ArtefactError(f"{path}: expected the tensors of a novelty, got {error}") from error
    for name, value in tensors.items():
        if value.dtype != torch.float32 or not bool(value.isfinite().all()):
            raise ArtefactError(f"{path}: {name}: expected finite float32, got {value.dtype}")
    return network
