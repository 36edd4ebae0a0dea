"""Do published rows still come out the same? Episodes of every kind, replayed on the code of now.

    python -m sim.confirm results/suite results/realtime

Code moves on after a run of hours. This command draws some episodes of each cell, arm, N and limit
of every run below some directories, and of each cell, method and delay of runs of the real-time
bench, runs them again as the run's own command did, and compares all but the times, bit for bit.
What it found stands in `confirmed.json` beside the rows; `make results` takes the dagger from
figures whose episodes all came out the same on code that has not changed since.
"""

import argparse
import json
import random
import shlex
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sim.confirm_bench import bench_runs_below, replay_bench
from sim.evaluation.command import campaign_of, evaluation_of, options_of
from sim.evaluation.row import TIMES, Key, Row
from sim.evaluation.rows import read_rows
from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.origin import Origin, code_digest, origins_of
from steer.errors import ConfigError, InvalidInputError

__all__ = ["compared", "drawn", "main", "runs_below"]

_COMMAND = ("python", "-m", "sim.evaluate")
_SHOWN = 20
_INCOMPLETE, _DIFFERS = 3, 1


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.confirm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="with runs of sim.evaluate or the bench in it or below",
    )
    parser.add_argument("--each", type=int, default=1, help="episodes of a kind (default: 1)")
    parser.add_argument("--workers", type=int, default=4, help="parallel robots (default: 4)")
    parser.add_argument("--minutes", type=float, help="begin no seed after so long (exit code 3)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/confirm"),
        help="where rows are kept until all are there (default: build/confirm)",
    )
    options = parser.parse_args(words)
    if options.each < 1:
        raise InvalidInputError.expected("--each", ">= 1", options.each)
    return options


def runs_below(root: Path) -> list[Path]:
    """Return the directories of the runs below one, those that `sim.evaluate` made."""
    found = []
    for path in sorted(root.rglob("run.json")):
        is_packed = (path.parent / "rows.parquet").is_file()
        if is_packed and _words(path.parent) is not None:
            found.append(path.parent)
    return found


def drawn(rows: Iterable[Row], each: int, *, seed: str) -> list[Row]:
    """Return `each` rows of every cell, arm, N and limit; those that broke are left out.

    Args:
        rows: Of one run.
        each: How many, >= 1; all where there are fewer.
        seed: The same one draws the same.
    """
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda item: item.key):
        if not row.flag:
            groups[row.key[:-1]].append(row)
    draw = random.Random(seed)  # which episodes to replay is no secret
    return [row for group in groups.values() for row in draw.sample(group, min(each, len(group)))]


def compared(published: Iterable[Row], replayed: Iterable[Row]) -> tuple[int, list[Key]]:
    """Return how many rows were replayed, and the keys of those that came out otherwise."""
    known = {row.key: _facts(row) for row in published}
    both = [row for row in replayed if row.key in known]
    return len(both), [row.key for row in both if _facts(row) != known[row.key]]


def _facts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name not in TIMES}


def _words(run: Path) -> list[str] | None:
    """Return the options of the command that made a run, None where another command did."""
    origins = origins_of(json.loads((run / "run.json").read_text()))
    words = shlex.split(origins[-1].command) if origins else []
    if tuple(words[: len(_COMMAND)]) != _COMMAND:
        return None
    return words[len(_COMMAND) :]


def _replay(
    run: Path, options: argparse.Namespace, *, work: Path, code: str
) -> tuple[dict[str, Any], int]:
    """Replay some episodes of a run; return what came of it, and how many are missing."""
    words = _words(run)
    if words is None:  # `runs_below` found it, and it has changed since
        raise ConfigError(f"{run}: expected a run of sim.evaluate, got another command's")
    rows = read_rows(run)
    chosen = drawn(rows, options.each, seed=code)
    given = options_of([*words, "--output", str(work)])
    given.workers, given.minutes, given.logs = options.workers, options.minutes, 0
    evaluation = replace(
        evaluation_of(given), shard=(0, 1), only=frozenset(row.key for row in chosen)
    )
    progress = campaign_of(given, evaluation).run()
    count, differing = compared(chosen, progress.rows)
    return {
        "rows_sha256": sha256((run / "rows.parquet").read_bytes()).hexdigest(),
        "episodes": len(rows),
        "replayed": count,
        "different": len(differing),
        "which": ["/".join(map(str, key)) for key in sorted(differing)[:_SHOWN]],
    }, progress.num_missing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 the same, 1 different, 2 refused, 3 time up."""
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code("sim.confirm", partial(_confirm, words), interrupted=GOES_ON)


def _confirm(words: Sequence[str]) -> int:
    options, code = _options(words), code_digest()
    home: Path = options.work / code.removeprefix("sha256:")[:12]
    origin = Origin.now(shlex.join(["python", "-m", "sim.confirm", *words]))
    for root in options.runs:
        if not runs_below(root) and not bench_runs_below(root):
            raise ConfigError(f"runs: expected runs below {root}, got none")
    runs = _all_below(options.runs, runs_below)
    benches = _all_below(options.runs, bench_runs_below)
    found: dict[Path, dict[str, Any]] = {}
    missing = 0
    for run_directory in runs:
        sys.stderr.write(f"{run_directory}\n")
        found[run_directory], left = _replay(
            run_directory, options, work=home / _place(run_directory), code=code
        )
        missing += left
    if missing:
        sys.stdout.write(f"{missing} episodes are missing: the same command goes on\n")
        return _INCOMPLETE
    for run_directory in benches:
        found[run_directory] = replay_bench(
            run_directory, each=options.each, work=home / _place(run_directory), code=code
        )
    for run_directory, what in found.items():
        tree = {"code": code, **asdict(origin), **what}
        write_whole(run_directory / "confirmed.json", json.dumps(tree, indent=2) + "\n")
        sys.stdout.write(
            f"{run_directory}: {what['replayed']} of {what['episodes']} episodes replayed, "
            f"{what['different']} different\n"
        )
        sys.stdout.writelines(f"  {key}\n" for key in what["which"])
    return _DIFFERS if any(what["different"] for what in found.values()) else 0


def _all_below(roots: Iterable[Path], below: Callable[[Path], list[Path]]) -> list[Path]:
    """Return the runs below some directories, each once."""
    return list(dict.fromkeys(run for root in roots for run in below(root)))


def _place(run: Path) -> Path:
    """Return where the replay of a run is kept, below the directory of all of them."""
    whole = run.resolve()
    return whole.relative_to(whole.anchor)


if __name__ == "__main__":
    sys.exit(run(main))
