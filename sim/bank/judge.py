"""How good are critics on the bank? Every N, margin and critic in seconds, nothing simulated.

    python -m sim.bank.judge results/bank --critics sim/artefacts/critics
    python -m sim.bank.judge results/bank --critics iql=runs/iql mc=runs/mc --margin 0 0.5 1
    python -m sim.bank.judge results/bank --critics sim/artefacts/critics --calibrate 0.6

A directory of critics holds one a task, `DIR/TASK`. What is shown is one decision's gain, the
policy alone going on after it: less than steering every decision gains, but the same for all
critics. The bank's seeds are tune seeds: what is chosen here is measured elsewhere.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.bank.calibrate import calibrate, calibrated_table
from sim.bank.ranking import Choices, choices, correlation, values_of
from sim.bank.states import CellBank, read_bank
from sim.evaluation.tuned import Tuned
from sim.files import write_whole
from sim.interrupt import exit_code, run
from sim.report.table import Table
from sim.report.words import DASH, rate, share, signed
from sim.stats import mean_gain, mean_share
from steer.critics.artefact import load_critic
from steer.errors import ConfigError

__all__ = ["add_judging", "judge", "main", "read_banks", "table", "write_results"]

_COUNTS = (1, 4, 8, 16, 64)
_SEED = 0
_HEAD = (
    *("critics", "margin", "consensus", "N"),
    *("gain", "of the oracle's", "overridden", "won - lost", "rank"),
)


def read_banks(directory: Path) -> list[CellBank]:
    """Read all cells of a bank.

    Raises:
        ConfigError: There is none.
    """
    found = [read_bank(path) for path in sorted(directory.glob("*.safetensors"))]
    if not found:
        raise ConfigError(f"{directory}: expected states of a bank, got none")
    return found


def judge(
    banks: Sequence[CellBank],
    critics: Mapping[str, Path],
    *,
    counts: Sequence[int],
    margins: Sequence[float],
    beta: float,
    consensus: Sequence[float] = (0.0,),
) -> list[dict[str, Any]]:
    """Return one result for each group of critics, margin and N, means over the bank's cells.

    Args:
        banks: One a cell.
        critics: Directory of the critics, by name; each holds one a task.
        counts: N.
        margins: Of the gate, in discounted return.
        beta: Of the soft minimum over members, in discounted return.
        consensus: Weights of the candidates' agreement, in discounted return.

    Raises:
        ConfigError: A critic is missing.
    """
    found = []
    for name, directory in critics.items():
        values = [_values(directory, bank) for bank in banks]
        found_rank = correlation(banks, values, beta=beta)
        rank = None if found_rank is None else found_rank.mean
        for margin, weight, count in product(margins, consensus, counts):
            made = [
                choices(bank, value, count=count, margin=margin, beta=beta, consensus=weight)
                for bank, value in zip(banks, values, strict=True)
            ]
            about = {"critics": name, "margin": margin, "consensus": weight, "N": count}
            found.append({**about, **_figures(banks, made), "rank": rank})
    return found


def _values(directory: Path, bank: CellBank) -> NDArray[np.float32]:
    path = directory / bank.cell.task
    if not path.is_dir():
        raise ConfigError(f"--critics: expected one for each task of the bank, got none at {path}")
    return values_of(load_critic(path), bank)


def _figures(banks: Sequence[CellBank], made: Sequence[Choices]) -> dict[str, Any]:
    rng = np.random.default_rng(_SEED)
    ours = [item.cell(bank) for bank, item in zip(banks, made, strict=True)]
    theirs = [item.cell(bank, is_oracle=True) for bank, item in zip(banks, made, strict=True)]
    gains = {cell.policy + "/" + cell.task: float(cell.differences().mean()) for cell in ours}
    return {
        "gain": mean_gain(ours, rng=rng).fixed,
        "share": mean_share(ours, theirs, rng=rng),
        "overridden": float(np.mean([item.override_rate for item in made])),
        "won": sum(item.num_won for item in made),
        "lost": sum(item.num_lost for item in made),
        "cells": gains,
    }


def table(results: Sequence[Mapping[str, Any]]) -> Table:
    """Return the results as a table."""
    return Table(
        _HEAD,
        tuple(
            (
                item["critics"],
                f"{item['margin']:g}",
                f"{item['consensus']:g}",
                str(item["N"]),
                signed(item["gain"], 3),
                rate(item["share"]),
                share(item["overridden"]),
                f"{item['won']:.0f} - {item['lost']:.0f}",
                DASH if item["rank"] is None else signed(item["rank"], 2),
            )
            for item in results
        ),
    )


def write_results(path: Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Write results as JSON."""
    write_whole(path, json.dumps(results, indent=1, default=asdict) + "\n")


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how critics are judged."""
    tuned = Tuned.load().settings
    parser.add_argument("--counts", nargs="+", type=int, default=_COUNTS, metavar="N")
    parser.add_argument("--margin", nargs="+", type=float, default=(tuned.margin or 0.0,))
    parser.add_argument("--beta", type=float, default=tuned.beta or 1.0)
    parser.add_argument(
        "--consensus", nargs="+", type=float, default=(0.0,), help="weights of agreement; 1e6 alone"
    )
    parser.add_argument("--output", type=Path, help="write the results as JSON too")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.bank.judge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bank", type=Path, metavar="BANK", help="directory of the bank")
    parser.add_argument(
        "--critics", nargs="+", required=True, metavar="[NAME=]DIR", help="one critic a task"
    )
    add_judging(parser)
    parser.add_argument(
        "--calibrate",
        type=float,
        metavar="TARGET",
        help="show the smallest margin whose overrides win so often, with 95%% confidence",
    )
    return exit_code("sim.bank.judge", partial(_judge, parser.parse_args(arguments)))


def _judge(options: argparse.Namespace) -> int:
    banks, critics = read_banks(options.bank), dict(map(_named, options.critics))
    how = {"counts": options.counts, "beta": options.beta, "consensus": options.consensus}
    results = judge(banks, critics, margins=options.margin, **how)
    sys.stdout.write(table(results).to_markdown())
    if options.calibrate is not None:
        values = {
            name: [_values(directory, bank) for bank in banks]
            for name, directory in critics.items()
        }
        found = calibrate(banks, values, target=options.calibrate, **how)
        sys.stdout.write(
            f"\nmargins whose overrides win {options.calibrate:g} or more, 95% sure:\n\n"
            + calibrated_table(found).to_markdown()
        )
    if options.output:
        write_results(options.output, results)
    return 0


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    return (name, Path(path)) if equals else (Path(text).name, Path(text))


if __name__ == "__main__":
    sys.exit(run(main))
