"""One thread owns the device: it loads critics, warms them up, and scores what waits.

Knows no transport, no sessions and no policy.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from steer.clock import Clock
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import Instructions
from steer.seldom import is_said
from steer.serve.batcher import Batcher
from steer.serve.scoring import GroupScores, Work, blank_work, bucket, score_group
from steer.types import Reason

__all__ = ["Engine", "Scored", "Unscored"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_WARM_ROUNDS = 8
_WARM_BUDGET_S = 60.0

Unscored = Literal[Reason.BUDGET, Reason.CRITIC]
"""Why there are no scores: the deadline came first, or the critic failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What the engine found.

    Attributes:
        values: float32 of shape [K, N], finite.
        scores: float32 of shape [N], finite.
        queue_s: Time the request waited.
        encode_s: Time of encoding the group.
        score_s: Time of scoring the group.
        prefix_values: float32 of shape [K, N, P], finite; None where not asked for.
        context: float32 of shape [D]; None where not asked for.
    """

    values: NDArray[np.float32]
    scores: NDArray[np.float32]
    queue_s: float
    encode_s: float
    score_s: float
    prefix_values: NDArray[np.float32] | None = None
    context: NDArray[np.float32] | None = None


@dataclass(slots=True, eq=False)
class _Item:
    """Work, or a function, with whoever waits for it."""

    key: str
    deadline_s: float
    queued_s: float
    settle: Callable[["Scored | Unscored"], None]
    work: Work | None = None
    call: Callable[[], None] | None = None
    result: "Future[Any] | None" = None


class Engine:
    """Scores candidates on a device that only its own thread touches.

    Args:
        device: `cpu` or `cuda`.
        clock: Of queue times and deadlines.
        threads: Of torch, on a CPU.
        max_waiting: Requests that may wait; more are refused.
        max_group: Requests that are scored together at most.

    Attributes:
        num_critic_failures: Requests left unscored because a critic raised or gave a value that is
            not finite.
    """

    def __init__(
        self,
        *,
        device: str,
        clock: Clock,
        threads: int = 1,
        max_waiting: int = 64,
        max_group: int = 16,
    ) -> None:
        self._critics: dict[str, Critic] = {}
        self._instructions: dict[str, Instructions] = {}
        self._least_s: dict[str, float] = {}
        self._device = torch.device(device)
        self._clock = clock
        self._threads = threads
        self._max_group = max_group
        self._batcher: Batcher[_Item] = Batcher(
            clock=clock, max_waiting=max_waiting, max_group=max_group
        )
        self._thread = threading.Thread(target=self._run, name="steer-engine", daemon=True)
        self.num_critic_failures = self._num_raised = self._num_not_finite = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, *, wait_s: float = 5.0) -> None:
        """Finish what waits and join the thread, for at most `wait_s` seconds."""
        self._batcher.close()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    async def load(self, name: str, loader: Callable[[], Critic]) -> Critic:
        """Load a critic on the engine's thread, and serve it from now on.

        Args:
            name: How `Work` asks for it.
            loader: Returns it, on the engine's device; what it raises is raised here.
        """

        def call() -> Critic:
            critic = loader()
            _ = critic.digest  # Hashes all weights once: here, not on the event loop.
            return critic

        critic = await self._call(call)
        self._critics[name] = critic
        return critic

    async def load_instructions(self, loader: Callable[[], Mapping[str, Instructions]]) -> None:
        """Load what makes language vectors, on the engine's thread; before any critic is warm.

        Args:
            loader: Returns it, by the critic's name; what it raises is raised here.
        """
        self._instructions |= await self._call(loader)

    async def warm(self, name: str, *, num_candidates: int, max_candidates: int) -> float:
        """Run every shape bucket of a critic.

        Args:
            name: Of the critic.
            num_candidates: What the answer holds for.
            max_candidates: The largest N that will come.

        Returns:
            Time from asking for the scores of `num_candidates` to having them, with nobody else
            about, in seconds (median).
        """
        critic = self._critics[name]

        def call() -> None:
            groups, counts = [1], sorted({1, num_candidates, max_candidates})
            if self._device.type == "cuda":
                groups = _buckets(bucket(self._max_group))
                counts = _buckets(max_candidates)
            times_s: list[float] = []
            for size, count in [(g, n) for g in groups for n in counts] + [(1, num_candidates)]:
                work = blank_work(name, critic, num_candidates=count)
                rounds = [self._score(name, [work] * size) for _ in range(_WARM_ROUNDS)]
                times_s = [found.encode_s + found.score_s for found in rounds]
            # The least, not the usual: whoever has that much time is worth a try.
            self._least_s[name] = min(times_s)

        await self._call(call)
        work = blank_work(name, critic, num_candidates=num_candidates)
        waits_s = []
        for _ in range(_WARM_ROUNDS):
            asked_s = self._clock.now_s()
            found = await self.score(replace(work, deadline_s=asked_s + _WARM_BUDGET_S))
            if not isinstance(found, Scored):
                logger.warning("critic=%s could not score zeros: %s", name, found.value)
                return self._least_s[name]
            waits_s.append(self._clock.now_s() - asked_s)
        return float(np.median(waits_s))

    async def score(self, work: Work) -> Scored | Unscored:
        """Return values and scores, or why there are none.

        BUDGET comes at once where the time left is less than the critic took at its fastest.

        Raises:
            OverloadedError: Too many requests wait.
            UnreachableError: The engine has stopped.
        """
        now_s = self._clock.now_s()
        if work.deadline_s - now_s <= self._least_s.get(work.critic, 0.0):
            return Reason.BUDGET
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Scored | Unscored] = loop.create_future()

        def settle(outcome: Scored | Unscored) -> None:
            loop.call_soon_threadsafe(_set, future, outcome)

        self._batcher.put(_Item(work.critic, work.deadline_s, now_s, settle, work=work))
        try:
            async with asyncio.timeout(work.deadline_s - now_s):
                return await future
        except TimeoutError:
            return Reason.BUDGET

    async def _call(self, function: Callable[[], _T]) -> _T:
        """Run a function on the engine's thread; what it raises is raised here."""
        result: Future[_T] = Future()

        def run() -> None:
            if result.set_running_or_notify_cancel():  # somebody still waits
                result.set_result(function())

        key, now_s = f"call {id(result)}", self._clock.now_s()
        never, nobody = float("inf"), lambda _: None
        self._batcher.put(_Item(key, never, now_s, nobody, call=run, result=result))
        return await asyncio.wrap_future(result)

    def _run(self) -> None:
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)
        while True:
            group, late = self._batcher.take()
            for item in late:
                _answer(item, Reason.BUDGET)
            if not group and not late:
                return
            try:
                self._serve(group)
            except Exception as error:  # this thread's boundary: whoever waits is told
                if self._settle_failed(group, error):
                    text = "critic failed critic=%s failures=%d"
                    logger.exception(text, group[0].key, self.num_critic_failures)

    def _settle_failed(self, group: Sequence[_Item], error: Exception) -> bool:
        """Raise it where a call waits, give robots candidate 0 else; whether the log has to say."""
        if group[0].result is not None:
            group[0].result.set_exception(error)
            return False
        self.num_critic_failures += len(group)
        self._num_raised += 1
        for item in group:
            _answer(item, Reason.CRITIC)
        return is_said(self._num_raised)

    def _serve(self, group: Sequence[_Item]) -> None:
        """Run a call, which is always a group of its own, or score what waits."""
        for item in group:
            if item.call is not None:
                item.call()
        works = [item.work for item in group if item.work is not None]
        if not works:
            return
        begun_s = self._clock.now_s()
        found = self._score(group[0].key, works)
        self._batcher.note_group(self._clock.now_s() - begun_s)
        lists = (found.values, found.scores, found.prefix_values, found.contexts)
        for item, values, scores, *asked in zip(group, *lists, strict=True):
            if np.isfinite(values).all() and np.isfinite(scores).all():
                times = (begun_s - item.queued_s, found.encode_s, found.score_s)
                _answer(item, Scored(values, scores, *times, *asked))
                continue
            self.num_critic_failures += 1
            self._num_not_finite += 1
            if is_said(self._num_not_finite):
                logger.error(
                    "critic gave a value that is not finite critic=%s failures=%d",
                    item.key,
                    self.num_critic_failures,
                )
            _answer(item, Reason.CRITIC)

    def _score(self, name: str, works: Sequence[Work]) -> GroupScores:
        return score_group(
            self._critics[name],
            works,
            device=self._device,
            clock=self._clock,
            instructions=self._instructions.get(name),
        )


def _buckets(most: int) -> list[int]:
    return [1 << power for power in range(bucket(most).bit_length())]


def _set(future: "asyncio.Future[Scored | Unscored]", outcome: Scored | Unscored) -> None:
    if not future.done():  # its robot may have gone
        future.set_result(outcome)


def _answer(item: _Item, outcome: Scored | Unscored) -> None:
    try:
        item.settle(outcome)
    except RuntimeError:  # the event loop has closed: nobody waits
        logger.debug("nobody waits for critic=%s", item.key)
