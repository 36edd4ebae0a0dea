"""Hands the newest value from one process to another through shared memory; nobody ever waits.

One process writes, others read. There is no lock that a process could die with: a value that was
torn in the middle of its write is not seen, and the one before it is there instead.
"""

import logging
import mmap
import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError

__all__ = ["Latest"]

logger = logging.getLogger(__name__)

_MAGIC = b"steer/latest/2\0\0"
_SLOTS, _WORD = 2, 8
_NUMBER, _SIZE = struct.Struct("<Q"), struct.Struct("<QQ")
_LENGTH, _AFTER, _VALUE = 8, 24, 32
"""Where in a slot, behind the number before the write: length and checksum, the number after the
write, and the value."""
_SLOT = len(_MAGIC) + _NUMBER.size
"""Where the first slot begins, behind magic and capacity."""
_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
"""Spreads small numbers over all bits."""
_BLOCK = 2048
_WEIGHTS = np.arange(1, 2 * _BLOCK, 2, dtype=np.uint64)
"""Odd, so that no bit of a word is lost."""


class Latest:
    """A value of up to `capacity` bytes in a file that processes share.

    The writer fills two slots in turn, so that the newest whole value stays while the next one is
    written. A reader takes the slot with the largest number whose number is the same before and
    after it and whose checksum is right: some processors let others see writes in another order.

    Args:
        path: Of the file; in a directory that lies in memory (`/dev/shm`) no disk is touched.
        capacity: Bytes that a value may have; makes the file. None opens one that is there.

    Attributes:
        num_torn: Values that were torn at two looks in a row: whoever wrote was stopped, or died.

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
                os.posix_fallocate(descriptor, 0, _SLOT + _SLOTS * (_VALUE + _whole(capacity)))
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
        count = len(self._memory) // _WORD
        self._words: NDArray[np.uint64] = np.frombuffer(self._memory, np.uint64, count)
        self._sequence = max(self._numbers())
        self.num_torn = self._torn = self._doubted = 0

    def close(self) -> None:
        """Let go of the memory; the file stays."""
        self._words = self._words[:0].copy()  # memory that somebody looks at cannot be closed
        self._memory.close()

    def write(self, *parts: "bytes | NDArray[np.generic]") -> int:
        """Put a value in the place of the one before; return its number, 1 and up.

        Args:
            parts: Of the value, one behind the other; arrays in C order. None is kept.

        Raises:
            InvalidInputError: It is too long.
        """
        length = sum(_size(part) for part in parts)
        if length > self.capacity:
            raise InvalidInputError.expected("value", f"<= {self.capacity} bytes", length)
        number = self._sequence + 1
        start, memory = self._place(number % _SLOTS), self._memory
        _NUMBER.pack_into(memory, start, number)
        place = start + _VALUE
        for part in parts:
            end = place + _size(part)
            memory[place:end] = part
            place = end
        first = (start + _VALUE) // _WORD
        total = _total(self._words[first : first + _whole(length) // _WORD], number, length)
        _SIZE.pack_into(memory, start + _LENGTH, length, total)
        _NUMBER.pack_into(memory, start + _AFTER, number)
        self._sequence = number
        return number

    def read(self, *, after: int = 0) -> tuple[int, bytes] | None:
        """Return the newest whole value with its number; None where there is none after `after`."""
        found = [self._read(slot, after) for slot in range(_SLOTS)]
        newest = max((item for item in found if item is not None), default=None)
        begun = max(self._numbers())
        if begun > max(after, 0 if newest is None else newest[0]):
            self._doubt(begun)
        return newest

    def _read(self, slot: int, after: int) -> tuple[int, bytes] | None:
        """Return what is whole in a slot.

        The number after the write is read first and the one before it last: between them nobody
        has written.
        """
        place, memory = self._place(slot), self._memory
        (number,) = _NUMBER.unpack_from(memory, place + _AFTER)
        length, total = _SIZE.unpack_from(memory, place + _LENGTH)
        if number <= after or length > self.capacity:  # looking for news costs no copy
            return None
        value = memory[place + _VALUE : place + _VALUE + _whole(length)]
        (begun,) = _NUMBER.unpack_from(memory, place)
        words = np.frombuffer(value, np.uint64)
        is_whole = begun == number and _total(words, number, length) == total
        return (number, value[:length]) if is_whole else None

    def _doubt(self, number: int) -> None:
        """Take note of a value that has begun and is not whole; one being written soon is."""
        if number == self._doubted and number > self._torn:
            self._torn = number
            self.num_torn += 1
            logger.warning("%s: value %d is torn; the one before it stands", self.path.name, number)
        self._doubted = number

    def _numbers(self) -> list[int]:
        return [_NUMBER.unpack_from(self._memory, self._place(slot))[0] for slot in range(_SLOTS)]

    def _place(self, slot: int) -> int:
        return _SLOT + slot * (_VALUE + _whole(self.capacity))


def _size(part: "bytes | NDArray[np.generic]") -> int:
    return len(part) if isinstance(part, bytes) else part.nbytes


def _whole(length: int) -> int:
    """Return the bytes of the words that hold so many bytes."""
    return -(-length // _WORD) * _WORD


def _total(words: NDArray[np.uint64], number: int, length: int) -> int:
    """Return the checksum of a value with its number and length; CRC takes ten times as long.

    A sum in which each word counts by its place in its block: nearly one pass over memory.
    """
    blocks, rest = divmod(len(words), _BLOCK)
    total = int(np.dot(words[len(words) - rest :], _WEIGHTS[:rest]))
    if blocks:
        folded = words[: blocks * _BLOCK].reshape(blocks, _BLOCK).sum(axis=0)
        total += int(np.dot(folded, _WEIGHTS))
    return (total + (number ^ length << 40) * _ODD) & _MASK
