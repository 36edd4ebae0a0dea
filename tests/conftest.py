"""What every test may ask for, and how long it may take."""

import signal

import numpy as np
import pytest

SLOW_LIMIT_S = 300.0
"""Of a test that starts processes: they load torch, and share two cores with other tests."""


def pytest_configure() -> None:
    """Have Ctrl-C work in what tests start, also where the tests run in the background.

    There a shell has it ignored, and every process that is started inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests a longer limit than pyproject.toml gives to all."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT_S))


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of its own for each test, always with the same draws."""
    return np.random.default_rng(20_261_121)
