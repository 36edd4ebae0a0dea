"""Messages over a pipe: what goes in comes out, and nothing else is taken for a message."""

import asyncio
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steer.errors import PolicyError
from steer.serve.sources.framing import (
    Message,
    encode_message,
    read_message,
    receive_message,
    write_message,
)

ARRAYS = arrays.arrays(
    st.sampled_from([np.float32, np.uint8, np.int64]), arrays.array_shapes(min_dims=0, min_side=0)
)


def received(data):
    """Return what the server's end of a pipe makes of these bytes."""

    async def receive():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await receive_message(reader)

    return asyncio.run(receive())


@settings(max_examples=30)
@given(body=st.dictionaries(st.text(max_size=5), st.text(max_size=9)), array=ARRAYS)
def test_a_message_survives_the_pipe(body, array):
    """JSON and arrays come out as they went in, bit for bit."""
    stream = BytesIO()

    write_message(stream, Message(body, {"array": array}))
    stream.seek(0)
    message = read_message(stream)

    assert message.body == body
    assert message.arrays["array"].dtype == array.dtype
    np.testing.assert_array_equal(message.arrays["array"], array)


def test_both_ends_read_the_same():
    """The server's asynchronous reader and the worker's blocking one speak one format."""
    numbers = {"seed": 2**64 - 1, "budget_s": 0.25}

    message = received(encode_message(Message(numbers)))

    assert message.body == numbers
    assert message.arrays == {}


def test_a_closed_pipe_is_the_end():
    """The worker reads None where the server has closed the pipe, in a message or between two."""
    whole = encode_message(Message({"id": 1}))

    assert read_message(BytesIO(b"")) is None
    assert read_message(BytesIO(whole[:4])) is None
    assert read_message(BytesIO(whole[:-1])) is None


def test_a_closed_pipe_in_a_message_is_told_from_a_message():
    """The server learns that the worker has gone, not that it said nothing."""
    with pytest.raises(asyncio.IncompleteReadError):
        received(encode_message(Message({"id": 1}))[:-1])


def test_a_length_over_the_cap_is_refused_at_once():
    """A print into the pipe would read as a huge length; no memory is taken for it."""
    with pytest.raises(
        PolicyError, match=r"expected a message of <= 1073741824 bytes, got 2334956330749620044"
    ):
        received(b"Loading weights")


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 20, b"\x04\0\0\0\0\0\0\0null", b"no safetensors here"],
)
def test_bytes_that_are_no_message_are_refused(blob):
    """Anything but safetensors with a JSON body is an error of the worker."""
    with pytest.raises(PolicyError, match="expected a message, got"):
        received(len(blob).to_bytes(8, "little") + blob)
