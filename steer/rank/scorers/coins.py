"""The network that learns coins: how it is made, fitted and checked.

Shapes: `M` rows, `J` features of a row, `F` coins, `B` rows of a batch,
`I` inputs and `O` outputs of a layer.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["CoinNetwork", "fit_coins"]

_STILL = 1e-3
"""A feature that varies by less in the data is not scaled up, but left near 0."""


class CoinNetwork(nn.Module):
    """A learnt part plus a fixed random part, each two hidden layers wide.

    Its weights are what the memory held, until they are drawn or loaded.

    Args:
        num_features: J.
        hidden: Width of the hidden layers.
        num_coins: F.
    """

    mean_J: Tensor
    std_J: Tensor
    prior_mean_F: Tensor
    prior_std_F: Tensor

    def __init__(self, num_features: int, *, hidden: int, num_coins: int) -> None:
        super().__init__()
        self.learnt = _layers(num_features, hidden, num_coins)
        self.prior = _layers(num_features, hidden, num_coins)
        self.register_buffer("mean_J", torch.zeros(num_features))
        self.register_buffer("std_J", torch.ones(num_features))
        self.register_buffer("prior_mean_F", torch.zeros(num_coins))
        self.register_buffer("prior_std_F", torch.ones(num_coins))

    def forward(self, x_MJ: Float[Tensor, "M J"]) -> Float[Tensor, "M F"]:
        """Return what the network expects of each row's coins."""
        z_MJ = (x_MJ - self.mean_J) / self.std_J
        prior_MF = (self.prior(z_MJ) - self.prior_mean_F) / self.prior_std_F
        answer_MF: Tensor = self.learnt(z_MJ) + prior_MF
        return answer_MF

    def draw(self, generator: torch.Generator) -> None:
        """Draw the weights; the last learnt layer begins at 0, so that all is new at first."""
        for layer in [*self.learnt, *self.prior]:
            if isinstance(layer, _Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.uniform_(layer.bias, -0.5, 0.5, generator=generator)
        for weight in self.learnt[-1].parameters():
            nn.init.zeros_(weight)

    def fit_normalisation(self, x_MJ: Float[Tensor, "M J"]) -> None:
        """Give features, and then the random part, mean 0 and deviation 1 over the rows."""
        with torch.no_grad():
            self.mean_J.copy_(x_MJ.mean(0))
            self.std_J.copy_(_floored(x_MJ.std(0, correction=0)))
            prior_MF = self.prior((x_MJ - self.mean_J) / self.std_J)
            self.prior_mean_F.copy_(prior_MF.mean(0))
            self.prior_std_F.copy_(_floored(prior_MF.std(0, correction=0)))


def fit_coins(
    network: CoinNetwork,
    x_MJ: Float[Tensor, "M J"],
    *,
    num_steps: int,
    batch: int,
    learning_rate: float,
    generator: torch.Generator,
    on_step: Callable[[], object] | None = None,
) -> None:
    """Give each row coins of its own and regress them by mean squared error.

    Args:
        network: Normalised; written.
        x_MJ: All rows.
        num_steps: Of Adam, with its usual decays 0.9 and 0.999.
        batch: Rows a step, drawn with replacement.
        learning_rate: At the first step; it falls to 0 in a straight line.
        generator: Of coins and batches.
        on_step: Called after each step.
    """
    num_coins = len(network.prior_mean_F)
    coin_MF = torch.randint(0, 2, (len(x_MJ), num_coins), generator=generator).float() * 2 - 1
    weights = list(network.learnt.parameters())
    moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    for step in range(num_steps):
        index_B = torch.randint(0, len(x_MJ), (batch,), generator=generator)
        loss = (network(x_MJ[index_B]) - coin_MF[index_B]).square().mean()
        gradients = torch.autograd.grad(loss, weights)
        rate = learning_rate * (1 - step / num_steps)
        with torch.no_grad():
            for weight, gradient, (mean, square) in zip(weights, gradients, moments, strict=True):
                # Adam. To import torch.optim's takes longer than a small fit.
                mean.lerp_(gradient, 0.1)
                square.lerp_(gradient.square(), 0.001)
                scale = (square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
                weight.sub_(rate / (1 - 0.9 ** (step + 1)) * mean / scale)
        if on_step is not None:
            on_step()


class _Linear(nn.Module):
    """A linear layer; torch's would draw its first weights from the generator of the process."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x_MI: Float[Tensor, "M I"]) -> Float[Tensor, "M O"]:
        return nn.functional.linear(x_MI, self.weight, self.bias)


def _layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _Linear(inputs, hidden),
        nn.ReLU(),
        _Linear(hidden, hidden),
        nn.ReLU(),
        _Linear(hidden, outputs),
    )


def _floored(std: Float[Tensor, " J"]) -> Float[Tensor, " J"]:
    return torch.where(std < _STILL, torch.ones_like(std), std)
