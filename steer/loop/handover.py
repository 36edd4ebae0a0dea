"""Requests, ticks and chunks as bytes, for the memory that System 1 and System 2 share.

Both ends are processes of one robot and one version of this package. What does not read as it
should is an error all the same, for memory can hold anything. Observations are no messages here:
System 1 puts their arrays there as they lie, and System 2 makes the message.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import cast

import numpy as np
from numpy.typing import NDArray

from steer.checks import DTYPES
from steer.errors import InvalidInputError
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.loop.spent import Spent
from steer.types import EncodedImage, Observation

__all__ = [
    "Parts",
    "chunk_from_bytes",
    "chunk_to_bytes",
    "observation_from_bytes",
    "observation_to_parts",
    "request_from_bytes",
    "request_to_parts",
    "sensed_from_bytes",
    "sensed_to_parts",
]

Parts = list["bytes | NDArray[np.generic]"]
"""What lies one behind the other, as `steer.loop.latest.Latest.write` takes it: bytes, and arrays
in C order."""

_REQUEST = struct.Struct("<qqqqdII")
_CHUNK = struct.Struct("<qqqqqdIIII7d")
_SENSED = struct.Struct("<qqdI")
_OBSERVATION, _FIELD = struct.Struct("<dIIII"), struct.Struct("<HBB")
_SENT = 3
_UNKNOWN = (float("nan"),) * 7
"""In the place of what was spent on a chunk."""
_KINDS = (*DTYPES, "jpeg", "png")
_KIND_OF = {np.dtype(name): kind for kind, name in enumerate(DTYPES)}
_DTYPE_OF = (*_KIND_OF, np.dtype(np.uint8), np.dtype(np.uint8))


def observation_to_parts(observation: Observation) -> Parts:
    """Return the parts of an observation: what it has, then its arrays as they are."""
    at_s, running = observation.captured_at_s, observation.running
    rows, columns = (0, 0) if running is None else running.shape
    at_s, words = math.nan if at_s is None else at_s, observation.instruction.encode()
    head = [_OBSERVATION.pack(at_s, len(words), len(observation.arrays), rows, columns), words]
    parts: Parts = [] if running is None else [np.ascontiguousarray(running)]
    for name, value in observation.arrays.items():
        shape: tuple[int, ...]
        if isinstance(value, EncodedImage):
            kind, shape = _KINDS.index(value.encoding), (len(value.data),)
            parts.append(value.data)
        else:
            kind, shape = _kind_of(value.dtype), value.shape
            parts.append(np.ascontiguousarray(value, _DTYPE_OF[kind]))
        key, axes = name.encode(), len(shape)
        head += [_FIELD.pack(len(key), kind, axes), key, struct.pack(f"<{axes}q", *shape)]
    return [b"".join(head), *parts]


def _kind_of(dtype: "np.dtype[np.generic]") -> int:
    """Return the number of a dtype, in whatever order its bytes are."""
    kind = _KIND_OF.get(dtype)  # its name takes NumPy 5 us
    return _KINDS.index(dtype.name) if kind is None else kind


def observation_from_bytes(data: bytes) -> Observation:
    """Return the observation of its parts; its arrays are read-only views.

    Raises:
        InvalidInputError: They are none, or break the contract of one.
    """
    observation, end = _observation_at(data, 0)
    if end != len(data):
        raise _torn("observation", data)
    return observation


def _observation_at(data: bytes, place: int) -> tuple[Observation, int]:
    """Return the observation that begins at a place, and where it ends."""
    try:
        at_s, length, count, rows, columns = _OBSERVATION.unpack_from(data, place)
        place += _OBSERVATION.size + length
        words, found = data[place - length : place].decode(), []
        for _ in range(count):
            length, kind, axes = _FIELD.unpack_from(data, place)
            place += _FIELD.size + length
            name = data[place - length : place].decode()
            found.append((name, kind, struct.unpack_from(f"<{axes}q", data, place)))
            place += 8 * axes
    except (struct.error, UnicodeDecodeError) as error:
        raise _torn("observation", data) from error
    running: NDArray[np.float32] | None = None
    arrays: dict[str, NDArray[np.generic] | EncodedImage] = {}
    if rows:
        array, place = _array_at(data, place, np.dtype(np.float32), (rows, columns))
        running = cast("NDArray[np.float32]", array)
    for name, kind, shape in found:
        if kind >= len(_KINDS):
            raise _torn("observation", data)
        array, place = _array_at(data, place, _DTYPE_OF[kind], shape)
        if kind < len(DTYPES):
            arrays[name] = array
        else:
            is_jpeg = _KINDS[kind] == "jpeg"
            arrays[name] = EncodedImage("jpeg" if is_jpeg else "png", array.tobytes())
    captured_at_s = None if math.isnan(at_s) else at_s
    return Observation(arrays, captured_at_s, words, running), place


def _array_at(
    data: bytes, place: int, dtype: "np.dtype[np.generic]", shape: tuple[int, ...]
) -> tuple[NDArray[np.generic], int]:
    """Return the array that begins at a place, and where it ends."""
    count = math.prod(shape)
    end = place + count * dtype.itemsize
    if min(shape, default=0) < 0 or end > len(data):
        raise _torn("observation", data)
    try:
        flat = np.frombuffer(data, dtype, count, place) if count else np.zeros(0, dtype)
        return flat.reshape(shape), end
    except ValueError as error:  # more axes, or larger ones, than NumPy has
        raise _torn("observation", data) from error


def request_to_parts(request: Request) -> Parts:
    """Return the parts of a request."""
    head = _REQUEST.pack(
        request.consumed,
        request.frozen,
        request.epoch,
        request.sequence,
        request.captured_at_s,
        len(request.observations),
        len(request.travelled),
    )
    parts: Parts = [head, np.ascontiguousarray(request.travelled, np.float64)]
    for item in request.observations:
        parts += observation_to_parts(item)
    return parts


def request_from_bytes(data: bytes) -> Request:
    """Return the request of its parts.

    Raises:
        InvalidInputError: They are none.
    """
    try:
        *numbers, captured_at_s, count, columns = _REQUEST.unpack_from(data)
    except struct.error as error:
        raise _torn("request", data) from error
    place, seen = _REQUEST.size + 8 * columns, []
    if place > len(data):
        raise _torn("request", data)
    travelled = np.frombuffer(data[_REQUEST.size : place])
    for _ in range(count):
        observation, place = _observation_at(data, place)
        seen.append(observation)
    if place != len(data) or not seen:
        raise _torn("request", data)
    names = ("consumed", "frozen", "epoch", "sequence")
    named = dict(zip(names, numbers, strict=True))
    return Request(
        observations=tuple(seen), captured_at_s=captured_at_s, travelled=travelled, **named
    )


def sensed_to_parts(sensed: Sensed) -> Parts:
    """Return the parts of a tick."""
    sent = np.ascontiguousarray(sensed.sent, np.float32)
    head = _SENSED.pack(sensed.consumed, sensed.epoch, sensed.captured_at_s, sent.shape[1])
    travelled = np.ascontiguousarray(sensed.travelled, np.float64)
    return [head, sent, travelled, *observation_to_parts(sensed.observation)]


def sensed_from_bytes(data: bytes) -> Sensed:
    """Return the tick of its parts.

    Raises:
        InvalidInputError: They are none.
    """
    try:
        consumed, epoch, captured_at_s, columns = _SENSED.unpack_from(data)
    except struct.error as error:
        raise _torn("tick", data) from error
    middle = _SENSED.size + 4 * _SENT * columns
    place = middle + 8 * columns
    if place > len(data):
        raise _torn("tick", data)
    observation, end = _observation_at(data, place)
    if end != len(data):
        raise _torn("tick", data)
    return Sensed(
        observation=observation,
        consumed=consumed,
        epoch=epoch,
        captured_at_s=captured_at_s,
        sent=np.frombuffer(data[_SENSED.size : middle], np.float32).reshape(_SENT, columns),
        travelled=np.frombuffer(data[middle:place]),
    )


def chunk_to_bytes(chunk: Chunk) -> bytes:
    """Return the bytes of a chunk."""
    alarm, fallback = chunk.alarm.encode(), chunk.fallback.encode()
    head = _CHUNK.pack(
        chunk.consumed,
        chunk.frozen,
        chunk.commit,
        chunk.epoch,
        chunk.sequence,
        chunk.captured_at_s,
        *chunk.actions.shape,
        len(alarm),
        len(fallback),
        *(_UNKNOWN if chunk.spent is None else astuple(chunk.spent)),
    )
    return head + np.ascontiguousarray(chunk.actions, np.float32).tobytes() + alarm + fallback


def chunk_from_bytes(data: bytes) -> Chunk:
    """Return the chunk of its bytes.

    Raises:
        InvalidInputError: They are none, or of one that makes no sense.
    """
    try:
        found = _CHUNK.unpack_from(data)
        (*numbers, captured_at_s, rows, columns, length, rest), seconds = found[:10], found[10:]
        place = _CHUNK.size + 4 * rows * columns
        alarm, fallback = data[place : place + length].decode(), data[place + length :].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise _torn("chunk", data) from error
    if len(data) != place + length + rest:
        raise _torn("chunk", data)
    flat = np.frombuffer(data[_CHUNK.size : place], np.uint8)
    names = ("consumed", "frozen", "commit", "epoch", "sequence")
    return Chunk(
        actions=flat.view(np.float32).reshape(rows, columns),
        captured_at_s=captured_at_s,
        fallback=fallback,
        alarm=alarm,
        spent=None if math.isnan(seconds[0]) else _spent(seconds),
        **dict(zip(names, numbers, strict=True)),
    )


def _spent(seconds: Sequence[float]) -> Spent:
    return Spent(**dict(zip((item.name for item in fields(Spent)), seconds, strict=True)))


def _torn(what: str, data: bytes) -> InvalidInputError:
    return InvalidInputError.expected(what, "whole bytes of one", f"{len(data)} bytes")
