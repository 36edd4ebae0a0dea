"""The suite's checkpoints: their names, and that a run of each would be accepted."""

from collections import Counter

import pytest

from sim.checkpoints import CAMERAS, PLAN
from sim.policies.architectures import ARCHITECTURES
from sim.policies.options import resolved, specs_of
from sim.policies.plan import config_of, main
from sim.tasks import TASKS
from steer.errors import InvalidInputError


@pytest.fixture
def trained(monkeypatch):
    """Return the runs that the plan's command begins; nothing is trained."""
    runs = []
    monkeypatch.setattr("sim.policies.plan.train", runs.append)
    return runs


def test_the_suite_has_five_architectures_on_thirteen_tasks():
    """What the published figures cover."""
    kinds = Counter(planned.kind.architecture for planned in PLAN.values())

    assert kinds == {"diffusion": 14, "act": 7, "dit": 2, "vqbet": 1, "smolvla": 1}
    assert {task for planned in PLAN.values() for task in planned.tasks} == set(TASKS)


@pytest.mark.parametrize("name", PLAN)
def test_a_name_tells_policy_and_task_or_dataset(name):
    """As it is called on a server."""
    planned = PLAN[name]

    assert name.startswith(planned.kind.architecture)
    assert name.endswith(planned.dataset if planned.kind.is_shared else planned.tasks[0])


@pytest.mark.parametrize("name", PLAN)
def test_a_planned_run_fits_its_architecture_and_one_body(name, tmp_path):
    """A wrong row of the table must not be found after hours."""
    config = resolved(config_of(name, data=tmp_path / "data", output=tmp_path / "out"))

    assert {spec.dataset for spec in specs_of(config)} == {config.root.name}
    assert config.steps > 0
    if PLAN[name].kind.looks:
        assert all(CAMERAS[spec.dataset][0] in spec.cameras for spec in specs_of(config))
    assert PLAN[name].kind.looks == ARCHITECTURES[config.architecture].needs_pictures


def test_clean_data_lie_apart(tmp_path):
    """They are of another mixture than the task's own."""
    config = config_of("diffusion-clean-box-close", data=tmp_path, output=tmp_path)

    assert (config.root, config.clean_only) == (tmp_path / "clean" / "metaworld", True)


def test_what_is_there_is_passed_over(tmp_path, trained):
    """A loop over the plan that was stopped goes on."""
    (tmp_path / "act-scene").mkdir()
    (tmp_path / "act-scene" / "training.json").write_text("{}")

    assert main(["act-scene", "dit-metaworld", "--output", str(tmp_path)]) == 0
    assert [config.output.name for config in trained] == ["dit-metaworld"]


def test_an_unknown_name_is_refused_before_anything_is_trained(tmp_path, trained, capsys):
    """The text lists those that there are."""
    assert main(["act-scene", "oracle-scene", "--output", str(tmp_path)]) == 2

    error = capsys.readouterr().err
    assert error.startswith("sim.policies.plan: error: policy: expected one of diffusion-push, ")
    assert trained == []
    with pytest.raises(InvalidInputError):
        config_of("oracle-scene", data=tmp_path, output=tmp_path)


def test_the_list_has_a_line_for_each(capsys):
    """To loop over it in a shell."""
    assert main(["--list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(PLAN)
