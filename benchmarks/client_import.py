"""Measures how long a robot waits for `import steer.client`, in fresh processes.

    python -m benchmarks.client_import

Writes `demo/client_import.json`; `make results` publishes it.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim.figures import commit, machine, versions

__all__ = ["main", "measure_s"]

NUM_RUNS = 11
OUTPUT = Path("demo") / "client_import.json"
_SCRIPT = """
import time
start_s = time.monotonic()
import steer.client
print(time.monotonic() - start_s)
"""


def measure_s(num_runs: int) -> list[float]:
    """Return the duration of the import in each of `num_runs` new processes, in seconds."""
    command = [sys.executable, "-c", _SCRIPT]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(num_runs)
    ]
    return [float(done.stdout) for done in runs]


def main() -> None:
    """Measure, and write the record: the median, and the middle 95% of the runs."""
    runs_s = measure_s(NUM_RUNS + 1)[1:]  # the first one reads the files from disk
    low, median, high = np.percentile(runs_s, [2.5, 50, 97.5])
    record = {
        "metric": "client_import_s",
        "value": round(float(median), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
        "n": NUM_RUNS,
        "unit": "s",
        "against": "",
        "command": "python -m benchmarks.client_import",
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"results": [record]}, indent=1) + "\n")
    sys.stdout.write(f"import steer.client: {median:.2f} s, median of {NUM_RUNS}; {OUTPUT}\n")


if __name__ == "__main__":
    main()
