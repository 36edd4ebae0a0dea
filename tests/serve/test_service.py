"""The service over real gRPC: decisions, and every kind of bad input."""

import concurrent.futures

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import LateError, PolicyError
from steer.types import Candidates, Reason, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1 import types_pb2
from steer.wire.observations import observation_to_message
from steer.wire.records import decision_from_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import duration_from_seconds, tensor_from_message

UNGATED = types_pb2.Selection(selector=types_pb2.SELECTOR_ARGMAX, gated=False)


def refusal(call, request):
    """Return status, `steer-error` and text of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=5)
    metadata = dict(caught.value.trailing_metadata() or ())
    return caught.value.code().name, metadata.get("steer-error"), caught.value.details()


def test_describe_tells_what_the_server_is_and_offers(stub, critic_dir, robot):
    """Versions, critic, policy, limits and times, without a session."""
    found = stub.Describe(pb.DescribeRequest(), timeout=5)

    assert [critic.name for critic in found.critics] == ["reach"]
    assert found.critics[0].embodiment == embodiment_to_message(robot)
    assert found.critics[0].digest.startswith("sha256:")
    assert 0 < found.critics[0].expected_rank.ToTimedelta().total_seconds() < 5
    assert [(policy.name, policy.num_observations) for policy in found.policies] == [("noise", 2)]
    assert (found.limits.max_candidates, found.limits.expected_candidates) == (8, 4)
    assert (found.device, found.server_version) == ("cpu", "0.1.0")


def test_a_session_is_matched_by_its_embodiment(open_session, stub):
    """The reply says what holds: critic, policy, selection with nothing left open."""
    found = open_session(selection=types_pb2.Selection(gated=False, beta=2.5))

    assert (found.critic.name, found.policy.name) == ("reach", "noise")
    assert found.selection == types_pb2.Selection(
        selector=types_pb2.SELECTOR_ARGMAX,
        gated=False,
        margin=0.05,
        beta=2.5,
        temperature=1.0,
        tau=0.7,
        commit_horizon=3,
    )
    epoch = stub.Describe(pb.DescribeRequest(), timeout=5).server_epoch
    assert found.server_epoch == epoch


def test_rank_returns_the_chosen_chunk_bit_for_bit(stub, rank_request):
    """The argmax of the scores, out of the bytes that were sent."""
    request = rank_request(selection=UNGATED, sequence=41)

    decision = stub.Rank(request, timeout=5).decision

    scores = tensor_from_message(decision.scores, "scores")
    size = 4 * 4 * 2
    sent = request.candidates.actions.data[decision.index * size : (decision.index + 1) * size]
    assert decision.index == scores.argmax()
    assert decision.chunk.data == sent
    assert (decision.sequence, decision.commit_horizon, len(scores)) == (41, 3, 5)
    assert list(decision.values.shape) == [4, 5]
    assert scores[0] == 0


def test_a_gate_that_nothing_passes_returns_candidate_0_bit_for_bit(stub, rank_request):
    """Never worse than the policy: nothing beats it by a million."""
    request = rank_request(selection=types_pb2.Selection(margin=1e6))

    decision = stub.Rank(request, timeout=5).decision

    assert decision.chunk.data == request.candidates.actions.data[: 4 * 4 * 2]
    assert (decision.index, decision.reason) == (0, types_pb2.REASON_MARGIN)
    assert not decision.overrode


def test_equal_requests_are_decided_equally_whoever_else_is_served(stub, rank_request):
    """A draw is seeded by critic and request alone; grouping moves no choice."""
    drawing = types_pb2.Selection(selector=types_pb2.SELECTOR_SOFTMAX, gated=False)
    requests = [rank_request(selection=drawing, noise_seed=seed) for seed in range(8)]
    alone = [stub.Rank(request, timeout=5).decision for request in requests]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda r: stub.Rank(r, timeout=5).decision, requests))

    assert [item.index for item in together] == [item.index for item in alone]
    for one, other in zip(together, alone, strict=True):
        # Groups run in other shapes, which add in another order.
        np.testing.assert_allclose(
            tensor_from_message(one.scores, "a"),
            tensor_from_message(other.scores, "b"),
            rtol=0,
            atol=1e-4,
        )


def test_a_control_arm_is_an_ordinary_selection(stub, rank_request):
    """Random of N: no scores, an index that depends on the seed."""
    arm = types_pb2.Selection(selector=types_pb2.SELECTOR_RANDOM, gated=False)

    found = [
        stub.Rank(rank_request(selection=arm, noise_seed=seed), timeout=5).decision
        for seed in range(12)
    ]

    assert len({decision.index for decision in found}) > 2
    assert {decision.reason for decision in found} == {types_pb2.REASON_UNGATED}


def test_a_budget_too_short_to_score_is_candidate_0(stub, rank_request):
    """Late is a defined answer."""
    request = rank_request(budget_s=1e-5)

    decision = stub.Rank(request, timeout=5).decision

    assert (decision.index, decision.reason) == (0, types_pb2.REASON_BUDGET)
    assert decision.budget_hit


def test_steer_draws_from_the_policy_and_ranks(address, robot, source, observation):
    """History, count and seed reach the policy; all candidates come back where asked."""
    source.calls.clear()
    with SteerClient(address) as client:
        client.open_session(robot, selection=Selection(gated=False))

        decision = client.steer(
            [observation] * 3, num_candidates=6, noise_seed=9, budget_s=5, return_candidates=True
        )

    assert source.calls[0][:2] == (2, 6)
    assert decision.policy == "noise"
    assert decision.index == decision.scores.argmax()
    assert decision.candidates is not None
    assert len(decision.candidates) == 6
    assert decision.timings.policy_s > 0


def test_steer_with_one_candidate_is_the_policy_s_own_chunk(address, robot, observation):
    """N = 1, gate or not, is what the policy drew."""
    with SteerClient(address) as client:
        client.open_session(robot, selection=Selection(gated=False))

        alone = client.steer(observation, num_candidates=1, noise_seed=9, budget_s=5)

    expected = np.random.default_rng(9).normal(size=(1, 4, 2)).astype(np.float32)[0]
    assert alone.chunk.tobytes() == expected.tobytes()
    assert alone.reason is Reason.SINGLE


def test_a_policy_out_of_time_after_candidate_0_gives_candidate_0(
    address, robot, source, observation
):
    """Fewer candidates than asked for is said."""
    source.most = 1
    try:
        with SteerClient(address) as client:
            client.open_session(robot)
            decision = client.steer(observation, num_candidates=4, budget_s=5)
    finally:
        source.most = 10_000

    assert (decision.index, decision.reason, decision.budget_hit) == (0, Reason.BUDGET, True)


@pytest.mark.parametrize(
    ("error", "status"),
    [(LateError("no time"), "DEADLINE_EXCEEDED"), (PolicyError("it died"), "UNAVAILABLE")],
)
def test_trouble_of_the_policy_is_a_clear_status(
    stub, open_session, source, observation, error, status
):
    """Late or dead, each has its own; the server goes on."""
    request = steer_request(open_session, observation)
    source.error = error
    try:
        found = refusal(stub.Steer, request)
    finally:
        source.error = None

    assert found == (status, type(error).__name__, str(error))
    assert stub.Steer(request, timeout=5).decision.num_scored == 4


def test_an_error_that_nobody_foresaw_is_internal_with_an_id_that_is_in_the_log(
    stub, open_session, source, observation, caplog
):
    """The robot gets no traceback; the log has it."""
    request = steer_request(open_session, observation)
    source.error = ZeroDivisionError("a bug")
    try:
        status, kind, details = refusal(stub.Steer, request)
    finally:
        source.error = None

    incident = details.rpartition(" ")[2]
    assert (status, kind) == ("INTERNAL", "ServerError")
    assert f"request failed id={incident} rpc=Steer" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text
    assert "bug" not in details


def steer_request(open_session, observation, **fields):
    return pb.SteerRequest(
        session=open_session().session,
        observations=[observation_to_message(observation)],
        budget=duration_from_seconds(5),
        **fields,
    )


def test_rank_of_the_client_returns_the_decision(address, robot, observation, rng):
    """The robot's own side, end to end."""
    candidates = Candidates(rng.normal(size=(5, 4, 2)).astype(np.float32))
    with SteerClient(address) as client:
        client.open_session(robot, selection=Selection(gated=False))

        decision = client.rank(observation, candidates, budget_s=5)

    assert decision.chunk.tobytes() == candidates.actions[decision.index].tobytes()
    assert decision.index == decision.scores.argmax()


def test_a_decision_reads_back_as_a_record(stub, rank_request):
    """What the server writes is what the robot's side accepts."""
    decision = decision_from_message(stub.Rank(rank_request(), timeout=5).decision)

    assert decision.timings.total_s >= decision.timings.score_s > 0
