"""What `steer replay` can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

__all__ = ["ReplayConfig"]


@dataclass(frozen=True, kw_only=True)
class ReplayConfig:
    """Recompute the decisions of a robot's log, and explain them.

    Each decision is made again from the logged observation, candidates, seed and selection, by the
    server's own code on one thread of a CPU, and compared bit for bit. Equal bits are promised for
    the server's own kind of processor and PyTorch, with `steer serve --device cpu --threads 1`, and
    for requests that it scored alone. Elsewhere values and scores may differ in their last bits;
    the largest difference is said.

    Exit code: 0 where all are equal, 1 where one differs, 2 for an error: another critic, a damaged
    log, no such decision.
    """

    log: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DECISION-LOG")]
    """What `steer.decision_log.DecisionLog` wrote."""
    critic: Path
    """Directory of the critic that decided."""
    sentence_encoder: tuple[Path, ...] = ()
    """Directory of the sentence encoder that the critic was trained with, if it was."""
    decision: int | None = None
    """Number of one decision, from 1, to show in full; without it all, a line each."""
    json: bool = False
    """Write JSON in the place of text."""
