"""What did a run find? One page to look at, from the rows alone.

    python -m sim.report runs/published
    python -m sim.report runs/shard-1 runs/shard-2 --output report.html --films 2
    python -m sim.report results/suite --records suite.json --markdown suite.md

Shards of a run are reported as one. The page holds its pictures, films and data: it needs no
network. Films need a server with the run's critics and policies, given or started.
"""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sim.evaluation.cells import Run
from sim.evaluation.plan import Evaluation, Todo
from sim.evaluation.serving import serving
from sim.evaluation.suites import FIRST, SUITES, check_complete, suite
from sim.evaluation.tuned import Tuned
from sim.figures import SuiteFigures, records_of_suite, suite_figures, verdict
from sim.files import write_whole
from sim.interrupt import exit_code, run
from sim.origin import commit
from sim.report.films import Films, Scene, film_scenes, scenes_of
from sim.report.markdown import markdown
from sim.report.page import Report, write_report
from sim.report.recording import check_rerun, chosen_logs, write_recording
from sim.report.runs import Runs, read_runs
from sim.report.sections import worst_cells
from sim.suite import ARTEFACTS
from steer.client import SteerClient
from steer.errors import ConfigError, SteerError

__all__ = ["main"]

_FILMED_CELLS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _options(words)
    command = shlex.join(["python", "-m", "sim.report", *words])
    return exit_code("sim.report", partial(_report, options, command))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory of rows")
    parser.add_argument("--output", type=Path, help="the page (default: report.html in RUN)")
    parser.add_argument("--title", default="steer: does a critic help?", help="above the verdict")
    parser.add_argument("--records", type=Path, help="write the published figures here instead")
    parser.add_argument(
        "--complete", choices=SUITES, help="refuse rows that lack test episodes of it"
    )
    parser.add_argument("--markdown", type=Path, help="write the tables here instead")
    parser.add_argument("--summary", type=Path, help="write verdict and means here instead")
    parser.add_argument(
        "--films", type=int, default=0, help="seeds lost and seeds won, of the worst cells each"
    )
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--server", help="HOST:PORT of a running server (default: start one)")
    server.add_argument("--artefacts", type=Path, default=ARTEFACTS, help="critics and policies")
    parser.add_argument("--rerun", action="store_true", help="write episodes.rrd, from --logs")
    return parser.parse_args(arguments)


def _report(options: argparse.Namespace, command: str) -> int:
    if options.rerun:
        check_rerun()
    runs = read_runs(options.runs)
    if options.records and _is_sequential(runs):
        contract = "rows of a run with a fixed number of episodes"
        got = "some of a run with --sequential, whose gains are overstated"
        raise ConfigError(f"--records: expected {contract}, got {got}")
    figures = suite_figures(runs.rows, margin=runs.margin)
    if options.records and figures.checks.short:
        contract = "rows whose decisions scored all N candidates"
        got = f"{len(figures.checks.short)} episodes with fewer"
        raise ConfigError(f"--records: expected {contract}, got {got}")
    if options.complete:
        check_complete(options.complete, runs.rows)
        _check_exact(options.complete, runs)
    records = records_of_suite(figures, origin=runs.origin(command))
    if options.records:
        write_whole(options.records, json.dumps({"results": records}, indent=1) + "\n")
    if options.markdown:
        write_whole(options.markdown, markdown(figures))
    if options.summary:
        write_whole(options.summary, markdown(figures, is_short=True))
    if options.output or not (options.records or options.markdown or options.summary):
        _write_page(options, runs, figures, records)
    if options.rerun:
        path = (options.output or options.runs[0] / "report.html").with_name("episodes.rrd")
        shown = write_recording(chosen_logs(runs.directories, runs.rows), path)
        sys.stdout.write(f"recording of {shown} episodes: {path}\n")
    sys.stdout.write(f"{verdict(figures)}\n")
    return 0


def _check_exact(name: str, runs: Runs) -> None:
    """Refuse episodes beside those of a suite: nobody shall go on where a figure looks bad."""
    whole = Evaluation(
        blocks=suite(name), split="test", first=FIRST.get(name, 0), settings=Tuned.load().settings
    )
    odd = sorted({row.key for row in runs.rows} - whole.all_keys())
    if odd:
        contract = f"the episodes of the suite {name!r} and no others"
        raise ConfigError(f"rows: expected {contract}, got {len(odd)} more, such as {odd[0]}")


def _is_sequential(runs: Runs) -> bool:
    return any("--sequential" in made.command.split() for made in runs.origins)


def _write_page(
    options: argparse.Namespace,
    runs: Runs,
    figures: SuiteFigures,
    records: Sequence[Mapping[str, Any]],
) -> None:
    path = options.output or options.runs[0] / "report.html"
    report = Report(
        title=options.title,
        figures=figures,
        rows=runs.rows,
        records=records,
        films=_films(options, runs, figures, path.parent / "films"),
        origin=_origin(runs),
        warning=_warning(figures) if _is_sequential(runs) else "",
    )
    write_report(path, report)
    sys.stdout.write(f"report: {path}\n")


def _origin(runs: Runs) -> dict[str, str]:
    """Return where the rows come from, by name."""
    found = {"runs": ", ".join(path.name for path in runs.directories)}
    for number, made in enumerate(runs.origins, start=1):
        mark = f" {number}" if len(runs.origins) > 1 else ""
        packages = ", ".join(f"{name} {number}" for name, number in made.versions.items())
        found[f"command{mark}"] = made.command
        found[f"commit{mark}"] = f"{made.commit or 'unknown'}, {made.date}, {made.machine}"
        found[f"versions{mark}"] = packages
    if not runs.origins:
        found["command"] = "unknown: the rows do not say it"
    for name, value in runs.settings.items():
        if name == "spent_s":
            found["time"] = f"{sum(value.values()) / 3600:.1f} hours of this machine"
        elif name != "made_by":
            found[name] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    found["report"] = f"made at commit {commit() or 'unknown'}"
    return found


def _warning(figures: SuiteFigures) -> str:
    """Say what holds of rows that were stopped once a verdict was clear: that verdict alone."""
    replay = figures.checks.replay
    counts = Counter(replay.verdicts) if replay else Counter[str]()
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no pairs"
    return (
        "Cells of this run were stopped once their verdict was clear. Those verdicts hold, with an "
        f"error of 5% a cell: {said}. All else on this page takes the rows for a fixed number of "
        "them: the gains and means are overstated, the p-values too small. Run what you want to "
        "report without --sequential."
    )


def _films(options: argparse.Namespace, runs: Runs, figures: SuiteFigures, output: Path) -> Films:
    """Film seeds of the worst cells; whatever goes wrong is said, and the page has none."""
    if options.films < 1:
        return Films({}, "No films were asked for (--films N).")
    cells = worst_cells(figures, count=_FILMED_CELLS)
    scenes = scenes_of(runs.rows, cells, count=options.films)
    if not scenes:
        return Films({}, "No films: steered and alone end alike on every seed of these cells.")
    try:
        with _server(options, scenes, figures, output) as address:
            _check_server(address, runs, scenes)
            return film_scenes(
                scenes,
                address,
                output,
                num_candidates=figures.num_candidates,
                margin=runs.margin,
            )
    except SteerError as error:
        note = f"No films: {error}"
        sys.stdout.write(f"{note}\n")
        return Films({}, note)


@contextmanager
def _server(
    options: argparse.Namespace, scenes: Sequence[Scene], figures: SuiteFigures, output: Path
) -> Iterator[str]:
    """Give the address of the running server, or start one with what the scenes need."""
    if options.server:
        yield options.server
        return
    runs = (Run("alone", 1), Run("steered", figures.num_candidates))
    todo = [Todo(scene.cell, scene.seed, runs) for scene in scenes]
    with serving(
        todo, log=output / "server.log", artefacts=options.artefacts, allow_unaudited=True
    ) as server:
        yield server.address


def _check_server(address: str, runs: Runs, scenes: Sequence[Scene]) -> None:
    """Refuse a server whose critics or policies are not those of the rows.

    Raises:
        ConfigError: A film would show another robot than the figures are about.
    """
    with SteerClient(address) as client:
        description = client.describe()
    served = {item.digest for item in description.critics}
    served |= {item.digest for item in description.policies}
    cells = {scene.cell.name for scene in scenes}
    for row in runs.rows:
        if row.arm == "steered" and f"{row.policy}/{row.task}" in cells:
            odd = {row.critic_digest, row.policy_digest} - served - {""}
            if odd:
                contract = "the critics and policies of the run"
                raise ConfigError(
                    f"server {address}: expected {contract}, got none of digest {min(odd)}"
                )


if __name__ == "__main__":
    sys.exit(run(main))
