"""What critics that look gain: what is trained on what, and what the control leaves out."""

import json

import pytest

from benchmarks.vision import POLICY_OF, SENSES, gain_of, main, plan
from sim.stats import Cell


@pytest.fixture
def options(tmp_path):
    """One rollout dataset of push beside the demonstrations."""
    meta = tmp_path / "rollouts" / "dit-alone" / "metaworld" / "meta"
    meta.mkdir(parents=True)
    (meta / "steer.json").write_text(json.dumps({"tasks": {"push": {}}}))

    class Options:
        data, rollouts, work = tmp_path / "data", tmp_path / "rollouts", tmp_path / "work"
        steps, episodes, seeds, first = 10, 4, "user", 3000

    return Options


def test_every_dataset_is_looked_at_before_its_critic_is_trained(options):
    """In the order in which training takes them."""
    frames, (critic,), _ = plan(options, "rgb", "push")

    assert [stage.command[stage.command.index("--root") + 1] for stage in frames] == [
        str(options.data / "metaworld"),
        str(options.rollouts / "dit-alone" / "metaworld"),
    ]
    outputs = [stage.command[stage.command.index("--output") + 1] for stage in frames]
    first = critic.command.index("--frames") + 1
    assert list(critic.command[first : first + 2]) == outputs


@pytest.mark.parametrize("sense", SENSES)
@pytest.mark.parametrize("task", POLICY_OF)
def test_a_critic_that_looks_is_given_no_pose_of_an_object(options, sense, task):
    """Of the vectors it gets proprioception alone."""
    _, (critic,), _ = plan(options, sense, task)

    at = critic.command.index("--observation")
    assert critic.command[at + 1 : at + 3] == ("observation.state", "--horizon")


def test_the_control_is_the_same_run_with_the_camera_covered(options):
    """And with no weight for agreement, which needs no camera."""
    _, _, (seen, blank) = plan(options, "points", "push")

    key = "observation.points.corner3"
    assert "--blank" not in seen.command
    assert blank.command[blank.command.index("--blank") + 1] == key
    left = [word for word in blank.command if word not in ("--blank", key)]
    assert left[:-1] == list(seen.command[:-1])
    assert "consensus=0" in seen.command


def test_a_gain_is_paired_by_seed():
    """Two of three seeds were lost by the policy alone, one of them won by the critic."""
    cell = Cell(policy="p", task="t", first={1: 1.0, 2: 1.0, 3: 0.0}, second={1: 1.0, 2: 0, 3: 0})

    found = gain_of(cell)

    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)


def test_no_episodes_are_refused_before_anything_is_made(tmp_path, capsys):
    """As by every other command."""
    where = ("--data", "d", "--rollouts", "r", "--work", str(tmp_path / "work"))

    assert main((*where, "--episodes", "0")) == 2
    assert "--episodes: expected >= 1, got 0" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
