"""Packs a run of the arm `probe` into a bank of states: one file a cell.

    python -m sim.bank runs/probe --output results/bank

The run must have kept the decision logs of all its seeds (`--logs`): they hold what the critic saw
and the candidates; the rows hold what came of each.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from sim.bank.states import CellBank, write_bank
from sim.evaluation.cells import Cell, Run
from sim.evaluation.noise import noise_seed
from sim.evaluation.row import Row
from sim.evaluation.table import read_table
from sim.interrupt import exit_code, run
from sim.tasks import spec_of
from steer.decision_log import LoggedDecision, read_decision_log
from steer.errors import ConfigError
from steer.types import EncodedImage, Provenance

__all__ = ["main", "pack"]

_ARM = "probe"
_IMAGES = "observation.images."


def pack(run_directory: Path) -> Iterator[CellBank]:
    """Yield the states of each cell of a run.

    Episodes that succeeded before their probed decision have no state and are left out, as are
    those that ran to the package's own limit.

    Raises:
        ConfigError: The run has no probes, several N of a cell, or did not keep their logs.
    """
    rows = [
        row
        for row in read_table(run_directory / "rows.parquet")
        if row.arm == _ARM and row.limit == "task" and row.outcomes
    ]
    if not rows:
        raise ConfigError(f"{run_directory}: expected episodes of the arm {_ARM}, got none")
    rows.sort(key=lambda row: (row.policy, row.task, row.seed))
    cells = [
        (Cell(*names), list(group))
        for names, group in groupby(rows, key=lambda row: (row.policy, row.task))
    ]
    for cell, probed in cells:
        counts = sorted({row.num_candidates for row in probed})
        if len(counts) > 1:
            raise ConfigError(
                f"{run_directory}: expected one N of {cell.name}, for a bank has one file a cell, "
                f"got {', '.join(map(str, counts))}; probe each N in a run of its own"
            )
    for cell, probed in cells:
        yield _cell_bank(cell, probed, run_directory / "decisions")


def _cell_bank(cell: Cell, rows: Sequence[Row], logs: Path) -> CellBank:
    spec, count = spec_of(cell.task), rows[0].num_candidates
    found = [_probed(cell, row, logs) for row in rows]
    keys = [name for name in found[0].observation.arrays if not name.startswith(_IMAGES)]
    left = [
        spec.max_steps - spec.commit_horizon * _number(item, spec.max_steps // spec.commit_horizon)
        for item in found
    ]
    kinds = {kind for item in found for kind in item.candidates.provenance}
    return CellBank(
        cell=cell,
        seed=np.array([row.seed for row in rows], np.int64),
        observations={key: np.stack([_vector(item, key) for item in found]) for key in keys},
        candidates=np.stack([item.candidates.actions for item in found]),
        outcome=np.array([row.outcomes[0] for row in rows], np.float32).reshape(len(rows), count),
        ticks_left=np.array(left, np.int64),
        horizon=spec.commit_horizon,
        is_exchangeable=kinds == {Provenance.POLICY},
        policy_digest=rows[0].policy_digest,
    )


def _probed(cell: Cell, row: Row, logs: Path) -> LoggedDecision:
    """Return the decision of an episode whose candidates were tried."""
    name = Run(_ARM, row.num_candidates, "task").file_name(cell, row.seed)
    path = logs / f"{name}.decisions"
    if not path.is_file():
        raise ConfigError(f"{path}: expected the episode's decision log, got none; use --logs")
    _, decisions = read_decision_log(path)
    for item in decisions:
        if len(item.candidates) == row.num_candidates:
            return item
    raise ConfigError(f"{path}: expected a decision of {row.num_candidates} candidates, got none")


def _vector(item: LoggedDecision, key: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    value = item.observation.arrays[key]
    if isinstance(value, EncodedImage):
        raise ConfigError(f"decision log: expected {key!r} to be a vector, got an image")
    return value.astype(np.float32)


def _number(item: LoggedDecision, count: int) -> int:
    """Return the number of the decision in its episode, by the seed of its noise."""
    for number in range(count):
        if noise_seed(item.epoch, number) == item.noise_seed:
            return number
    raise ConfigError(f"decision log: expected the noise of a decision, got {item.noise_seed}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.bank",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of the run")
    parser.add_argument("--output", type=Path, required=True, help="directory of the bank")
    return exit_code("sim.bank", partial(_pack, parser.parse_args(arguments)))


def _pack(options: argparse.Namespace) -> int:
    for bank in pack(options.run):
        path = write_bank(bank, options.output)
        rate = bank.is_success.mean()
        sys.stdout.write(
            f"{bank.cell.name}: {len(bank)} states, {bank.outcome.shape[1]} candidates each, "
            f"{rate:.0%} lead to success: {path}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
