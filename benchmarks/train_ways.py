"""Do bfloat16 or `torch.compile` make training faster here? Updates a second of our IQL trainer.

    python -m benchmarks.train_ways [--rounds 40]

The same trainer, shapes and widths as `benchmarks.train_speed`, in three processes that take turns
on the same cores. What the compiler takes before the first step is in no ratio. Writes
`demo/train_ways.json`; `make results` publishes it.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.train_speed import CASE, measure, parsed, ratio_interval, speed_ratio
from sim.interrupt import exit_code, run
from sim.records import make_record, write_records

__all__ = ["main"]

OUTPUT = Path("demo") / "train_ways.json"
WAYS = ("plain", "bfloat16", "compile")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    return parsed(parser)


def main() -> int:
    """Measure, write the records, and say what was found; return the exit code."""
    options = _options()
    hidden = " ".join(map(str, options.hidden))
    command = (
        f"python -m benchmarks.train_ways --rounds {options.rounds} --updates {options.updates} "
        f"--hidden {hidden} --cores {options.cores}"
    )

    def work() -> int:
        case = {**CASE, "hidden": options.hidden, "cores": options.cores}
        commands = [
            [sys.executable, "-m", "benchmarks.train_ours", json.dumps({**case, "way": way})]
            for way in WAYS
        ]
        _, speeds = measure(
            commands, cores=options.cores, rounds=options.rounds, updates=options.updates
        )
        wall, records = speeds[:, :, 0], []
        for column, way in enumerate(WAYS):
            speed = float(np.median(wall[:, column]))
            sys.stdout.write(f"{way:<9} {speed:7.2f} updates a second\n")
        for column, way in enumerate(WAYS[1:], start=1):
            ratio = speed_ratio(wall[:, column], wall[:, 0])
            low, high = ratio_interval(wall[:, column], wall[:, 0])
            sys.stdout.write(f"{way} / plain: {ratio:.3f} [{low:.3f}, {high:.3f}]\n")
            record = make_record(
                f"train_way_ratio/{way}",
                ratio,
                interval=(low, high),
                n=len(speeds),
                unit="ratio of updates a second",
                command=command,
            )
            records.append({**record, "against": "plain, in the same run"})
        write_records(options.output, records)
        return 0

    return exit_code("train_ways", work)


if __name__ == "__main__":
    sys.exit(run(main))
