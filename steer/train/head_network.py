"""The network of a head while it is trained, and its way into NumPy.

Shape legend: B windows, L rows, A action, J = L x A, O numbers of an observation, F features.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from steer.heads import Head, HeadCard

__all__ = ["HeadNetwork"]


class HeadNetwork(nn.Module):
    """Two hidden layers with LayerNorm and SiLU; what it makes begins as what it was given.

    Args:
        card: What it is made for.
        statistics: `observation_mean`, `observation_std` [O], `action_mean`, `action_std`, `low`
            and `high` [A].
        hidden: Width.
    """

    def __init__(
        self, card: HeadCard, statistics: Mapping[str, NDArray[np.float32]], *, hidden: int
    ) -> None:
        super().__init__()
        self.card = card
        for name, value in statistics.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(value, np.float32)))
        size, observed = card.window * card.action_dim, len(statistics["observation_mean"])
        width = observed + 2 + (card.kind == "cascade") + size
        if card.kind == "forecast":
            size, width = observed, observed + card.action_dim
        self.linear = nn.ModuleList(
            nn.Linear(*sizes) for sizes in ((width, hidden), (hidden, hidden), (hidden, size))
        )
        self.norm = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(2))
        last = self.linear[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def normalised(self, windows_BLA: Float[Tensor, "B L A"]) -> Float[Tensor, "B J"]:
        """Return windows as the network sees them."""
        mean, std = self.get_buffer("action_mean"), self.get_buffer("action_std")
        return ((windows_BLA - mean) / std).flatten(1)

    def forward(
        self,
        observation_BO: Float[Tensor, "B O"],
        window_BJ: Float[Tensor, "B J"],
        stamp_B: Float[Tensor, " B"],
        time_B: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B J"]:
        """Return what the last layer says; see `steer.heads.features`.

        Args:
            observation_BO: In robot units.
            window_BJ: Normalised.
            stamp_B: Rows that are gone, in parts of those that may be.
            time_B: Of the denoising, for a cascade.
        """
        mean, std = self.get_buffer("observation_mean"), self.get_buffer("observation_std")
        angle = math.pi * stamp_B[:, None]
        parts = [(observation_BO - mean) / std, angle.sin(), angle.cos()]
        parts += [] if time_B is None else [time_B[:, None]]
        return self._layers(torch.cat([*parts, window_BJ], dim=1))

    def ahead(
        self, observation_BO: Float[Tensor, "B O"], action_BA: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B O"]:
        """Return what is observed after an action; what `Forecast.ahead` returns.

        Args:
            observation_BO: In robot units.
            action_BA: Likewise.
        """
        names = ("observation_mean", "observation_std", "action_mean", "action_std")
        mean_O, std_O, mean_A, std_A = map(self.get_buffer, names)
        action_BA = action_BA.clamp(self.get_buffer("low"), self.get_buffer("high"))
        seen = [(observation_BO - mean_O) / std_O, (action_BA - mean_A) / std_A]
        change_BO = self._layers(torch.cat(seen, dim=1))
        return (
            observation_BO
            + change_BO * self.get_buffer("change_std")
            + self.get_buffer("change_mean")
        )

    def _layers(self, x: Tensor) -> Tensor:
        for linear, norm in zip(self.linear[:-1], self.norm, strict=True):
            x = nn.functional.silu(norm(linear(x)))
        last: Tensor = self.linear[-1](x)
        return last

    def windows(
        self,
        observation_BO: Float[Tensor, "B O"],
        windows_BLA: Float[Tensor, "B L A"],
        stamp_B: Float[Tensor, " B"],
    ) -> Float[Tensor, "B L A"]:
        """Return the windows as the head would have them; what `NumpyHead.windows` returns."""
        card, low, high = self.card, self.get_buffer("low"), self.get_buffer("high")
        window_BJ, shape = self.normalised(windows_BLA), windows_BLA.shape
        std = self.get_buffer("action_std")
        if card.kind == "cascade":
            for step in range(card.steps):
                time_B = torch.full_like(stamp_B, step / card.steps)
                window_BJ = (
                    window_BJ + self(observation_BO, window_BJ, stamp_B, time_B) / card.steps
                )
            made = window_BJ.reshape(shape) * std + self.get_buffer("action_mean")
        else:
            out = self(observation_BO, window_BJ, stamp_B).reshape(shape)
            is_edit = card.kind == "edit"
            change = card.beta * (high - low) * out.tanh() if is_edit else out * std
            made = windows_BLA + change
        return made.clamp(low, high)

    @torch.no_grad()
    def head(self) -> Head:
        """Return card and weights as a robot runs them."""
        arrays = {name: value.numpy().copy() for name, value in self.named_buffers()}
        for index, layer in enumerate(self.linear):
            assert isinstance(layer, nn.Linear)
            arrays[f"weight_{index}"] = layer.weight.T.contiguous().numpy().copy()
            arrays[f"bias_{index}"] = layer.bias.numpy().copy()
        for index, norm in enumerate(self.norm):
            assert isinstance(norm, nn.LayerNorm)
            arrays[f"gain_{index}"] = norm.weight.numpy().copy()
            arrays[f"shift_{index}"] = norm.bias.numpy().copy()
        return Head(self.card, arrays)
