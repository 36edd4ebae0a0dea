"""The tables of the report as Markdown, for README and docs."""

from sim.figures import SuiteFigures, verdict
from sim.report import tables
from sim.report.checks import checks_of_run
from sim.report.table import Table

__all__ = ["markdown"]


def markdown(figures: SuiteFigures, *, is_short: bool = False) -> str:
    """Return the verdict and the tables; a table of what did not run is left out.

    Args:
        figures: Of the run.
        is_short: Only the verdict and the means, for README.
    """
    parts = [f"**{_escaped(verdict(figures))}**\n", _titled("", tables.controls_table(figures))]
    if not is_short:
        parts += [
            "![Steered minus alone in every cell](pictures/forest.svg)\n",
            _titled("Cells", tables.cells_table(figures)),
            _titled("Number of candidates", tables.sweep_table(figures)),
            _titled("What is left to gain", tables.oracle_table(figures)),
            _titled("Calibration", tables.calibration_table(figures)),
            _titled("Overrides", tables.overrides_table(figures)),
            _titled("At the package's own step limit", tables.limits_table(figures.limits)),
            _titled("Episodes that broke", tables.flags_table(figures)),
            "".join(
                f"* {name}: {_escaped(words)}.\n" for name, words in checks_of_run(figures).items()
            ),
        ]
    return "\n".join(part for part in parts if part)


def _titled(title: str, table: Table) -> str:
    text = table.to_markdown()
    return f"### {title}\n\n{text}" if title and text else text


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("<", "&lt;")
