"""What rows say: rates, gains, overrides, latencies, the verdict, the records."""

import pytest

from sim.figures import figures_of, records_of, verdict

SEEDS = range(200_000, 200_010)


@pytest.fixture
def rows(make_row):
    """Return ten seeds: alone wins 2, steered 8 (one of alone's two is lost), random 2."""
    return [
        row
        for seed in SEEDS
        for row in (
            make_row("alone", seed, is_success=seed < 200_002, indices=(0, 0)),
            make_row("random", seed, is_success=seed > 200_007, indices=(1, 0)),
            make_row("steered", seed, is_success=1 <= seed % 10 <= 8, indices=(0, 2, 5)),
            make_row("filtered", seed, is_success=seed < 200_005, indices=(0,)),
            make_row("filtered-steered", seed, is_success=seed < 200_006, indices=(4,)),
        )
    ]


def test_each_arm_has_its_rate(rows):
    """Over its own episodes."""
    rates = figures_of(rows, "push").rates

    assert {arm: rate.value for arm, rate in rates.items()} == {
        "alone": 0.2,
        "random": 0.2,
        "steered": 0.8,
        "filtered": 0.5,
        "filtered-steered": 0.6,
    }


def test_gains_are_paired_by_seed(rows):
    """Each arm against the policy that it steers."""
    gains = figures_of(rows, "push").gains

    assert {pair: round(gap.value, 3) for pair, gap in gains.items()} == {
        ("random", "alone"): 0.0,
        ("steered", "alone"): 0.6,
        ("filtered", "alone"): 0.3,
        ("filtered-steered", "filtered"): 0.1,
        ("steered", "filtered"): 0.3,
    }
    assert (gains["steered", "alone"].won, gains["steered", "alone"].lost) == (7, 1)


def test_seeds_that_one_arm_lacks_are_no_pairs(rows):
    """As in a run that was interrupted."""
    some = [row for row in rows if row.arm != "alone" or row.seed != 200_000]

    assert figures_of(some, "push").gains["steered", "alone"].n == 9


def test_overrides_are_compared_on_episodes_with_one(rows, make_row):
    """An episode without any says nothing about overriding."""
    rows = [row for row in rows if row.key != ("push", "steered", 200_003)]
    rows.append(make_row("steered", 200_003, indices=(0, 0)))

    found = figures_of(rows, "push").overrides

    assert (found.decisions, found.overrides) == (29, 18)
    assert (found.episodes, found.won, found.lost) == (9, 6, 1)


def test_rows_of_another_task_do_not_count(rows, make_row):
    """One file holds all tasks."""
    other = make_row("alone", 204_000, task="cube-single")

    assert figures_of([*rows, other], "push") == figures_of(rows, "push")


def test_latencies_are_of_the_steered_arm(make_row):
    """Drawing, the rest of the server, and the whole round trip."""
    row = make_row(indices=(0, 1, 2))

    latencies = figures_of([row], "push").latencies

    assert {name: found.median_ms for name, found in latencies.items()} == {
        "drawing the candidates": 11.0,
        "all else on the server": 2.0,
        "round trip of the robot": 14.0,
    }


def test_the_verdict_counts_the_tasks_that_steering_helps(rows):
    """One sentence, with the gains and n."""
    assert verdict([figures_of(rows, "push")]) == (
        "Steered, the robot succeeded clearly more often on 1 of 1 tasks (push +0.60; same seeds, "
        "n = 10 a task), and on none clearly less."
    )


def test_the_verdict_names_the_tasks_that_steering_hurts(make_row):
    """It is said first of all, not in a table."""
    rows = [make_row("alone", seed) for seed in SEEDS]
    rows += [make_row("steered", seed, is_success=False) for seed in SEEDS]

    assert verdict([figures_of(rows, "push")]).startswith(
        "Steered, the robot succeeded clearly less often on push (push -1.00;"
    )


def test_the_verdict_claims_nothing_on_few_episodes(make_row):
    """An interval that holds 0 is no difference."""
    rows = [make_row("alone", is_success=False), make_row("steered")]

    assert verdict([figures_of(rows, "push")]) == (
        "Steered and alone, the robot did not succeed clearly differently (push +1.00; same "
        "seeds, n = 1 a task)."
    )


def test_overrides_are_placed_in_the_episode(make_row):
    """Tenths of the longest: where in a task the critic disagrees with the policy."""
    rows = [
        make_row(seed=1, indices=(0,) * 10 + (4,) * 10),
        make_row(seed=2, indices=(3, 0, 3, 0)),
    ]

    profile = figures_of(rows, "push").overrides.profile

    assert profile == (0.25, 0.25, 0, 0, 0, 1, 1, 1, 1, 1)


def test_the_promise_of_an_override_is_its_median_score(make_row):
    """Decisions for the policy's own chunk promise nothing and do not count."""
    assert figures_of([make_row(indices=(0, 1, 2))], "push").overrides.promised == 0.5


def test_nothing_to_compare_is_said(make_row):
    """The arm alone was not run."""
    assert verdict([figures_of([make_row()], "push")]).startswith("Nothing to compare")


def test_records_have_the_published_metrics(rows):
    """Names, values, intervals and where they come from."""
    records = records_of(
        [figures_of(rows, "push")],
        command="make demo EPISODES=100",
        extra={"demo_minutes": (8.25, "min")},
        measured_at="abc1234",
    )

    values = {record["metric"]: record["value"] for record in records}
    assert values == {
        "alone/push": 0.2,
        "steered/push": 0.8,
        "filtered/push": 0.5,
        "gain/push": 0.6,
        "random_gain/push": 0.0,
        "filtered_gain/push": 0.1,
        "steered_over_filtered/push": 0.3,
        "demo_minutes": 8.25,
    }
    gain = next(record for record in records if record["metric"] == "gain/push")
    assert gain["low"] < gain["value"] < gain["high"]
    assert (gain["n"], gain["commit"], gain["command"], gain["against"]) == (
        10,
        "abc1234",
        "make demo EPISODES=100",
        "policy alone, paired by seed",
    )
