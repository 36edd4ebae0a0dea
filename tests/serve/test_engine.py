"""The thread that owns the device."""

import asyncio
import logging
import threading

import numpy as np
import pytest
import torch

from steer.clock import MonotonicClock
from steer.errors import ArtefactError, OverloadedError, UnreachableError
from steer.serve.engine import Engine, Scored
from steer.serve.scoring import Work
from steer.types import Reason


class Blocking(torch.nn.Module):
    """A critic that waits at a door, and notes the groups that it is given."""

    def __init__(self, critic):
        super().__init__()
        self.card, self.digest, self.inner = critic.card, critic.digest, critic
        self.entered, self.door, self.groups = threading.Event(), threading.Event(), []

    def embed(self, observations):
        self.groups.append(len(observations["observation.state"]))
        self.entered.set()
        self.door.wait(10)
        return self.inner.embed(observations)

    def score_prefixes(self, context, chunks):
        return self.inner.score_prefixes(context, chunks)


class Spoilt(torch.nn.Module):
    """A critic whose values are spoilt by `spoil`."""

    def __init__(self, critic, spoil):
        super().__init__()
        self.card, self.digest, self.embed = critic.card, critic.digest, critic.embed
        self.inner, self.spoil = critic, spoil

    def score_prefixes(self, context, chunks):
        return self.spoil(self.inner.score_prefixes(context, chunks))


@pytest.fixture
def engine():
    engine = Engine(device="cpu", clock=MonotonicClock(), max_waiting=4)
    engine.start()
    yield engine
    engine.stop()


def make_work(rng, *, count=5, budget_s=10.0):
    observation = {"observation.state": rng.normal(size=3).astype(np.float32)}
    chunks = rng.normal(size=(count, 4, 2)).astype(np.float32)
    return Work("reach", observation, chunks, 1.0, MonotonicClock().now_s() + budget_s)


def run(coroutine):
    async def bounded():
        async with asyncio.timeout(10):
            return await coroutine

    return asyncio.run(bounded())


def test_a_loaded_critic_scores(engine, make_critic, rng):
    """Values of all members, scores of all candidates, and the times."""

    async def scenario():
        await engine.load("reach", make_critic)
        return await engine.score(make_work(rng))

    found = run(scenario())

    assert isinstance(found, Scored)
    assert (found.values.shape, found.scores.shape) == ((4, 5), (5,))
    assert min(found.queue_s, found.encode_s, found.score_s) > 0


def test_critics_are_loaded_on_the_engine_s_thread(engine, make_critic):
    """Torch never runs in the event loop."""
    threads = []

    def loader():
        threads.append(threading.current_thread().name)
        return make_critic()

    run(engine.load("reach", loader))

    assert threads == ["steer-engine"]


def test_what_a_loader_raises_is_raised_to_whoever_loads(engine):
    """A bad artefact is the operator's error, not the engine's end."""

    def loader():
        raise ArtefactError("card.json: expected a critic's card")

    with pytest.raises(ArtefactError, match=r"card\.json"):
        run(engine.load("reach", loader))


def test_a_loader_that_raises_is_alone_in_that(engine, make_critic):
    """Who waits beside it and who comes after it is served: the thread goes on."""
    door = threading.Event()

    def slow():
        door.wait(10)
        return make_critic()

    def raises():
        raise ArtefactError("critic: damaged")

    async def all_at_once():
        loads = [
            asyncio.create_task(engine.load(name, loader))
            for name, loader in (("slow", slow), ("bad", raises), ("reach", make_critic))
        ]
        await asyncio.sleep(0)  # all of them wait now, behind the first one
        door.set()
        found = await asyncio.gather(*loads, return_exceptions=True)
        return *found, await engine.load("later", make_critic)

    slow_one, bad, reach, later = run(all_at_once())

    assert isinstance(bad, ArtefactError)
    assert slow_one.digest == reach.digest == later.digest == make_critic().digest


def test_requests_that_wait_anyway_are_served_together(engine, make_critic, rng):
    """While one group is being scored, the next one gathers."""
    critic = Blocking(make_critic())

    async def scenario():
        await engine.load("reach", lambda: critic)
        first = asyncio.create_task(engine.score(make_work(rng)))
        await asyncio.to_thread(critic.entered.wait, 10)
        rest = [asyncio.create_task(engine.score(make_work(rng, count=n))) for n in (2, 5, 1)]
        await asyncio.sleep(0)
        critic.door.set()
        return await asyncio.gather(first, *rest)

    found = run(scenario())

    assert critic.groups == [1, 3]
    assert [item.scores.shape for item in found] == [(5,), (2,), (5,), (1,)]


def test_too_many_waiting_requests_are_refused_at_once(engine, make_critic, rng):
    """The queue is bounded, and its refusal says when to come back."""
    critic = Blocking(make_critic())

    async def scenario():
        await engine.load("reach", lambda: critic)
        tasks = [asyncio.create_task(engine.score(make_work(rng)))]
        await asyncio.to_thread(critic.entered.wait, 10)
        tasks += [asyncio.create_task(engine.score(make_work(rng))) for _ in range(5)]
        await asyncio.sleep(0)
        critic.door.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = run(scenario())

    assert [type(item) for item in found] == [Scored] * 5 + [OverloadedError]


def test_a_deadline_that_passes_while_waiting_is_the_budget(engine, make_critic, rng):
    """Whoever waits is answered in time, even while the engine is busy."""
    critic = Blocking(make_critic())

    async def scenario():
        await engine.load("reach", lambda: critic)
        found = await engine.score(make_work(rng, budget_s=0.02))
        critic.door.set()
        return found

    assert run(scenario()) is Reason.BUDGET


def test_less_time_than_the_critic_ever_took_is_not_tried(engine, make_critic, rng):
    """What cannot be done in time takes no room in the queue."""
    critic = Blocking(make_critic())
    critic.door.set()

    async def scenario():
        await engine.load("reach", lambda: critic)
        await engine.warm("reach", num_candidates=4, max_candidates=8)
        critic.groups.clear()
        return await engine.score(make_work(rng, budget_s=1e-6))

    assert run(scenario()) is Reason.BUDGET
    assert critic.groups == []


def test_warming_up_runs_every_bucket_and_tells_the_time(engine, make_critic):
    """On a CPU shapes are exact: one, the expected and the largest count."""
    critic = Blocking(make_critic())
    critic.door.set()

    async def scenario():
        await engine.load("reach", lambda: critic)
        return await engine.warm("reach", num_candidates=4, max_candidates=8)

    assert 0 < run(scenario()) < 5
    assert len(critic.groups) >= 3


def test_a_critic_that_cannot_score_zeros_is_warm_all_the_same(engine, make_critic, caplog):
    """Zeros are not what a robot sends; it is said once."""
    critic = Spoilt(make_critic(), lambda values: values * float("nan"))

    async def scenario():
        await engine.load("reach", lambda: critic)
        return await engine.warm("reach", num_candidates=4, max_candidates=8)

    assert 0 < run(scenario()) < 5
    assert caplog.text.count("could not score zeros") == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_the_critic_s_failure(engine, make_critic, rng, caplog, bad):
    """It is counted and logged, and no exception reaches the robot."""
    critic = Spoilt(make_critic(), lambda values: values.masked_fill(values == values.max(), bad))

    async def scenario():
        await engine.load("reach", lambda: critic)
        return await engine.score(make_work(rng))

    assert run(scenario()) is Reason.CRITIC
    assert engine.num_critic_failures == 1
    assert "not finite critic=reach failures=1" in caplog.text


def test_a_critic_that_fails_for_ever_does_not_fill_the_disk(engine, make_critic, rng, caplog):
    """The first failure, the second, the fourth and the eighth are logged; all are counted."""
    critic = Spoilt(make_critic(), lambda values: values * float("nan"))

    async def scenario():
        await engine.load("reach", lambda: critic)
        for _ in range(9):
            await engine.score(make_work(rng))

    run(scenario())

    assert engine.num_critic_failures == 9
    lines = [text.rsplit(" ", 1)[1] for text in caplog.messages if "not finite" in text]
    assert lines == [f"failures={count}" for count in (1, 2, 4, 8)]


def test_a_critic_that_raises_is_a_failure_and_the_next_request_is_served(
    engine, make_critic, rng, caplog
):
    """The engine's thread outlives what its critics do."""
    troubles = [RuntimeError("out of memory")]

    def spoil(values):
        if troubles:
            raise troubles.pop()
        return values

    async def scenario():
        await engine.load("reach", lambda: Spoilt(make_critic(), spoil))
        return [await engine.score(make_work(rng)) for _ in range(2)]

    with caplog.at_level(logging.ERROR):
        first, second = run(scenario())

    assert first is Reason.CRITIC
    assert isinstance(second, Scored)
    assert "out of memory" in caplog.text


def test_a_robot_that_goes_does_not_disturb_the_others(engine, make_critic, rng):
    """A cancelled request is scored for nobody."""
    critic = Blocking(make_critic())

    async def scenario():
        await engine.load("reach", lambda: critic)
        first = asyncio.create_task(engine.score(make_work(rng)))
        await asyncio.to_thread(critic.entered.wait, 10)
        first.cancel()
        critic.door.set()
        return await engine.score(make_work(rng))

    assert isinstance(run(scenario()), Scored)


def test_a_stopped_engine_refuses(make_critic, rng):
    """Stopping twice, or before the start, does no harm."""
    engine = Engine(device="cpu", clock=MonotonicClock())
    engine.stop()
    engine.stop()

    with pytest.raises(UnreachableError, match="engine: expected a running one"):
        run(engine.score(make_work(rng)))


def test_loading_that_nobody_waits_for_any_more_is_not_begun(engine, make_critic):
    """A start that was cancelled leaves no trouble behind in the thread."""
    critic, loaded = Blocking(make_critic()), []

    async def scenario():
        await engine.load("reach", lambda: critic)
        busy = asyncio.create_task(engine.warm("reach", num_candidates=1, max_candidates=1))
        await asyncio.to_thread(critic.entered.wait, 10)
        cancelled = asyncio.create_task(engine.load("x", lambda: loaded.append(1) or critic))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        critic.door.set()
        await busy
        return await engine.load("y", lambda: critic)

    assert run(scenario()) is critic
    assert loaded == []
