"""A server whose critics read the instruction: it is heard, and refused where it is missing."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.critics.artefact import save_critic
from steer.critics.encoders.instructions import Instructions
from steer.critics.encoders.language import SentenceEncoder, hash_text, sentence_digest
from steer.critics.encoding import INSTRUCTION
from steer.decision_log import DecisionLog
from steer.errors import ArtefactError, ConfigError, InvalidInputError
from steer.serve.engine import Engine, Scored
from steer.serve.replay import run as replay
from steer.serve.replay_config import ReplayConfig
from steer.serve.scoring import Work, score_group
from steer.types import Candidates, Observation, Reason

BUDGET_S = 20.0


@pytest.fixture(scope="session")
def make_reader(make_critic):
    """Make a small critic that reads instructions."""

    def make(size=12, encoder=""):
        network = replace(make_critic().card.network, language_dim=size)
        return make_critic(network=network, sentence_encoder=encoder)

    return make


@pytest.fixture(scope="session")
def reader_dir(make_reader, tmp_path_factory):
    """A critic of hashed instructions on disk."""
    directory = tmp_path_factory.mktemp("readers") / "hashed"
    save_critic(make_reader(), directory)
    return directory


@pytest.fixture(scope="session")
def sentences_dir(make_reader, sentence_directory, tmp_path_factory):
    """A critic of the tiny sentence encoder on disk."""
    directory = tmp_path_factory.mktemp("readers") / "sentences"
    save_critic(make_reader(16, sentence_digest(sentence_directory)), directory)
    return directory


@pytest.fixture(scope="module")
def client(serving, reader_dir):
    """A robot's connection to a server of the hashed critic."""
    with serving(critic=(str(reader_dir),)) as address, SteerClient(address) as client:
        yield client


@pytest.fixture
def chunks(rng):
    return Candidates(rng.normal(size=(5, 4, 2)).astype(np.float32))


def told(text):
    return Observation({"observation.state": np.ones(3, np.float32)}, instruction=text)


def expected(critic, vector, chunks):
    """Return what a critic says of chunks, told so."""
    seen = {"observation.state": torch.ones(1, 3), INSTRUCTION: torch.from_numpy(vector)[None]}
    prefixes = torch.from_numpy(chunks.actions[None, :, :3])
    return critic.score(critic.embed(seen), prefixes)[:, 0].numpy()


@pytest.mark.parametrize("text", ["push the cube", "拿起红色的杯子", "p" * 2048])
def test_values_are_those_under_the_instruction(client, robot, make_reader, chunks, text):
    """In any script, as long as the wire carries."""
    client.open_session(robot)

    decision = client.rank(told(text), chunks, budget_s=BUDGET_S)

    values = expected(make_reader(), hash_text(text, 12), chunks)
    np.testing.assert_allclose(decision.values, values, atol=1e-4)


@pytest.mark.parametrize("text", ["", "  "])
def test_a_critic_that_reads_is_not_asked_without_an_instruction(client, robot, chunks, text):
    """The robot runs candidate 0, and the reason says that it was refused."""
    client.open_session(robot)

    decision = client.rank(told(text), chunks, budget_s=BUDGET_S)

    assert (decision.index, decision.reason) == (0, Reason.REFUSED)


def test_an_instruction_of_10_000_characters_is_refused_before_it_is_sent():
    """With what the wire carries."""
    with pytest.raises(InvalidInputError, match="at most 2048 bytes, got 10000 bytes"):
        told("x" * 10_000)


class CountingSentences(SentenceEncoder):
    """Makes vectors without a model, and remembers of what and on which thread."""

    size = 12

    def __init__(self):
        self.made = []

    def encode(self, texts):
        self.made += [(text, threading.current_thread().name) for text in texts]
        return np.stack([hash_text(text, 12) for text in texts])


def test_each_instruction_is_made_once_and_on_the_engine_s_thread(make_reader, chunks):
    """Off the event loop, however many requests have it."""
    sentences, critic = CountingSentences(), make_reader()

    async def ask():
        engine = Engine(device="cpu", clock=MonotonicClock())
        engine.start()
        try:
            await engine.load("reach", lambda: critic)
            await engine.load_instructions(lambda: {"reach": Instructions(12, sentences)})
            seen = {"observation.state": np.ones(3, np.float32)}
            work = Work("reach", seen, chunks.actions, 1.0, MonotonicClock().now_s() + BUDGET_S)
            texts = ["push", "pull", "push", "push"]
            return [await engine.score(replace(work, instruction=text)) for text in texts]
        finally:
            engine.stop()

    found = asyncio.run(ask())

    assert all(isinstance(item, Scored) for item in found)
    assert sentences.made == [("push", "steer-engine"), ("pull", "steer-engine")]
    np.testing.assert_array_equal(found[0].values, found[2].values)


def test_robots_of_a_group_are_each_told_their_own(make_reader, chunks):
    """One batch, two instructions."""
    critic, seen = make_reader(), {"observation.state": np.ones(3, np.float32)}
    works = [
        Work("reach", seen, chunks.actions, 1.0, float("inf"), instruction=text)
        for text in ("push", "pull")
    ]

    found = score_group(
        critic,
        works,
        device=torch.device("cpu"),
        clock=MonotonicClock(),
        instructions=Instructions(12),
    )

    for values, work in zip(found.values, works, strict=True):
        alone = expected(critic, hash_text(work.instruction, 12), chunks)
        np.testing.assert_allclose(values, alone, atol=1e-4)


@pytest.mark.slow
def test_a_sentence_encoder_is_served_and_replayed(
    serving, sentences_dir, sentence_directory, make_reader, robot, chunks, tmp_path, capsys
):
    """With its path; the log's decision is the same to the last bit."""
    options = {"critic": (str(sentences_dir),), "sentence_encoder": (sentence_directory,)}
    log = tmp_path / "log.decisions"

    with serving(**options) as address, SteerClient(address) as client:
        session = client.open_session(robot)
        decision = client.rank(told("push"), chunks, noise_seed=3, budget_s=BUDGET_S)
        with DecisionLog(log, session, robot, server_version="1") as file:
            file.append(told("push"), 3, replace(decision, candidates=chunks), epoch=0)

    vector = SentenceEncoder(sentence_directory).encode(["push"])[0]
    digest = sentence_digest(sentence_directory)
    values = expected(make_reader(16, digest), vector, chunks)
    np.testing.assert_allclose(decision.values, values, atol=1e-4)
    config = ReplayConfig(
        log=log, critic=sentences_dir, sentence_encoder=(sentence_directory,), json=True
    )
    with open(tmp_path / "out", "w") as out:
        assert replay(config, out) == 0


@pytest.mark.slow
def test_a_server_without_the_critic_s_sentence_encoder_does_not_start(
    serving, sentences_dir, reader_dir, sentence_directory, tmp_path
):
    """With the digest that is wanted; nor with one that no critic was trained with."""
    digest = sentence_digest(sentence_directory)

    with (
        pytest.raises(ConfigError, match=f"critic 'sentences' was .*, {digest}, got none"),
        serving(critic=(str(sentences_dir),)),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="one that a critic of these was trained with, got"),
        serving(critic=(str(reader_dir),), sentence_encoder=(sentence_directory,)),
    ):
        pass
    with (
        pytest.raises(ArtefactError, match=r"expected a directory with config\.json"),
        serving(critic=(str(sentences_dir),), sentence_encoder=(tmp_path / "none",)),
    ):
        pass
