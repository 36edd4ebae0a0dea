"""Messages one after the other in a file: each whole, or known not to be.

`proto/steer/v1/decision_log.proto` has the layout of a frame.
"""

import os
import struct
import zlib
from typing import BinaryIO

from steer.errors import DecisionLogError, TooLargeError

__all__ = ["TornError", "frame", "read_frame"]

_WORD = struct.Struct("<I")


class TornError(Exception):
    """The file ends within a frame; readers of files handle it, nobody else sees it."""


def frame(what: str, message: bytes, most: int) -> bytes:
    """Return a message as a file holds it.

    Args:
        what: How errors call it.
        message: Its bytes.
        most: How many of them a reader takes.

    Raises:
        TooLargeError: There are more.
    """
    if len(message) > most:
        raise TooLargeError.expected(what, f"at most {most} bytes", len(message))
    length = _WORD.pack(len(message))
    return b"".join((length, _checksum(length), message, _checksum(message)))


def read_frame(what: str, file: BinaryIO, most: int) -> bytes | None:
    """Return the message of the next frame; None at the end of the file.

    The length has a checksum of its own: damaged, it could make all that follows look torn.

    Args:
        what: How errors call it.
        file: On a disk, at the beginning of a frame.
        most: Bytes of the largest message that is taken.

    Raises:
        TornError: The file ends within the frame.
        DecisionLogError: The frame is damaged, or too large.
    """
    head = file.read(2 * _WORD.size)
    if not head:
        return None
    if len(head) < 2 * _WORD.size:
        raise TornError
    if _checksum(head[: _WORD.size]) != head[_WORD.size :]:
        raise DecisionLogError(f"{what}: expected the checksum of its length, got another: damaged")
    (length,) = _WORD.unpack_from(head)
    if length > most:
        raise DecisionLogError(f"{what}: expected at most {most} bytes, got {length}")
    # Before anything is allocated: a short file may claim a long frame.
    if os.fstat(file.fileno()).st_size - file.tell() < length + _WORD.size:
        raise TornError
    message = file.read(length)
    if file.read(_WORD.size) != _checksum(message):
        raise DecisionLogError(f"{what}: expected the checksum of its bytes, got another: damaged")
    return message


def _checksum(data: bytes) -> bytes:
    return _WORD.pack(zlib.crc32(data))
