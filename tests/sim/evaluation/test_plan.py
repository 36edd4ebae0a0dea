"""What a run consists of: blocks, what is left of them, shards."""

import pytest

from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.cells import Cell, Run
from sim.evaluation.plan import Block, Evaluation, arm_source, only_arms
from sim.evaluation.suites import SUITES, suite
from sim.suite import POLICIES, cells_of, source_of
from sim.tasks import TASKS, spec_of
from steer.errors import InvalidInputError

PUSH, CUBE = Cell("diffusion", "push"), Cell("diffusion", "cube-single")


def block(*cells, arms="alone steered", num_episodes=2, **changes):
    """Return a block."""
    found = tuple(ARMS[name] for name in arms.split())
    return Block(cells=cells, arms=found, num_episodes=num_episodes, **changes)


def evaluation(*blocks, **changes):
    """Return an evaluation on the user's seeds."""
    return Evaluation(
        **{"blocks": blocks, "split": "user", "settings": Settings(num_candidates=4), **changes}
    )


def test_the_cells_of_a_block_take_turns():
    """A run that is stopped early says something of each."""
    todo = evaluation(block(PUSH, CUBE)).todo()

    assert [(item.cell, item.seed) for item in todo] == [
        (PUSH, 300_000),
        (CUBE, 308_000),
        (PUSH, 300_001),
        (CUBE, 308_001),
    ]
    assert {item.runs for item in todo} == {(Run("alone", 1), Run("steered", 4))}


def test_what_is_done_is_not_run_again():
    """A seed may lack one arm, or none."""
    whole = evaluation(block(PUSH))
    done = [key for key in whole.all_keys() if key[2] == "alone" or key[5] == 300_001]

    assert [(item.seed, item.runs) for item in whole.todo(done)] == [
        (300_000, (Run("steered", 4),))
    ]


def test_what_two_blocks_share_is_run_once():
    """The sweep's N = 4 is the steered arm."""
    todo = evaluation(
        block(PUSH), block(PUSH, arms="steered random", num_candidates=4), block(CUBE)
    ).todo()

    assert [item.runs for item in todo[:4]] == [
        (Run("alone", 1), Run("steered", 4)),
        (Run("alone", 1), Run("steered", 4)),
        (Run("random", 4),),
        (Run("random", 4),),
    ]


def test_the_packages_limit_is_another_run():
    """Its rows stand beside ours."""
    todo = evaluation(block(PUSH), block(PUSH, limit="package")).todo()

    assert len(todo) == 4
    assert {run.limit for item in todo[2:] for run in item.runs} == {"package"}


def test_the_seeds_of_a_split_may_be_skipped():
    """A second look at a result wants other seeds."""
    assert list(evaluation(first=5, blocks=()).seeds("push", 3)) == [300_005, 300_006, 300_007]


def test_two_tasks_never_share_a_seed():
    """Each has its own block."""
    run = evaluation()

    seeds = [seed for task in TASKS for seed in run.seeds(task, 100)]

    assert len(set(seeds)) == 100 * len(TASKS)


def test_shards_are_the_whole_and_share_nothing():
    """Three machines do what one would have done."""
    blocks = (block(PUSH, CUBE, num_episodes=20),)
    parts = [evaluation(*blocks, shard=(index, 3)).all_keys() for index in range(3)]

    assert set.union(*parts) == evaluation(*blocks).all_keys()
    assert sum(map(len, parts)) == 80
    assert min(map(len, parts)) > 0


@pytest.mark.parametrize("shard", [(3, 3), (-1, 3), (0, 0)])
def test_a_shard_that_there_is_not_is_refused(shard):
    """The numbers are the user's, from 1."""
    with pytest.raises(InvalidInputError, match=r"--shard: expected I/N"):
        evaluation(shard=shard)


def test_no_episodes_are_refused():
    """A rate of nothing says nothing."""
    with pytest.raises(InvalidInputError, match="--episodes: expected >= 1, got 0"):
        evaluation(block(PUSH, num_episodes=0))


def test_more_episodes_than_a_task_has_seeds_are_refused():
    """They would be another task's."""
    with pytest.raises(InvalidInputError, match="num_episodes: expected 0 to 4000"):
        evaluation(block(PUSH, num_episodes=4001)).todo()


def test_a_policy_of_the_users_own_has_no_source_on_the_server():
    """It runs beside the robot."""
    assert arm_source(Cell("mine.py:policy", "push"), ARMS["alone"]) == ""


@pytest.mark.parametrize("name", SUITES)
def test_every_cell_of_a_suite_has_its_checkpoint(name):
    """Of each arm that is run there."""
    for item in suite(name):
        for cell in item.cells:
            assert all(arm_source(cell, arm) for arm in item.arms)


def test_the_published_suite_is_as_large_as_it_must_be():
    """Three packages with three tasks each, five architectures on three tasks each."""
    cells = cells_of("*/*")
    tasks = {cell.task for cell in cells}
    packages = [spec_of(task).package for task in tasks]

    assert len(cells) >= 30
    assert len(tasks) >= 12
    assert {packages.count(name) >= 3 for name in set(packages)} == {True}
    assert len(set(packages)) >= 3
    assert all(sum(cell.task == task for cell in cells) >= 2 for task in tasks)
    assert all(len(item.tasks) >= 3 for item in POLICIES.values())
    metaworld = [cell for cell in cells if spec_of(cell.task).package == "metaworld"]
    assert len(metaworld) <= len(cells) / 2


def test_the_whole_limit_is_published_of_every_task_that_we_cut_short():
    """Beside ours."""
    whole = {c.task for b in suite("published") if b.limit == "package" for c in b.cells}

    assert whole == {n for n, spec in TASKS.items() if spec.package_max_steps > spec.max_steps}


def test_what_stands_side_by_side_is_of_the_same_cells():
    """The oracle's are among the sweep's, and the sweep's among the controls'."""

    def cells(arm, count=None):
        blocks = [b for b in suite("published") if any(a.name == arm for a in b.arms)]
        return {c for b in blocks if b.num_candidates == count for c in b.cells}

    assert cells("oracle", 8) < cells("steered", 64) < cells("random") == cells("medoid")
    assert len(cells("oracle", 8)) > 4
    assert len(cells("steered", 64)) > 6


def test_a_suite_can_be_run_with_some_of_its_arms():
    """Blocks that have none of them are left out."""
    blocks = only_arms(suite("quick"), [ARMS["random"]])

    assert [[arm.name for arm in block.arms] for block in blocks] == [["random"]]


def test_a_policy_of_ones_own_was_not_cloned_from_successes():
    """It would run as it is, under another name."""
    with pytest.raises(InvalidInputError, match="arm filtered: expected a policy of the suite"):
        arm_source(Cell("mine.py:policy", "push"), ARMS["filtered"])


def test_a_checkpoint_of_ones_own_is_a_cell(tmp_path, monkeypatch):
    """It lies among those of the suite, under a name that none of them has."""
    (tmp_path / "policies" / "mine-push").mkdir(parents=True)
    monkeypatch.setattr("sim.suite.ARTEFACTS", tmp_path)

    assert cells_of("mine/push") == (Cell("mine", "push"),)
    assert arm_source(Cell("mine", "push"), ARMS["alone"]) == "mine-push"
    with pytest.raises(InvalidInputError, match="cell: expected one of diffusion/push"):
        cells_of("mine/scene")


def test_cells_are_found_by_patterns():
    """Each once, in the order of the patterns."""
    found = cells_of("act/fetch-*,act/*, vqbet/box-close")

    assert [cell.name for cell in found[:3]] == [
        "act/fetch-push",
        "act/fetch-pick-and-place",
        "act/fetch-slide",
    ]
    assert found[-1] == Cell("vqbet", "box-close")
    assert len(set(found)) == len(found)


def test_the_control_policies_are_no_cells():
    """They are arms of one."""
    assert not any("filtered" in cell.policy for cell in cells_of("*/*"))


@pytest.mark.parametrize("pattern", ["nobody/push", "push", "/push", "act/", ""])
def test_a_cell_that_there_is_not_is_refused(pattern):
    """The text lists those that there are, or says how one is written."""
    with pytest.raises(InvalidInputError, match=r"^cell: expected "):
        cells_of(pattern)


def test_shared_checkpoints_are_named_by_their_dataset():
    """Others by their task."""
    assert source_of("dit", "push") == "dit-metaworld"
    assert source_of("act", "scene") == "act-scene"
    with pytest.raises(InvalidInputError, match="for scene one of diffusion, act, got 'vqbet'"):
        source_of("vqbet", "scene")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("act/push", Cell("act", "push")),
        ("a/b/mine.py:policy/push", Cell("a/b/mine.py:policy", "push")),
        ("act/a/b/mine.py:make", Cell("act", "a/b/mine.py:make")),
        ("a/x.py:policy/b/y.py:make", Cell("a/x.py:policy", "b/y.py:make")),
        ("/a/x.py:policy/push", Cell("/a/x.py:policy", "push")),
    ],
)
def test_files_of_the_users_own_may_lie_anywhere(text, cell):
    """Their paths have slashes too."""
    assert Cell.parse(text) == cell
    assert Cell.parse(cell.name) == cell
