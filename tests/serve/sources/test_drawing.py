"""Drawing with policies that are a few lines: seeds, history, batches and time."""

from types import SimpleNamespace

import numpy as np
import pytest

from steer.clock import FakeClock

torch = pytest.importorskip("torch")

from steer.errors import CheckpointError  # noqa: E402
from steer.serve.sources.drawing import Drawer  # noqa: E402
from steer.serve.sources.loading import LoadedPolicy  # noqa: E402

STATE = {"observation.state": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)}


class NoisePolicy:
    """Draws noise around the state, H = 3, A = 2; remembers what it was given.

    Args:
        num_observations: Its history.
        clock: Advanced by 1 s a call.
    """

    def __init__(self, num_observations=2, clock=None):
        features = {"observation.state": None}
        self.config = SimpleNamespace(
            type="noise", n_obs_steps=num_observations, image_features={}, input_features=features
        )
        self.clock = clock
        self.calls, self.guiding = [], []

    def reset(self):
        """Forget nothing: there is nothing."""

    def predict_action_chunk(self, batch, **guiding):
        """Return noise, one chunk a row."""
        self.calls.append(batch)
        self.guiding.append(guiding)
        if self.clock is not None:
            self.clock.advance(1.0)
        return torch.randn(len(batch["observation.state"]), 3, 2)


class OneByOnePolicy(NoisePolicy):
    """Cannot take more than one observation at a time."""

    def predict_action_chunk(self, batch):
        """Refuse a batch."""
        if len(batch["observation.state"]) > 1:
            raise RuntimeError("one at a time")
        return super().predict_action_chunk(batch)


class StubbornPolicy(NoisePolicy):
    """Draws the same chunk for every seed."""

    def predict_action_chunk(self, batch):
        """Return zeros."""
        return torch.zeros_like(super().predict_action_chunk(batch))


def drawer_of(policy, clock=None):
    """Return a drawer whose processors do nothing but add what LeRobot's add."""

    def preprocess(batch):
        return {**batch, "action": None, "next.reward": 0.0, "info": {}}

    return Drawer(LoadedPolicy(policy, preprocess, lambda chunks: chunks), clock or FakeClock())


def draw_both(drawer, seed, num_chunks=4):
    """Return candidate 0 and the rest for one seed."""
    batch = drawer.observe(STATE, "push")
    first = drawer.draw_first(batch, noise_seed=seed)
    rest = drawer.draw_rest(batch, num_chunks=num_chunks, noise_seed=seed, deadline_s=1e9)
    return first, rest


def test_the_seed_decides_all_chunks():
    """Equal seeds draw equal chunks, whatever was drawn between."""
    drawer = drawer_of(NoisePolicy())

    first, rest = draw_both(drawer, seed=5)
    draw_both(drawer, seed=6)
    first_again, rest_again = draw_both(drawer, seed=5)

    np.testing.assert_array_equal(first, first_again)
    np.testing.assert_array_equal(rest, rest_again)


def test_candidate_0_is_what_the_seed_alone_draws():
    """torch.manual_seed(seed) and one call: the same as without steer."""
    first, _ = draw_both(drawer_of(NoisePolicy()), seed=2**64 - 1)

    torch.manual_seed(2**64 - 1)
    np.testing.assert_array_equal(first, torch.randn(1, 3, 2).numpy())


def test_the_rest_does_not_repeat_candidate_0():
    """The other candidates have a seed of their own, and differ among each other."""
    first, rest = draw_both(drawer_of(NoisePolicy()), seed=5)

    assert len(np.unique(np.concatenate([first, rest]), axis=0)) == 5


def test_history_goes_in_oldest_first():
    """The policy gets [1, T, …] in the order of time, and nothing that is not an input."""
    policy = NoisePolicy()
    drawer = drawer_of(policy)

    drawer.draw_first(drawer.observe(STATE, "push"), noise_seed=0)

    assert sorted(policy.calls[0]) == ["observation.state", "task"]
    assert policy.calls[0]["task"] == ["push"]
    assert policy.calls[0]["observation.state"].tolist() == [[[1.0, 2.0], [3.0, 4.0]]]


def test_a_short_history_repeats_the_first_observation():
    """At the start of an episode the first observation stands for those before it."""
    drawer = drawer_of(NoisePolicy(num_observations=4))

    batch = drawer.observe(STATE, "")

    assert batch["observation.state"][0, :, 0].tolist() == [1.0, 1.0, 1.0, 3.0]


def test_a_policy_without_history_gets_the_last_observation():
    """One observation goes in without a time axis."""
    drawer = drawer_of(NoisePolicy(num_observations=1))

    assert drawer.observe(STATE, "")["observation.state"].tolist() == [[3.0, 4.0]]


def test_images_go_in_as_lerobot_wants_them():
    """uint8 [h, w, 3] becomes float32 [3, h, w] in [0, 1]."""
    drawer = drawer_of(NoisePolicy(num_observations=1))
    image = np.zeros((1, 4, 5, 3), np.uint8)
    image[0, 1, 2] = (255, 51, 0)

    batch = drawer.observe({**STATE, "observation.images.top": image}, "")

    pixels = batch["observation.images.top"]
    assert pixels.shape == (1, 3, 4, 5)
    assert pixels[0, :, 1, 2].tolist() == pytest.approx([1.0, 0.2, 0.0])


def test_the_rest_is_one_call():
    """N - 1 chunks are drawn in one batch."""
    policy = NoisePolicy()

    draw_both(drawer_of(policy), seed=0, num_chunks=15)

    assert [len(call["observation.state"]) for call in policy.calls] == [1, 15]
    assert policy.calls[1]["task"] == ["push"] * 15


def test_a_policy_that_takes_no_batch_is_called_for_each_chunk():
    """Where a batch fails, each chunk is a call with a seed of its own."""
    policy = OneByOnePolicy()
    drawer = drawer_of(policy)
    drawer.probe({"observation.state": np.zeros((1, 2), np.float32)})
    policy.calls.clear()

    _, rest = draw_both(drawer, seed=0, num_chunks=3)

    assert rest.shape == (3, 3, 2)
    assert len(np.unique(rest, axis=0)) == 3
    assert len(policy.calls) == 4


def test_calls_one_by_one_end_with_the_budget():
    """What was drawn in time is answered; a call that would begin too late is not made."""
    clock = FakeClock()
    drawer = drawer_of(OneByOnePolicy(clock=clock), clock)
    drawer.probe({"observation.state": np.zeros((1, 2), np.float32)})
    batch = drawer.observe(STATE, "")

    rest = drawer.draw_rest(batch, num_chunks=9, noise_seed=0, deadline_s=clock.now_s() + 2.5)

    assert len(rest) == 3


def test_a_batch_that_has_never_been_quick_enough_is_not_begun():
    """Time that nobody waits for is left to the next request."""
    clock = FakeClock()
    policy = NoisePolicy(clock=clock)
    drawer = drawer_of(policy, clock)
    batch = drawer.observe(STATE, "")

    known = drawer.draw_rest(batch, num_chunks=4, noise_seed=0, deadline_s=clock.now_s() + 0.5)
    skipped = drawer.draw_rest(batch, num_chunks=4, noise_seed=0, deadline_s=clock.now_s() + 0.5)
    in_time = drawer.draw_rest(batch, num_chunks=4, noise_seed=0, deadline_s=clock.now_s() + 1.5)

    assert known is not None
    assert skipped is None
    np.testing.assert_array_equal(in_time, known)


def test_a_probe_tells_horizon_dimension_and_time():
    """What the server cannot read in the checkpoint is found out by trying."""
    clock = FakeClock()

    probe = drawer_of(NoisePolicy(clock=clock), clock).probe(
        {"observation.state": np.zeros((1, 2), np.float32)}
    )

    assert (probe.horizon, probe.action_dim) == (3, 2)
    assert probe.is_stochastic
    assert (probe.first_s, probe.batch_s) == (1.0, 1.0)


def test_a_policy_that_ignores_its_seed_is_found_out():
    """Several seeds and one chunk: not stochastic."""
    probe = drawer_of(StubbornPolicy()).probe({"observation.state": np.zeros((1, 2), np.float32)})

    assert not probe.is_stochastic


def test_a_policy_that_draws_no_chunk_is_refused():
    """One action is not a chunk."""
    policy = NoisePolicy()
    policy.predict_action_chunk = lambda batch: torch.zeros(1, 2)

    with pytest.raises(CheckpointError, match=r"chunks of shape \[1, H, A\], got \(1, 2\)"):
        drawer_of(policy).probe({"observation.state": np.zeros((1, 2), np.float32)})


UNITS = 4.0
"""Robot units in one of what a policy draws."""


def guided_drawer_of(policy, *, knows_actions=True):
    """Return a drawer whose policy guides; its pre-processor may not know what actions are."""

    def preprocess(batch):
        action = batch.get("action")
        scale = UNITS if knows_actions else 1.0
        return {**batch, "action": None if action is None else action / scale}

    loaded = LoadedPolicy(policy, preprocess, lambda chunks: chunks * UNITS, is_guided=True)
    return Drawer(loaded, FakeClock())


def test_what_runs_goes_in_as_the_policy_has_learnt_it_a_copy_a_chunk():
    """By LeRobot's names; and nothing of it is an observation."""
    policy = NoisePolicy()
    drawer = guided_drawer_of(policy)
    running = np.float32([[4, 8], [12, 16]])

    batch = drawer.observe(STATE, "push", running=running, frozen=1)
    drawer.draw_rest(batch, num_chunks=3, noise_seed=0, deadline_s=1e9)

    assert sorted(policy.calls[0]) == ["observation.state", "task"]
    guiding = policy.guiding[0]
    assert guiding["prev_chunk_left_over"].tolist() == [[[1, 2], [3, 4]]] * 3
    assert guiding["inference_delay"] == 1


def test_where_nothing_runs_nothing_guides():
    """The call is the one of a policy that was never asked to."""
    policy = NoisePolicy()
    drawer = guided_drawer_of(policy)

    drawer.draw_first(drawer.observe(STATE, "push"), noise_seed=0)

    assert policy.guiding == [{}]


def test_a_policy_that_guides_is_tried_with_something_that_runs():
    """Whatever is wrong with that is known before a robot comes."""
    policy = NoisePolicy()

    guided_drawer_of(policy).probe({"observation.state": np.zeros((1, 2), np.float32)})

    assert {"inference_delay", "prev_chunk_left_over"} in [item.keys() for item in policy.guiding]


def test_a_pre_processor_that_leaves_actions_as_they_are_is_refused():
    """The policy would be guided by numbers of another unit, in silence."""
    drawer = guided_drawer_of(NoisePolicy(), knows_actions=False)

    with pytest.raises(CheckpointError, match=r"undoes the post-processor for \?rtc, got actions"):
        drawer.probe({"observation.state": np.zeros((1, 2), np.float32)})
