"""The tables of the report as Markdown, for README and docs."""

from sim.figures import SuiteFigures, verdict
from sim.report import tables
from sim.report.checks import checks_of_run
from sim.report.sections import worst_cells
from sim.report.table import Table

__all__ = ["markdown"]

_SWEEP = "![Mean gain by the number of candidates](pictures/sweep.svg)\n"
_CALIBRATION = "![What came of candidates over their score](pictures/calibration.svg)\n"


def markdown(figures: SuiteFigures, *, is_short: bool = False) -> str:
    """Return the verdict and the tables; a table of what did not run is left out.

    Args:
        figures: Of the run.
        is_short: Only the verdict and the means, for README.
    """
    parts = [
        f"**{_escaped(verdict(figures))}**\n",
        _titled("", tables.controls_table(figures)),
        _titled("", tables.policies_table(figures)),
    ]
    if not is_short:
        parts += [
            "![Steered minus alone in every cell](pictures/forest.svg)\n",
            _titled("Cells", tables.cells_table(figures)),
            f"{_got_worse(figures)}\n",
            _titled("The cells that gained least", tables.worst_table(worst_cells(figures))),
            _titled("Every arm", tables.arms_table(figures)),
            _SWEEP if figures.sweep else "",
            _titled("Number of candidates", tables.sweep_table(figures)),
            _titled("What is left to gain", tables.oracle_table(figures)),
            _CALIBRATION if figures.oracle and figures.oracle.bins else "",
            _titled("Calibration", tables.calibration_table(figures)),
            _titled("Overrides", tables.overrides_table(figures)),
            _titled("Latency", tables.latency_table(figures)),
            _titled("At the package's own step limit", tables.limits_table(figures.limits)),
            _titled("Episodes that broke", tables.flags_table(figures)),
            "".join(
                f"* {name}: {_escaped(words)}.\n" for name, words in checks_of_run(figures).items()
            ),
        ]
    return "\n".join(part for part in parts if part)


def _got_worse(figures: SuiteFigures) -> str:
    """Say which cells steering made worse, and in how many it could have been seen."""
    could = sum(cell.could_be_worse(len(figures.compared)) for cell in figures.compared)
    able = f"in {could} of {len(figures.compared)} cells losing every success would have shown"
    if not figures.worse:
        return f"No cell is worse after Holm's correction ({able})."
    names = ", ".join(f"`{cell.name}`" for cell in figures.worse)
    return f"Worse after Holm's correction: {names} ({able})."


def _titled(title: str, table: Table) -> str:
    text = table.to_markdown()
    return f"### {title}\n\n{text}" if title and text else text


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("<", "&lt;")
