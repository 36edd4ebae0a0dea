"""The command line of an evaluation, as far as it needs no server."""

import pytest

import sim.evaluate
from sim.evaluate import Evaluation, load_settings, main, outcomes, summary
from sim.evaluation.arms import ARMS, Settings
from sim.tasks import TASKS
from steer.errors import ConfigError


def evaluation(**changes):
    """Return an evaluation of push, alone and steered."""
    return Evaluation(
        **{
            "tasks": ("push",),
            "arms": (ARMS["alone"], ARMS["steered"]),
            "num_episodes": 3,
            "split": "user",
            "settings": {"push": Settings()},
            **changes,
        }
    )


def test_the_seeds_of_a_split_may_be_skipped():
    """A second look at a result wants other seeds."""
    assert list(evaluation(first=5).seeds("push")) == [300_005, 300_006, 300_007]


def test_two_tasks_never_share_a_seed():
    """Each has its own block."""
    run = evaluation(tasks=tuple(TASKS), num_episodes=100)

    seeds = [seed for task in TASKS for seed in run.seeds(task)]

    assert len(set(seeds)) == 100 * len(TASKS)


def test_the_summary_names_the_seeds_and_the_gain(make_row):
    """The user's own seeds are labelled so."""
    rows = [make_row("alone", seed, is_success=False) for seed in range(3)]
    rows += [make_row("steered", seed) for seed in range(3)]

    lines = summary(rows, evaluation()).splitlines()

    assert lines[0] == "user seeds"
    assert lines[3].split() == [
        "push",
        "steered",
        "3",
        "1.00",
        "[0.44,",
        "1.00]",
        "+1.00",
        "[+0.21,",
        "+1.00]",
    ]


def test_outcomes_are_of_one_task_and_arm(make_row):
    """By seed."""
    rows = [make_row("alone", 1), make_row("steered", 1), make_row("alone", 2, task="cube-single")]

    assert outcomes(rows, "push", "alone") == {1: True}


def test_a_task_that_was_not_tuned_has_the_defaults():
    """The margin is then the one in the critic's card."""
    assert load_settings(["no-such-task"]) == {"no-such-task": Settings()}


def test_rows_of_another_policy_are_not_gone_on_with(make_row, tmp_path):
    """Whatever the arm; a policy that is not served cannot be compared."""
    row = make_row("filtered", 1)
    sim.evaluate._check_policies([row], {"push-filtered": row.policy}, tmp_path)
    sim.evaluate._check_policies([row], {"push": "sha256:other"}, tmp_path)

    with pytest.raises(ConfigError, match=r"push-filtered was sha256:d+, is sha256:other"):
        sim.evaluate._check_policies([row], {"push-filtered": "sha256:other"}, tmp_path)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--tasks", "pull"), "pull"),
        (("--arms", "best"), "--arms: expected of alone"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_starts(capsys, tmp_path, option, message):
    """Exit code 2, one line, nothing written."""
    code = main([*option, "--output", str(tmp_path / "run")])

    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_no_server_is_said(capsys, tmp_path):
    """Instead of waiting for one."""
    arguments = ["--tasks", "push", "--server", "127.0.0.1:9", "--output", str(tmp_path)]

    assert main(arguments) == 2
    assert "127.0.0.1:9" in capsys.readouterr().err
