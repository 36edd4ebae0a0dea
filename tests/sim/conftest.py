"""What the tests of the simulation's side share."""

from dataclasses import replace

import numpy as np
import pytest

from sim.evaluation.row import Row
from sim.figures import suite_figures
from sim.tasks import TASKS, make

FIRST = 200_000


@pytest.fixture(scope="session")
def make_row():
    """Return a maker of rows of episodes that nobody ran."""

    def make(
        arm="steered",
        seed=200_000,
        *,
        is_success=True,
        task="push",
        policy="diffusion",
        indices=(0, 3),
        count=16,
        flag="",
        scores=(),
        outcomes=(),
    ):
        times = tuple(10.0 + i for i in range(len(indices)))
        return Row(
            policy=policy,
            task=task,
            arm=arm,
            num_candidates=1 if arm in ("alone", "filtered", "null") else count,
            limit="task",
            seed=seed,
            split="test",
            is_success=is_success,
            steps=8 * len(indices),
            total_reward=-8.0 * len(indices),
            flag=flag,
            num_scored=count,
            indices=tuple(indices),
            advantages=tuple(0.5 * (index != 0) for index in indices),
            reasons=tuple("advantage" if index else "margin" for index in indices),
            scores=scores,
            outcomes=outcomes,
            policy_ms=times,
            server_ms=tuple(ms + 2 for ms in times),
            round_trip_ms=tuple(ms + 3 for ms in times),
            critic_digest="sha256:" + "c" * 64,
            policy_digest="sha256:" + "d" * 64,
        )

    return make


@pytest.fixture(scope="session")
def robot():
    """Return a maker of robots that makes each once, as making all takes ten seconds.

    Tests may share them: a reset begins anew, whatever came before, and that is tested too.
    """
    made = {}

    def build(name):
        if name not in made:
            made[name] = make(name)
        return made[name]

    yield build
    for env in made.values():
        env.close()


@pytest.fixture(params=TASKS)
def env(request, robot):
    """Return the robot of each task in turn."""
    return robot(request.param)


@pytest.fixture(scope="session")
def suite_rows(make_row):
    """Return a made run of 12 cells: with every control, a sweep, an oracle, flags and a limit.

    Steering helps in all but `dit/push`, where the policy alone never succeeds.
    """
    rng = np.random.default_rng(5)
    better = {"steered": 0.4, "argmax": 0.3, "worst": -0.3, "filtered": 0.2, "oracle": 0.55}
    rows = []

    def add(policy, task, arm, num_episodes=24, *, count=16, **more):
        chance = 0.4 + better.get(arm.removeprefix("filtered-"), 0.0)
        chance = 0.0 if (policy, task) == ("dit", "push") else chance
        for seed in range(FIRST, FIRST + num_episodes):
            indices = (0, 0) if arm == "alone" else (0, int(rng.integers(0, 3)))
            row = make_row(
                arm,
                seed,
                is_success=bool(rng.random() < chance),
                policy=policy,
                task=task,
                indices=indices,
                count=count,
            )
            rows.append(replace(row, **(scored(rng) if arm == "oracle" else {}), **more))

    for policy in ("diffusion", "act", "dit"):
        for task in ("push", "cube-single", "fetch-push", "scene"):
            for arm in ("alone", "steered"):
                add(policy, task, arm)
    for task in ("push", "cube-single"):
        for arm in ("random", "medoid", "argmax", "worst", "null", "filtered", "filtered-steered"):
            add("diffusion", task, arm)
        for count in (8, 64):
            add("diffusion", task, "steered", count=count)
    add("diffusion", "push", "oracle", 12, count=8)
    for arm in ("alone", "steered"):
        add("act", "scene", arm, limit="package")
    rows[30] = replace(rows[30], is_success=False, flag="hung: <b>the episode</b> did not end")
    return tuple(rows)


def scored(rng):
    """Return scores and outcomes of two decisions of 8 candidates, which agree but for noise."""
    outcomes = -rng.integers(5, 60, size=(2, 8)).astype(float)
    scores = 0.1 * (outcomes - outcomes[:, :1]) + rng.normal(0, 0.5, size=(2, 8))
    scores -= scores[:, :1]
    return {
        "scores": tuple(tuple(row) for row in scores.round(3).tolist()),
        "outcomes": tuple(tuple(row) for row in outcomes.tolist()),
    }


@pytest.fixture(scope="session")
def suite(suite_rows):
    """Return the figures of that run."""
    return suite_figures(suite_rows, margin=0.5)
