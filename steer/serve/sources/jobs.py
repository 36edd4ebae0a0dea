"""A draw that waits for the policy worker, or is being answered by it."""

import asyncio
import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from steer.errors import LateError, PolicyError, SteerError, UnusableChunkError
from steer.serve.sources.base import SourceInfo
from steer.serve.sources.framing import Message

__all__ = ["Job"]

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """One draw. Its futures belong to the event loop that made it.

    Attributes:
        info: What the source draws; the answers are checked against it.
        request: What the worker is sent, but for the id and for the budget that is left by then.
        num_chunks: How many chunks the worker is asked for, >= 1.
        deadline_s: Instant on the event loop's clock after which nobody waits.
        id: Number of the request; -1 until it is sent.
        first: Candidate 0, shape [1, H, A].
        rest: The other chunks, shape [n, H, A]; n may be 0.
        is_abandoned: Whether nobody waits any more.
    """

    info: SourceInfo
    request: Message
    num_chunks: int
    deadline_s: float
    id: int = -1
    first: asyncio.Future[NDArray[np.float32]] = field(default_factory=asyncio.Future)
    rest: asyncio.Future[NDArray[np.float32]] = field(default_factory=asyncio.Future)
    is_abandoned: bool = False

    @property
    def remaining_s(self) -> float:
        """Time until the deadline in seconds; negative after it, and when nobody waits."""
        if self.is_abandoned:
            return -1.0
        return self.deadline_s - asyncio.get_running_loop().time()

    async def result(self) -> NDArray[np.float32]:
        """Wait until the deadline at most; return all chunks, or what there is of them.

        Returns:
            Shape [n, H, A], 1 <= n <= `num_chunks`.

        Raises:
            LateError: Candidate 0 was not there in time.
            PolicyError: The policy failed.
        """
        budget_s = self.remaining_s
        try:
            await asyncio.wait({self.first}, timeout=max(self.remaining_s, 0.0))
            if not self.first.done():
                raise LateError(
                    f"policy {self.info.name!r}: expected candidate 0 within {budget_s:.3f} s, "
                    "got none"
                )
            first = self.first.result()
            await asyncio.wait({self.rest}, timeout=max(self.remaining_s, 0.0))
            if not self.rest.done():
                return first
            failure = self.rest.exception()
            if failure is not None:  # candidate 0 is what the robot would have run without us
                logger.warning("candidate 0 alone policy=%s: %s", self.info.name, failure)
                return first
            return np.concatenate([first, self.rest.result()])
        finally:
            self.is_abandoned = True

    def fail(self, error: SteerError) -> None:
        """Answer with an error what has not been answered yet."""
        for future in (self.first, self.rest):
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen, even where nobody waits any more

    def take(self, message: Message) -> bool:
        """Take one of the worker's messages; returns whether it was the last one for this job.

        Raises:
            PolicyError: The message answers another request: the worker cannot be trusted.
        """
        body = message.body
        if body.get("id") != self.id:
            raise PolicyError(f"policy worker: expected an answer to {self.id}, got {body}")
        if body["kind"] == "error":
            self.fail(PolicyError(f"policy {self.info.name!r}: {body['text']}"))
            return True
        is_last = bool(body["is_last"])
        try:
            self._settle(message, is_last=is_last)
        except PolicyError as error:
            self.fail(error)
        return is_last

    def _settle(self, message: Message, *, is_last: bool) -> None:
        if not self.first.done():
            self.first.set_result(self._checked(message, first=0, limit=1))
            if is_last:
                self.rest.set_result(self._checked(Message({}), first=1, limit=0))
        elif not self.rest.done():
            self.rest.set_result(self._checked(message, first=1, limit=self.num_chunks - 1))

    def _checked(self, message: Message, *, first: int, limit: int) -> NDArray[np.float32]:
        """Return the message's chunks; candidate `first` is the first of at most `limit`.

        Raises:
            UnusableChunkError: They are of the wrong shape or dtype, or not finite.
        """
        shape = (self.info.horizon, self.info.embodiment.action_dim)
        what = f"policy {self.info.name!r}"
        chunks = message.arrays.get("actions")
        if chunks is None and first > 0:
            return np.zeros((0, *shape), np.float32)
        if chunks is None or chunks.dtype != np.float32 or chunks.shape[1:] != shape:
            got = "none" if chunks is None else f"{chunks.dtype} of shape {list(chunks.shape)}"
            raise UnusableChunkError(
                f"{what}: expected chunks of shape [N, {shape[0]}, {shape[1]}], got {got}"
            )
        if len(chunks) > limit:
            raise UnusableChunkError(f"{what}: expected at most {limit} chunks, got {len(chunks)}")
        bad = np.argwhere(~np.isfinite(chunks))
        if len(bad):
            row, tick, dim = (int(index) for index in bad[0])
            raise UnusableChunkError(
                f"{what}: expected finite actions, got {chunks[row, tick, dim]} in candidate "
                f"{first + row}, action {tick}, dimension {dim}"
            )
        return chunks
