"""Records of measured figures, as `scripts/publish_results.py` takes them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.origin import commit, machine, versions

__all__ = ["make_record", "write_records"]


def make_record(
    metric: str,
    value: float,
    *,
    interval: tuple[float, float] | None,
    n: int,
    unit: str,
    command: str,
) -> dict[str, Any]:
    """Return the record of a figure measured just now on this machine and this commit."""
    low, high = interval or (None, None)
    return {
        "metric": metric,
        "value": round(value, 4),
        "low": None if low is None else round(low, 4),
        "high": None if high is None else round(high, 4),
        "n": n,
        "unit": unit,
        "against": "",
        "command": command,
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def write_records(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records to a file of `demo/`, where `make results` looks."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"results": list(records)}, indent=1) + "\n")
