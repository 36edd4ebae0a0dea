"""Records as scripts draw tables from them."""

import pytest


@pytest.fixture
def record():
    """Return a maker of published records."""

    def make(metric, value, low=None, high=None, **changes):
        return {
            "metric": metric,
            "value": value,
            "low": low,
            "high": high,
            "n": 100,
            "unit": "success, mean over dit/push",
            "machine": "2 cores, CPU",
            "date": "2026-11-22",
            "commit": "abc1234",
            **changes,
        }

    return make
