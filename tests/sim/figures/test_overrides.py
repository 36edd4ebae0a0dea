"""Overrides and latencies of the arm steered."""

import pytest

from sim.evaluation.cells import Cell
from sim.figures.overrides import latencies_of, overrides_of, totals_of

CELL = Cell("diffusion", "push")


@pytest.fixture
def rows(make_row):
    """Return ten seeds of alone, which wins two, and steered, which wins eight."""
    return [
        row
        for seed in range(200_000, 200_010)
        for row in (
            make_row("alone", seed, is_success=seed < 200_002, indices=(0, 0)),
            make_row("steered", seed, is_success=1 <= seed % 10 <= 8, indices=(0, 2, 5)),
        )
    ]


def test_overrides_are_compared_on_episodes_with_one(rows, make_row):
    """An episode without any says nothing about overriding."""
    rows = [row for row in rows if (row.arm, row.seed) != ("steered", 200_003)]
    rows.append(make_row("steered", 200_003, indices=(0, 0)))

    found = overrides_of(rows)[CELL]

    assert (found.decisions, found.overrides) == (29, 18)
    assert (found.episodes, found.won, found.lost) == (9, 6, 1)


def test_totals_are_over_all_cells(rows, make_row):
    """Decisions weigh the same; the win rate is of the episodes whose outcome changed."""
    rows += [make_row("alone", 1, task="scene"), make_row(seed=1, task="scene", indices=(0, 0))]

    totals = totals_of(rows)

    assert (totals.rate.value, totals.rate.n) == (20 / 32, 32)
    assert (totals.wins.value, totals.wins.n) == (7 / 8, 8)


def test_policies_that_begin_alike_do_not_count_as_many(make_row):
    """Episodes of one task and seed are resampled together: the interval is wider."""

    def wins(tasks):
        rows = []
        for number in range(24):
            task, seed, policy = tasks(number)
            some = {"task": task, "policy": policy}
            rows.append(make_row("alone", seed, is_success=seed % 3 == 0, **some))
            rows.append(make_row(seed=seed, is_success=seed % 3 > 0, indices=(1,), **some))
        return totals_of(rows).wins

    apart = wins(lambda number: ("push", number // 4 + 6 * (number % 4), "diffusion"))
    alike = wins(lambda number: ("push", number // 4, f"policy-{number % 4}"))

    assert (apart.value, apart.n) == (alike.value, alike.n) == (2 / 3, 24)
    assert alike.high - alike.low > 1.3 * (apart.high - apart.low)


def test_where_all_were_won_the_share_is_not_certain(make_row):
    """Resampling would say so; the interval is Wilson's there."""
    rows = [make_row("alone", seed, is_success=False) for seed in range(5)]
    rows += [make_row(seed=seed, is_success=True, indices=(1,)) for seed in range(5)]

    wins = totals_of(rows).wins

    assert (wins.value, wins.high) == (1.0, 1.0)
    assert 0.5 < wins.low < 0.7


def test_where_overriding_changed_nothing_there_is_no_share(make_row):
    """Both succeeded."""
    rows = [make_row("alone", 1, is_success=True), make_row(is_success=True, indices=(1,))]

    assert totals_of(rows).wins is None


def test_an_episode_without_a_decision_has_no_profile(make_row):
    """It hung before its first."""
    rows = [make_row(indices=())]

    assert overrides_of(rows)[CELL].profile == (None,) * 10
    assert totals_of(rows) is None
    assert latencies_of(rows) == {"diffusion": {}}


def test_overrides_are_placed_in_the_episode(make_row):
    """Tenths of the longest: where in a task the critic disagrees with the policy."""
    rows = [
        make_row(seed=1, indices=(0,) * 10 + (4,) * 10),
        make_row(seed=2, indices=(3, 0, 3, 0)),
    ]

    assert overrides_of(rows)[CELL].profile == (0.25, 0.25, 0, 0, 0, 1, 1, 1, 1, 1)


def test_the_promise_of_an_override_is_its_median_score(make_row):
    """Decisions for the policy's own chunk promise nothing and do not count."""
    assert overrides_of([make_row(indices=(0, 1, 2))])[CELL].promised == 0.5


def test_latencies_are_of_the_steered_arm(make_row):
    """Drawing, the rest of the server, and the whole round trip, by policy."""
    rows = [make_row(indices=(0, 1, 2)), make_row("random", indices=(0,) * 9)]

    latencies = latencies_of(rows)["diffusion"]

    assert {name: found.median_ms for name, found in latencies.items()} == {
        "drawing the candidates": 11.0,
        "all else on the server": 2.0,
        "round trip of the robot": 14.0,
    }
