"""What a server decided is recomputed to the last bit, and explained; what differs is found."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from steer import cli
from steer.client import SteerClient
from steer.critics.artefact import save_critic
from steer.decision_log import DecisionLog, read_decision_log
from steer.errors import ConfigError, DecisionLogError, EmbodimentMismatchError
from steer.serve.replay import run
from steer.serve.replay_config import ReplayConfig
from steer.types import Candidates, Decision, Observation, Reason, Selection, Selector

BUDGET_S = 20.0
SELECTIONS = [
    Selection(selector=selector, gated=gated, margin=0.2, temperature=0.7, tau=0.8)
    for selector in get_args(Selector)
    for gated in (True, False)
]


@pytest.fixture(scope="module")
def client(address):
    """A robot's connection to the server that the tests share."""
    with SteerClient(address) as client:
        yield client


@pytest.fixture
def make_log(client, robot, rng, tmp_path):
    """Log what the server decides: half of it by `rank`, half by `steer`."""

    def make(name="decisions.log", *, count=4, selection=None, spoil=lambda decision: decision):
        session = client.open_session(robot, policy="noise", selection=selection)
        path = tmp_path / name
        with DecisionLog(path, session, robot, server_version="1") as log:
            for seed in range(count):
                state = rng.normal(size=3).astype(np.float32)
                observation = Observation({"observation.state": state})
                chunks = rng.normal(size=(6, 4, 2)).astype(np.float32)
                candidates = Candidates(chunks)
                if seed % 2:
                    decision = client.steer(
                        observation,
                        noise_seed=seed,
                        num_candidates=6,
                        return_candidates=True,
                        budget_s=BUDGET_S,
                    )
                else:
                    answer = client.rank(
                        observation, candidates, noise_seed=seed, budget_s=BUDGET_S
                    )
                    decision = replace(answer, candidates=candidates)
                log.append(observation, seed, spoil(decision), epoch=3)
        return path

    return make


@pytest.fixture
def replayed(critic_dir):
    """Replay a log; return the exit code and the text."""

    def replayed(path, **options):
        out = io.StringIO()
        config = ReplayConfig(log=path, **{"critic": critic_dir, **options})
        return run(config, out), out.getvalue()

    return replayed


@pytest.mark.slow
def test_every_selection_of_a_real_server_is_recomputed_to_the_last_bit(make_log, replayed):
    """Each selector, with and without gate."""
    reasons, indices = set(), set()
    for number, selection in enumerate(SELECTIONS):
        path = make_log(f"{number}.log", selection=selection)

        code, text = replayed(path)

        assert (code, text.splitlines()[-1]) == (
            0,
            "4 of 4 decisions recomputed to the last bit",
        ), selection
        reasons |= {logged.decision.reason for logged in read_decision_log(path)[1]}
        indices |= {logged.decision.index for logged in read_decision_log(path)[1]}

    assert {Reason.ADVANTAGE, Reason.UNGATED} <= reasons
    assert len(indices) > 2


def test_one_decision_is_shown_in_full(make_log, replayed):
    """A table of the candidates, and a sentence why."""
    path = make_log(count=2, selection=Selection(gated=False))
    logged = list(read_decision_log(path)[1])[1]
    decision = logged.decision

    code, text = replayed(path, decision=2)

    lines = text.splitlines()
    head = lines.index(next(line for line in lines if line.startswith("candidate")))
    row = lines[head + 1 + decision.index].split()
    assert code == 0
    assert lines[head].split("  ")[0] == "candidate"
    assert lines[1] == "argmax, no gate, beta 1"
    assert row[:3] == [str(decision.index), "policy", "yes"]
    assert row[3:7] == [f"{value:.6g}" for value in decision.values[:, decision.index]]
    assert row[7:] == [f"{decision.scores[decision.index]:+.4g}", "-", "yes"]
    assert (
        f"candidate {decision.index} ran: its score {decision.scores[decision.index]:+.4g} is the "
        "largest of the 6 that may run, for there is no gate\n"
    ) in text
    assert lines[-1] == "1 of 1 decisions recomputed to the last bit"


def tampered(field):
    """Change the last bit of one number of every decision."""

    def spoil(decision):
        array = getattr(decision, field).copy()
        array.view(np.uint32)[(-1,) * array.ndim] ^= 1
        return replace(decision, **{field: array})

    return spoil


@pytest.mark.parametrize(("field", "where"), [("values", r"[3, 5]"), ("scores", "[5]")])
def test_one_bit_that_was_tampered_with_is_found(make_log, replayed, field, where):
    """With both values, and with the largest difference."""
    path = make_log(count=2, spoil=tampered(field))
    logged = next(read_decision_log(path)[1])
    value = str(getattr(logged.decision, field).flat[-1])

    code, text = replayed(path)

    assert code == 1
    assert "0 of 2 decisions recomputed to the last bit; the largest difference of a" in text
    assert f"first difference: decision 1: {field}{where}: expected {value}, as logged, got" in text
    assert "only values and scores differ, no choice" in text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"reason": Reason.UNGATED}, "reason: expected ungated, as logged, got "),
        ({"commit_horizon": 1}, "commit_horizon: expected 1, as logged, got 3"),
        ({"scores": np.zeros(0, np.float32)}, "scores: expected shape [0], as logged, got shape"),
        ({"feasible": (False,) * 6}, "feasible: expected (False, False, "),
    ],
)
def test_any_other_change_is_found(make_log, replayed, changes, text):
    """Of the choice, too."""
    path = make_log(count=1, spoil=lambda decision: replace(decision, **changes))

    code, found = replayed(path, decision=1)

    assert code == 1
    assert f"differs: {text}" in found
    assert "as recomputed, candidate" in found
    assert "no choice" not in found


def test_another_choice_is_found(make_log, replayed):
    """The logged chunk is that of another candidate."""

    def spoil(decision):
        index = (decision.index + 1) % 6
        return replace(decision, index=index, chunk=decision.candidates.actions[index])

    path = make_log(count=1, spoil=spoil)
    (logged,) = read_decision_log(path)[1]
    index = logged.decision.index

    code, text = replayed(path, decision=1)

    assert code == 1
    assert f"differs: index: expected {index}, as logged, got {(index - 1) % 6}\n" in text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.BUDGET, "the budget ended before the critic was done"),
        (Reason.CRITIC, "the critic failed, or gave a value that is not finite"),
        (Reason.LATE, "the client answered by itself, for no answer came in time"),
        (Reason.UNREACHABLE, "the client answered by itself, for the server was gone"),
        (Reason.REFUSED, "the client answered by itself, for the server refused"),
    ],
)
def test_what_no_critic_decided_says_why_there_is_nothing_to_recompute(
    make_log, replayed, reason, text
):
    """And does not count as different."""

    def spoil(decision):
        chunk = decision.candidates.actions[0]
        return Decision(
            index=0, chunk=chunk, commit_horizon=3, reason=reason, candidates=decision.candidates
        )

    path = make_log(count=1, spoil=spoil)

    code, found = replayed(path, decision=1)

    assert code == 0
    assert f"nothing to recompute: {text}\ncandidate 0 ran: the " in found
    assert "0 of 0 decisions recomputed to the last bit; 1 had nothing to recompute" in found


def test_a_single_candidate_is_recomputed_where_it_was_scored(
    client, robot, observation, tmp_path, replayed
):
    """Its values are compared; without them, it says why there is nothing."""
    session = client.open_session(robot, policy="noise")
    decision = client.steer(observation, num_candidates=1, budget_s=BUDGET_S)
    bare = replace(
        decision,
        values=np.zeros((0, 0), np.float32),
        scores=np.zeros(0, np.float32),
        num_scored=0,
        critic_digest="",
    )
    with DecisionLog(tmp_path / "log", session, robot) as log:
        log.append(observation, 0, decision)
        log.append(observation, 0, bare)

    code, text = replayed(tmp_path / "log")

    assert (code, decision.reason) == (0, Reason.SINGLE)
    assert "there was one candidate, and no time to score it" in text
    assert "1 of 1 decisions recomputed to the last bit; 1 had nothing to recompute" in text


def test_another_critic_is_refused(make_log, make_critic, replayed, tmp_path):
    """Both digests are said."""
    path = make_log(count=1)
    other = make_critic(seed=1)
    save_critic(other, tmp_path / "other")
    expected = read_decision_log(path)[0].session.critic.digest

    with pytest.raises(ConfigError) as caught:
        replayed(path, critic=tmp_path / "other")

    assert str(caught.value) == (
        f"--critic: expected the one that decided, '{expected}', got '{other.digest}'"
    )


def test_the_log_of_another_robot_is_refused(client, robot, replayed, tmp_path):
    """By the field that differs."""
    session = client.open_session(robot, policy="noise")
    other = replace(robot, name="leg")
    session = replace(session, critic=replace(session.critic, embodiment=other))
    DecisionLog(tmp_path / "log", session, other).close()

    with pytest.raises(EmbodimentMismatchError, match=r"the log's robot .*: expected 'arm'"):
        replayed(tmp_path / "log")


def test_an_observation_without_what_the_critic_needs_is_an_error(
    client, robot, observation, tmp_path, replayed
):
    """With the number of the decision."""
    session = client.open_session(robot, policy="noise")
    decision = client.steer(observation, num_candidates=1, budget_s=BUDGET_S)
    with DecisionLog(tmp_path / "log", session, robot) as log:
        log.append(Observation({}), 0, decision)

    with pytest.raises(DecisionLogError, match=r"decision 1: observation.tensors\[.*got nothing"):
        replayed(tmp_path / "log")


def test_a_log_cannot_ask_for_more_than_any_server_does(client, robot, replayed, tmp_path):
    """Whatever its header says of the server's limits."""
    session = client.open_session(robot, policy="noise")
    session = replace(session, limits=replace(session.limits, max_candidates=2**31 - 1))
    candidates = Candidates(np.zeros((1025, 3, 2), np.float32))
    decision = Decision(
        index=0,
        chunk=candidates.actions[0],
        commit_horizon=3,
        reason=Reason.MARGIN,
        candidates=candidates,
    )
    with DecisionLog(tmp_path / "log", session, robot) as log:
        log.append(Observation({}), 0, decision)

    with pytest.raises(DecisionLogError, match=r"1: number of candidates: expected 1\.\.1024, got"):
        replayed(tmp_path / "log")


@pytest.mark.parametrize(("count", "text"), [(2, r"1\.\.2, got 3"), (0, "a log with decisions")])
def test_a_decision_that_there_is_not_is_an_error(make_log, replayed, count, text):
    """It says which there are."""
    path = make_log(count=count)

    with pytest.raises(ConfigError, match=f"--decision: expected {text}"):
        replayed(path, decision=3)


def test_json_says_the_same_to_programs(make_log, replayed):
    """All of it, or one decision with its candidates."""
    path = make_log(count=3)
    decision = next(read_decision_log(path)[1]).decision

    tree = json.loads(replayed(path, json=True)[1])
    (one,) = json.loads(replayed(path, json=True, decision=1)[1])["decisions"]

    assert (tree["equal"], tree["different"], tree["skipped"]) == (3, 0, 0)
    assert tree["critic"]["digest"] == decision.critic_digest
    assert tree["selection"]["margin"] == 0.05
    assert [item["number"] for item in tree["decisions"]] == [1, 2, 3]
    assert "candidates" not in tree["decisions"][0]
    assert (
        [row["chosen"] for row in one["candidates"]].index(True) == decision.index == one["index"]
    )
    assert np.array_equal([row["score"] for row in one["candidates"]], decision.scores)
    assert np.array_equal([row["values"] for row in one["candidates"]], decision.values.T)
    assert one["why"].startswith(f"candidate {decision.index} ran: ")


@pytest.mark.slow
def test_the_command_runs_as_a_process(make_log, critic_dir):
    """Exit code 1 where a decision differs; a torn tail is a note, and no more."""
    path = make_log(count=1, spoil=tampered("values"))
    with path.open("ab") as file:
        file.write(b"torn")
    words = ["replay", str(path), "--critic", str(critic_dir)]

    done = subprocess.run(
        [sys.executable, "-m", "steer.cli", *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1, done.stderr
    assert "0 of 1 decisions recomputed to the last bit" in done.stdout
    assert "first difference: decision 1: values[3, 5]: expected" in done.stdout
    assert done.stderr.endswith("record 2 is torn, and was left out: the log ends within it\n")
    assert done.stderr.count("\n") == 1


def test_the_command_tells_by_its_exit_code(make_log, critic_dir, capsys):
    """0 where all are equal, 2 for an error in one line."""
    path = make_log(count=2)

    assert cli.main(["replay", str(path), "--critic", str(critic_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"] == 2
    assert cli.main(["replay", str(critic_dir / "card.json"), "--critic", str(critic_dir)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("steer: error: ")
    assert error.endswith("card.json: expected a decision log, got another file\n")
    assert error.count("\n") == 1
