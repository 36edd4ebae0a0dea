"""What can judge candidates beside the critic, each in a file of its own."""

from collections.abc import Mapping
from types import MappingProxyType

from steer.rank.scorers.base import Scorer
from steer.rank.scorers.consensus import consensus
from steer.rank.scorers.continuity import Continuity
from steer.rank.scorers.progress import progress
from steer.rank.scorers.tournament import Tournament
from steer.rank.scorers.voxel_cost import VoxelCost

__all__ = ["NAMES", "NOVELTY", "PROGRESS", "SCORERS", "VOXEL_COST"]

NOVELTY = "novelty"
"""Name of the weight of the one that is fitted for a critic, and lies beside it on disk."""
PROGRESS = "progress"
"""Name of the weight of the one that needs the critic's values after every prefix."""
VOXEL_COST = "voxel_cost"
"""Name of the weight of the one that needs points, and where the end effector is."""
SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        "consensus": consensus,
        "continuity": Continuity(),
        PROGRESS: progress,
        "tournament": Tournament(),
        VOXEL_COST: VoxelCost(),
    }
)
"""Those that are the same for every critic, by the name of their weight."""
NAMES = tuple(sorted((*SCORERS, NOVELTY)))
"""Every weight that a session may give; a situation that lacks what one needs skips it."""
