"""The tabular check: its law is that of its data, its fixed points are right, and it notices."""

import numpy as np
import pytest

from benchmarks.tabular.__main__ import main
from benchmarks.tabular.backups import behaviour, best_of, distil, expectile, followed, solve
from benchmarks.tabular.check import LARGEST_ERROR, LEAST_TAU, Check, check
from benchmarks.tabular.mdp import NUM_CELLS, Clock, Line
from benchmarks.tabular.tables import conservative
from benchmarks.tabular.world import cells_of, record
from steer.train.targets import build_chunks

CLOCK = Clock(0.9)


@pytest.fixture(scope="module")
def line():
    """The world, for chunks of two actions."""
    return Line.of(2)


@pytest.fixture(scope="module")
def recorded():
    """Chunks of many episodes, and which of the 36 pairs of cell and chunk each is."""
    episodes = record(20_000, seed=3)
    chunks = build_chunks(episodes, horizon=2, discount=CLOCK.discount)
    digits = episodes.actions[chunks.action_rows][:, :, 0].astype(int) + 1
    return chunks, cells_of(episodes)[chunks.row] * 9 + digits @ [3, 1]


def means(values, pair):
    """Mean and standard error of each pair, NaN where it was not recorded."""
    count = np.bincount(pair, minlength=36).astype(float)
    count[count == 0] = np.nan
    mean = np.bincount(pair, values, 36) / count
    square = np.bincount(pair, values**2, 36) / count
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / count)
    return mean.reshape(-1, 9), error.reshape(-1, 9)


@pytest.mark.parametrize("is_followed", [False, True])
def test_the_law_is_that_of_the_data(line, recorded, is_followed):
    """Return, reward and bootstrap of every chunk in every cell, within five standard errors."""
    chunks, pair = recorded
    which = chunks.has_next_chunk | (not is_followed)
    reward, following = line.backup(CLOCK, followed=is_followed)
    expected = {"reward": reward, "bootstrap": following.sum(2)}
    if not is_followed:
        expected["monte_carlo"] = line.returned(CLOCK)[0]

    for name, true in expected.items():
        mean, error = means(getattr(chunks, name)[which], pair[which])
        # Rows of an episode share what comes after, which makes returns a little less certain.
        off = np.abs(mean - true) > 1e-4 + 5 * error
        assert not off.any(), name


def test_the_return_of_an_unstopped_chunk_is_what_is_bootstrapped(line, monkeypatch):
    """Where nothing is stopped, Monte-Carlo and bootstrapping have one fixed point."""
    monkeypatch.setattr("benchmarks.tabular.mdp.STOP", 0.0)
    endless = Line.of(2)

    returned, _ = endless.returned(CLOCK)

    for backup in (behaviour(endless), followed(endless), expectile(endless.recorded, 0.5)):
        np.testing.assert_allclose(solve(endless, CLOCK, backup), returned, atol=1e-6)


def test_the_best_of_one_is_the_mean_and_more_are_better(line):
    """As of any draw."""
    one, four = (solve(line, CLOCK, best_of(line, count)) for count in (1, 4))

    np.testing.assert_allclose(one, solve(line, CLOCK, behaviour(line)))
    assert (four[:-1] > one[:-1]).all()


def test_chunks_that_are_not_longer_teach_what_implicit_q_learning_learns(line):
    """Then there is one way only to complete a prefix."""
    plain = solve(line, CLOCK, expectile(line.recorded, 0.7))

    np.testing.assert_allclose(distil(line, line, CLOCK, 0.7), plain)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_its_weight_the_conservative_term_is_none(line):
    """What is left is the best of N: the table's minimum is where dynamic programming says."""
    found = conservative(line, CLOCK, alpha=0.0, num_candidates=4, num_uniform=1)

    best = solve(line, CLOCK, best_of(line, 4))
    np.testing.assert_allclose(found[: NUM_CELLS - 1], best[: NUM_CELLS - 1], atol=0.03)


@pytest.mark.parametrize(
    ("tau", "error", "is_right"),
    [(1.0, 0.1, True), (0.94, 0.1, False), (1.0, 0.6, False), (LEAST_TAU, LARGEST_ERROR, True)],
)
def test_order_and_values_must_both_be_right(tau, error, is_right):
    """A lost discount can leave the order as it is."""
    assert Check(tau=tau, num_pairs=90, num_close=18, error=error).is_right is is_right


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "planted"), [("sarsa-td", "success"), ("iql-0.7", "discount"), ("qc", "mask")]
)
def test_an_algorithm_is_right_until_an_error_is_planted(name, planted):
    """A few steps are enough for those that bootstrap; `python -m benchmarks.tabular` has all."""
    right, wrong = check(name, steps=500), check(name, steps=500, planted=planted)

    assert right.is_right, right
    assert not wrong.is_right, wrong


@pytest.mark.parametrize(
    ("words", "wrong", "is_written"),
    [
        ([], "", True),
        (["--algorithms", "qc,iql-0.7"], "", False),
        (["--steps", "500"], "", False),
        ([], "qc", False),
    ],
)
def test_only_a_whole_run_that_is_right_is_published(
    monkeypatch, tmp_path, words, wrong, is_written
):
    """A part, fewer steps or a wrong verdict leaves what was published as it was."""

    def made_up(name, **options):
        tau = 0.0 if name == wrong else 1.0
        return Check(tau=tau, num_pairs=90, num_close=18, error=0.1)

    monkeypatch.setattr("benchmarks.tabular.__main__.check", made_up)
    monkeypatch.setattr("benchmarks.tabular.__main__.OUTPUT", tmp_path / "tabular.json")

    assert main(words) == (1 if wrong else 0)

    assert (tmp_path / "tabular.json").exists() is is_written


def test_an_algorithm_that_is_none_is_refused(capsys):
    """With those that there are."""
    code = main(["--algorithms", "dreamer"])

    assert code == 2
    assert "--algorithms: expected of sarsa-mc, sarsa-td, iql-0.5" in capsys.readouterr().err
