"""What `make demo` runs: robots alone and steered on the same seeds, and a report to look at.

    python -m sim.demo --episodes 30

Writes `demo/report.html`, `demo/demo.json` (the figures) and `demo/rows/` (one row an episode).
An interrupted run goes on where it was; a complete one is replaced by the next. Nothing is
published: that is `make results`.
"""

import argparse
import fcntl
import itertools
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.campaign import Campaign
from sim.evaluation.cells import Cell
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.row import Row
from sim.evaluation.serving import serving
from sim.evaluation.summary import summary
from sim.evaluation.tuned import Tuned, check_test_run
from sim.figures import SuiteFigures, records_of, suite_figures, verdict
from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.origin import Origin
from sim.report.films import Films, film_scenes, telling_scene
from sim.report.page import Report, write_report
from sim.server import RunningServer
from sim.suite import critic_path
from sim.tasks import DEMO, spec_of
from steer.clock import MonotonicClock
from steer.errors import ConfigError

__all__ = ["main", "run_demo"]

PUBLISHED_EPISODES = 100
_ARMS = ("alone", "random", "steered")
_PUBLISHED_ARMS = (*_ARMS, "filtered", "filtered-steered")
_WORKERS, _POLICY_WORKERS = 3, 2
_POLICY = "diffusion"
_COMMIT, _COMPLETE = "commit", "complete"


def run_demo(
    *, tasks: Sequence[str], num_episodes: int, num_workers: int, output: Path, is_filmed: bool
) -> SuiteFigures:
    """Run the demo and write its report.

    Args:
        tasks: Names of the tasks.
        num_episodes: A task and arm; from 100 on the arms of the filtered policy are run too.
        num_workers: Parallel robots.
        output: Directory of all that it writes.
        is_filmed: Whether to film a seed of each task.

    Raises:
        SteerError: An artefact is missing, or the server failed.
    """
    clock = MonotonicClock()
    start_s = clock.now_s()
    command = _command(
        tasks, num_episodes=num_episodes, num_workers=num_workers, is_filmed=is_filmed
    )
    origin = Origin.now(command)
    is_whole = _begin(output / "rows", origin.commit)
    tuned = Tuned.load()
    evaluation = _evaluation(tasks, num_episodes, tuned.settings)
    log = output / "server.log"
    sys.stdout.write(f"starting the server; its log is {log}\n")
    with serving(evaluation.todo(), log=log, policy_workers=_POLICY_WORKERS) as server:
        campaign = Campaign(
            evaluation=evaluation,
            output=output / "rows",
            serve=lambda todo: nullcontext(server.address),
            num_workers=num_workers,
            check=lambda found: check_test_run(evaluation, tuned, found, critic_path),
            origin=origin,
        )
        rows = campaign.run().rows
        memory_mib = server.resident_mib()
        figures = suite_figures(rows, margin=evaluation.settings.margin)
        films = _films(server, rows, figures, output) if is_filmed else Films({}, "Not filmed.")
    minutes = (clock.now_s() - start_s) / 60
    extra = {"demo_minutes": (minutes, "min")} if is_whole else {}
    if memory_mib is not None:
        extra["server_rss_mib"] = (memory_mib, "MiB")
    records = records_of(figures.cells, origin=origin, extra=extra)
    write_whole(output / "demo.json", json.dumps({"results": records}, indent=1) + "\n")
    took = f"{minutes:.1f} minutes" + ("" if is_whole else ", after an interrupted run")
    report = Report(
        title="steer demo",
        figures=figures,
        rows=rows,
        records=records,
        films=films,
        origin=_origin(origin, evaluation.settings, rows) | {"took": took},
    )
    write_report(output / "report.html", report)
    (output / "rows" / _COMPLETE).touch()
    sys.stdout.write(f"\n{summary(rows)}\n\n{verdict(figures)}\n")
    sys.stdout.write(f"report: {output / 'report.html'}\n")
    return figures


def _evaluation(tasks: Sequence[str], num_episodes: int, settings: Settings) -> Evaluation:
    names = _PUBLISHED_ARMS if num_episodes >= PUBLISHED_EPISODES else _ARMS
    block = Block(
        cells=tuple(Cell(_POLICY, task) for task in tasks),
        arms=tuple(ARMS[name] for name in names),
        num_episodes=num_episodes,
    )
    return Evaluation(blocks=(block,), split="test", settings=settings)


def _origin(origin: Origin, settings: Settings, rows: Sequence[Row]) -> dict[str, str]:
    """Return where the figures come from, for the page."""
    return {
        "command": origin.command,
        "commit": origin.commit or "unknown",
        "machine": origin.machine,
        "versions": ", ".join(f"{name} {number}" for name, number in origin.versions.items()),
        "seeds": "test, 200,000 to 299,999; N and margin were chosen on tune seeds",
        "settings": json.dumps(asdict(settings)),
        "critics": ", ".join(sorted({row.critic_digest[:23] for row in rows})),
    }


def _command(tasks: Sequence[str], *, num_episodes: int, num_workers: int, is_filmed: bool) -> str:
    """Return the command that measures the same again."""
    if tuple(tasks) == DEMO and num_workers == _WORKERS and is_filmed:
        return f"make demo EPISODES={num_episodes}"
    options = f"--episodes {num_episodes} --tasks {','.join(tasks)} --workers {num_workers}"
    return f"python -m sim.demo {options}" + ("" if is_filmed else " --no-films")


def _begin(rows: Path, measured_at: str) -> bool:
    """Make way for a run: go on with an interrupted one of the same commit, else begin anew.

    Files that are not committed may have changed in between, so with any of those it begins anew.

    Returns:
        Whether the run begins at its beginning.

    Raises:
        ConfigError: A demo is running there.
    """
    if _is_in_use(rows / "rows.jsonl"):
        raise ConfigError(f"--output: expected a directory of no running demo, got {rows.parent}")
    known = rows / _COMMIT
    is_open = known.is_file() and not (rows / _COMPLETE).exists()
    is_same = known.is_file() and known.read_text() == measured_at
    if is_open and is_same and measured_at and not measured_at.endswith("-dirty"):
        sys.stdout.write(f"going on with the interrupted run in {rows}\n")
        return False
    if (rows / "rows.jsonl").is_file() and (rows / "rows.jsonl").stat().st_size:
        kept = _free_name(rows)
        sys.stdout.write(f"beginning anew; the rows of the run before are in {kept}\n")
        rows.replace(kept)
    shutil.rmtree(rows, ignore_errors=True)
    rows.mkdir(parents=True)
    known.write_text(measured_at)
    return True


def _is_in_use(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _free_name(rows: Path) -> Path:
    numbers = itertools.count(1)
    return next(path for n in numbers if not (path := rows.with_suffix(f".{n}")).exists())


def _films(
    server: RunningServer, rows: Sequence[Row], figures: SuiteFigures, output: Path
) -> Films:
    """Film one seed of each task."""
    scenes = [scene for cell in figures.cells if (scene := telling_scene(rows, cell))]
    return film_scenes(scenes, server.address, output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--episodes", type=int, default=30, help="a task and arm (default: 30)")
    parser.add_argument("--tasks", default=",".join(DEMO), help="comma-separated")
    parser.add_argument(
        "--workers", type=int, default=_WORKERS, help=f"parallel robots (default: {_WORKERS})"
    )
    parser.add_argument("--output", type=Path, default=Path("demo"), help="default: demo")
    parser.add_argument("--no-films", action="store_true", help="no pictures")
    options = parser.parse_args(arguments)
    return exit_code("sim.demo", partial(_demo, options), interrupted=GOES_ON)


def _demo(options: argparse.Namespace) -> int:
    run_demo(
        tasks=[spec_of(name.strip()).name for name in options.tasks.split(",")],
        num_episodes=options.episodes,
        num_workers=options.workers,
        output=options.output,
        is_filmed=not options.no_films,
    )
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
