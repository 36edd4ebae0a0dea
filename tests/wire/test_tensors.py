"""Arrays and durations: a bijection for what is valid, a clear refusal for what is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.checks import DTYPES
from steer.errors import InvalidInputError
from steer.types import EncodedImage
from steer.v1 import types_pb2
from steer.wire.tensors import (
    duration_from_seconds,
    duration_to_seconds,
    image_from_message,
    image_to_message,
    tensor_from_message,
    tensor_to_message,
)

WHAT = "observation.tensors['observation.state']"
FLOAT32 = types_pb2.DATA_TYPE_FLOAT32
SHAPES = st.lists(st.integers(0, 4), max_size=5).map(tuple)


def tensor(shape=(2,), data=bytes(8), dtype=FLOAT32):
    """A message as a stranger may send it."""
    return types_pb2.Tensor(dtype=dtype, shape=shape, data=data)


@settings(deadline=None)
@given(st.sampled_from(DTYPES), SHAPES, st.integers(0, 2**32 - 1))
def test_an_array_comes_back_bit_for_bit(name, shape, seed):
    """Dtype, shape and bytes survive, for every dtype and rank that may travel."""
    array = (np.random.default_rng(seed).random(shape) * 100).astype(name)

    sent = tensor_to_message(array).SerializeToString()
    found = tensor_from_message(types_pb2.Tensor.FromString(sent), WHAT)

    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()


@settings(deadline=None, max_examples=300)
@given(
    st.integers(-1, 12),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3), max_size=7),
    st.binary(max_size=40),
)
def test_what_a_stranger_sends_is_an_array_that_fits_or_a_refusal(code, shape, data):
    """No other exception, no array that is larger than its bytes."""
    message = tensor(shape=shape, data=data, dtype=code)

    try:
        found = tensor_from_message(message, WHAT)
    except InvalidInputError as error:
        assert str(error).startswith(f"{WHAT}: expected ")  # noqa: PT017
    else:
        assert found.tobytes() == data
        assert found.shape == tuple(shape)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (tensor(dtype=0), "dtype " + ", ".join(DTYPES) + ", got 0"),
        (tensor(shape=(1,) * 6), "at most 5 axes, got 6"),
        (tensor(shape=(-2, -1)), "extents >= 0, got [-2, -1]"),
        (tensor(shape=(3,)), "12 bytes for float32 of shape [3], got 8"),
        (tensor(shape=(2**40, 2**40)), f"{2**82} bytes for float32 of shape {[2**40] * 2}, got 8"),
        (tensor((0, 2**40), b""), f"extents that can be indexed, got [0, {2**40}]"),
        (
            tensor(data=np.array([1, np.nan], "<f4").tobytes()),
            "finite values, got nan at [1]",
        ),
        (tensor(data=b"\x00\x02", dtype=types_pb2.DATA_TYPE_BOOL), "bool bytes of 0 or 1, got"),
    ],
)
def test_a_tensor_that_breaks_its_contract_is_refused_by_name(message, text):
    """The text has the field, what was expected and what came."""
    with pytest.raises(InvalidInputError) as caught:
        tensor_from_message(message, WHAT)

    assert str(caught.value).startswith(f"{WHAT}: expected {text}")


def test_a_tensor_of_many_axes_is_refused_before_they_are_copied():
    """Its rank is looked at first, whatever the extents are."""
    with pytest.raises(InvalidInputError, match="at most 5 axes, got 1000"):
        tensor_from_message(tensor(shape=[1] * 1000), WHAT)


def test_a_decoded_array_is_a_read_only_view():
    """Nothing is copied, so nothing may be written."""
    found = tensor_from_message(tensor(), WHAT)

    assert not found.flags.writeable
    assert not found.flags.owndata


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2],
    ],
    ids=["big-endian", "fortran", "strided"],
)
def test_an_array_of_any_layout_travels_in_c_order_and_little_endian(array):
    """The receiver sees equal values, whatever the sender's memory looks like."""
    found = tensor_from_message(tensor_to_message(array), WHAT)

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("encoding", ["jpeg", "png"])
def test_an_encoded_image_comes_back(encoding):
    """Its bytes are not looked at."""
    image = EncodedImage(encoding, b"not a picture")

    assert image_from_message(image_to_message(image), "x") == image


def test_an_image_of_unknown_encoding_is_refused():
    """Unset is refused like any other."""
    with pytest.raises(InvalidInputError, match=r"^x: expected encoding JPEG or PNG, got 0$"):
        image_from_message(types_pb2.Image(data=b"..."), "x")


@given(st.integers(-(10**15), 10**15))
def test_a_duration_of_whole_nanoseconds_keeps_them(nanos):
    """Within what a float of that size can tell apart."""
    seconds = nanos / 1e9

    message = duration_from_seconds(seconds)

    assert duration_to_seconds(message) == pytest.approx(seconds, rel=1e-15, abs=1e-9)
    assert message.seconds * message.nanos >= 0


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(1, -1), (-1, 1), (0, 10**9), (0, -(10**9)), (2**62, 0)]
)
def test_a_duration_that_breaks_protobufs_rules_is_refused(seconds, nanos):
    """The field is named."""
    message = duration_from_seconds(0)
    message.seconds, message.nanos = seconds, nanos

    with pytest.raises(InvalidInputError) as caught:
        duration_to_seconds(message, "budget")

    expected = f"budget: expected a valid protobuf Duration, got {seconds} s and {nanos} ns"
    assert str(caught.value) == expected
