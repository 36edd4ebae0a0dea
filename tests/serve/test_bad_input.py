"""Bad input over real gRPC: a clear status each time, and the next request is served."""

from dataclasses import replace

import grpc
import numpy as np
import pytest

from steer.v1 import steering_pb2 as pb
from steer.v1 import types_pb2
from steer.wire.observations import observation_to_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import duration_from_seconds


def refusal(call, request):
    """Return status, `steer-error` and text of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=5)
    metadata = dict(caught.value.trailing_metadata() or ())
    return caught.value.code().name, metadata.get("steer-error"), caught.value.details()


def is_served(stub, request):
    return stub.Rank(request, timeout=5).decision.num_scored == 5


def steer_request(open_session, observation, **fields):
    return pb.SteerRequest(
        session=open_session().session,
        observations=[observation_to_message(observation)],
        budget=duration_from_seconds(5),
        **fields,
    )


def spoil_dtype(request):
    request.candidates.actions.dtype = types_pb2.DATA_TYPE_FLOAT64


def spoil_whole_dtype(request):
    actions = request.candidates.actions
    actions.dtype = types_pb2.DATA_TYPE_FLOAT64
    actions.data = np.frombuffer(actions.data, np.float32).astype(np.float64).tobytes()


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
        (spoil_whole_dtype, "InvalidInputError", "candidates.actions: expected float32 of shape"),
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


def test_an_image_that_nobody_needs_is_checked_all_the_same(stub, rank_request):
    """Raw pixels under the cap pass."""
    request = rank_request()
    tensor = request.observation.tensors["observation.images.top"]
    tensor.dtype, tensor.data = types_pb2.DATA_TYPE_UINT8, bytes(10 * 10 * 3)
    tensor.shape.extend([10, 10, 3])

    assert is_served(stub, request)
