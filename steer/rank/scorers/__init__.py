"""What can judge candidates beside the critic, each in a file of its own."""

from collections.abc import Mapping
from types import MappingProxyType

from steer.rank.scorers.base import Scorer
from steer.rank.scorers.consensus import consensus
from steer.rank.scorers.continuity import Continuity
from steer.rank.scorers.progress import progress
from steer.rank.scorers.tournament import Tournament

__all__ = ["PROGRESS", "SCORERS"]

PROGRESS = "progress"
"""Name of the weight of the one that needs the critic's values after every prefix."""
SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {
        "consensus": consensus,
        "continuity": Continuity(),
        PROGRESS: progress,
        "tournament": Tournament(),
    }
)
"""Those that a server can ask with what every request holds, by the name of their weight."""
