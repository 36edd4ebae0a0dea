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
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from sim import opengl
from sim.evaluation.arms import ARMS
from sim.evaluation.campaign import Campaign
from sim.evaluation.cells import Cell
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.row import Row
from sim.evaluation.serving import serving
from sim.evaluation.summary import summary
from sim.evaluation.tuned import Tuned, check_test_run
from sim.figures import TaskFigures, commit, figures_of, machine, records_of, verdict, versions
from sim.files import write_whole
from sim.film import CANNOT_RENDER
from sim.report import Film, write_report
from sim.server import RunningServer
from sim.suite import ARTEFACTS
from sim.tasks import DEMO, spec_of
from steer.clock import MonotonicClock
from steer.errors import ConfigError, SteerError

__all__ = ["main", "run_demo"]

PUBLISHED_EPISODES = 100
_ARMS = ("alone", "random", "steered")
_PUBLISHED_ARMS = (*_ARMS, "filtered", "filtered-steered")
_FILM_S = 120.0
_WORKERS, _POLICY_WORKERS = 3, 2
_POLICY = "diffusion"
_COMMIT, _COMPLETE = "commit", "complete"


def run_demo(
    *, tasks: Sequence[str], num_episodes: int, num_workers: int, output: Path, is_filmed: bool
) -> list[TaskFigures]:
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
    start_s, measured_at = clock.now_s(), commit()
    is_whole = _begin(output / "rows", measured_at)
    names = _PUBLISHED_ARMS if num_episodes >= PUBLISHED_EPISODES else _ARMS
    block = Block(
        cells=tuple(Cell(_POLICY, task) for task in tasks),
        arms=tuple(ARMS[name] for name in names),
        num_episodes=num_episodes,
    )
    tuned = Tuned.load()
    evaluation = Evaluation(blocks=(block,), split="test", settings=tuned.settings)
    log = output / "server.log"
    sys.stdout.write(f"starting the server; its log is {log}\n")
    with serving(evaluation.todo(), log=log, policy_workers=_POLICY_WORKERS) as server:
        rows = (
            Campaign(
                evaluation=evaluation,
                output=output / "rows",
                serve=lambda todo: nullcontext(server.address),
                num_workers=num_workers,
                check=lambda found: check_test_run(evaluation, tuned, found, ARTEFACTS),
            )
            .run()
            .rows
        )
        memory_mib = server.resident_mib()
        films, note = _films(server, rows, tasks, output) if is_filmed else ([], "Not filmed.")
    figures = [figures_of(rows, task) for task in tasks]
    minutes = (clock.now_s() - start_s) / 60
    command = _command(
        tasks, num_episodes=num_episodes, num_workers=num_workers, is_filmed=is_filmed
    )
    extra = {"demo_minutes": (minutes, "min")} if is_whole else {}
    if memory_mib is not None:
        extra["server_rss_mib"] = (memory_mib, "MiB")
    records = records_of(figures, command=command, extra=extra, measured_at=measured_at)
    write_whole(output / "demo.json", json.dumps({"results": records}, indent=1) + "\n")
    origin = {
        "command": command,
        "commit": measured_at or "unknown",
        "machine": machine(),
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "seeds": "test, 200,000 to 299,999; N and margin were chosen on tune seeds",
        "settings": json.dumps(asdict(evaluation.settings)),
        "critics": ", ".join(sorted({row.critic_digest[:23] for row in rows})),
        "took": f"{minutes:.1f} minutes" + ("" if is_whole else ", after an interrupted run"),
    }
    report = output / "report.html"
    write_report(report, figures, films=films, films_note=note, origin=origin)
    (output / "rows" / _COMPLETE).touch()
    sys.stdout.write(f"\n{summary(rows)}\n\n{verdict(figures)}\nreport: {report}\n")
    return figures


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
    server: RunningServer, rows: Sequence[Row], tasks: Sequence[str], output: Path
) -> tuple[list[Film], str]:
    """Film one seed of each task; return the films, and why there are none."""
    films: list[Film] = []
    for task in tasks:
        seed, what = _telling_seed(rows, task)
        path = output / f"{task}-{seed}.mp4"
        written, note = _film(server.address, task, seed, path)
        if written is None:
            return films, note
        films.append(Film(written, f"{task}, seed {seed}: {what}"))
    return films, ""


def _telling_seed(rows: Sequence[Row], task: str) -> tuple[int, str]:
    """Return a seed that steering won, else one that it lost, else the first; and which it is."""
    alone = {row.seed: row for row in rows if row.task == task and row.arm == "alone"}
    steered = {row.seed: row for row in rows if row.task == task and row.arm == "steered"}
    pairs = [(alone[seed], steered[seed]) for seed in sorted(alone.keys() & steered.keys())]
    won = [a.seed for a, s in pairs if s.is_success and not a.is_success]
    lost = [a.seed for a, s in pairs if a.is_success and not s.is_success]
    if won:
        return won[0], f"one of {len(won)} of {len(pairs)} seeds that only steering won"
    if lost:
        return lost[0], f"one of {len(lost)} of {len(pairs)} seeds that steering lost"
    return pairs[0][0].seed, "both arms end alike on every seed"


def _film(server: str, task: str, seed: int, path: Path) -> tuple[Path | None, str]:
    """Film one seed in a process of its own, with the first renderer that works."""
    command = [sys.executable, "-m", "sim.film", "--server", server, "--cell", f"{_POLICY}/{task}"]
    command += ["--seed", str(seed), "--output", str(path)]
    note = ""
    for renderer in opengl.candidates():
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "MUJOCO_GL": renderer},
                capture_output=True,
                text=True,
                timeout=_FILM_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            note = f"No films: {renderer} took longer than {_FILM_S:g} s."
            continue
        if done.returncode == 0:
            return Path(done.stdout.split()[-1]), ""
        end = done.stderr.strip().splitlines()[-1:] or ["no message"]
        note = f"No films: this machine cannot render ({renderer}: {end[0]})."
        if done.returncode != CANNOT_RENDER:
            note = f"No films: filming failed ({end[0]})."
    sys.stdout.write(f"{note}\n")
    return None, note


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
    try:
        run_demo(
            tasks=[spec_of(name.strip()).name for name in options.tasks.split(",")],
            num_episodes=options.episodes,
            num_workers=options.workers,
            output=options.output,
            is_filmed=not options.no_films,
        )
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.demo: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on with what is missing\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
