"""Statistics of paired evaluations: figures from outcomes.

They know nothing of rows, tasks or files, and are the same again with the same generator.
"""

from sim.stats.betting import confidence_sequence, log_wealth
from sim.stats.calibration import Bin, calibration
from sim.stats.discrimination import Course, Discrimination, Group, discrimination
from sim.stats.hierarchy import Cell, MeanGain, mean_gain, mean_share
from sim.stats.intervals import (
    Estimate,
    PairedDifference,
    mcnemar,
    paired_difference,
    success_rate,
)
from sim.stats.margin import CalibratedMargin, calibrate_margin
from sim.stats.multiple import holm
from sim.stats.null import NullCheck, Replay, check_null, check_sequential_null, replay
from sim.stats.power import (
    detectable_difference,
    discordance,
    mcnemar_power,
    pairs_needed,
    power_sentence,
)
from sim.stats.rank import (
    RankCorrelation,
    ScoredDecision,
    SelectionRegret,
    rank_correlation,
    selection_regret,
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
    "Bin",
    "CalibratedMargin",
    "Cell",
    "Course",
    "Discrimination",
    "Estimate",
    "Group",
    "MeanGain",
    "NullCheck",
    "PairedDifference",
    "RankCorrelation",
    "Replay",
    "ScoredDecision",
    "SelectionRegret",
    "SequentialPlan",
    "SequentialResult",
    "SequentialTest",
    "Verdict",
    "calibrate_margin",
    "calibration",
    "check_null",
    "check_sequential_null",
    "clustered_mean",
    "confidence_sequence",
    "detectable_difference",
    "discordance",
    "discrimination",
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
    "rank_correlation",
    "replay",
    "run_sequentially",
    "selection_regret",
    "success_rate",
]
