"""The ablation: what is trained for each recipe, and on which data."""

import json

import pytest

from sim.bank.ablate import main, records, rollouts_of, stage
from sim.bank.recipes import RECIPES
from sim.stats import Estimate
from sim.tasks import spec_of
from steer.cli import main as steer


@pytest.fixture
def rollouts(tmp_path):
    """Two policies' episodes of push, and one's of another task alone."""
    for name, tasks in (("dit-alone", ["push", "basketball"]), ("act-alone", ["basketball"])):
        meta = tmp_path / "rollouts" / name / "metaworld" / "meta"
        meta.mkdir(parents=True)
        (meta / "steer.json").write_text(json.dumps({"tasks": {task: {} for task in tasks}}))
    (tmp_path / "rollouts" / "dit-alone" / "ogbench" / "meta").mkdir(parents=True)
    return tmp_path / "rollouts"


def made(name, task, rollouts):
    """Return the command that trains a recipe's critic."""
    data, work = rollouts.parent / "data", rollouts.parent / "work"
    return stage(name, spec_of(task), data=data, rollouts=rollouts, work=work)


def test_a_task_s_rollouts_are_those_that_have_it(rollouts):
    """A policy that was never on the task has nothing to tell of it."""
    found = rollouts_of(spec_of("push"), rollouts)

    assert [path.parent.name for path in found] == ["dit-alone"]


def test_a_recipe_learns_from_demonstrations_and_rollouts_or_from_the_former_alone(rollouts):
    """Which is part of the recipe."""
    own = str(rollouts / "dit-alone" / "metaworld")

    assert own in made("iql", "push", rollouts).command
    assert own not in made("iql-demonstrations", "push", rollouts).command


def test_critics_of_two_recipes_do_not_share_a_directory(rollouts):
    """Nor do those of two tasks."""
    recipes, tasks = tuple(RECIPES), ("push", "basketball")
    outputs = {made(name, task, rollouts).outputs for name in recipes for task in tasks}

    assert len(outputs) == len(recipes) * len(tasks)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_one_that_training_takes(name, rollouts, capsys, tmp_path):
    """It is refused for the data that are not there, not for an option."""
    command = made(name, "push", rollouts).command

    code = steer(command[command.index("train") :])

    assert code == 2
    assert "expected a LeRobotDataset" in capsys.readouterr().err


def test_an_unknown_recipe_is_refused_with_those_that_there_are(tmp_path, capsys):
    """Before anything is trained."""
    where = ("--data", "d", "--rollouts", "r", "--work", str(tmp_path))

    assert main((str(tmp_path), *where, "--recipes", "magic")) == 2
    assert "--recipes: expected some of iql-demonstrations, " in capsys.readouterr().err


def test_a_record_is_of_the_most_candidates_and_the_first_margin():
    """One figure a recipe, whatever else was judged beside it."""
    made = [
        {"critics": "iql", "N": count, "margin": margin, "gain": value, "rank": value}
        for count in (8, 64)
        for margin in (0.0, 1.0)
        for value in (Estimate(count / 100 + margin, 0.0, 1.0, 40),)
    ]

    found = records(made, command="python")

    assert [record["metric"] for record in found] == ["ablation/iql", "ablation/iql/rank"]
    assert {record["value"] for record in found} == {0.64}
    assert found[0]["n"] == 40


def test_a_recipe_whose_order_cannot_be_known_has_no_figure_of_it():
    """All candidates of all states ended the same."""
    value = Estimate(0.0, -0.1, 0.1, 40)
    made = [{"critics": "iql", "N": 64, "margin": 0.0, "gain": value, "rank": None}]

    assert [record["metric"] for record in records(made, command="")] == ["ablation/iql"]
