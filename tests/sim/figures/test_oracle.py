"""The oracle and the sweep: same cells and seeds, and no share where none makes sense."""

from dataclasses import replace

import numpy as np

from sim.evaluation.cells import Cell
from sim.figures.oracle import oracle_of, sweep_of
from sim.stats import ScoredDecision, selection_regret

CELL = Cell("diffusion", "push")


def decided(make_row, seed, scores, outcomes, *, is_success=True):
    """Return a row of the oracle with one decision."""
    return make_row(
        "oracle",
        seed,
        is_success=is_success,
        indices=(0,),
        count=len(scores),
        scores=(scores,),
        outcomes=(outcomes,),
    )


def test_a_run_without_an_oracle_has_no_figures_of_it(make_row):
    """Nor a sweep."""
    rows = [make_row("alone"), make_row("steered")]

    assert oracle_of(rows, {CELL}, margin=None) is None
    assert sweep_of(rows, {CELL}) is None


def test_the_oracle_is_compared_with_steering_of_its_own_n_and_seeds(suite):
    """The oracle ran 12 seeds with N = 8; steered has more of both."""
    oracle = suite.oracle

    assert (oracle.num_candidates, oracle.num_cells) == (8, 1)
    assert (oracle.gain.fixed.n, oracle.steered.fixed.n) == (12, 12)


def test_the_medoid_is_shown_beside_the_oracle_on_its_cells_and_seeds(make_row):
    """What agreement alone reaches of it."""
    rows = [make_row("alone", s, is_success=s < 2) for s in range(10)]
    rows += [make_row("medoid", s, count=8, is_success=s < 5) for s in range(10)]
    rows += [make_row("steered", s, count=8, is_success=s < 6) for s in range(10)]
    rows += [make_row("oracle", s, count=8, is_success=s < 5) for s in range(5)]

    with_medoid = oracle_of(rows, {CELL}, margin=None)
    without = oracle_of([row for row in rows if row.arm != "medoid"], {CELL}, margin=None)

    assert (with_medoid.medoid.fixed.n, with_medoid.medoid.fixed.value) == (5, 0.6)
    assert without.medoid is None


def test_no_share_is_published_where_steering_beats_the_oracle(make_row):
    """Then the oracle is no bound, and a share above 1 would be nonsense."""
    rows = [make_row("alone", s, is_success=s < 1) for s in range(10)]
    rows += [make_row("steered", s, count=2) for s in range(10)]
    worse = [decided(make_row, s, (0.0, 1.0), (-5.0, -3.0), is_success=s < 8) for s in range(10)]
    equal = [replace(row, is_success=True) for row in worse]

    assert oracle_of([*rows, *worse], {CELL}, margin=None).share is None
    assert oracle_of([*rows, *equal], {CELL}, margin=None).share.value == 1.0


def test_regret_is_of_what_the_gate_would_have_run(make_row):
    """With a margin of 2 the policy's own chunk stays, which ends two ticks later."""
    rows = [decided(make_row, s, (0.0, 1.0, -1.0), (-9.0, -7.0, -8.0)) for s in range(3)]

    ungated, gated = (oracle_of(rows, {CELL}, margin=margin) for margin in (None, 2.0))

    assert (ungated.regret.chosen.value, gated.regret.chosen.value) == (0.0, 2.0)
    assert (ungated.is_gated, gated.is_gated) == (False, True)


def test_regret_is_the_statistics_own(suite, suite_rows):
    """With the gate's choice of each decision."""
    decisions = []
    for row in sorted((row for row in suite_rows if row.arm == "oracle"), key=lambda row: row.key):
        for scores, outcomes in zip(row.scores, row.outcomes, strict=True):
            best = int(np.argmax(scores)) if max(scores) > 0.5 else 0
            decisions.append(
                ScoredDecision(episode=row.key, scores=scores, outcomes=outcomes, chosen=best)
            )

    assert suite.oracle.regret == selection_regret(decisions, rng=np.random.default_rng(0))
    assert suite.oracle.rank.mean.value > 0.5


def test_decisions_that_tell_nothing_are_left_out_and_counted(make_row):
    """One candidate, or a score that is not finite."""
    rows = [
        decided(make_row, 1, (0.0, 1.0), (-9.0, -7.0)),
        decided(make_row, 2, (0.0, float("nan")), (-9.0, -7.0)),
        replace(make_row("oracle", 3, count=2), scores=((0.0,),), outcomes=((-3.0,),)),
    ]

    found = oracle_of(rows, {CELL}, margin=None)

    assert (found.num_decisions, found.num_left_out) == (1, 2)


def test_what_was_promised_is_compared_with_what_came(make_row):
    """Of the choices other than the policy's own."""
    rows = [decided(make_row, s, (0.0, 1.5), (-9.0, -7.0)) for s in range(3)]

    found = oracle_of(rows, {CELL}, margin=1.0)

    assert (found.promised, found.kept.value, found.kept.n) == (1.5, 2.0, 3)
    assert oracle_of(rows, {CELL}, margin=9.0).kept is None


def test_the_sweep_is_over_the_same_cells_for_every_n(suite):
    """And begins at the policy alone, whose gain is 0."""
    sweep = suite.sweep

    assert [count for count, _ in sweep.gains] == [1, 8, 16, 64]
    assert len(sweep.cells) == 2
    assert sweep.gains[0][1].fixed.value == 0.0
    assert {item.arm: item.num_cells for item in sweep.beside} == {
        "random": 2,
        "medoid": 2,
        "oracle": 1,
    }


def test_a_cell_that_lacks_an_n_is_not_in_the_sweep(suite_rows):
    """As in a run that is not complete."""
    some = [row for row in suite_rows if (row.task, row.num_candidates) != ("cube-single", 64)]

    cells = {Cell("diffusion", "push"), Cell("diffusion", "cube-single")}

    assert sweep_of(some, cells).cells == (Cell("diffusion", "push"),)


def test_cells_that_do_not_count_stay_out(make_row):
    """The oracle's decisions too: where nothing can be lost there is no regret."""
    rows = [make_row("alone", s, is_success=False) for s in range(6)]
    rows += [make_row("steered", s, count=n) for s in range(6) for n in (2, 8)]
    rows += [decided(make_row, s, (0.0, 1.0), (-9.0, -7.0)) for s in range(6)]

    assert sweep_of(rows, set()) is None
    assert oracle_of(rows, set(), margin=None).gain is None
    assert oracle_of(rows, set(), margin=None).num_decisions == 0
    counting = {Cell("diffusion", "push")}
    assert oracle_of(rows, counting, margin=None).num_decisions == 6
