"""What critics that look gain: what is trained on what, and what the controls leave out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.vision import POLICY_OF, SENSES, gain_of, main, over, plan
from sim.stats import Cell

OPTIONS = SimpleNamespace(
    data=Path("data"),
    work=Path("work"),
    critics=None,
    runs=None,
    steps=10,
    episodes=4,
    seeds="user",
    first=3000,
)


def after(stage, option):
    """Return the word that follows an option of a stage's command."""
    return stage.command[stage.command.index(option) + 1]


def test_the_data_are_looked_at_before_the_critic_is_trained():
    """It is shown what the stage before it made."""
    (frames,), (critic,), _ = plan(OPTIONS, "rgb", "push")

    assert after(frames, "--root") == after(critic, "--dataset") == "data/metaworld"
    assert after(frames, "--output") == after(critic, "--frames")


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("task", POLICY_OF)
def test_no_critic_is_given_the_pose_of_an_object(sense, task):
    """Of the vectors they get proprioception alone, those that look and the one that does not."""
    *_, (critic,), _ = plan(OPTIONS, sense, task)

    at = critic.command.index("--observation")
    assert critic.command[at + 1 : at + 3] == ("observation.state", "--horizon")
    assert ("--frames" in critic.command) == (sense != "blind")


def test_the_control_is_the_same_run_with_the_camera_covered():
    """And with no weight for agreement, which needs no camera."""
    _, _, (seen, blank) = plan(OPTIONS, "points", "push")

    key = "observation.points.corner3"
    assert "--blank" not in seen.command
    assert after(blank, "--blank") == key
    left = [word for word in blank.command if word not in ("--blank", key)]
    assert left[:-1] == list(seen.command[:-1])
    assert "consensus=0" in seen.command


def test_the_policy_alone_runs_once_a_task():
    """Every sense is compared with the same episodes."""
    arms = [after(run, "--arms") for sense in SENSES for run in plan(OPTIONS, sense, "push")[-1]]

    assert arms == ["alone", "steered", "steered", "steered", "steered", "steered"]


def test_critics_that_are_there_are_measured_and_not_trained():
    """With their episodes where they are wanted."""
    given = SimpleNamespace(**{**vars(OPTIONS), "critics": Path("c"), "runs": Path("r")})

    ((seen, blank),) = plan(given, "rgb", "push")

    assert after(seen, "--critic") == after(blank, "--critic") == "push=c/rgb/push"
    assert after(seen, "--output") == "r/user-3000/rgb/push-seen"


def test_a_gain_is_paired_by_seed():
    """Two of three seeds were lost by the policy alone, one of them won by the critic."""
    cell = Cell(policy="p", task="t", first={1: 1.0, 2: 1.0, 3: 0.0}, second={1: 1.0, 2: 0, 3: 0})

    found = gain_of(cell)

    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)


def test_what_looking_is_worth_is_measured_against_a_critic_that_never_looked():
    """On the same seeds; what the policy alone did there does not matter."""
    looked = Cell(policy="p", task="t", first={1: 1.0, 2: 1.0}, second={1: 0.0, 2: 0.0})
    blind = Cell(policy="p", task="t", first={1: 1.0, 2: 0.0}, second={1: 0.0, 2: 0.0})

    assert gain_of(over(looked, blind)).value == pytest.approx(1 / 2)


def test_no_episodes_are_refused_before_anything_is_made(tmp_path, capsys):
    """As by every other command."""
    assert main(("--data", "d", "--work", str(tmp_path / "work"), "--episodes", "0")) == 2
    assert "--episodes: expected >= 1, got 0" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
