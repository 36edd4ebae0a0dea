"""The benchmark of `Rank`: what it calls overhead, and that it measures the real server."""

import json
import sys

import numpy as np
import pytest

from benchmarks import rank_overhead
from publish_results import read_records
from sim.records import make_record, write_records
from sim.server import running


def rounds(rank_s, forward_s, echo_s):
    """Rounds that all took the same, but for one that took a second more each."""
    rows = np.tile([rank_s, forward_s, echo_s], (101, 1))
    rows[0] += 1.0
    return rows


def test_overhead_is_what_is_left_of_a_rank_without_its_forward_pass_and_an_echo():
    """5 ms of which 2 are the forward pass, against an echo of 1: 2 ms; one outlier is nothing."""
    rows = rounds(0.005, 0.002, 0.001)

    assert rank_overhead.overhead_ms(rows) == pytest.approx(2.0)
    assert rank_overhead.echo_ms(rows) == pytest.approx(1.0)


def test_the_interval_holds_the_figure(rng):
    """Of noisy rounds, the interval is narrow and holds the figure."""
    rows = np.array([0.005, 0.002, 0.001]) + 1e-4 * rng.random((500, 3))

    low, high = rank_overhead.interval(rows, rank_overhead.overhead_ms)

    assert low <= rank_overhead.overhead_ms(rows) <= high
    assert high - low < 0.05


def test_the_records_are_those_that_are_published(tmp_path):
    """The form is checked by the script that publishes."""
    record = make_record(
        "rank_echo_ms_p50", 0.5, interval=(0.4, 0.6), n=10, unit="ms", command="python -m x"
    )

    write_records(tmp_path / "demo.json", [record])

    assert read_records(tmp_path / "demo.json") == [record]
    assert json.loads((tmp_path / "demo.json").read_text()) == {"results": [record]}


@pytest.mark.slow
def test_the_real_server_is_measured_beside_its_echo(tmp_path):
    """Each round has a rank, the forward pass inside of it, and an echo."""
    command = [sys.executable, "-m", "benchmarks.rank_server", "--members", "2"]

    with running(command, log=tmp_path / "server.log") as server:
        rows = rank_overhead.measure(server.address, 5, warm_rounds=2)

    assert rows.shape == (5, 3)
    assert (rows > 0).all()
    assert (rows[:, 1] < rows[:, 0]).all()
