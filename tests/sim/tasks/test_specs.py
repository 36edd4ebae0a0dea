"""What the table of tasks promises, before anything is built."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sim.seeds import BLOCK_SIZE, SPLITS
from sim.tasks import DEMO, TASKS, make, spec_of
from steer.errors import ConfigError, InvalidInputError

_LOADED = """
import sys
import sim.tasks, sim.experts
sys.stdout.write(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
DECISION = Path(__file__).parents[3] / "docs" / "decisions" / "0010-suite-tasks.md"


def test_an_unknown_task_is_refused_with_those_that_there_are():
    """The text lists the alternatives."""
    with pytest.raises(InvalidInputError) as caught:
        spec_of("x")

    assert str(caught.value) == f"task: expected one of {', '.join(TASKS)}, got 'x'"


def test_every_task_is_known_by_its_own_name():
    """The demo's among them."""
    assert {name: spec.name for name, spec in TASKS.items()} == {name: name for name in TASKS}
    assert set(DEMO) < set(TASKS)


@pytest.mark.parametrize("spec", TASKS.values(), ids=str)
def test_an_episode_is_at_most_as_long_as_the_package_allows(spec):
    """Ours are cut short, never stretched; the expert's noise fills three hundred of them."""
    assert 0 < spec.commit_horizon <= spec.max_steps <= spec.package_max_steps
    assert sum(count for _, count in spec.mixture) == 300


def test_no_two_tasks_share_an_instruction_or_a_paraphrase():
    """The instruction tells tasks of one dataset apart; the paraphrase is no copy of it."""
    words = Counter(text for s in TASKS.values() for text in (s.instruction, s.paraphrase))

    assert set(words.values()) == {1}


def test_every_task_has_a_block_of_seeds_of_its_own():
    """Inside of every split."""
    blocks = [spec.seed_block for spec in TASKS.values()]

    assert len(set(blocks)) == len(TASKS)
    assert set(blocks) <= set(range(len(SPLITS["train"]) // BLOCK_SIZE))


def test_tasks_of_one_dataset_are_of_one_package_and_body():
    """A dataset has one schema."""
    bodies = {(s.dataset, s.package, s.embodiment) for s in TASKS.values()}

    assert len(bodies) == len({spec.dataset for spec in TASKS.values()})


def test_the_table_of_the_decision_is_that_of_the_code():
    """It was fixed before any critic was trained; a change needs both, and a reason."""
    lines = [line.split("|")[1:-1] for line in DECISION.read_text().splitlines() if "|" in line]
    written = [tuple(cell.strip() for cell in cells[:3]) for cells in lines[2:]]

    assert sorted(written) == sorted(
        (s.name, s.package, f"{s.max_steps} ({s.package_max_steps})") for s in TASKS.values()
    )


@pytest.mark.parametrize(
    ("name", "package", "module"),
    [
        ("push", "metaworld", "metaworld.env_dict"),
        ("scene", "ogbench", "ogbench.manipspace.envs.scene_env"),
        ("fetch-push", "gymnasium-robotics", "gymnasium_robotics.envs.fetch.push"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_what_to_type(
    monkeypatch, name, package, module
):
    """The others work without it."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ConfigError) as caught:
        make(name)

    assert str(caught.value) == (
        f"task {name!r}: expected the package {package!r}, got no module {module!r}; "
        "type: make setup, or: pip install 'vla-steer[sim]'"
    )


@pytest.mark.slow
def test_the_table_is_read_without_loading_a_simulator():
    """MuJoCo chooses its OpenGL when it is loaded, and a command has a say in that."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, timeout=60, check=True
    )

    simulators = {"mujoco", "gymnasium", "metaworld", "ogbench", "gymnasium_robotics"}
    assert simulators.isdisjoint(done.stdout.split())
