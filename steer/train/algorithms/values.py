"""The value of a state, one a member: what expectile methods bootstrap from.

Shape legend: B batch, K members.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.critic import Critic
from steer.critics.encoding import copy_normalisation, encode, make_encoder
from steer.critics.ensemble import EnsembleMlp

__all__ = ["StateValues"]


class StateValues(nn.Module):
    """K networks of the state alone, in training only.

    Args:
        critic: Whose card and normalisation they share.
    """

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        card = critic.card
        self.encoder = make_encoder(card)
        copy_normalisation(critic.encoder, self.encoder)
        self.members = EnsembleMlp(
            card.num_members, card.network.context_dim, card.network.member_hidden, 1
        )
        self._low, self._high = card.head.v_min, card.head.v_max

    def forward(self, observations: Mapping[str, Tensor]) -> Float[Tensor, "K B"]:
        """Return V of each member, in discounted return."""
        scaled_KB1: Tensor = self.members(torch.relu(encode(self.encoder, observations)))
        half = (self._high - self._low) / 2
        return scaled_KB1.squeeze(-1) * half + (self._high + self._low) / 2

    def bounded(self, observations: Mapping[str, Tensor]) -> Float[Tensor, "K B"]:
        """Return the same within the range that a return can have."""
        values_KB: Tensor = self(observations)
        return values_KB.clamp(self._low, self._high)

    def expectile_loss(
        self,
        observations: Mapping[str, Tensor],
        value_KB: Float[Tensor, "K B"],
        *,
        expectile: float,
    ) -> Float[Tensor, ""]:
        """Return the loss whose minimum is the expectile of `value_KB` in each state.

        Args:
            observations: By name.
            value_KB: Of the chunks that were run there, in discounted return.
            expectile: 0.5 is their mean, near 1 their best.
        """
        gap_KB = (value_KB - self(observations)) / ((self._high - self._low) / 2)
        slope_KB = torch.where(gap_KB > 0, expectile, 1 - expectile)
        loss: Tensor = (slope_KB * gap_KB.square()).mean(1).sum()
        return loss
