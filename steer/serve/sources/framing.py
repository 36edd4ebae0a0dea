"""Messages between the server and its policy worker: one safetensors blob each, behind its length.

A message is a JSON object and named arrays. Nothing in it can run code, and a length over the cap
is refused before memory is taken for it.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from steer.errors import PolicyError

__all__ = ["Message", "encode_message", "read_message", "receive_message", "write_message"]

_LENGTH_BYTES = 8
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message.

    Attributes:
        body: What JSON can hold.
        arrays: By name; any dtype that safetensors knows.
    """

    body: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def encode_message(message: Message) -> bytes:
    """Return the message as it stands on the pipe, its length in front."""
    arrays = {name: np.ascontiguousarray(value) for name, value in message.arrays.items()}
    blob = save(arrays, metadata={"body": json.dumps(message.body)})
    return len(blob).to_bytes(_LENGTH_BYTES, "little") + blob


def _decode(blob: bytes) -> Message:
    """Return the message that `blob`, without the length, holds.

    Raises:
        PolicyError: It is not a message.
    """
    try:
        end = _LENGTH_BYTES + int.from_bytes(blob[:_LENGTH_BYTES], "little")
        body = json.loads(json.loads(blob[_LENGTH_BYTES:end])["__metadata__"]["body"])
        return Message(body, load(blob))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise PolicyError(
            f"policy worker: expected a message, got {len(blob)} bytes ({error!r})"
        ) from error


async def receive_message(reader: asyncio.StreamReader) -> Message:
    """Read one message in the server.

    Raises:
        PolicyError: What came is not a message.
        asyncio.IncompleteReadError: The other end has closed the pipe.
    """
    size = _checked_size(await reader.readexactly(_LENGTH_BYTES))
    return _decode(await reader.readexactly(size))


def read_message(stream: BinaryIO) -> Message | None:
    """Read one message in the worker, or return None where the other end has closed the pipe.

    Raises:
        PolicyError: What came is not a message.
    """
    head = stream.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    size = _checked_size(head)
    blob = stream.read(size)
    return _decode(blob) if len(blob) == size else None


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write one message from the worker."""
    stream.write(encode_message(message))
    stream.flush()


def _checked_size(head: bytes) -> int:
    size = int.from_bytes(head, "little")
    if size > _MAX_BYTES:
        raise PolicyError(f"policy worker: expected a message of <= {_MAX_BYTES} bytes, got {size}")
    return size
