"""The oracle, which tries every candidate, and policies of the user's own."""

from collections import deque
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.evaluation.choosers import LocalChooser, OracleChooser
from sim.evaluation.noise import noise_seed
from sim.tasks import TASKS, Step
from steer.errors import ConfigError, InvalidInputError, UnusableChunkError
from steer.types import Candidates, Decision, Observation, Provenance, Reason

SPEC = replace(TASKS["push"], max_steps=12, commit_horizon=2)


def seen(place):
    """Return the observation of a place."""
    return Observation({"observation.state": np.array([place], np.float32)})


class Line:
    """A robot on a line; at 10 it succeeds. Its place is all its state."""

    spec = SPEC

    def __init__(self):
        self.place = 0.0

    def step(self, action):
        """Go."""
        self.place += float(action[0])
        is_success = self.place >= 10
        return Step(seen(self.place), 0.0 if is_success else -1.0, is_success)

    def save(self):
        """Remember."""
        return self.place

    def restore(self, place):
        """Go back."""
        self.place = place


class Fixed:
    """Draws always the same candidates, whose speed is their first number."""

    def __init__(self, *speeds, scores=None):
        chunks = np.array([[[speed]] * 4 for speed in speeds], np.float32)
        self.candidates = Candidates(chunks, (Provenance.POLICY,) * len(speeds))
        self.scores = np.array(scores or [0.0] * len(speeds), np.float32)
        self.asked = []

    def decide(self, history, *, seed, number, epoch):
        """Choose the first."""
        del epoch
        self.asked.append((seed, number, float(history[-1].arrays["observation.state"][0])))
        return Decision(
            index=0,
            chunk=self.candidates.actions[0],
            commit_horizon=2,
            reason=Reason.MARGIN,
            scores=self.scores,
            num_scored=len(self.scores),
            candidates=self.candidates,
        )


def oracle(env, inner, alone):
    """Return an oracle."""
    return OracleChooser(
        inner=inner,
        alone=alone,
        env=env,
        max_steps=SPEC.max_steps,
        history_length=1,
        see=lambda observation: observation,
    )


def decide(chooser, env):
    """Ask for the first decision of the episode."""
    return chooser.decide(deque([seen(env.place)]), seed=7, number=0, epoch=1)


def test_the_candidate_that_ends_best_is_chosen():
    """Whatever the critic thinks of it; the policy alone goes on after each."""
    env = Line()
    chooser = oracle(env, Fixed(0, 1, 3, scores=[0, 5, -5]), Fixed(1))

    decision = decide(chooser, env)

    # Two ticks of the candidate, then 1 a tick: 10 is reached at tick 12, 10 and 6.
    assert chooser.outcomes == [(-11.0, -9.0, -5.0)]
    assert chooser.scores == [(0.0, 5.0, -5.0)]
    assert (decision.index, decision.overrode) == (2, True)
    assert decision.chunk[0, 0] == 3


def test_the_robot_is_left_where_it_was():
    """Trying is not doing."""
    env = Line()
    env.place = 1.5

    decide(oracle(env, Fixed(0, 1), Fixed(1)), env)

    assert env.place == 1.5


def test_a_failure_costs_every_tick_that_was_left():
    """Of equal ones the policy's own is kept."""
    env = Line()
    chooser = oracle(env, Fixed(0, 0), Fixed(0))
    chooser.steps = 4

    decision = decide(chooser, env)

    assert chooser.outcomes == [(-8.0, -8.0)]
    assert decision.index == 0


def test_every_candidate_is_tried_under_the_same_noise():
    """Which is not the noise of the episode: the oracle does not know the future."""
    env, alone = Line(), Fixed(0)
    decide(oracle(env, Fixed(0, 0), alone), env)

    half = len(alone.asked) // 2
    assert alone.asked[:half] == alone.asked[half:]
    assert [seed for seed, _, _ in alone.asked[:half]] == [
        noise_seed(7, number, stream=2) for number in range(1, 6)
    ]


def local(chunks, **answers):
    """Return the chooser of a policy that always draws `chunks`."""

    class Client:
        session = None

        def rank(self, observation, candidates, **request):
            decision = Fixed(1).decide([observation], seed=request["noise_seed"], number=0, epoch=0)
            return replace(decision, **answers)

    def policy(observation, *, num_candidates, seed):
        return chunks if num_candidates == 2 else chunks[:1]

    return LocalChooser(Client(), 2, policy)


def ask(chooser):
    """Ask for a decision."""
    return chooser.decide([seen(0)], seed=3, number=0, epoch=1)


def test_the_servers_choice_among_the_users_chunks():
    """The decision holds them, for the log."""
    chunks = np.ones((2, 4, 1))

    np.testing.assert_array_equal(ask(local(chunks)).candidates.actions, chunks)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (np.ones((3, 4, 1)), r"policy: expected \[2, H, A\], got shape \[3, 4, 1\]"),
        (np.ones((2, 4)), r"policy: expected \[2, H, A\]"),
        (np.full((2, 4, 1), np.nan), "policy: expected finite actions"),
    ],
)
def test_chunks_that_cannot_run_fail_the_episode(chunks, message):
    """As those of a policy on the server do."""
    with pytest.raises(UnusableChunkError, match=message):
        ask(local(chunks))


def test_what_a_policy_raises_is_not_touched():
    """A bug of the user's own is theirs to see, not an episode that the arm has lost."""

    def policy(observation, *, num_candidates, seed):
        raise ValueError("my bug")

    with pytest.raises(ValueError, match="my bug"):
        ask(replace(local(np.ones((2, 4, 1))), policy=policy))


def test_a_policy_of_another_body_ends_the_run():
    """The next episode would be no better."""
    chooser = local(np.ones((2, 4, 7)))
    body = SimpleNamespace(action_dim=4)
    chooser.client.session = SimpleNamespace(critic=SimpleNamespace(embodiment=body))

    with pytest.raises(ConfigError, match="policy: expected 4 action dimensions, got 7"):
        ask(chooser)


def test_a_policy_whose_own_chunk_depends_on_n_ends_the_run():
    """The arm alone would be another policy than the one that is steered."""

    def policy(observation, *, num_candidates, seed):
        return np.full((num_candidates, 4, 1), float(num_candidates))

    with pytest.raises(ConfigError, match="policy: expected row 0 not to depend on N"):
        ask(replace(local(np.ones((2, 4, 1))), policy=policy))


def test_an_answer_without_the_server_does_not_count():
    """The client falls back to candidate 0; here that would be a wrong figure."""
    with pytest.raises(InvalidInputError, match="rank: gone"):
        ask(local(np.ones((2, 4, 1)), detail="gone"))
