"""The service over real gRPC: decisions, and every kind of bad input."""

import concurrent.futures
from dataclasses import replace

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import LateError, PolicyError
from steer.types import Candidates, Reason, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1 import types_pb2
from steer.wire.records import decision_from_message, observation_to_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import duration_from_seconds, tensor_from_message

UNGATED = types_pb2.Selection(selector=types_pb2.SELECTOR_ARGMAX, gated=False)


def refusal(call, request):
    """Return status, `steer-error` and text of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=5)
    metadata = dict(caught.value.trailing_metadata() or ())
    return caught.value.code().name, metadata.get("steer-error"), caught.value.details()


def is_served(stub, request):
    return stub.Rank(request, timeout=5).decision.num_scored == 5


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

    assert (decision.index, decision.reason, decision.budget_hit) == (0, Reason.SINGLE, True)


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


def spoil_dtype(request):
    request.candidates.actions.dtype = types_pb2.DATA_TYPE_FLOAT64


def spoil_unspecified(request):
    request.candidates.actions.dtype = 0


def spoil_shape(request):
    request.candidates.actions.shape[:] = [5, 8]


def spoil_rank(request):
    request.candidates.actions.shape[:] = [5, 4, 2, 1, 1, 1]


def spoil_negative(request):
    request.candidates.actions.shape[:] = [-5, 4, -2]


def spoil_huge(request):
    request.candidates.actions.shape[:] = [2**40, 2**40, 2**40]


def spoil_bytes(request):
    request.candidates.actions.data += b"\0"


def spoil_nan(request):
    request.candidates.actions.data = np.full((5, 4, 2), np.nan, np.float32).tobytes()


def spoil_inf(request):
    state = np.float32([0, np.inf, 0])
    request.observation.tensors["observation.state"].data = state.tobytes()


def spoil_none(request):
    request.candidates.actions.shape[0] = 0
    request.candidates.actions.data = b""


def spoil_count(request):
    request.candidates.ClearField("provenance")
    request.candidates.actions.shape[0] = 9
    request.candidates.actions.data = bytes(9 * 4 * 2 * 4)


def spoil_missing(request):
    request.ClearField("candidates")


def spoil_observation(request):
    request.ClearField("observation")


def spoil_budget(request):
    request.budget.CopyFrom(duration_from_seconds(-0.5))


def spoil_zero_budget(request):
    request.budget.CopyFrom(duration_from_seconds(0))


def spoil_image(request):
    image = request.observation.images["observation.images.top"]
    image.encoding, image.data = types_pb2.IMAGE_ENCODING_PNG, b"not an image"


def spoil_pixels(request):
    tensor = request.observation.tensors["observation.images.top"]
    tensor.dtype, tensor.data = types_pb2.DATA_TYPE_UINT8, bytes(11 * 10 * 3)
    tensor.shape.extend([11, 10, 3])


def spoil_instruction(request):
    request.observation.instruction = "x" * 2049


@pytest.mark.parametrize(
    ("spoil", "kind", "text"),
    [
        (spoil_dtype, "InvalidInputError", "candidates.actions: expected 320 bytes for float64"),
        (spoil_unspecified, "InvalidInputError", "candidates.actions: expected dtype bool, "),
        (spoil_shape, "InvalidInputError", "expected float32 of shape [N, H, A]"),
        (spoil_rank, "InvalidInputError", "expected at most 5 axes, got 6"),
        (spoil_negative, "InvalidInputError", "expected extents >= 0, got [-5, 4, -2]"),
        (spoil_huge, "InvalidInputError", "candidates.actions: expected "),
        (spoil_bytes, "InvalidInputError", "expected 160 bytes for float32"),
        (spoil_nan, "InvalidInputError", "expected finite values, got nan at [0, 0, 0]"),
        (spoil_inf, "InvalidInputError", "expected finite values, got inf at [1]"),
        (spoil_none, "InvalidInputError", "expected float32 of shape [N, H, A], each >= 1"),
        (spoil_count, "InvalidInputError", "number of candidates: expected 1..8, got 9"),
        (spoil_missing, "InvalidInputError", "candidates.actions: expected dtype"),
        (spoil_observation, "InvalidInputError", "observation.tensors['observation.state']"),
        (spoil_budget, "InvalidInputError", "budget: expected > 0 s, got -0.5 s: already spent"),
        (spoil_zero_budget, "InvalidInputError", "budget: expected > 0 s, got 0 s: already spent"),
        (spoil_image, "InvalidInputError", "expected a whole PNG file"),
        (spoil_pixels, "TooLargeError", "expected at most 100 pixels, got 11 x 10"),
        (spoil_instruction, "InvalidInputError", "expected at most 2048 bytes, got 2049 bytes"),
    ],
)
def test_bad_input_is_refused_by_name_and_the_next_request_is_served(
    stub, rank_request, spoil, kind, text
):
    """A clear status and text; the server serves on."""
    good = rank_request()
    bad = pb.RankRequest()
    bad.CopyFrom(good)
    spoil(bad)

    status, found, details = refusal(stub.Rank, bad)

    assert (status, found) == ("INVALID_ARGUMENT", kind)
    assert text in details
    assert is_served(stub, good)


def test_an_unknown_session_is_refused(stub, rank_request):
    """The client opens a new one."""
    good = rank_request()
    bad = pb.RankRequest()
    bad.CopyFrom(good)
    bad.session = "nope"

    status, kind, details = refusal(stub.Rank, bad)

    assert (status, kind) == ("FAILED_PRECONDITION", "SessionError")
    assert "the unknown 'nope'" in details
    assert is_served(stub, good)


def test_closing_a_session_forgets_it(stub, rank_request):
    """Closing twice is no error."""
    request = rank_request()
    for _ in range(2):
        stub.CloseSession(pb.CloseSessionRequest(session=request.session), timeout=5)

    assert refusal(stub.Rank, request)[1] == "SessionError"


def test_an_embodiment_mismatch_names_the_field(stub, robot):
    """The robot's gripper works the other way round."""
    other = replace(robot, gripper="opens")
    request = pb.OpenSessionRequest(embodiment=embodiment_to_message(other))

    status, kind, details = refusal(stub.OpenSession, request)

    assert (status, kind) == ("FAILED_PRECONDITION", "EmbodimentMismatchError")
    assert "embodiment.gripper: expected 'none', got 'opens'" in details


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"critic": "nope"}, "ConfigError", "critic: expected one of 'reach', got 'nope'"),
        ({"robot": "x" * 129}, "InvalidInputError", "robot: expected at most 128 bytes"),
        (
            {"selection": types_pb2.Selection(beta=-1)},
            "InvalidInputError",
            "selection.beta: expected a finite number > 0, got -1",
        ),
        (
            {"selection": types_pb2.Selection(selector=99)},
            "InvalidInputError",
            "selection.selector: expected a known Selector, got 99",
        ),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(stub, open_session, fields, kind, text):
    """The text has the field."""
    with pytest.raises(grpc.RpcError) as caught:
        open_session(**fields)

    assert dict(caught.value.trailing_metadata())["steer-error"] == kind
    assert text in caught.value.details()


def test_a_session_without_an_embodiment_is_refused(stub):
    """It is the one thing that OpenSession needs."""
    found = refusal(stub.OpenSession, pb.OpenSessionRequest())

    assert found[2] == "embodiment: expected the robot's, got none"


def test_steer_without_observations_or_with_too_many_candidates_is_refused(
    stub, open_session, observation
):
    """The text says what was expected."""
    bad = steer_request(open_session, observation, num_candidates=9)
    empty = steer_request(open_session, observation)
    empty.ClearField("observations")

    assert "number of candidates: expected 1..8, got 9" in refusal(stub.Steer, bad)[2]
    assert "observations: expected at least one, got none" in refusal(stub.Steer, empty)[2]


def test_a_message_over_the_cap_is_refused_and_the_connection_survives(stub, rank_request):
    """The cap here is 1 MiB."""
    good = rank_request()
    big = pb.RankRequest(session="x" * (1 << 20))

    status, _, details = refusal(stub.Rank, big)

    assert status == "RESOURCE_EXHAUSTED"
    assert "larger than max" in details
    assert is_served(stub, good)


def test_malformed_protobuf_is_grpc_s_own_error_and_the_next_request_is_served(
    channel, stub, rank_request
):
    """Nothing of ours runs on bytes that are not a message."""
    good = rank_request()
    call = channel.unary_unary("/steer.v1.Steering/Rank")

    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff\xff", timeout=5)

    assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
    assert is_served(stub, good)


def test_rank_of_the_client_returns_the_decision(address, robot, observation, rng):
    """The robot's own side, end to end."""
    candidates = Candidates(rng.normal(size=(5, 4, 2)).astype(np.float32))
    with SteerClient(address) as client:
        client.open_session(robot, selection=Selection(gated=False))

        decision = client.rank(observation, candidates, budget_s=5)

    assert decision.chunk.tobytes() == candidates.actions[decision.index].tobytes()
    assert decision.index == decision.scores.argmax()


def test_an_image_that_nobody_needs_is_checked_all_the_same(stub, rank_request):
    """Raw pixels under the cap pass."""
    request = rank_request()
    tensor = request.observation.tensors["observation.images.top"]
    tensor.dtype, tensor.data = types_pb2.DATA_TYPE_UINT8, bytes(10 * 10 * 3)
    tensor.shape.extend([10, 10, 3])

    assert is_served(stub, request)


def test_a_decision_reads_back_as_a_record(stub, rank_request):
    """What the server writes is what the robot's side accepts."""
    decision = decision_from_message(stub.Rank(rank_request(), timeout=5).decision)

    assert decision.timings.total_s >= decision.timings.score_s > 0
