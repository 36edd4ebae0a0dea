"""How much data is enough, and what happens in a disturbed world: tables, plots and records.

    python -m sim.report.evidence results --markdown e.md --records e.json --pictures pictures

Reads the runs beside the suite's, `RESULTS/data/<amount>` and `RESULTS/disturbed`, and the suite's
own rows, `RESULTS/suite`: there the critics had all data, and nothing was disturbed.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from sim.evaluation.suites import check_complete
from sim.figures import (
    DataPoint,
    DisturbedCell,
    data_curve,
    disturbed_cells,
    records_of_data,
    records_of_disturbed,
    suite_figures,
)
from sim.files import write_whole
from sim.interrupt import exit_code, run
from sim.report.forest import forest
from sim.report.plots import calibration_plot, data_plot, sweep_plot
from sim.report.runs import Runs, read_runs
from sim.report.svg import standalone
from sim.report.table import Table
from sim.report.words import DASH, rate, share, signed
from steer.errors import ConfigError

__all__ = ["main"]

_ALL = "rollouts"
"""Of the suite's own critics: they learn from those, too."""
_AMOUNTS = ("25", "50", "100", "demonstrations", "successes")
"""What `make suite` has other critics of."""
_DATA_NOTE = (
    "Critics that learnt from the first so many demonstrations of the task, from all 300, from the "
    "successes among them alone, or, as the suite's own, from all 300 and from rollouts of the "
    "policies; everything else is the same.\n"
)
_DISTURBED_NOTE = (
    "`~noise`: whatever the robot senses is off by a random hundredth of its size and another 0.01 "
    "(a centimetre, where it is a place). `~shift`: at the beginning the loose objects are moved "
    "by 5 cm. No data have either. The change is that of steering's gain, on the same seeds.\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _options(words)
    command = shlex.join(["python", "-m", "sim.report.evidence", *words])
    return exit_code("sim.report.evidence", partial(_write, options, command))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.report.evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", type=Path, metavar="RESULTS", help="directory of the runs")
    parser.add_argument("--markdown", type=Path, required=True, help="write the tables here")
    parser.add_argument("--records", type=Path, required=True, help="write the figures here")
    parser.add_argument(
        "--complete", action="store_true", help="refuse a run that lacks episodes of its suite"
    )
    parser.add_argument("--pictures", type=Path, required=True, help="write the plots here")
    return parser.parse_args(arguments)


def _write(options: argparse.Namespace, command: str) -> int:
    suite = read_runs([options.results / "suite"])
    data = _data_runs(options.results / "data")
    directory = options.results / "disturbed"
    disturbed = read_runs([directory]) if _has_rows(directory) else None
    if options.complete:
        missing = [f"data/{name}" for name in _AMOUNTS if name not in data]
        missing += [] if disturbed else ["disturbed"]
        if missing or disturbed is None:
            lacking = ", ".join(missing)
            raise ConfigError(f"{options.results}: expected all runs beside it, got no {lacking}")
        for found in data.values():
            check_complete("data", found.rows)
        check_complete("disturbed", disturbed.rows)
    amounts = {_ALL: suite, **data}
    ordered = dict(sorted(amounts.items(), key=lambda item: _order(item[0])))
    points = data_curve({name: found.rows for name, found in ordered.items()})
    points = points if len(points) > 1 else ()
    cells = disturbed_cells(disturbed.rows, suite.rows) if disturbed else ()

    records = [
        item
        for point in points
        for item in records_of_data(point, origin=amounts[point.amount].origin(command))
    ]
    if disturbed:
        ours = [cell for cell in cells if "~" in cell.name]
        records += records_of_disturbed(ours, origin=disturbed.origin(command))
    write_whole(options.records, json.dumps({"results": records}, indent=1) + "\n")
    write_whole(options.markdown, _markdown(points, cells))
    for name, picture in _pictures(suite, points).items():
        options.pictures.mkdir(parents=True, exist_ok=True)
        write_whole(options.pictures / name, standalone(picture))
    return 0


def _data_runs(directory: Path) -> Mapping[str, Runs]:
    found = sorted(directory.iterdir()) if directory.is_dir() else []
    return {path.name: read_runs([path]) for path in found if _has_rows(path)}


def _has_rows(directory: Path) -> bool:
    """Return whether a run has packed rows; one that has just begun has none."""
    return (directory / "rows.parquet").is_file()


def _order(amount: str) -> tuple[bool, int, str]:
    return (False, int(amount), "") if amount.isdigit() else (True, 0, amount)


def _pictures(suite: Runs, points: Sequence[DataPoint]) -> dict[str, str]:
    figures = suite_figures(suite.rows, margin=suite.margin)
    pictures = {
        "forest.svg": forest(figures),
        "sweep.svg": sweep_plot(figures),
        "calibration.svg": calibration_plot(figures.oracle.bins) if figures.oracle else "",
        "data.svg": data_plot(points),
    }
    return {name: picture for name, picture in pictures.items() if picture}


def _markdown(points: Sequence[DataPoint], cells: Sequence[DisturbedCell]) -> str:
    parts: list[str] = []
    if points:
        parts += [
            "### How much data is enough\n",
            "![Mean gain by the episodes that the critics learnt from](pictures/data.svg)\n",
            _DATA_NOTE,
            _data_table(points).to_markdown(),
        ]
    if cells:
        parts += ["### Disturbed\n", _DISTURBED_NOTE, _disturbed_table(cells).to_markdown()]
    return "\n".join(parts)


def _data_table(points: Sequence[DataPoint]) -> Table:
    names = sorted(points[0].cells)
    rows = [
        (point.amount, signed(point.mean.fixed), *(signed(point.cells[name]) for name in names))
        for point in points
    ]
    return Table(("episodes", "mean gain", *names), tuple(rows))


def _disturbed_table(cells: Sequence[DisturbedCell]) -> Table:
    head = ("cell", "alone", "steered - alone", "change", "argmax - alone", "overridden", "n")
    rows = [
        (
            cell.name,
            rate(cell.alone),
            signed(cell.steered),
            signed(cell.change),
            signed(cell.argmax) if cell.argmax else DASH,
            share(cell.override_rate),
            str(cell.steered.n),
        )
        for cell in cells
    ]
    return Table(head, tuple(rows))


if __name__ == "__main__":
    sys.exit(run(main))
