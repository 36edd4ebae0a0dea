"""A robot in a process of its own: jobs come in and rows go out, one JSON object a line.

    python -m sim.evaluation.worker

It ends with its input, so whatever kills the run that started it ends it too. Whatever a library
prints goes to the log, never between the rows.
"""

import json
import logging
import os
import signal
import sys
from dataclasses import asdict
from typing import TextIO

from sim.evaluation.job import Job
from sim.evaluation.robots import Robots
from steer.errors import ConfigError, SteerError

__all__: list[str] = []

logger = logging.getLogger(__name__)


def main() -> int:
    """Run jobs until the input ends; returns 0, or 1 after an error, whose text was the last row.

    Ctrl-C reaches the whole terminal; the run that started this process handles it for both.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as rows:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        robots, job = Robots(), None
        try:
            for line in sys.stdin:
                job = Job.from_line(line)
                _do(job, robots, rows)
        except SteerError as error:
            is_final = isinstance(error, ConfigError)  # the same again, however often it is tried
            rows.write(json.dumps({"error": str(error), "is_final": is_final}) + "\n")
            return 1
        except BrokenPipeError:  # The run was killed while this episode went on.
            return 1
        except Exception as error:  # the process's boundary
            logger.exception("an episode raised")
            if job is not None and job.cell.is_own:
                got = f"{type(error).__name__}: {error}"
                text = f"{job.cell.name}: expected to run, got {got}; see workers.log"
                rows.write(json.dumps({"error": text, "is_final": True}) + "\n")
            return 1  # without a word: the episode is tried again, and then has failed
        finally:
            robots.close()
    return 0


def _do(job: Job, robots: Robots, rows: TextIO) -> None:
    """Run a job and write one line an episode, and an empty one at its end."""
    for run in job.runs:
        row = robots.play(job, run)
        rows.write(json.dumps(asdict(row), separators=(",", ":")) + "\n")
        rows.flush()
    rows.write("\n")
    rows.flush()


if __name__ == "__main__":
    sys.exit(main())
