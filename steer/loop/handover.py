"""Requests and chunks as bytes, for the memory that System 1 and System 2 share.

Both ends are processes of one robot and one version of this package. What does not read as it
should is an error all the same, for memory can hold anything.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np

from steer.errors import InvalidInputError
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.loop.spent import Spent
from steer.wire.observations import observation_from_bytes, observation_to_bytes

__all__ = [
    "chunk_from_bytes",
    "chunk_to_bytes",
    "request_from_bytes",
    "request_to_bytes",
    "sensed_from_bytes",
    "sensed_to_bytes",
]

_REQUEST = struct.Struct("<qqqqdII")
_CHUNK = struct.Struct("<qqqqqd?III8d")
_SENSED = struct.Struct("<qqdI")
_LENGTH = struct.Struct("<Q")
_SENT = 3
_UNKNOWN = (float("nan"),) * 8
"""In the place of what was spent on a chunk."""


def request_to_bytes(request: Request) -> bytes:
    """Return the bytes of a request."""
    head = _REQUEST.pack(
        request.consumed,
        request.frozen,
        request.epoch,
        request.sequence,
        request.captured_at_s,
        len(request.observations),
        len(request.travelled),
    )
    head += np.ascontiguousarray(request.travelled, np.float64).tobytes()
    seen = [observation_to_bytes(item) for item in request.observations]
    return b"".join([head, *(_LENGTH.pack(len(item)) + item for item in seen)])


def request_from_bytes(data: bytes) -> Request:
    """Return the request of its bytes.

    Raises:
        InvalidInputError: They are none.
    """
    try:
        *numbers, captured_at_s, count, columns = _REQUEST.unpack_from(data)
        place, seen = _REQUEST.size + 8 * columns, []
        if place > len(data):
            raise _torn("request", data)
        travelled = np.frombuffer(data[_REQUEST.size : place])
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, place)
            begin = place + _LENGTH.size
            place = begin + length
            seen.append(observation_from_bytes(data[begin:place]))
    except struct.error as error:
        raise _torn("request", data) from error
    if place != len(data) or not seen:
        raise _torn("request", data)
    names = ("consumed", "frozen", "epoch", "sequence")
    named = dict(zip(names, numbers, strict=True))
    return Request(
        observations=tuple(seen), captured_at_s=captured_at_s, travelled=travelled, **named
    )


def sensed_to_bytes(sensed: Sensed) -> bytes:
    """Return the bytes of a tick."""
    sent = np.ascontiguousarray(sensed.sent, np.float32)
    head = _SENSED.pack(sensed.consumed, sensed.epoch, sensed.captured_at_s, sent.shape[1])
    travelled = np.ascontiguousarray(sensed.travelled, np.float64)
    places = sent.tobytes() + travelled.tobytes()
    return head + places + observation_to_bytes(sensed.observation)


def sensed_from_bytes(data: bytes) -> Sensed:
    """Return the tick of its bytes.

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
    return Sensed(
        observation=observation_from_bytes(data[place:]),
        consumed=consumed,
        epoch=epoch,
        captured_at_s=captured_at_s,
        sent=np.frombuffer(data[_SENSED.size : middle], np.float32).reshape(_SENT, columns),
        travelled=np.frombuffer(data[middle:place]),
    )


def chunk_to_bytes(chunk: Chunk) -> bytes:
    """Return the bytes of a chunk."""
    alarm = chunk.alarm.encode()
    head = _CHUNK.pack(
        chunk.consumed,
        chunk.frozen,
        chunk.commit,
        chunk.epoch,
        chunk.sequence,
        chunk.captured_at_s,
        chunk.is_steered,
        *chunk.actions.shape,
        len(alarm),
        *(_UNKNOWN if chunk.spent is None else astuple(chunk.spent)),
    )
    return head + np.ascontiguousarray(chunk.actions, np.float32).tobytes() + alarm


def chunk_from_bytes(data: bytes) -> Chunk:
    """Return the chunk of its bytes.

    Raises:
        InvalidInputError: They are none, or of one that makes no sense.
    """
    try:
        found = _CHUNK.unpack_from(data)
        (*numbers, captured_at_s, is_steered, rows, columns, length), seconds = (
            found[:10],
            found[10:],
        )
        place = _CHUNK.size + 4 * rows * columns
        alarm = data[place:].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise _torn("chunk", data) from error
    flat = np.frombuffer(data[_CHUNK.size : place], np.uint8)
    if len(data) != place + length:
        raise _torn("chunk", data)
    names = ("consumed", "frozen", "commit", "epoch", "sequence")
    return Chunk(
        actions=flat.view(np.float32).reshape(rows, columns),
        captured_at_s=captured_at_s,
        is_steered=is_steered,
        alarm=alarm,
        spent=None if math.isnan(seconds[0]) else _spent(seconds),
        **dict(zip(names, numbers, strict=True)),
    )


def _spent(seconds: Sequence[float]) -> Spent:
    return Spent(**dict(zip((item.name for item in fields(Spent)), seconds, strict=True)))


def _torn(what: str, data: bytes) -> InvalidInputError:
    return InvalidInputError.expected(what, "whole bytes of one", f"{len(data)} bytes")
