"""Every architecture: trained, stored and resumed alike, and loaded as the server's worker does."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sim.policies.architectures import ARCHITECTURES
from sim.policies.train import PolicyConfig, train
from sim.tasks import TASKS
from steer.clock import MonotonicClock
from steer.errors import ConfigError, InvalidInputError
from steer.serve.sources.checkpoint import read_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # LeRobot alone takes ten seconds

SIZE, CAMERA = 48, "observation.images.corner3"
SHARED = ("dit", "vqbet", "smolvla")
READING = ("dit", "smolvla")


@pytest.fixture(scope="module")
def pictures(root_of_two, tmp_path_factory):
    """Return pictures of every other row, as `photograph` would write them."""
    directory = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    shown = np.arange(0, 40, 2)
    for name in ("push", "basketball"):
        taken = rng.integers(256, size=(len(shown), SIZE, SIZE, 3), dtype=np.uint8)
        np.save(directory / f"{name}.npy", taken)
        np.save(directory / f"{name}.rows.npy", shown)
        card = {"camera": "corner3", "size": SIZE, "every": 2, "rows": 40, "done": 40}
        (directory / f"{name}.json").write_text(json.dumps(card | {"data_sha256": "0"}))
    return directory


@pytest.fixture(scope="module")
def options(root, root_of_two, pictures):
    """Return a function that gives the options of a small run of an architecture."""

    def make(name, output):
        architecture = ARCHITECTURES[name]
        is_shared = name in SHARED
        return PolicyConfig(
            tasks=("all",) if is_shared else ("push",),
            root=root_of_two if is_shared else root,
            output=output,
            architecture=name,
            pictures=pictures if architecture.needs_pictures else None,
            steps=6,
            batch_size=4,
            inference_steps=2,
            checkpoint_every=2,
        )

    return make


@pytest.fixture(scope="module")
def checkpoints(options, tmp_path_factory):
    """Return the checkpoint of each architecture, moved away from where it was made."""
    made, moved = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("moved")
    for name in ARCHITECTURES:
        shutil.move(train(options(name, made / name)), moved / name)
    return moved


def _drawer(directory):
    from steer.serve.sources.drawing import Drawer
    from steer.serve.sources.loading import load_policy

    return Drawer(load_policy(directory, device="cpu"), MonotonicClock())


def _observation(directory):
    """Return one observation of what the checkpoint says that it needs."""
    rng = np.random.default_rng(2)
    fields = read_checkpoint(directory).embodiment.observations
    return {
        item.name: rng.integers(256, size=(1, *item.shape), dtype=np.uint8)
        if item.dtype == "uint8"
        else rng.standard_normal((1, *item.shape)).astype(np.float32)
        for item in fields
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sixteen_chunks_are_drawn_of_what_the_server_loads(name, checkpoints):
    """The same for the same seed; and different ones where the architecture can."""
    drawer = _drawer(checkpoints / name)
    arrays = _observation(checkpoints / name)
    probe = drawer.probe(arrays)

    def draw(seed):
        batch = drawer.observe(arrays, TASKS["push"].instruction)
        return drawer.draw_rest(batch, num_chunks=16, noise_seed=seed, deadline_s=np.inf)

    first, again = draw(7), draw(7)

    assert first.shape == (16, probe.horizon, 4)
    assert probe.horizon >= TASKS["push"].commit_horizon
    assert np.array_equal(first, again)
    assert probe.is_stochastic == (name != "act")
    assert bool((first != first[:1]).any()) == probe.is_stochastic


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_checkpoint_asks_for_what_the_robot_sends(name, checkpoints):
    """By the robot's names, whatever the architecture calls them; with the camera if it has one."""
    found = {
        item.name: item for item in read_checkpoint(checkpoints / name).embodiment.observations
    }

    assert found["observation.environment_state"].shape == (39,)
    assert (CAMERA in found) == ARCHITECTURES[name].needs_pictures
    if CAMERA in found:
        assert (found[CAMERA].dtype, found[CAMERA].shape) == ("uint8", (SIZE, SIZE, 3))


@pytest.mark.parametrize("name", READING)
def test_another_instruction_draws_another_chunk(name, checkpoints):
    """One checkpoint does several tasks, told apart by their words."""
    drawer = _drawer(checkpoints / name)
    arrays = _observation(checkpoints / name)

    chunks = [
        drawer.draw_first(drawer.observe(arrays, TASKS[task].instruction), noise_seed=3)
        for task in ("push", "basketball", "push")
    ]

    assert np.array_equal(chunks[0], chunks[2])
    assert not np.array_equal(chunks[0], chunks[1])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_file_of_a_checkpoint_is_small_enough_to_be_committed(name, checkpoints):
    """Clones carry them."""
    sizes = [path.stat().st_size for path in (checkpoints / name).rglob("*")]

    assert max(sizes) <= 20 * 2**20


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(
    name, options, checkpoints, tmp_path, monkeypatch
):
    """Buffers such as a code book included: stopped after the fifth step, with its fourth saved."""
    from sim.policies import train as module

    config = options(name, tmp_path / name)
    rate = module._set_learning_rate

    def stop_at_the_sixth(optimiser, run, step):
        if step == 5:
            raise KeyboardInterrupt
        rate(optimiser, run, step)

    monkeypatch.setattr(module, "_set_learning_rate", stop_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    monkeypatch.undo()

    ours = load_file(train(config) / "model.safetensors")

    theirs = load_file(checkpoints / name / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key].float(), theirs[key].float()) for key in ours)


def test_pictures_must_be_given_to_those_that_look_and_to_no_others(options, tmp_path):
    """An option without effect would be a lie in `training.json`."""
    looking, blind = options("vqbet", tmp_path / "a"), options("act", tmp_path / "b")

    with pytest.raises(ConfigError, match=r"^pictures: expected a directory for .*'vqbet', got no"):
        train(replace(looking, pictures=None))
    with pytest.raises(ConfigError, match=r"^pictures: expected none for the architecture 'act'"):
        train(replace(blind, pictures=looking.pictures))


def test_an_unknown_architecture_is_refused_with_those_that_there_are(options, tmp_path):
    """From Python too, where no parser has a list of choices."""
    with pytest.raises(InvalidInputError, match=r"architecture: expected one of diffusion, act"):
        train(replace(options("act", tmp_path), architecture="oracle"))


def test_tasks_of_several_bodies_are_refused(options, tmp_path):
    """One checkpoint drives one body."""
    config = replace(options("act", tmp_path), tasks=("push", "scene"))

    with pytest.raises(
        ConfigError, match=r"^tasks: expected all of one embodiment, got 'push' and"
    ):
        train(config)
