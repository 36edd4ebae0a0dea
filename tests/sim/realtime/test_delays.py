"""Delays that are drawn: fixed, normal, and in bursts."""

import numpy as np
import pytest

from sim.realtime.delays import Delays, Network
from steer.errors import InvalidInputError


def drawn(count=4000, seed=0, **network):
    delays = Delays(Network(**network), seed=seed)
    return [delays.next(tick) for tick in range(count)]


def test_without_jitter_every_answer_takes_the_same():
    """Whatever the seed."""
    assert set(drawn(100, ticks=5)) == {5}
    assert drawn(100, seed=3, ticks=0) == [0] * 100


def test_jitter_only_adds():
    """Half of a normal one adds nothing."""
    found = np.array(drawn(ticks=5, jitter="gauss", hz=200.0))

    assert found.min() == 5
    assert (found == 5).mean() == pytest.approx(0.55, abs=0.03)  # below 2.5 ms is no tick
    assert 5 + 200 * 0.02 * 2 < found.max() < 5 + 200 * 0.02 * 6


def test_bad_reception_comes_in_bursts():
    """After a slow answer the next one is likely to be slow; some gaps last two seconds."""
    found = np.array(drawn(20_000, ticks=2, jitter="wifi", hz=50.0))
    slow = found > 2 + 1

    assert 0.05 < slow.mean() < 0.2
    assert slow[1:][slow[:-1]].mean() > 4 * slow.mean()
    gaps = found >= 2 + 100
    assert 0.002 < gaps.mean() < 0.01


def test_what_is_dropped_never_comes():
    """And does not change when the others do."""
    whole, holed = drawn(ticks=2, jitter="wifi"), drawn(ticks=2, jitter="wifi", drop=0.25)

    lost = [item is None for item in holed]
    assert np.mean(lost) == pytest.approx(0.25, abs=0.03)
    assert [a for a, gone in zip(whole, lost, strict=True) if not gone] == [
        item for item in holed if item is not None
    ]


def test_the_seed_decides():
    """So that methods see the same delays."""
    some = {"ticks": 2, "jitter": "wifi"}

    assert drawn(200, **some) == drawn(200, **some) != drawn(200, seed=1, **some)


def test_a_killed_server_answers_once_it_is_back():
    """What was on its way dies with it and is asked again; what is asked later takes no longer."""
    found = drawn(400, ticks=5, jitter="restart", hz=25.0)

    late = [tick for tick, delay in enumerate(found) if delay > 5]
    arrivals = {tick + found[tick] for tick in late}
    assert late == list(range(late[0], late[-1] + 1))
    assert arrivals == {late[-1] + 1 + 5}
    assert len(late) == pytest.approx(3.0 * 25 + 4, abs=1)
    assert 0.5 * 25 - 5 <= late[0] <= 2.5 * 25


@pytest.mark.parametrize(("name", "value"), [("ticks", -1), ("jitter", "x"), ("drop", 1.0)])
def test_what_is_no_network_is_refused(name, value):
    """With what would be one."""
    with pytest.raises(InvalidInputError, match=f"{name}: expected"):
        Network(**{"ticks": 1, name: value})
