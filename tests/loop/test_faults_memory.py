"""A hand-over that is torn in the middle of its write, through the whole loop and real memory."""

from contextlib import closing, suppress

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.loop.chunks import Chunk
from steer.loop.handover import chunk_to_bytes, request_from_bytes
from steer.loop.ladder import Rung
from steer.loop.latest import Latest
from steer.loop.remote import CHUNKS, REQUESTS, Remote, RemotePlanner

pytestmark = pytest.mark.slow

BODY = Embodiment(name="arm", control_hz=10.0, actions=(ActionDim(name="x"),), observations=())


class Cut:
    """What cannot be written: whoever tries has died there."""

    nbytes = 8


class System2:
    """Answers what lies in the memory, in the place of the process, which finds no server."""

    def __init__(self, directory):
        self._requests, self._chunks = Latest(directory / REQUESTS), Latest(directory / CHUNKS)
        self._done = 0

    def step(self, *, is_killed=False):
        """Answer what is new; with `is_killed` die in the middle of it. Return whether it was."""
        found = self._requests.read(after=self._done)
        if found is None:
            return False
        self._done, request = found[0], request_from_bytes(found[1])
        rows = request.consumed + np.arange(16, dtype=np.float32)
        chunk = Chunk(
            actions=rows[:, None],
            consumed=request.consumed,
            frozen=request.frozen,
            commit=8,
            captured_at_s=request.captured_at_s,
            epoch=request.epoch,
            sequence=request.sequence,
        )
        data = chunk_to_bytes(chunk)
        if not is_killed:
            self._chunks.write(data)
            return True
        with suppress(TypeError):
            self._chunks.write(data[: len(data) // 2], Cut())
        return True

    def close(self):
        self._requests.close()
        self._chunks.close()


@pytest.fixture
def planner():
    with closing(RemotePlanner(Remote(target="127.0.0.1:1", embodiment=BODY, budget_s=1))) as made:
        yield made


def run(world, count, system2):
    """Return the rungs of so many ticks, answered after each."""
    found = []
    for _ in range(count):
        found += world.tick(1)
        system2.step()
    return [item.command.rung for item in found]


def test_a_chunk_that_is_torn_is_not_seen_is_counted_and_said(make_world, planner, caplog):
    """The one before it runs to its end; the process that is started anew goes on behind it."""
    world = make_world(planner=planner)
    with closing(System2(planner._directory)) as first:
        before = run(world, 30, first)
        while not first.step(is_killed=True):
            world.tick(1)
    during = [item.command.rung for item in world.tick(15)]
    with closing(System2(planner._directory)) as second:
        after = run(world, 40, second)

    assert set(before[2:]) == {Rung.STEERED}
    assert during == sorted(during)
    assert (during[0], during[-1]) == (Rung.REST, Rung.HOLD)
    assert after[-1] is Rung.STEERED
    assert planner.num_torn == 1
    assert [text for text in caplog.messages if text.startswith("chunks: value ")] == [
        "chunks: value 5 is torn; the one before it stands"
    ]
    assert not world.loop.counts
