"""The states of one cell, on disk and in memory.

Shapes: `M` states, `N` candidates, `H` horizon, `A` action.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from sim.evaluation.cells import Cell
from steer.errors import ConfigError

__all__ = ["CellBank", "read_bank", "write_bank"]

_OBSERVED = "observed/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellBank:
    """States of one cell with candidates whose outcomes are known.

    Attributes:
        cell: Policy and task.
        seed: int64 [M], of the episode that each state is from.
        observations: By key, float32 [M, *shape]: what a critic sees.
        candidates: float32 [M, N, H, A], in robot units; candidate 0 is the policy's own.
        outcome: float32 [M, N], reward that was left, -1 a tick, the policy alone going on.
        ticks_left: int64 [M], until the episode's limit.
        horizon: Actions of a candidate that were run.
        is_exchangeable: Whether all candidates are draws of one distribution, candidate 0 too.
        policy_digest: Identity of the policy.
    """

    cell: Cell
    seed: NDArray[np.int64]
    observations: Mapping[str, NDArray[np.float32]]
    candidates: NDArray[np.float32]
    outcome: NDArray[np.float32]
    ticks_left: NDArray[np.int64]
    horizon: int
    is_exchangeable: bool
    policy_digest: str

    def __len__(self) -> int:
        """Return M."""
        return len(self.seed)

    @property
    def is_success(self) -> NDArray[np.bool_]:
        """Whether each candidate led to success, bool [M, N]."""
        return self.outcome > -self.ticks_left[:, None]


def write_bank(bank: CellBank, directory: Path) -> Path:
    """Write the states of a cell as `POLICY-TASK.safetensors`; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{bank.cell.file_name}.safetensors"
    tensors = {
        "seed": bank.seed,
        "candidates": bank.candidates,
        "outcome": bank.outcome,
        "ticks_left": bank.ticks_left,
        **{_OBSERVED + name: value for name, value in bank.observations.items()},
    }
    about = {
        "policy": bank.cell.policy,
        "task": bank.cell.task,
        "policy_digest": bank.policy_digest,
        "horizon": str(bank.horizon),
        "is_exchangeable": json.dumps(bank.is_exchangeable),
    }
    fresh = path.with_name(path.name + ".partial")
    save_file({name: np.ascontiguousarray(item) for name, item in tensors.items()}, fresh, about)
    fresh.replace(path)
    return path


def read_bank(path: Path) -> CellBank:
    """Read what `write_bank` wrote.

    Raises:
        ConfigError: It is no such file.
    """
    try:
        with safe_open(path, framework="np") as file:
            about = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        observed = {
            name.removeprefix(_OBSERVED): value
            for name, value in tensors.items()
            if name.startswith(_OBSERVED)
        }
        return CellBank(
            cell=Cell(about["policy"], about["task"]),
            seed=tensors["seed"],
            observations=observed,
            candidates=tensors["candidates"],
            outcome=tensors["outcome"],
            ticks_left=tensors["ticks_left"],
            horizon=int(about["horizon"]),
            is_exchangeable=json.loads(about["is_exchangeable"]),
            policy_digest=about["policy_digest"],
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: expected states of a bank, got {error!r}") from error
