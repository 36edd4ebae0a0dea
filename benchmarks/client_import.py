"""Measures how long a robot waits for `import steer.client`, in fresh processes.

    python -m benchmarks.client_import

Writes `demo/client_import.json`; `make results` publishes it.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from sim.interrupt import run
from sim.records import make_record, write_records

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
    low, median, high = (float(value) for value in np.percentile(runs_s, [2.5, 50, 97.5]))
    record = make_record(
        "client_import_s",
        median,
        interval=(low, high),
        n=NUM_RUNS,
        unit="s",
        command="python -m benchmarks.client_import",
    )
    write_records(OUTPUT, [record])
    sys.stdout.write(f"import steer.client: {median:.2f} s, median of {NUM_RUNS}; {OUTPUT}\n")


if __name__ == "__main__":
    run(main)
