"""Old candidates at the newest observation: what is gone is cut off, what runs competes."""

from types import SimpleNamespace

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.limits import Limits
from steer.loop.fresh import decided, rescored
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Observation, Provenance, Reason

N, HORIZON, CRITIC = 3, 8, 4
ACTIONS = np.arange(N * HORIZON, dtype=np.float32).reshape(N, HORIZON, 1)


def seen(running=None):
    rest = None if running is None else np.float32(running)[:, None]
    return Observation({"observation.state": np.zeros(1, np.float32)}, running=rest)


def request(**changes):
    some = {"consumed": 10, "frozen": 3, "epoch": 1, "sequence": 4, "captured_at_s": 1.0}
    some["travelled"] = np.zeros(1)
    return Request(observations=(seen(),), **{**some, **changes})


def sensed(consumed=12, running=None, epoch=1, travelled=0.0):
    return Sensed(
        observation=seen(running),
        consumed=consumed,
        epoch=epoch,
        captured_at_s=1.2,
        sent=np.zeros((3, 1), np.float32),
        travelled=np.full(1, travelled),
    )


def decision(**changes):
    some = {
        "index": 1,
        "chunk": ACTIONS[1],
        "commit_horizon": 4,
        "reason": Reason.ADVANTAGE,
        "candidates": Candidates(ACTIONS),
    }
    return Decision(**{**some, **changes})


BODY = Embodiment(
    name="arm", control_hz=10.0, actions=(ActionDim(name="dx"),), observations=(), mode="delta"
)


def ask_again(client, decision, request, sensed, **options):
    """Return the chunk of `rescored`, of candidates that make up for nothing."""
    options = {"body": BODY, "anchors": False, **options}
    return rescored(client, decision, request, sensed, **options)[0]


class Client:
    """Ranks by taking a candidate that the test names."""

    def __init__(self, index=2, reason=Reason.ADVANTAGE, error=None):
        self.error = error
        self.session = SimpleNamespace(
            commit_horizon=CRITIC, limits=SimpleNamespace(max_candidates=N + 1)
        )
        self.index, self.reason, self.calls = index, reason, []

    def rank(self, observation, candidates, **options):
        self.calls.append((observation, candidates, options))
        if self.error is not None:
            raise self.error
        chosen = {"index": self.index, "chunk": candidates.actions[self.index]}
        return decision(**chosen, reason=self.reason, candidates=None)  # as the server's answers


def test_candidates_are_moved_within_the_limits_before_they_are_judged():
    """From the last commands on; a decision that is no older is judged again for that alone."""
    wide = np.full(1, np.inf)
    limits = Limits(low=-wide, high=wide, first=np.ones(1), second=wide, third=wide)
    client = Client(index=2)

    chunk = ask_again(
        client, decision(), request(), sensed(consumed=10), budget_s=0.02, limits=limits
    )

    assert chunk.actions[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert client.calls[0][1].actions[0, :, 0].tolist() == list(range(8))


def test_an_answer_that_outlived_its_frozen_rows_begins_with_what_has_run():
    """So that what follows is within the limits of what the robot did, not of what it did not."""
    client, running = Client(index=2), [50.0, 51.0, 52.0]
    late = sensed(consumed=14, running=running)

    chunk = ask_again(client, decision(), request(), late, budget_s=0.02, acted=1)
    as_before = ask_again(client, decision(), request(), late, budget_s=0.02)

    assert (chunk.frozen, chunk.actions[0, 0], as_before.frozen) == (1, 50.0, 0)
    np.testing.assert_array_equal(chunk.actions[1:], ACTIONS[2, 5:])


def test_candidates_are_anchored_before_they_are_judged():
    """By what was travelled since the request."""
    client = Client(index=2)
    ask_again(client, decision(), request(), sensed(travelled=5.0), budget_s=0.02, anchors=True)

    judged = client.calls[0][1].actions
    missing = (ACTIONS[:, :2].sum(axis=(1, 2)) - 5.0) / 4
    np.testing.assert_allclose(judged[:N, :4], ACTIONS[:, 2:6] + missing[:, None, None])


class Doubling:
    """A head that doubles what it sees."""

    card = SimpleNamespace(window=CRITIC, most_gone=HORIZON - CRITIC)

    def windows(self, observation, windows_NLA, *, gone):
        return 2 * windows_NLA


def test_what_a_head_makes_of_the_best_competes_behind_all_others():
    """The policy's own first, then by score; frozen rows and those beyond its window stay."""
    client = Client(index=3)
    client.session.limits.max_candidates = N + 2
    scores = np.float32([0.0, -1.0, 2.0])
    chunk = ask_again(
        client, decision(scores=scores), request(), sensed(), budget_s=0.02, head=Doubling()
    )

    candidates = client.calls[0][1]
    assert candidates.provenance[N:] == (Provenance.EDIT, Provenance.EDIT)
    own = ACTIONS[0, 2:]
    doubled = np.concatenate([own[:1], 2 * own[1:CRITIC], own[CRITIC:]])
    np.testing.assert_array_equal(candidates.actions[N], doubled)
    np.testing.assert_array_equal(candidates.actions[N + 1, 1], 2 * ACTIONS[2, 3])
    np.testing.assert_array_equal(chunk.actions, doubled)


def test_the_best_at_the_newest_observation_runs_from_there():
    """Its rows, count and age are those of now; what is left frozen stays so."""
    client = Client(index=2)
    chunk = ask_again(client, decision(), request(), sensed(), budget_s=0.02)

    np.testing.assert_array_equal(chunk.actions, ACTIONS[2, 2:])
    assert (chunk.consumed, chunk.frozen, chunk.captured_at_s) == (12, 1, 1.2)
    assert (chunk.epoch, chunk.sequence, chunk.commit, chunk.fallback) == (1, 4, 4, "")
    assert client.calls[0][2]["budget_s"] == 0.02


def test_the_new_decision_comes_with_the_chunk():
    """For who reads its candidates; where the old one stands there is none."""
    chunk, again = rescored(
        Client(index=2), decision(), request(), sensed(), body=BODY, budget_s=0.02, anchors=False
    )
    old = rescored(
        Client(), decision(), request(), sensed(epoch=2), body=BODY, budget_s=0.02, anchors=False
    )

    np.testing.assert_array_equal(again.chunk, chunk.actions)
    np.testing.assert_array_equal(again.candidates.actions, ACTIONS[:, 2:])
    assert old[1] is None


@pytest.mark.parametrize(
    ("now", "client"),
    [
        (sensed(consumed=10), Client()),
        (sensed(epoch=2), Client()),
        (sensed(consumed=10 + HORIZON - CRITIC + 1), Client()),
        (sensed(), Client(reason=Reason.LATE)),
        (sensed(), Client(error=InvalidInputError("observation: expected a camera, got none"))),
    ],
    ids=["no newer", "another epoch", "too few rows for the critic", "no judgement", "refused"],
)
def test_else_the_decision_stays_what_it_was(now, client):
    """As old as it is; whoever takes it looks at its age."""
    chunk = ask_again(client, decision(), request(), now, budget_s=0.02)

    np.testing.assert_array_equal(chunk.actions, ACTIONS[1])
    assert (chunk.consumed, chunk.captured_at_s) == (10, 1.0)


@pytest.mark.parametrize(
    ("reason", "fallback"),
    [(Reason.MARGIN, ""), (Reason.CRITIC, "critic"), (Reason.BUDGET, "budget")],
)
def test_a_chunk_that_no_critic_has_seen_is_the_policy_s_own_and_says_why(reason, fallback):
    """One that it has seen and left is steered."""
    assert decided(decision(reason=reason), request()).fallback == fallback


def test_where_there_is_no_room_the_running_chunk_does_not_compete():
    """The server takes no more candidates than it has said."""
    client = Client()
    client.session.limits.max_candidates = N
    ask_again(client, decision(), request(), sensed(running=np.arange(10)), budget_s=0.02)

    assert len(client.calls[0][1]) == N
