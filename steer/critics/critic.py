"""The chunk critic: embed an observation once, score any number of chunks against it.

Shapes: `B` batch, `N` candidates, `H` horizon, `A` action, `K` members, `D` context.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.card import CriticCard
from steer.critics.encoders.state import MIN_STD, StateEncoder
from steer.critics.ensemble import StackedMLP
from steer.critics.heads import HLGaussHead
from steer.errors import ConfigError

__all__ = ["Critic"]


class Critic(nn.Module):
    """K independent chunk critics on one shared encoder.

    A value is the discounted return of running the first `card.horizon` actions of a chunk and
    acting as the data did afterwards. The chunk is scored as the robot would run it: clipped into
    the embodiment's range where the robot clips.

    Args:
        card: Sizes, embodiment and range of values.

    References:
        Li et al., Q-chunking, 2025, section 4: the flattened chunk as one action. Differs: members
        share an encoder and nothing else, and the head is a histogram.
    """

    action_mean: Tensor
    action_std: Tensor
    action_low: Tensor
    action_high: Tensor

    def __init__(self, card: CriticCard) -> None:
        super().__init__()
        self.card = card
        sizes = {}
        for item in card.embodiment.observations:
            if len(item.shape) != 1:
                raise ConfigError(
                    f"observation {item.name!r}: expected a vector, for this critic has no encoder "
                    f"for anything else, got shape {list(item.shape)}"
                )
            sizes[item.name] = item.shape[0]
        self.encoder = StateEncoder(sizes, card.network)
        self.head = HLGaussHead(card.head)
        self.members = StackedMLP(
            card.num_members,
            context_dim=card.network.context_dim,
            chunk_dim=card.horizon * card.embodiment.action_dim,
            width=card.network.member_width,
            depth=card.network.member_depth,
            num_outputs=self.head.num_outputs,
        )
        self._register_actions(card)

    def _register_actions(self, card: CriticCard) -> None:
        dims = card.embodiment.actions
        clips = card.embodiment.out_of_range == "clip"
        limits = [(d.low, d.high) if clips and d.low < d.high else (None, None) for d in dims]
        infinity = float("inf")
        low = torch.tensor([-infinity if low is None else low for low, _ in limits])
        high = torch.tensor([infinity if high is None else high for _, high in limits])
        self.register_buffer("action_low", low, persistent=False)
        self.register_buffer("action_high", high, persistent=False)
        self.register_buffer("action_mean", torch.zeros(len(dims)))
        self.register_buffer("action_std", torch.ones(len(dims)))

    @property
    def digest(self) -> str:
        """Identity of the critic, `sha256:…`."""
        return self.card.digest

    def set_action_statistics(self, mean: Float[Tensor, " a"], std: Float[Tensor, " a"]) -> None:
        """Take mean and standard deviation of the data's actions."""
        self.action_mean.copy_(mean)
        self.action_std.copy_(std.clamp_min(MIN_STD))

    def embed(self, observations: Mapping[str, Float[Tensor, "b _"]]) -> Float[Tensor, "b d"]:
        """Return the context of each observation, shape [B, D].

        Args:
            observations: By name, float32 of shape [B, S], in the embodiment's units.
        """
        context: Tensor = self.encoder(observations)
        return context

    def score(
        self, context_BD: Float[Tensor, "b d"], chunks_BNHA: Float[Tensor, "b n h a"]
    ) -> Float[Tensor, "k b n"]:
        """Return the value of each chunk by each member, in discounted return.

        Args:
            context_BD: From `embed`.
            chunks_BNHA: In robot units; of at least `card.horizon` actions, of which the first
                `card.horizon` are scored.
        """
        return self.head.value(self.logits(context_BD, chunks_BNHA))

    def logits(
        self, context_BD: Float[Tensor, "b d"], chunks_BNHA: Float[Tensor, "b n h a"]
    ) -> Float[Tensor, "k b n m"]:
        """Return the outputs that the head reads; for training."""
        prefix = chunks_BNHA[:, :, : self.card.horizon]
        clipped = torch.clamp(prefix, self.action_low, self.action_high)
        normal = (clipped - self.action_mean) / self.action_std
        out: Tensor = self.members(context_BD, normal.flatten(2))
        return out
