"""Real-time chunking over the whole way: a flow policy of the suite, its camera, a real server."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sim.realtime.robot import SimRobot
from sim.server import running_server
from sim.suite import critic_path, policy_path
from sim.tasks import make, spec_of
from sim.tasks.views import views_of
from steer.client import SteerClient
from steer.clock import FakeClock
from steer.errors import UnreachableError
from steer.serve.sources.checkpoint import read_checkpoint
from steer.types import Selection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("lerobot")]

TASK, SOURCE = "fetch-push", "smolvla-gymnasium-robotics"
GUIDED, OTHER = f"{SOURCE}-rtc", "in-other-units"
N, SEED, HORIZON, LOW, HIGH = 8, 11, 16, -3.0, 5.0


def in_other_units(path, copy):
    """Copy a checkpoint, which then draws actions of LOW to HIGH where it drew those of -1 to 1."""
    shutil.copytree(path, copy)
    for name in copy.glob("policy_*processor_step_*normalizer_processor.safetensors"):
        stats = load_file(name)
        assert (stats["action.min"] == -1).all()
        assert (stats["action.max"] == 1).all()
        stats["action.min"][:], stats["action.max"][:] = LOW, HIGH
        save_file(stats, name)
    return copy


@pytest.fixture(scope="module")
def views():
    """What the policy looks at."""
    needed = read_checkpoint(policy_path(SOURCE)).embodiment.observations
    return views_of(needed, spec_of(TASK))


@pytest.fixture(scope="module")
def draw(tmp_path_factory, views):
    """Draw candidates of the policy, guided or as it is."""
    path, root = policy_path(SOURCE), tmp_path_factory.mktemp("guided")
    policies = {SOURCE: path, GUIDED: path, OTHER: in_other_units(path, root / "policy")}
    guided, log = (GUIDED, OTHER), root / "server.log"
    own = spec_of(TASK).embodiment
    body = replace(own, observations=own.observations + tuple(view.field for view in views))
    with running_server({TASK: critic_path(TASK)}, policies, log=log, guided=guided) as server:
        clients = {}
        for name in policies:
            clients[name] = SteerClient(server.address)
            clients[name].open_session(body, policy=name, selection=Selection(gated=False))

        def draw(name, seen, running=None, *, num_candidates=N, **options):
            decision = clients[name].steer(
                replace(seen, running=running),
                num_candidates=num_candidates,
                noise_seed=SEED,
                budget_s=60.0,
                return_candidates=True,
                **options,
            )
            return decision.candidates.actions

        yield draw
        for client in clients.values():
            client.close()


@pytest.fixture(scope="module")
def run(draw, views):
    """What the robot sees at the start and 5 ticks later, and what would still run by then."""
    env = make(TASK)
    robot = SimRobot(env, 300_000, FakeClock(), views)
    before = robot.observe()
    chunk = draw(SOURCE, before, num_candidates=1)[0]
    for action in chunk[:5]:
        robot.act(action)
        robot.tick()
    now = robot.observe()
    env.close()
    return before, now, np.ascontiguousarray(chunk[5:])


def test_without_anything_that_runs_a_policy_that_guides_draws_the_same_bits(draw, run):
    """Whatever is said of rows that stay: there are none."""
    _, now, _ = run

    plain, guided = draw(SOURCE, now), draw(GUIDED, now, frozen=5)

    assert plain.tobytes() == guided.tobytes()


def test_a_policy_that_was_not_asked_to_guide_draws_the_same_bits_whatever_runs(draw, run):
    """The option of the source, not the robot, decides."""
    _, now, running = run

    plain, told = draw(SOURCE, now), draw(SOURCE, now, running, frozen=5)

    assert plain.tobytes() == told.tobytes()


@pytest.mark.parametrize("frozen", [2, 5, 8])
def test_every_guided_candidate_begins_with_what_stays(draw, run, frozen):
    """In robot units, of the same noise, ten times nearer to it than without on average."""
    _, now, running = run

    plain, guided = draw(SOURCE, now), draw(GUIDED, now, running, frozen=frozen)
    apart, near = (np.abs(item[:, :frozen] - running[:frozen]) for item in (plain, guided))

    assert near.mean() < 0.1 * apart.mean()
    assert (near.mean(axis=(1, 2)) < 0.25 * apart.mean(axis=(1, 2))).all()
    assert (near[:, 0].max(axis=1) < 0.1).all()


def test_what_runs_is_brought_to_the_units_that_the_policy_has_learnt(draw, run):
    """A policy whose actions are four times as large, and shifted, is guided just as well."""
    _, now, running = run
    scaled = LOW + (running + 1) / 2 * (HIGH - LOW)

    found = draw(OTHER, now, scaled.astype(np.float32), frozen=5)

    wanted = LOW + (draw(GUIDED, now, running, frozen=5) + 1) / 2 * (HIGH - LOW)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_what_stays_is_kept_to_more_than_what_need_not(draw, run):
    """Rows that will run weigh all, the others less and less."""
    _, now, running = run

    few, many = (draw(GUIDED, now, running, frozen=frozen) for frozen in (1, 8))
    apart_few, apart_many = (np.abs(item[:, 1:8] - running[1:8]).mean() for item in (few, many))

    assert apart_many < 0.5 * apart_few


def test_the_end_of_a_guided_chunk_is_the_policys_own(draw, run):
    """Beyond what runs nothing guides: it varies there as it does without."""
    _, now, running = run

    plain, guided = draw(SOURCE, now), draw(GUIDED, now, running, frozen=2)
    ends = [item[:, len(running) :].std(axis=0).mean() for item in (plain, guided)]
    begins = [item[:, :2].std(axis=0).mean() for item in (plain, guided)]

    assert ends[1] > 0.5 * ends[0]
    assert begins[1] < 0.25 * begins[0]


@pytest.mark.parametrize("rows", [1, HORIZON, HORIZON + 4])
def test_what_runs_may_be_as_short_or_long_as_it_is(draw, run, rows):
    """A single row, a whole chunk, and more than the policy itself would draw."""
    before, _, _ = run
    running = np.tile(draw(SOURCE, before)[1], (2, 1))[:rows]

    guided = draw(GUIDED, before, running, frozen=4)

    assert guided.shape == (N, HORIZON, 4)
    stays = min(4, rows)
    assert np.abs(guided[:, :stays] - running[:stays]).mean() < 0.05


def test_candidate_0_does_not_depend_on_how_many_are_drawn(draw, run):
    """It is the policy's own, guided or not."""
    _, now, running = run

    alone = draw(GUIDED, now, running, num_candidates=1, frozen=5)
    among = draw(GUIDED, now, running, frozen=5)

    assert alone[0].tobytes() == among[0].tobytes()


def test_a_policy_that_does_not_offer_it_is_refused_by_name(tmp_path):
    """The server does not start; its log says what was expected."""
    name = "diffusion-fetch-push"
    policies, critics = {name: policy_path(name)}, {TASK: critic_path(TASK)}

    with (
        pytest.raises(UnreachableError) as caught,
        running_server(critics, policies, log=tmp_path / "server.log", guided=[name]),
    ):
        pass

    text = "expected one whose architecture offers real-time chunking for ?rtc, got 'diffusion'"
    assert f"policy {name!r}: policy checkpoint: {text}" in str(caught.value)
