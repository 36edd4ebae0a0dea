"""Adds up what the figures of `results/critics.json` and of the suite took, in hours of one core.

    python -m benchmarks.core_hours

Runs of episodes say themselves what they took (`spent_s` in `run.json`, times the cores of the
machine); what else was spent, on banks, rollouts, trainings and looks, is written down by hand in
`results/spent.json`. Writes `demo/core_hours.json`; `make results` publishes it.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sim.interrupt import run
from sim.records import make_record, write_records

__all__ = ["main", "of_runs"]

OUTPUT = Path("demo") / "core_hours.json"
SPENT = Path("results") / "spent.json"
RUNS = ("suite", "disturbed", "data", "vision")


def of_runs(root: Path, *, cores: int) -> Mapping[str, float]:
    """Return the core-hours of each run of episodes below a directory, by its path.

    Args:
        root: Directory of results.
        cores: Of the machine that the runs had for themselves.
    """
    found = {}
    for name in RUNS:
        for path in sorted((root / name).rglob("run.json")):
            spent_s = json.loads(path.read_text()).get("spent_s") or {}
            found[path.parent.relative_to(root).as_posix()] = sum(spent_s.values()) * cores / 3600
    return found


def main() -> None:
    """Add up and say what took how much."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.core_hours",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    runs = of_runs(SPENT.parent, cores=os.cpu_count() or 1)
    by_hand: Mapping[str, float] = json.loads(SPENT.read_text())
    parts = {**runs, **by_hand}
    for what, hours in parts.items():
        sys.stdout.write(f"{hours:6.2f}  {what}\n")
    total = sum(parts.values())
    sys.stdout.write(f"{total:6.2f}  in all\n")
    record = make_record(
        "core_hours",
        total,
        interval=None,
        n=len(parts),
        unit="core-hours",
        command="python -m benchmarks.core_hours",
    )
    write_records(OUTPUT, [record])


if __name__ == "__main__":
    sys.exit(run(main))
