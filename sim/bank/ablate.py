"""Trains a critic of every recipe for every task of a bank, and judges them all on it.

    python -m sim.bank.ablate results/bank --data data --rollouts data/rollouts \
        --work build/ablation --margin 0 --output results/ablation

What is trained is kept under `--work`: a command that was stopped goes on, and one more recipe
costs its own training alone. Other data want another directory. `--recipes` takes patterns; the
table is of those. `--output` has the table, and what it was made of as JSON; the record of each
recipe, with the largest N, goes to `demo/ablation.json`, and `make results` publishes it. Without a
gate (`--margin 0`) recipes whose values have other units stand side by side.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from sim.bank.judge import add_judging, judge, read_banks, table, write_results
from sim.bank.recipes import RECIPES
from sim.card import card_path
from sim.files import write_whole
from sim.interrupt import GOES_ON, exit_code, run
from sim.records import make_record, write_records
from sim.stage_runner import StageError, StageRunner
from sim.stages import Stage
from sim.tasks import TaskSpec, spec_of
from steer.errors import ConfigError

__all__ = ["RECORDS", "main", "records", "rollouts_of", "stage"]

RECORDS = Path("demo") / "ablation.json"
_ALGORITHMS = Path("steer/train/algorithms")
_JOBS = 2


def rollouts_of(spec: TaskSpec, rollouts: Path) -> list[Path]:
    """Return the datasets of what policies did at a task, in order of their names.

    Args:
        spec: The task.
        rollouts: Directory that `sim.rollouts` wrote to.
    """
    roots = sorted(rollouts.glob(f"*/{spec.dataset}"))
    return [root for root in roots if spec.name in _tasks(root)]


def _tasks(root: Path) -> Iterable[str]:
    tasks: Iterable[str] = json.loads(card_path(root).read_text())["tasks"]
    return tasks


def stage(
    name: str,
    spec: TaskSpec,
    *,
    data: Path,
    rollouts: Path,
    work: Path,
    steps: int | None = None,
) -> Stage:
    """Return the training of one recipe's critic of one task.

    Args:
        name: Of the recipe.
        spec: The task.
        data: Directory of the demonstrations.
        rollouts: Directory of what the policies did.
        work: Where critics are trained.
        steps: At most, of each; None for those of the recipe.
    """
    recipe = RECIPES[name]
    output = work / "critics" / name / spec.name
    own = rollouts_of(spec, rollouts) if recipe.has_rollouts else []
    roots = (data / spec.dataset, *own)
    where = ("--dataset", *map(str, roots), "--task", spec.name, "--output", str(output))
    most = () if steps is None else ("--steps", str(steps))
    how = ("--horizon", str(spec.commit_horizon), "--seed", "0", "--resume")
    return Stage(
        f"ablation/{name}@{spec.name}",
        ("-m", "steer.cli", "train", *where, *how, *recipe.options, *most),
        "training 0",
        (output / "card.json", output / "critic.safetensors"),
        (_ALGORITHMS / f"{recipe.algorithm}.py",),
    )


def _named(patterns: Sequence[str]) -> list[str]:
    found = [name for name in RECIPES if any(fnmatchcase(name, one) for one in patterns)]
    if not found:
        raise ConfigError(f"--recipes: expected some of {', '.join(RECIPES)}, got {patterns}")
    return found


def _ablate(options: argparse.Namespace) -> int:
    names, banks = _named(options.recipes), read_banks(options.bank)
    tasks = sorted({bank.cell.task for bank in banks})
    make = partial(
        stage,
        data=options.data,
        rollouts=options.rollouts,
        work=options.work,
        steps=options.steps,
    )
    plan = [make(name, spec_of(task)) for name in names for task in tasks]
    runner = StageRunner(options.work)
    try:
        with runner.opened():
            runner.run(plan, jobs=options.jobs)
    except StageError as error:
        sys.stderr.write(f"sim.bank.ablate: error: {error}\n")
        return 1
    critics = {name: options.work / "critics" / name for name in names}
    how = {"counts": options.counts, "margins": options.margin, "beta": options.beta}
    results = judge(banks, critics, consensus=options.consensus, **how)
    shown = table(results).to_markdown()
    sys.stdout.write(shown)
    if options.output:
        write_results(options.output / "judged.json", results)
        write_whole(options.output / "table.md", f"# Recipes on the bank\n\n{shown}")
    write_records(RECORDS, records(results, command=options.command))
    return 0


def records(results: Sequence[Mapping[str, Any]], *, command: str) -> list[dict[str, Any]]:
    """Return two records a recipe: gain of its best candidate, and correlation of the order.

    Args:
        results: Of `judge`; of each recipe those of the largest N and of the first margin and
            weight of agreement count.
        command: That made them.
    """
    most = max(item["N"] for item in results)
    first: dict[str, Mapping[str, Any]] = {}
    for item in results:
        if item["N"] == most:
            first.setdefault(item["critics"], item)
    found = []
    for name, item in first.items():
        shown = {f"ablation/{name}": (item["gain"], "success")}
        if item["rank"] is not None:
            shown[f"ablation/{name}/rank"] = (item["rank"], "correlation")
        for metric, (value, unit) in shown.items():
            interval = (value.low, value.high)
            about = {"n": value.n, "unit": unit, "command": command}
            found.append(make_record(metric, value.value, interval=interval, **about))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 1 a training failed, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.bank.ablate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bank", type=Path, metavar="BANK", help="directory of the bank")
    parser.add_argument("--data", type=Path, required=True, help="directory of the demonstrations")
    parser.add_argument("--rollouts", type=Path, required=True, help="what `sim.rollouts` wrote")
    parser.add_argument("--work", type=Path, required=True, help="where critics are trained")
    parser.add_argument("--recipes", nargs="+", default=("*",), metavar="PATTERN")
    parser.add_argument(
        "--steps", type=int, help="gradient steps of each at most, for a cheaper comparison"
    )
    parser.add_argument("--jobs", type=int, default=_JOBS, help="trainings at a time")
    add_judging(parser)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    options.command = shlex.join(["python", "-m", "sim.bank.ablate", *words])
    return exit_code("sim.bank.ablate", partial(_ablate, options), interrupted=GOES_ON)


if __name__ == "__main__":
    sys.exit(run(main))
