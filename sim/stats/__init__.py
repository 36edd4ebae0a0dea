"""Statistics of paired evaluations: figures from outcomes.

They know nothing of rows, tasks or files, and are the same again with the same generator.
"""

from sim.stats.betting import confidence_sequence, log_wealth
from sim.stats.hierarchy import Cell, MeanGain, mean_gain, mean_share
from sim.stats.intervals import (
    Estimate,
    PairedDifference,
    mcnemar,
    paired_difference,
    success_rate,
)
from sim.stats.multiple import holm
from sim.stats.power import (
    detectable_difference,
    discordance,
    mcnemar_power,
    pairs_needed,
    power_sentence,
)
from sim.stats.resampling import clustered_mean, mean_difference
from sim.stats.sequential import (
    SequentialPlan,
    SequentialResult,
    SequentialTest,
    Verdict,
    run_sequentially,
)

__all__ = [
    "Cell",
    "Estimate",
    "MeanGain",
    "PairedDifference",
    "SequentialPlan",
    "SequentialResult",
    "SequentialTest",
    "Verdict",
    "clustered_mean",
    "confidence_sequence",
    "detectable_difference",
    "discordance",
    "holm",
    "log_wealth",
    "mcnemar",
    "mcnemar_power",
    "mean_difference",
    "mean_gain",
    "mean_share",
    "paired_difference",
    "pairs_needed",
    "power_sentence",
    "run_sequentially",
    "success_rate",
]
