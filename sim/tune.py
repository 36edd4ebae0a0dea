"""Chooses N and the gate's margin for each task, on tune seeds alone.

    python -m sim.tune --output runs/tune

Every setting of the grid is run on the same seeds as the policy alone. The rule, fixed in advance:
the setting whose paired difference to the policy alone has the highest lower end of its 95%
interval; of equal ones the larger margin, then the smaller N. All numbers go to
`sim/artefacts/tuning.json`, and the choice with them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.evaluate import ARTEFACTS, Evaluation, evaluate, outcomes, serving
from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.rows import Row
from sim.files import write_whole
from sim.stats import PairedDifference, paired_difference, success_rate
from sim.tasks import DEMO, spec_of
from steer.client import SteerClient
from steer.errors import SteerError

__all__ = ["choose", "main", "tune"]

GRID = (
    Settings(num_candidates=16, margin=0.0),
    Settings(num_candidates=16, margin=0.5),
    Settings(num_candidates=16, margin=1.0),
    Settings(num_candidates=8, margin=0.5),
)
RULE = (
    "highest lower end of the 95% interval of steered minus alone, paired by seed; "
    "of equal ones the larger margin, then the smaller N"
)


def choose(trials: Sequence[tuple[Settings, PairedDifference]]) -> Settings:
    """Return the setting that the rule picks.

    Args:
        trials: What was run, and how it did against the policy alone; at least one.
    """

    def merit(trial: tuple[Settings, PairedDifference]) -> tuple[float, float, int]:
        settings, difference = trial
        return (round(difference.low, 6), settings.margin or 0.0, -settings.num_candidates)

    return max(trials, key=merit)[0]


def tune(tasks: Sequence[str], *, num_episodes: int, num_workers: int, output: Path) -> None:
    """Run the grid, or what is missing of it, and write `tuning.json` after each task.

    Args:
        tasks: Names of the tasks.
        num_episodes: A setting.
        num_workers: Parallel robots.
        output: Rows go there, those of other critics and policies beside them.

    Raises:
        SteerError: An artefact is missing, or the server failed.
    """
    arms = (ARMS["alone"], ARMS["steered"])
    output.mkdir(parents=True, exist_ok=True)
    with serving(tasks, arms, log=output / "server.log") as server:
        for task in tasks:
            digests = _digests(server.address, task)
            home = output / "-".join([task, *(text[-8:] for text in digests.values())])

            def run(
                settings: Settings, arm: str, *, task: str = task, home: Path = home
            ) -> list[Row]:
                evaluation = Evaluation(
                    tasks=(task,),
                    arms=(ARMS[arm],),
                    num_episodes=num_episodes,
                    split="tune",
                    settings={task: settings},
                    num_workers=num_workers,
                )
                name = arm if arm == "alone" else f"n{settings.num_candidates}-m{settings.margin:g}"
                return evaluate(evaluation, server.address, home / name)

            alone = run(Settings(), "alone")
            chosen, reached = _judge(task, alone, [run(settings, "steered") for settings in GRID])
            _record(task, chosen, {"episodes": num_episodes, **digests, "reached": reached})


def _digests(server: str, task: str) -> dict[str, str]:
    """Return the identity of what is tuned: a choice holds for these weights alone."""
    with SteerClient(server) as client:
        description = client.describe()
    critic = next(item.digest for item in description.critics if item.name == task)
    policy = next(item.digest for item in description.policies if item.name == task)
    return {"critic": critic, "policy": policy}


def _record(task: str, chosen: dict[str, Any], trials: dict[str, Any]) -> None:
    """Put a task's choice into `tuning.json`, beside those of other tasks."""
    path = ARTEFACTS / "tuning.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    tree: dict[str, Any] = {"rule": RULE, "seeds": "tune"}
    tree |= {part: known.get(part, {}) for part in ("settings", "trials")}
    tree["settings"][task], tree["trials"][task] = chosen, trials
    write_whole(path, json.dumps(tree, indent=2) + "\n")


def _judge(
    task: str, alone_rows: Sequence[Row], grid: Sequence[Sequence[Row]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the chosen setting of a task, and what every setting reached."""
    alone = outcomes(alone_rows, task, "alone")
    trials, table = [], []
    base = success_rate(list(alone.values()))
    table.append({"arm": "alone", "success": base.value, "n": base.n})
    for settings, rows in zip(GRID, grid, strict=True):
        mine = outcomes(rows, task, "steered")
        gap = paired_difference([mine[seed] for seed in alone], list(alone.values()))
        trials.append((settings, gap))
        table.append(
            {
                "num_candidates": settings.num_candidates,
                "margin": settings.margin,
                "gain": round(gap.value, 4),
                "low": round(gap.low, 4),
                "high": round(gap.high, 4),
                "n": gap.n,
            }
        )
    chosen = choose(trials)
    return {"num_candidates": chosen.num_candidates, "margin": chosen.margin}, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.tune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tasks", default=",".join(DEMO), help="comma-separated (default: the demo's)"
    )
    parser.add_argument("--episodes", type=int, default=40, help="a setting (default: 40)")
    parser.add_argument("--workers", type=int, default=2, help="parallel robots (default: 2)")
    parser.add_argument("--output", type=Path, default=Path("runs/tune"), help="rows go there")
    options = parser.parse_args(arguments)
    try:
        tasks = [spec_of(name.strip()).name for name in options.tasks.split(",")]
        tune(
            tasks,
            num_episodes=options.episodes,
            num_workers=options.workers,
            output=options.output,
        )
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.tune: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on with what is missing\n")
        return 130
    sys.stdout.write((ARTEFACTS / "tuning.json").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
