"""Does each algorithm learn what it ought to? In a world where that can be computed.

    python -m benchmarks.tabular
    python -m benchmarks.tabular --algorithms iql-0.7,qc --plant discount
    python -m benchmarks.tabular --plant all

Every algorithm is trained by the real trainer on episodes of a small slippery world, and the order
of its values is compared with that of its own fixed point, found by dynamic programming: Kendall's
tau over the chunks of each cell, pairs that the data cannot tell apart left out. The values must
agree too, to half of what a tick costs, for a wrong discount can leave the order as it is.
`--plant` makes an error (of the sign, the mask, a time-out, the discount, a success); a check that
does not notice is no check. Without it, and where all algorithms are right after the default steps,
writes `demo/tabular.json`, which `make results` publishes.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.tabular.cases import CASES
from benchmarks.tabular.check import Check, check
from benchmarks.tabular.plants import PLANTS
from sim.interrupt import exit_code, run
from sim.records import make_record, write_records

__all__ = ["main"]

OUTPUT = Path("demo") / "tabular.json"
_STEPS = 1_500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 where all is as it ought to be, 1 where an algorithm is wrong or an error went unnoticed,
        2 refused, 130 interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tabular",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--algorithms", default=",".join(CASES), help="with commas between")
    parser.add_argument("--plant", choices=[*PLANTS, "all"], help="make this error")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=_STEPS, help="of training, each")
    work = partial(_work, parser.parse_args(arguments), arguments)
    return exit_code("benchmarks.tabular", work)


def _work(options: argparse.Namespace, arguments: Sequence[str] | None) -> int:
    names = options.algorithms.split(",")
    if options.plant is not None:
        plants = list(PLANTS) if options.plant == "all" else [options.plant]
        return _notice(names, plants, seed=options.seed, steps=options.steps)
    words = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", "benchmarks.tabular", *words])
    found = {}
    for name in names:
        found[name] = check(name, seed=options.seed, steps=options.steps)
        _show(name, found[name], "right" if found[name].is_right else "WRONG")
    records = [
        make_record(
            f"tabular_tau/{name}",
            each.tau,
            interval=None,
            n=each.num_pairs,
            unit="Kendall's tau",
            command=command,
        )
        for name, each in found.items()
    ]
    is_right = all(each.is_right for each in found.values())
    if is_right and set(found) == set(CASES) and options.steps == _STEPS:
        write_records(OUTPUT, records)
    else:
        sys.stdout.write(
            f"{OUTPUT} stays as it is: it is of all algorithms, right after {_STEPS} steps\n"
        )
    return 0 if is_right else 1


def _notice(names: Sequence[str], plants: Sequence[str], *, seed: int, steps: int) -> int:
    """Return 0 where every algorithm is found wrong under every error."""
    missed = 0
    for name in names:
        for planted in plants:
            found = check(name, seed=seed, planted=planted, steps=steps)
            _show(f"{name} {planted}", found, "MISSED" if found.is_right else "noticed")
            missed += found.is_right
    return 1 if missed else 0


def _show(name: str, found: Check, verdict: str) -> None:
    sys.stdout.write(
        f"{name:24} tau {found.tau:+.3f} over {found.num_pairs} pairs, {found.num_close} too close "
        f"to tell; largest error {found.error:.2f}: {verdict}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(main))
