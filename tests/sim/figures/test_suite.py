"""The verdict in one sentence, and the checks of the evaluator."""

from dataclasses import replace

import numpy as np
import pytest

from sim.figures import suite_figures, verdict
from sim.stats import power_sentence

SEEDS = range(200_000, 200_040)


def run(make_row, **shares):
    """Return rows of arms that succeed on so many of the first forty seeds."""
    return [
        make_row(arm, seed, is_success=seed - SEEDS[0] < share)
        for arm, share in shares.items()
        for seed in SEEDS
    ]


def said(rows):
    """Return the verdict on rows."""
    return verdict(suite_figures(rows))


def test_the_verdict_says_gain_cells_and_the_random_control(make_row):
    """One sentence with all that a reader needs to doubt it."""
    assert said(run(make_row, alone=10, steered=30, random=10)) == (
        "Steering raises the success rate by +0.50 [+0.35, +0.65] on average over 1 cell, 40 "
        "pairs; after Holm's correction 1 cell of 1 is better and none are worse; without a critic "
        "one of the candidates at random gains +0.00 [+0.00, +0.00] (1 cell, steering there +0.50 "
        "[+0.35, +0.65])."
    )


def test_what_needs_no_critic_is_said_beside(make_row):
    """The medoid may gain as much; where controls ran on other cells, each says on which."""
    text = said(run(make_row, alone=10, steered=30, random=10, medoid=28))

    assert (
        "random gains +0.00 [+0.00, +0.00] and the one nearest to the others (medoid) gains +0.45"
    ) in text


def test_the_verdict_says_harm_first_of_all(make_row):
    """It does not stand in a table alone."""
    text = said(run(make_row, alone=30, steered=10))

    assert text.startswith("Steering lowers the success rate: -0.50 [")
    assert (
        "0 cells of 1 are better and 1 is worse; no control ran that chooses without a critic"
        in text
    )


def test_the_verdict_claims_nothing_where_nothing_is_clear(make_row):
    """An interval that holds 0 is no difference."""
    text = said(run(make_row, alone=20, steered=21))

    assert text.startswith("Steering has no clear effect on the success rate: +0.03 [")


def test_the_verdict_claims_nothing_of_a_few_episodes(make_row):
    """Resampled seeds of three wins and no loss never lose; an exact test knows better."""
    rows = [make_row("alone", s, is_success=s == SEEDS[0]) for s in SEEDS[:6]]
    rows += [make_row("steered", s, is_success=s < SEEDS[4]) for s in SEEDS[:6]]

    text = said(rows)

    assert text.startswith("Steering has no clear effect on the success rate: +0.50 [+0.17, ")
    assert "on average over 1 cell, 6 pairs;" in text


def test_the_verdict_says_how_many_episodes_broke(make_row):
    """A policy that draws nonsense has failed, and nobody shall take it for a weak one."""
    rows = run(make_row, alone=10, steered=30)
    rows[0] = make_row("alone", SEEDS[0], is_success=False, flag="unusable chunk: NaN")

    assert said(rows).endswith("; 1 episode broke and failed.")


def test_the_verdict_says_that_no_cell_counts(make_row):
    """A policy that always succeeds leaves nothing to win."""
    assert said(run(make_row, alone=40, steered=40)) == (
        "No cell counts: alone, the policies succeed in 100% of the episodes, where there is "
        "nothing to win or nothing to lose; after Holm's correction 0 cells of 1 are better and "
        "none are worse."
    )


def test_a_hopeless_policy_that_is_helped_is_said_to_be(make_row):
    """Its cell does not count in the mean, and is not hidden either."""
    assert "; after Holm's correction 1 cell of 1 is better" in said(
        run(make_row, alone=1, steered=30)
    )


def test_cells_without_a_seed_in_common_have_no_mean(make_row):
    """As in a single shard of a run: the text says why."""
    rows = [
        make_row(arm, seed, policy=policy, is_success=seed % 2 == 0)
        for policy, seeds in (("act", SEEDS[:4]), ("dit", SEEDS[4:8]))
        for arm in ("alone", "steered")
        for seed in seeds
    ]

    assert said(rows).startswith("No mean: the cells of a task share no seed, as in a single shard")


def test_nothing_to_compare_is_said(make_row):
    """Either arm was not run, or no arm at all."""
    text = "Nothing to compare: the arms alone and steered were not both run."

    assert said([make_row()]) == said([make_row("alone")]) == said([]) == text


@pytest.mark.slow
def test_the_same_rows_have_the_same_figures(suite_rows, suite):
    """In whatever order they come."""
    assert suite_figures(suite_rows[::-1], margin=0.5) == suite


def test_flagged_episodes_are_kept_and_listed(suite):
    """They count as failed, and somebody should look."""
    assert [row.flag for row in suite.flagged] == ["hung: <b>the episode</b> did not end"]


def test_the_evaluator_is_checked_on_its_own_rows(suite):
    """The null arm, the sequential replay, and the power of these pairs."""
    checks = suite.checks

    assert (checks.null_cells, checks.null.any_cell.n, checks.null.each_cell.n) == (2, 200, 400)
    assert len(checks.replay.verdicts) == 12
    assert 0 <= checks.replay.saved < 1
    assert checks.null_found == 0
    middle = round(float(np.median([cell.alone.value for cell in suite.cells])), 2)
    before, after = (power_sentence(24, alone=rate, wanted=0.15) for rate in (0.3, middle))
    assert checks.power == f"before the run: {before}; from the rates that were found: {after}"


def test_null_cells_that_differ_are_counted(make_row):
    """After Holm's correction: one of two here."""
    rows = [
        make_row(arm, seed, policy=policy, is_success=arm == "null" and policy == "act")
        for policy in ("act", "dit")
        for arm in ("alone", "null")
        for seed in SEEDS
    ]

    assert suite_figures(rows).checks.null_found == 1


def test_the_oracles_decisions_are_those_of_the_cells_that_count(make_row):
    """A cell where nothing can be lost has no regret, and would make all of it look small."""
    told = {"scores": ((0.0, 1.0),), "outcomes": ((-5.0, -2.0),), "count": 2}
    rows = [
        row
        for policy, share in (("act", 0.5), ("dit", 1.0))
        for seed in SEEDS
        for row in (
            make_row("alone", seed, policy=policy, is_success=seed % 10 < 10 * share),
            make_row("oracle", seed, policy=policy, **told),
        )
    ]

    assert suite_figures(rows).oracle.num_decisions == len(SEEDS)


def test_a_loss_that_could_not_have_been_seen_is_known(make_row):
    """With few successes alone, losing all of them is not significant among many cells."""
    cells = [run(make_row, alone=count, steered=0) for count in (3, 24)]
    few, many = (suite_figures(rows).cells[0] for rows in cells)

    assert (few.could_be_worse(1), many.could_be_worse(1)) == (False, True)
    assert few.could_be_worse(33) is False


def test_a_run_without_pairs_has_no_checks(make_row):
    """And no error."""
    checks = suite_figures([make_row("alone")]).checks

    assert (checks.null, checks.replay, checks.power) == (None, None, "")


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"num_scored": 3}, 1),
        ({"num_scored": 3, "flag": "hung"}, 0),
        ({"num_scored": 0, "arm": "random"}, 0),
        ({"num_scored": 16}, 0),
    ],
)
def test_an_episode_that_scored_too_few_candidates_is_seen(make_row, changes, count):
    """Its decisions are not those that the figures are about."""
    row = replace(make_row(count=16), **changes)

    assert len(suite_figures([row]).checks.short) == count
