"""Arrays, images and durations on the wire, checked before anything is allocated."""

import math
import sys
from collections.abc import Mapping

import numpy as np
from google.protobuf.duration_pb2 import Duration
from numpy.typing import NDArray

from steer.checks import DTYPES, MAX_RANK, check_finite
from steer.errors import InvalidInputError
from steer.types import EncodedImage
from steer.v1 import types_pb2

__all__ = [
    "duration_from_seconds",
    "duration_to_seconds",
    "fill_duration",
    "fill_tensor",
    "image_from_message",
    "image_to_message",
    "tensor_from_message",
    "tensor_to_message",
]

_MAX_ELEMENTS = 2**31
_NANOS = 1_000_000_000
_MAX_DURATION_S = 315_576_000_000  # protobuf's own bound, 10,000 years
_CODES: Mapping[str, int] = {
    name: types_pb2.DataType.Value("DATA_TYPE_" + name.upper()) for name in DTYPES
}
# A dtype's name takes NumPy 5 us; looking the dtype itself up takes 0.1 us.
_CODES_BY_DTYPE: Mapping[np.dtype[np.generic], int] = {
    np.dtype(name): code for name, code in _CODES.items()
}
_LITTLE: Mapping[int, np.dtype[np.generic]] = {
    code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()
}
_ENCODINGS = {
    "jpeg": types_pb2.IMAGE_ENCODING_JPEG,
    "png": types_pb2.IMAGE_ENCODING_PNG,
}
_ENCODING_NAMES = {code: name for name, code in _ENCODINGS.items()}


def tensor_to_message(array: NDArray[np.generic]) -> types_pb2.Tensor:
    """Return the message of an array; one copy, no check (records are checked when made).

    Args:
        array: Any shape; a dtype of `steer.types.DTYPES`.
    """
    message = types_pb2.Tensor()
    fill_tensor(message, array)
    return message


def fill_tensor(message: types_pb2.Tensor, array: NDArray[np.generic]) -> None:
    """Write an array into an empty message that stands in its place: no message is copied.

    Args:
        message: Empty.
        array: As in `tensor_to_message`.
    """
    if sys.byteorder == "big" or not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("<"))
    code = _CODES_BY_DTYPE.get(array.dtype) or _CODES[array.dtype.name]
    message.dtype = code  # type: ignore[assignment]  # enum values are ints
    message.shape.extend(array.shape)
    message.data = array.tobytes()


def tensor_from_message(message: types_pb2.Tensor, what: str) -> NDArray[np.generic]:
    """Return the array of a message: a read-only view of its bytes, no copy.

    Args:
        message: From the wire.
        what: How errors call it, for example `candidates.actions`.

    Raises:
        InvalidInputError: The dtype is not allowed, the rank is over 5, an extent is negative, the
            byte count does not fit, or a float is not finite.
    """
    dtype = _LITTLE.get(message.dtype)
    if dtype is None:
        raise InvalidInputError.expected(what, "dtype " + ", ".join(DTYPES), message.dtype)
    if len(message.shape) > MAX_RANK:
        raise InvalidInputError.expected(what, f"at most {MAX_RANK} axes", len(message.shape))
    shape = tuple(message.shape)
    if shape and min(shape) < 0:
        raise InvalidInputError.expected(what, "extents >= 0", list(shape))
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(message.data):
        raise InvalidInputError.expected(
            what, f"{needed} bytes for {dtype.name} of shape {list(shape)}", len(message.data)
        )
    if dtype.kind == "b" and message.data.translate(None, b"\x00\x01"):
        raise InvalidInputError.expected(what, "bool bytes of 0 or 1", "others")
    # Beside an extent of 0 the others are bounded by nothing but NumPy's own index type.
    if not needed and math.prod(max(extent, 1) for extent in shape) > _MAX_ELEMENTS:
        raise InvalidInputError.expected(what, "extents that can be indexed", list(shape))
    array = np.frombuffer(message.data, dtype).reshape(shape)
    if sys.byteorder == "big":
        array = array.astype(dtype.newbyteorder("="))
    check_finite(what, array)
    return array


def image_to_message(image: EncodedImage) -> types_pb2.Image:
    """Return the message of a compressed image."""
    return types_pb2.Image(encoding=_ENCODINGS[image.encoding], data=image.data)


def image_from_message(message: types_pb2.Image, what: str) -> EncodedImage:
    """Return the compressed image of a message; its bytes are not looked at here.

    Raises:
        InvalidInputError: The encoding is not known.
    """
    encoding = _ENCODING_NAMES.get(message.encoding)
    if encoding is None:
        raise InvalidInputError.expected(what, "encoding JPEG or PNG", message.encoding)
    return EncodedImage("jpeg" if encoding == "jpeg" else "png", message.data)


def duration_from_seconds(seconds: float) -> Duration:
    """Return the message of a duration in seconds, to the nanosecond."""
    message = Duration()
    fill_duration(message, seconds)
    return message


def fill_duration(message: Duration, seconds: float) -> None:
    """Write a duration in seconds, to the nanosecond, into a message; it is set even for 0."""
    whole = math.floor(seconds)
    nanos = round((seconds - whole) * _NANOS)
    if nanos == _NANOS:
        whole, nanos = whole + 1, 0
    if whole < 0 < nanos:  # protobuf wants both of one sign
        whole, nanos = whole + 1, nanos - _NANOS
    message.seconds, message.nanos = whole, nanos


def duration_to_seconds(message: Duration, what: str = "duration") -> float:
    """Return a duration in seconds.

    Raises:
        InvalidInputError: It breaks protobuf's own rules: over 10,000 years, nanos out of range or
            of the other sign.
    """
    seconds, nanos = message.seconds, message.nanos
    if abs(seconds) > _MAX_DURATION_S or abs(nanos) >= _NANOS or seconds * nanos < 0:
        raise InvalidInputError.expected(
            what, "a valid protobuf Duration", f"{seconds} s and {nanos} ns"
        )
    return seconds + nanos / _NANOS
