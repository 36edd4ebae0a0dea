"""Statistics of paired evaluations: figures from outcomes.

They know nothing of rows, tasks or files, and are the same again with the same generator.
"""

from sim.stats.intervals import (
    Estimate,
    PairedDifference,
    mcnemar,
    paired_difference,
    success_rate,
)
from sim.stats.resampling import clustered_mean, mean_difference

__all__ = [
    "Estimate",
    "PairedDifference",
    "clustered_mean",
    "mcnemar",
    "mean_difference",
    "paired_difference",
    "success_rate",
]
