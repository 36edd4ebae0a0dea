"""What every algorithm is: networks with a loss, and target networks that follow.

Shape legend: B batch, N candidates, H horizon, A action, K members, P prefixes, O outputs.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steer.critics.critic import Critic
from steer.errors import ConfigError

__all__ = ["Batch", "LabelledPairs", "Learner", "check_monte_carlo_weight"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPairs:
    """Chunks of which somebody preferred one to the other; see `steer.train.pairs.Pairs`.

    Attributes:
        observations: By name, float32 of shape [B, S].
        preferred_BHA: The better ones.
        rejected_BHA: The others.
    """

    observations: Mapping[str, Tensor]
    preferred_BHA: Float[Tensor, "B H A"]
    rejected_BHA: Float[Tensor, "B H A"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch of chunks; `steer.train.targets.Chunks` defines each field.

    Attributes:
        observations: By name: vectors float32 [B, S], images uint8 [B, h, w, 3], points float32
            [B, P, 3].
        chunks_BHA: The actions.
        reward_B: Discounted reward within the chunk.
        bootstrap_B: Weight of the next observation's value.
        next_observations: By name; without images and points where `TrainConfig.looks_ahead` says
            that nobody looks at them.
        next_chunks_BHA: The actions that followed.
        monte_carlo_B: The return that really came.
        candidates_BNHA: What else could have been done; N is 0 where the learner asks for none.
        candidate_return_BN: What came of each of them, NaN where they were drawn and not run.
        next_candidates_BNHA: Candidates of the next observation.
        seed: Of what the loss draws: another one each step, the same however the run was stopped.
        pairs: Labelled preferences, a batch of their own; None where the data hold none, or the
            learner does not ask.
    """

    observations: Mapping[str, Tensor]
    chunks_BHA: Float[Tensor, "B H A"]
    reward_B: Float[Tensor, " B"]
    bootstrap_B: Float[Tensor, " B"]
    next_observations: Mapping[str, Tensor]
    next_chunks_BHA: Float[Tensor, "B H A"]
    monte_carlo_B: Float[Tensor, " B"]
    candidates_BNHA: Float[Tensor, "B N H A"]
    candidate_return_BN: Float[Tensor, "B N"]
    next_candidates_BNHA: Float[Tensor, "B N H A"]
    seed: int
    pairs: LabelledPairs | None = None

    def generator(self) -> torch.Generator:
        """Return what the loss draws with, on the batch's device, from its beginning."""
        return torch.Generator(self.chunks_BHA.device).manual_seed(self.seed)


class Learner(nn.Module):
    """A critic in training, and the slowly following copy that targets are made from.

    Args:
        critic: With its normalisation fitted.
        target_rate: How fast the copy follows, a step.
    """

    def __init__(self, critic: Critic, *, target_rate: float) -> None:
        super().__init__()
        self.critic = critic
        self.target = copy.deepcopy(critic).requires_grad_(requires_grad=False)
        self._target_rate = target_rate

    @property
    def num_candidates(self) -> int:
        """How many candidates of each state it looks at."""
        return 0

    @property
    def needs_returns(self) -> bool:
        """Whether it must be known what came of each candidate."""
        return False

    @property
    def asks_for_pairs(self) -> bool:
        """Whether it learns from labelled preferences, where there are any."""
        return False

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and what to show of it, by name.

        What it draws comes from `batch.generator()`: torch's own generator is not in the training
        state, and a run that was stopped would not go on as it was.
        """
        raise NotImplementedError

    def follow(self) -> None:
        """Move the target networks a step."""
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.critic.parameters(), strict=True):
                slow.lerp_(fast, self._target_rate)

    def target_of(
        self, batch: Batch, next_KB: Float[Tensor, "K B"], *, monte_carlo_weight: float
    ) -> Float[Tensor, "K B"]:
        """Return the bootstrapped return with a share of the return that really came."""
        bootstrapped_KB = batch.reward_B + batch.bootstrap_B * next_KB
        return torch.lerp(
            bootstrapped_KB, batch.monte_carlo_B.expand_as(bootstrapped_KB), monte_carlo_weight
        )

    def regress(
        self,
        batch: Batch,
        target_KB: Float[Tensor, "K B"],
        *,
        critic: Critic | None = None,
        weight_KBP: Float[Tensor, "K B P"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return how far the chunks' values are from their targets, as the head measures it.

        The mean over chunks and over the prefixes that have a value, summed over members.

        Args:
            batch: Whose chunks.
            target_KB: In discounted return.
            critic: To regress; None for the one that is being made.
            weight_KBP: Of each prefix that has a value; None for 1.
        """
        critic = critic or self.critic
        context_BD = critic.embed(batch.observations)
        logits_KBPO = critic.logits(context_BD, batch.chunks_BHA.unsqueeze(1)).squeeze(2)
        # Whatever follows a prefix, the target is a draw of what it leads to.
        target_KBPO = critic.head.target(target_KB).unsqueeze(2).expand_as(logits_KBPO)
        loss_KBP = critic.head.loss(logits_KBPO, target_KBPO)
        if weight_KBP is not None:
            loss_KBP = loss_KBP * weight_KBP
        return loss_KBP.mean(2).mean(1).sum()


def check_monte_carlo_weight(algorithm: str, weight: float) -> None:
    """Raise ConfigError unless this is a share.

    Args:
        algorithm: As its options are typed.
        weight: Share of the return that really came in the target.
    """
    if not 0 <= weight <= 1:
        raise ConfigError(f"--{algorithm}.monte-carlo-weight: expected in [0, 1], got {weight}")
