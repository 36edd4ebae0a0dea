"""What the tests of the bench share."""

import pytest

from sim.realtime.row import Row


@pytest.fixture(scope="session")
def make_bench_row():
    """Return a maker of rows of the bench that nobody played."""

    def make(**changes):
        some = {
            "cell": "dit/fetch-push",
            "method": "wait",
            "delay": 0,
            "jitter": "none",
            "drop": 0.0,
            "seed": 100_000,
            "num_candidates": 16,
            "is_success": True,
            "steps": 12,
            "decisions": 2,
            "overrides": 1,
            "again": 0,
            "moved": 0,
            "broken": 0,
            "broken_by": {},
            "rungs": {"STEERED": 12},
            "refused": {},
            "delays_ticks": [0, 0],
            "ages_ms": (1.0, 2.0),
            "seam": 0.1,
            "jerk": 0.2,
            "signals": [],
            "unread": {"value": 1},
        }
        return Row(**{**some, **changes})

    return make
