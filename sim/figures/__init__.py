"""Rows of an evaluation as figures, and figures as published records.

They know no page; the statistics are those of `sim.stats`.
"""

from sim.figures.cells import CellFigures, Difference, LimitFigures
from sim.figures.checks import Checks
from sim.figures.evidence import DataPoint, DisturbedCell, data_curve, disturbed_cells
from sim.figures.means import Control, PolicyMean
from sim.figures.oracle import Beside, OracleFigures, Sweep
from sim.figures.overrides import Latency, Overrides, OverrideTotals
from sim.figures.records import (
    records_of,
    records_of_data,
    records_of_disturbed,
    records_of_suite,
)
from sim.figures.suite import SuiteFigures, suite_figures, verdict

__all__ = [
    "Beside",
    "CellFigures",
    "Checks",
    "Control",
    "DataPoint",
    "Difference",
    "DisturbedCell",
    "Latency",
    "LimitFigures",
    "OracleFigures",
    "OverrideTotals",
    "Overrides",
    "PolicyMean",
    "SuiteFigures",
    "Sweep",
    "data_curve",
    "disturbed_cells",
    "records_of",
    "records_of_data",
    "records_of_disturbed",
    "records_of_suite",
    "suite_figures",
    "verdict",
]
