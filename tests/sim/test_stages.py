"""The stages of the build: their order, their seeds, and what makes one another stage."""

from pathlib import Path

from sim.checkpoints import PLAN
from sim.stages import KINDS, Stage, stages
from sim.tasks import DEMO, TASKS


def test_everything_is_made_in_the_order_of_its_kinds(tmp_path):
    """A critic of one task must not be trained while another task's mixture can still change."""
    kinds = [stage.kind for stage in stages(tmp_path)]

    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == set(KINDS)


def test_every_task_and_every_planned_policy_has_its_stage(tmp_path):
    """The suite is made by one command."""
    names = [stage.name for stage in stages(tmp_path)]

    assert len(set(names)) == len(names)
    assert {f"{kind}/{task}" for kind in ("data", "critic", "audit") for task in TASKS} <= set(
        names
    )
    assert {name for name in names if name.startswith("policy/")} == {f"policy/{n}" for n in PLAN}
    assert {"data/box-close-clean", "critic/push@25", "critic/push@successes"} <= set(names)


def test_the_demo_needs_a_part_of_it(tmp_path):
    """Three tasks, six policies, no pictures; its critics learn from what its policies did."""
    every = {stage.name: stage for stage in stages(tmp_path)}
    demo = stages(tmp_path, is_demo=True)

    alike = [stage for stage in demo if stage.kind not in ("rollouts", "played", "critic")]
    assert all(every[stage.name] == stage for stage in alike)
    names = [stage.name for stage in demo]
    assert names == [
        *(f"data/{task}" for task in DEMO),
        *(f"policy/diffusion-{task}" for task in DEMO),
        *(f"policy/diffusion-filtered-{task}" for task in DEMO),
        *(f"first/{task}" for task in DEMO),
        "rollouts/all",
        "played/metaworld",
        "played/ogbench",
        *(f"critic/{task}" for task in DEMO),
        *(f"audit/{task}" for task in DEMO),
    ]


def test_no_stage_before_the_tuning_uses_tune_or_test_seeds(tmp_path):
    """The manifest says which seeds made what."""
    seeds = {stage.seeds.split(" ")[0] for stage in stages(tmp_path)}

    assert seeds == {"train", "training", "held-out", "those"}


def test_a_critic_learns_from_what_policies_did_but_for_those_kept_unseen(tmp_path):
    """SmolVLA and VQ-BeT stay architectures that no critic has seen."""
    every = {stage.name: stage for stage in stages(tmp_path)}

    roots = {Path(text) for text in every["critic/fetch-push"].command if "rollouts" in text}
    assert {root.parent.name for root in roots} == {
        f"{policy}-{arm}"
        for policy in ("diffusion", "act", "dit", "diffusion-clean")
        for arm in ("alone", "random")
    }
    assert not any("rollouts" in text for text in every["critic/push@demonstrations"].command)
    cells = every["rollouts/all"].command[3].split(",")
    assert {cell.partition("/")[2] for cell in cells} == set(TASKS)


def test_a_critic_scores_what_the_robot_runs(tmp_path):
    """Its horizon is the commit horizon of the task."""
    for stage in stages(tmp_path):
        if stage.kind == "critic":
            horizon = stage.command[stage.command.index("--horizon") + 1]
            task = stage.name.removeprefix("critic/").partition("@")[0]
            assert int(horizon) == TASKS[task].commit_horizon


def test_where_the_work_directory_lies_makes_no_difference(tmp_path):
    """A build that is moved, or whose directory is spelled otherwise, goes on."""
    keys = []
    for name in ("a", "b"):
        work = tmp_path / name
        work.mkdir()
        (work / "data").write_text("rows")
        command = ("-m", "sim.policies.train", "--root", str(work / "data"))
        stage = Stage("policy/push", command, "training 0", inputs=(work / "data",))
        keys.append(stage.key(work))

    assert keys[0] == keys[1]


def test_other_code_is_another_stage(tmp_path):
    """Weights of an earlier version of their training are not taken for those of this one."""
    code = tmp_path / "train.py"
    stage = Stage("policy/push", ("-m", "train"), "training 0", inputs=(tmp_path,))

    code.write_text("steps = 8_000")
    before = stage.key(Path("work"))
    code.write_text("steps = 12_000")

    assert stage.key(Path("work")) != before
