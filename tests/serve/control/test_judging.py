"""What an ask is answered: the windows that can still run, judged at the newest observation."""

from dataclasses import replace

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.limiting import kept
from steer.limits import Limits
from steer.types import Candidates, Provenance
from steer.v1 import steering_pb2, types_pb2
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.windows import anchored, windows
from steer.wire.control import robot_limits_to_messages
from steer.wire.observations import observation_to_message
from steer.wire.records import decision_from_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import tensor_to_message

HORIZON, N = 8, 4


def test_with_nothing_newer_it_is_what_steer_would_answer(served, stream, sense, asked, robot):
    """Bit for bit: the same draw from the same history, judged at the observation of the ask."""
    before, now = sense(), sense(captured_at_s=1.25)
    stream.tick(now, consumed=3, ask=asked(9, history=[before], return_candidates=True))
    found = stream.answer()
    with SteerClient(served[0]) as client:
        client.open_session(robot)
        unary = client.steer(
            [before, now], budget_s=5, num_candidates=N, noise_seed=7, return_candidates=True
        )

    decision = decision_from_message(found.decision)
    assert decision.candidates.actions.tobytes() == unary.candidates.actions.tobytes()
    for name in ("chunk", "scores", "values"):
        assert getattr(decision, name).tobytes() == getattr(unary, name).tobytes()
    assert (decision.index, decision.reason) == (unary.index, unary.reason)
    assert (decision.policy, decision.commit_horizon, decision.sequence) == ("door", 3, 9)
    assert (found.sequence, found.epoch, found.consumed, found.frozen) == (9, 1, 3, 0)
    assert found.captured_at.ToTimedelta().total_seconds() == 1.25
    assert not found.judged_again


@pytest.mark.parametrize(("is_limited", "frozen"), [(False, 3), (True, 3), (True, 0)])
def test_candidates_are_judged_again_at_the_newest_observation(
    served, stub, session_of, talk, asked, sense, robot, rng, policy, counted, is_limited, frozen
):
    """Bit for bit what unary Steer, and Rank of the windows at that observation, would choose.

    The action that follows that observation has gone out by then, whatever was expected.
    """
    wide = np.full(2, np.inf)
    limits = Limits(low=-wide, high=wide, first=np.full(2, 0.5), second=wide, third=wide)
    running = rng.normal(size=(4, 2)).astype(np.float32)
    sent = rng.normal(size=(3, 2)).astype(np.float32)
    old, new = sense(), sense(captured_at_s=2.5, running=running)
    policy.shut()
    start = {"limits": robot_limits_to_messages(limits)} if is_limited else {}
    with talk(stub, session_of(stub), **start) as stream:
        stream.tick(old, consumed=10, ask=asked(frozen=frozen, return_candidates=True))
        policy.wait_until_entered()
        stream.tick(new, consumed=12, sent=sent)
        counted.wait("observations", 2)
        policy.open()
        found = stream.answer()
    with SteerClient(served[0]) as client:
        client.open_session(robot)
        unary = client.steer(old, budget_s=5, noise_seed=7, return_candidates=True)
        wanted = windows(unary.candidates, running, body=robot, gone=2, frozen=1)
        if is_limited:
            moved = kept(limits, wanted.actions, sent)
            wanted = Candidates(moved, wanted.provenance)
        again = client.rank(new, wanted, budget_s=5, noise_seed=7)

    decision = decision_from_message(found.decision)
    assert found.judged_again
    assert (found.consumed, found.frozen) == (12, 1)
    assert found.captured_at.ToTimedelta().total_seconds() == 2.5
    assert decision.candidates.actions.tobytes() == wanted.actions.tobytes()
    assert decision.provenance[-1] is Provenance.CONTINUATION
    for name in ("chunk", "scores", "values"):
        assert getattr(decision, name).tobytes() == getattr(again, name).tobytes()
    assert (decision.index, decision.reason) == (again.index, again.reason)
    if is_limited:
        steps = np.diff(np.concatenate([sent[:1], decision.chunk]), axis=0)
        assert np.abs(steps).max() <= 0.5 + 1e-6


def test_where_too_few_rows_are_left_it_is_judged_at_the_ask(stream, sense, asked, policy, counted):
    """The critic needs three of the eight; the robot sees by `consumed` what can still run."""
    policy.shut()
    stream.tick(sense(1.0), consumed=10, ask=asked())
    policy.wait_until_entered()
    stream.tick(sense(2.0), consumed=10 + HORIZON - 2)
    counted.wait("observations", 2)
    policy.open()
    found = stream.answer()

    assert (found.consumed, found.judged_again) == (10, False)
    assert found.captured_at.ToTimedelta().total_seconds() == 1.0


def test_whoever_runs_less_is_judged_again_with_fewer_rows_left(
    serving_control, make_policy, reader_dir, count, talk, asked, sense, robot
):
    """Two rows are left of eight: too few for the critic's three, enough for the session's two."""
    policy = make_policy()
    with serving_control(policy, critic=(str(reader_dir),)) as (address, server):
        counted = count(server)
        with grpc.insecure_channel(address) as channel:
            stub = SteeringStub(channel)
            opened = stub.OpenSession(
                steering_pb2.OpenSessionRequest(
                    embodiment=embodiment_to_message(robot),
                    selection=types_pb2.Selection(commit_horizon=2),
                ),
                timeout=5,
            )
            with talk(stub, opened.session) as stream:
                policy.shut()
                stream.tick(sense(1.0), consumed=10, ask=asked())
                policy.wait_until_entered()
                stream.tick(sense(2.0), consumed=10 + HORIZON - 2)
                counted.wait("observations", 2)
                policy.open()
                found = stream.answer()

    decision = decision_from_message(found.decision)
    assert (found.consumed, found.judged_again) == (10 + HORIZON - 2, True)
    assert (decision.chunk.shape, decision.commit_horizon) == ((2, 2), 2)
    assert decision.num_scored == N


def test_with_one_candidate_nothing_competes_with_the_policy_s_own(stream, sense, asked, rng):
    """Not the running chunk either; and it is the policy's to the last bit."""
    running = rng.normal(size=(6, 2)).astype(np.float32)
    stream.tick(sense(running=running), ask=asked(num_candidates=1, return_candidates=True))
    found = decision_from_message(stream.answer().decision)

    shape = (1, HORIZON, 2)
    own = np.random.default_rng(7).normal(size=shape).astype(np.float32)
    assert found.candidates.actions.tobytes() == own.tobytes()
    assert found.index == 0


def test_the_running_chunk_competes_where_it_is_shorter_than_the_others(stream, sense, asked, rng):
    """It is always shorter, for it was drawn before them: its end is that of the nearest."""
    running = rng.normal(size=(4, 2)).astype(np.float32)
    stream.tick(sense(running=running), ask=asked(frozen=2, return_candidates=True))
    found = decision_from_message(stream.answer().decision).candidates

    assert found.provenance == (Provenance.POLICY,) * N + (Provenance.CONTINUATION,)
    np.testing.assert_array_equal(found.actions[-1, :4], running)
    np.testing.assert_array_equal(found.actions[:, :2], np.broadcast_to(running[:2], (N + 1, 2, 2)))


def test_an_ask_may_be_older_than_the_newest_observation(stream, sense, asked):
    """As one is that is made again: it is judged at the newest all the same."""
    stream.tick(sense(2.0), consumed=7)
    stream.tick(sense(1.0), consumed=5, ask=asked())
    moved = stream.answer()
    stream.tick(sense(3.0), consumed=9)
    stream.tick(sense(2.5), consumed=9, ask=asked())  # the robot stood still meanwhile
    stood = stream.answer()

    assert (moved.consumed, moved.judged_again) == (7, True)
    assert (stood.consumed, stood.judged_again) == (9, True)
    assert stood.captured_at.ToTimedelta().total_seconds() == 3.0


def test_limits_that_a_robot_has_not_are_no_reason_to_move_anything(
    stub, session_of, talk, sense, asked, policy
):
    """Unset is not limited, dimension by dimension."""
    wide = np.full(2, np.inf)
    limits = replace(
        Limits(low=-wide, high=wide, first=wide, second=wide, third=wide),
        high=np.array([0.25, np.inf]),
    )
    with talk(stub, session_of(stub), limits=robot_limits_to_messages(limits)) as stream:
        stream.tick(sense(), ask=asked(return_candidates=True))
        found = decision_from_message(stream.answer().decision).candidates.actions

    drawn = np.random.default_rng(7).normal(size=(N, HORIZON, 2)).astype(np.float32)
    np.testing.assert_array_equal(found[..., 0], np.minimum(drawn[..., 0], np.float32(0.25)))
    np.testing.assert_array_equal(found[..., 1], drawn[..., 1])


def test_the_paths_of_candidates_lead_on_from_where_the_robot_is(
    served, stream, asked, sense, robot, rng, policy, counted
):
    """What it travelled since the ask, otherwise than they meant, is made up for."""
    old, new, places = sense(), sense(captured_at_s=2.5), rng.normal(size=(2, 2))
    first, second = map(tensor_to_message, places)
    policy.shut()
    stream.tick(old, consumed=10, ask=asked(return_candidates=True), travelled=first)
    policy.wait_until_entered()
    stream.tick(new, consumed=12, travelled=second)
    counted.wait("observations", 2)
    policy.open()
    found = decision_from_message(stream.answer().decision).candidates.actions
    with SteerClient(served[0]) as client:
        client.open_session(robot)
        drawn = client.steer(old, budget_s=5, noise_seed=7, return_candidates=True).candidates

    moved = places[1] - places[0]
    wanted = anchored(drawn.actions, None, body=robot, gone=2, frozen=0, moved_A=moved)
    np.testing.assert_array_equal(found, wanted[:, 2:])
    assert not np.allclose(found, drawn.actions[:, 2:])


def test_the_policy_is_shown_what_is_foreseen_and_judged_at_what_is_sensed(
    served, stream, asked, sense, robot, rng, policy
):
    """Its candidates stand behind the rows that run until then."""
    running = rng.normal(size=(4, 2)).astype(np.float32)
    now, then = sense(captured_at_s=1.0, running=running), sense()
    foreseen = [observation_to_message(then)]
    ask = asked(frozen=3, foreseen=foreseen, foreseen_after=3, return_candidates=True)
    stream.tick(now, consumed=5, ask=ask)
    found = stream.answer()
    with SteerClient(served[0]) as client:
        client.open_session(robot)
        drawn = client.steer(then, budget_s=5, noise_seed=7, return_candidates=True).candidates

    candidates = decision_from_message(found.decision).candidates
    assert (found.consumed, found.frozen) == (5, 3)
    for row in candidates.actions:
        assert row[:3].tobytes() == running[:3].tobytes()
    assert candidates.actions[:N, 3:].tobytes() == drawn.actions.tobytes()


@pytest.mark.parametrize(("after", "told"), [(0, 3), (1, 2), (3, 0), (4, 0)])
def test_a_policy_is_told_what_stays_from_what_it_is_shown_on(
    stream, asked, sense, rng, policy, after, told
):
    """Of frozen rows those that have run by the instant that is foreseen are over."""
    running = rng.normal(size=(4, 2)).astype(np.float32)
    foreseen = [observation_to_message(sense())] if after else []
    ask = asked(frozen=3, foreseen=foreseen, foreseen_after=after)
    stream.tick(sense(captured_at_s=1.0, running=running), consumed=5, ask=ask)
    stream.answer()

    assert policy.frozen == [told]


@pytest.mark.parametrize("after", [0, 5])
def test_more_cannot_be_foreseen_than_runs(stub, session_of, talk, asked, sense, rng, after):
    """The stream ends, for it breaks the contract."""
    running = rng.normal(size=(4, 2)).astype(np.float32)
    foreseen = [observation_to_message(sense())]
    with talk(stub, session_of(stub)) as stream:
        ask = asked(foreseen=foreseen, foreseen_after=after)
        stream.tick(sense(captured_at_s=1.0, running=running), consumed=0, ask=ask)
        status, _, text = stream.ended_with()
    assert status == "INVALID_ARGUMENT"
    assert "ask.foreseen_after: expected 1..4, as many as run" in text
