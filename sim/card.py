"""What a collected dataset says about itself in `meta/steer.json`, and whether more may be added.

Knows no dataset library but the parquet reader.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from sim.tasks import TaskSpec
from steer.errors import DatasetError

__all__ = ["card_path", "collected_seeds", "write_card"]

FORMAT_VERSION = 1


def card_path(root: Path) -> Path:
    """Return where a dataset's card lies."""
    return root / "meta" / "steer.json"


def write_card(root: Path, spec: TaskSpec) -> None:
    """Add the task to the card of the dataset at `root`, which is made where there is none."""
    path = card_path(root)
    tasks = json.loads(path.read_text())["tasks"] if path.exists() else {}
    tasks[spec.name] = {
        "instruction": spec.instruction,
        "max_steps": spec.max_steps,
        "commit_horizon": spec.commit_horizon,
        "mixture": [list(pair) for pair in spec.mixture],
    }
    embodiment = json.loads(spec.embodiment.to_json())
    card = {"format_version": FORMAT_VERSION, "embodiment": embodiment, "tasks": tasks}
    path.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")


def collected_seeds(root: Path, spec: TaskSpec, plan: Mapping[int, float]) -> set[int]:
    """Return the seeds that the dataset at `root` holds, once it is sure that more may be added.

    Args:
        root: The dataset; it need not exist.
        spec: The task, with the embodiment as it is recorded.
        plan: Noise by seed, of the episodes that are wanted.

    Raises:
        DatasetError: The dataset was not made by `sim.collect`, is of another embodiment, or holds
            one of the seeds with another noise.
    """
    if not root.exists():
        return set()
    if not card_path(root).exists():
        raise DatasetError(
            f"dataset {str(root)!r}: expected sim.collect's meta/steer.json, got none"
        )
    theirs = json.loads(card_path(root).read_text())["embodiment"]
    ours = json.loads(json.dumps(asdict(spec.embodiment)))
    for name in ours:
        if theirs.get(name) != ours[name]:
            raise DatasetError(
                f"dataset {str(root)!r}: expected embodiment.{name} {ours[name]!r}, "
                f"got {theirs.get(name)!r}; collect into another --root"
            )
    table = pq.ParquetDataset(root / "data").read(columns=["steer.seed", "steer.noise"])
    found = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    for seed, sigma in plan.items():
        if not math.isclose(found.get(seed, sigma), sigma, rel_tol=1e-6):
            raise DatasetError(
                f"dataset {str(root)!r}: expected noise {sigma} for seed {seed}, "
                f"got {found[seed]:g}; collect another mixture into another --root"
            )
    return set(found)
