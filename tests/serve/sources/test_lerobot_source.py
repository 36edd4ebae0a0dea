"""One source: what it asks the worker, what it refuses before, what it makes of the answer."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import InvalidInputError
from steer.serve.sources.base import SourceInfo
from steer.serve.sources.lerobot_source import LeRobotSource
from steer.types import EncodedImage, Observation, Provenance

CHUNK = np.linspace(-0.5, 0.5, 6, dtype=np.float32).reshape(3, 2)


def source(jobs=None, *, is_stochastic=True, is_guided=False):
    """Return a source whose worker answers with copies of one chunk, and notes the jobs."""
    embodiment = Embodiment(
        name="arm",
        control_hz=10.0,
        actions=(ActionDim(name="dx", low=-1.0, high=1.0), ActionDim(name="gripper")),
        observations=(
            ObservationField(name="observation.state", dtype="float32", shape=(4,)),
            ObservationField(name="observation.images.top", dtype="uint8", shape=(2, 3, 3)),
        ),
    )
    info = SourceInfo(
        name="push",
        type="diffusion",
        embodiment=embodiment,
        horizon=3,
        num_observations=2,
        is_stochastic=is_stochastic,
        digest="sha256:0",
    )

    async def run(job):
        if jobs is not None:
            jobs.append(job)
        return np.tile(CHUNK, (job.num_chunks, 1, 1))

    return LeRobotSource(info, run, is_guided=is_guided)


def observed(value=0.0, **changes):
    """Return an observation of the source's robot."""
    arrays = {
        "observation.state": np.full(4, value, np.float32),
        "observation.images.top": np.zeros((2, 3, 3), np.uint8),
        "observation.environment_state": np.zeros(9, np.float32),
        **changes,
    }
    return Observation({k: v for k, v in arrays.items() if v is not None}, instruction="push it")


def draw(policy, observations, num_candidates=4, noise_seed=7, **options):
    """Draw once."""
    return asyncio.run(
        policy.draw(
            observations,
            num_candidates=num_candidates,
            noise_seed=noise_seed,
            budget_s=1.0,
            **options,
        )
    )


def test_the_worker_gets_the_last_observations_and_no_more():
    """Of three observations the last two go out, oldest first, with what the policy needs alone."""
    jobs = []

    draw(source(jobs), [observed(1.0), observed(2.0), observed(3.0)])

    arrays = jobs[0].request.arrays
    assert sorted(arrays) == ["observation.images.top", "observation.state"]
    assert arrays["observation.state"][:, 0].tolist() == [2.0, 3.0]
    assert arrays["observation.images.top"].shape == (2, 2, 3, 3)
    assert jobs[0].request.body == {
        "policy": "push",
        "num_candidates": 4,
        "noise_seed": 7,
        "frozen": 0,
        "instruction": "push it",
    }


@pytest.mark.parametrize("is_guided", [True, False])
def test_a_policy_that_guides_is_told_what_runs_now_and_no_other_is(is_guided):
    """The last observation's, no longer than the policy's own chunks, and how much of it stays."""
    jobs = []
    running = [np.arange(10, dtype=np.float32).reshape(5, 2) + shift for shift in (0, 100)]
    seen = [replace(observed(), running=rows) for rows in running]

    draw(source(jobs, is_guided=is_guided), seen, frozen=2)

    assert jobs[0].request.body["frozen"] == 2
    told = jobs[0].request.arrays.get("running")
    assert (told is None) != is_guided
    if is_guided:
        np.testing.assert_array_equal(told, running[1][:3])


def test_a_policy_that_guides_draws_where_nothing_runs():
    """At the start of an episode, for example."""
    jobs = []

    draw(source(jobs, is_guided=True), [observed()])

    assert "running" not in jobs[0].request.arrays


def test_numbers_go_out_as_float32():
    """A robot that sends doubles is understood."""
    jobs = []

    draw(source(jobs), [observed(**{"observation.state": np.ones(4, np.float64)})])

    assert jobs[0].request.arrays["observation.state"].dtype == np.float32


def test_what_a_stochastic_policy_draws_is_from_the_policy():
    """All candidates are the policy's, as they came."""
    candidates = draw(source(), [observed()])

    np.testing.assert_array_equal(candidates.actions, np.tile(CHUNK, (4, 1, 1)))
    assert candidates.provenance == (Provenance.POLICY,) * 4


def test_a_policy_that_draws_one_chunk_is_perturbed():
    """The worker is asked for one chunk; the others vary it and say so."""
    jobs = []

    candidates = draw(source(jobs, is_stochastic=False), [observed()])

    assert jobs[0].request.body["num_candidates"] == 1
    assert candidates.provenance == (Provenance.POLICY,) + (Provenance.PERTURBATION,) * 3
    np.testing.assert_array_equal(candidates.actions[0], CHUNK)
    assert len(np.unique(candidates.actions[..., 0], axis=0)) == 4
    np.testing.assert_array_equal(candidates.actions[..., 1], np.tile(CHUNK[:, 1], (4, 1)))


def test_one_candidate_of_a_perturbed_policy_is_the_policys():
    """N = 1 has no perturbations."""
    candidates = draw(source(is_stochastic=False), [observed()], num_candidates=1)

    np.testing.assert_array_equal(candidates.actions, CHUNK[None])
    assert candidates.provenance == (Provenance.POLICY,)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"observation.state": None}, r"'observation\.state': .*got none among observation"),
        (
            {"observation.state": np.zeros(5, np.float32)},
            r"float32 of shape \[4\], got float32 of shape \[5\]",
        ),
        (
            {"observation.images.top": np.zeros((4, 6, 3), np.uint8)},
            r"'observation\.images\.top': expected uint8 of shape \[2, 3, 3\], got uint8 of shape "
            r"\[4, 6, 3\]",
        ),
        (
            {"observation.images.top": np.zeros((2, 3, 3), np.float32)},
            r"expected uint8 .* got float32",
        ),
        ({"observation.images.top": EncodedImage("png", b"")}, "an image still encoded as png"),
    ],
)
def test_an_observation_that_does_not_fit_is_refused_by_name(changes, text):
    """Nothing is resized or guessed; the message names the field."""
    with pytest.raises(InvalidInputError, match=text):
        draw(source(), [observed(), observed(**changes)])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_candidates": 0}, "num_candidates: expected at least 1, got 0"),
        ({"noise_seed": -1}, r"noise_seed: expected an integer in \[0, 2\*\*64\), got -1"),
        ({"noise_seed": 2**64}, "noise_seed"),
    ],
)
def test_numbers_out_of_range_are_refused(options, text):
    """N is at least one, seeds are those of the wire."""
    with pytest.raises(InvalidInputError, match=text):
        draw(source(), [observed()], **options)


def test_no_observation_is_refused():
    """A policy does not draw blind."""
    with pytest.raises(InvalidInputError, match="observations: expected at least one, got none"):
        draw(source(), [])
