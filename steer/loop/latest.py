"""Hands the newest value from one process to another through shared memory; nobody ever waits.

One process writes, others read. There is no lock that a process could die with: a value that was
torn in the middle of its write is not seen, and the one before it is there instead.
"""

import mmap
import os
import struct
import zlib
from pathlib import Path

from steer.errors import InvalidInputError

__all__ = ["Latest"]

_MAGIC = b"steer/latest/1\0\0"
_SLOTS = 2
_NUMBER, _SIZE = struct.Struct("<Q"), struct.Struct("<II")
_LENGTH, _AFTER, _VALUE = 8, 16, 24
"""Where in a slot, behind the number before the write: length and checksum, the number after the
write, and the value."""
_SLOT = len(_MAGIC) + _NUMBER.size
"""Where the first slot begins, behind magic and capacity."""


class Latest:
    """A value of up to `capacity` bytes in a file that processes share.

    The writer fills two slots in turn, so that the newest whole value stays while the next one is
    written. A reader takes the slot with the largest number whose number is the same before and
    after it and whose checksum is right.

    Args:
        path: Of the file; in a directory that lies in memory (`/dev/shm`) no disk is touched.
        capacity: Bytes that a value may have; makes the file. None opens one that is there.

    Raises:
        InvalidInputError: The file there is none of these, or there is a file where one is to be
            made.
        OSError: The file cannot be made or opened.
    """

    def __init__(self, path: Path, *, capacity: int | None = None) -> None:
        flags = os.O_RDWR if capacity is None else os.O_RDWR | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError as error:
            raise InvalidInputError.expected("path", "no file there", path) from error
        try:
            if capacity is not None:
                if capacity < 1:
                    raise InvalidInputError.expected("capacity", ">= 1", capacity)
                os.posix_fallocate(descriptor, 0, _SLOT + _SLOTS * (_VALUE + capacity))
            length = os.fstat(descriptor).st_size
            if length < _SLOT:
                raise InvalidInputError.expected("path", "a file of steer.loop.latest", path)
            self._memory = mmap.mmap(descriptor, length)
        finally:
            os.close(descriptor)
        if capacity is not None:
            self._memory[len(_MAGIC) : _SLOT] = _NUMBER.pack(capacity)
            self._memory[: len(_MAGIC)] = _MAGIC  # last: a file without it is not ready
        if self._memory[: len(_MAGIC)] != _MAGIC:
            self._memory.close()
            raise InvalidInputError.expected("path", "a file of steer.loop.latest", path)
        self.path = path
        self.capacity: int = _NUMBER.unpack_from(self._memory, len(_MAGIC))[0]
        self._sequence = max(self._numbers())

    def close(self) -> None:
        """Let go of the memory; the file stays."""
        self._memory.close()

    def write(self, value: bytes) -> int:
        """Put a value in the place of the one before; return its number, 1 and up.

        Raises:
            InvalidInputError: It is too long.
        """
        if len(value) > self.capacity:
            raise InvalidInputError.expected("value", f"<= {self.capacity} bytes", len(value))
        number = self._sequence + 1
        place = self._place(number % _SLOTS)
        memory = self._memory
        _NUMBER.pack_into(memory, place, number)
        _SIZE.pack_into(memory, place + _LENGTH, len(value), _checksum(number, value))
        memory[place + _VALUE : place + _VALUE + len(value)] = value
        _NUMBER.pack_into(memory, place + _AFTER, number)
        self._sequence = number
        return number

    def read(self, *, after: int = 0) -> tuple[int, bytes] | None:
        """Return the newest whole value with its number; None where there is none after `after`."""
        found = [self._read(slot, after) for slot in range(_SLOTS)]
        return max((item for item in found if item is not None), default=None)

    def _read(self, slot: int, after: int) -> tuple[int, bytes] | None:
        place, memory = self._place(slot), self._memory
        (begin,) = _NUMBER.unpack_from(memory, place)
        length, checksum = _SIZE.unpack_from(memory, place + _LENGTH)
        if begin <= after or length > self.capacity:  # looking for news costs no copy
            return None
        value = memory[place + _VALUE : place + _VALUE + length]
        (end,) = _NUMBER.unpack_from(memory, place + _AFTER)
        (again,) = _NUMBER.unpack_from(memory, place)
        is_whole = begin == end == again and _checksum(begin, value) == checksum
        return (begin, value) if is_whole else None

    def _numbers(self) -> list[int]:
        return [_NUMBER.unpack_from(self._memory, self._place(slot))[0] for slot in range(_SLOTS)]

    def _place(self, slot: int) -> int:
        return _SLOT + slot * (_VALUE + self.capacity)


def _checksum(number: int, value: bytes) -> int:
    """Return the checksum of a value together with its number.

    A reader that is put to sleep may find the numbers of the new value around the old one.
    """
    return zlib.crc32(value, number & 0xFFFFFFFF)
