"""A run of many episodes, through a server that may die; here the workers only pretend."""

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from sim.evaluation import campaign as module
from sim.evaluation.arms import ARMS, Settings
from sim.evaluation.campaign import Campaign
from sim.evaluation.cells import Cell
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.rows import read_rows
from sim.evaluation.runner import run_jobs
from sim.evaluation.verdicts import Verdicts
from sim.tasks import TASKS
from steer.clock import FakeClock
from steer.errors import ConfigError, ServerError

PUSH = Cell("diffusion", "push")
FAKE = """
import json, os, sys
row = json.loads(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    for run in job["runs"]:
        {act}
        won = run["arm"] != "alone"
        print(json.dumps({{**row, "seed": job["seed"], **run, "is_success": won}}), flush=True)
    print(flush=True)
"""


class Described:
    """What a server says of itself."""

    device = "cpu"
    critics = ()
    policies = ()

    def __init__(self, digest="sha256:a"):
        body = TASKS["push"].embodiment
        about = {"name": "push", "digest": digest, "embodiment": body}
        self.critics = (type("Critic", (), about),)


@pytest.fixture
def start(tmp_path, monkeypatch, make_row):
    """Return a maker of campaigns whose server and workers are fakes."""
    row = json.dumps(asdict(make_row()))

    def make(act="pass", num_episodes=4, digest="sha256:a", **options):
        block = Block(
            cells=(PUSH,), arms=(ARMS["alone"], ARMS["steered"]), num_episodes=num_episodes
        )
        evaluation = Evaluation(blocks=(block,), split="user", settings=Settings())
        command = (sys.executable, "-S", "-c", FAKE.format(act=act), row)

        class Client:
            def __init__(self, target):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *error):
                pass

            def describe(self):
                return Described(digest)

        monkeypatch.setattr(module, "SteerClient", Client)
        monkeypatch.setattr(module, "rehearse", lambda address, todo, settings: None)
        monkeypatch.setattr(
            module, "run_jobs", lambda jobs, **how: run_jobs(jobs, worker=command, **how)
        )
        served = []

        @contextmanager
        def serve(todo):
            served.append(len(todo))
            yield "host:1"

        found = Campaign(
            **{
                "evaluation": evaluation,
                "output": tmp_path,
                "serve": serve,
                "num_workers": 1,
                **options,
            }
        )
        return found, served

    return make


@pytest.mark.slow
def test_all_episodes_are_run_and_packed(start, tmp_path):
    """Every row is handed over as it comes."""
    rows = []
    campaign, _ = start(on_row=rows.append)

    progress = campaign.run()

    assert (len(progress.rows), progress.num_missing, len(rows)) == (8, 0, 8)
    assert (tmp_path / "rows.parquet").exists()
    assert (tmp_path / "rows.jsonl").read_text() == ""
    assert json.loads((tmp_path / "run.json").read_text())["critics"] == {"push": "sha256:a"}


@pytest.mark.slow
def test_a_complete_run_starts_no_server(start):
    """Its rows are handed over all the same."""
    start()[0].run()
    rows = []
    campaign, served = start(on_row=rows.append)

    assert len(campaign.run().rows) == len(rows) == 8
    assert served == []


@pytest.mark.slow
def test_a_complete_run_is_not_shown_for_another_critic(start):
    """No server is asked, so the weights that the command names are compared."""
    start(given={"critic_weights": {"push": "a"}})[0].run()

    with pytest.raises(ConfigError, match=r"critic_weights\.push was 'a', is 'b'"):
        start(given={"critic_weights": {"push": "b"}})[0].run()


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_by_another_critic(start, tmp_path):
    """Nothing is run before it is known."""
    start(num_episodes=2)[0].run()

    with pytest.raises(ConfigError, match=r"critics\.push was 'sha256:a', is 'sha256:b'"):
        start(digest="sha256:b")[0].run()

    assert len(read_rows(tmp_path)) == 4


@pytest.mark.slow
def test_a_server_that_dies_costs_no_episode(start, tmp_path, capsys):
    """It is started again, with what is missing."""
    flag = tmp_path / "died"
    act = (
        f"import pathlib; died = pathlib.Path({str(flag)!r})\n"
        '        if job["seed"] == 300002 and not died.exists():\n'
        "            died.touch()\n"
        '            print(json.dumps({"error": "the server is gone"}), flush=True); sys.exit(1)'
    )
    campaign, served = start(act=act)

    progress = campaign.run()

    assert (len(progress.rows), progress.num_missing) == (8, 0)
    assert served == [4, 2]
    assert "the server is gone" in capsys.readouterr().err


@pytest.mark.slow
def test_a_server_that_always_dies_ends_the_run(start, tmp_path):
    """Three times without one more episode; the rows before stand."""
    act = (
        'if job["seed"] == 300002: '
        'print(json.dumps({"error": "the server is gone"}), flush=True); sys.exit(1)'
    )
    campaign, served = start(act=act)

    with pytest.raises(ServerError, match="the server is gone"):
        campaign.run()

    assert len(read_rows(tmp_path)) == 4
    assert served == [4, 2, 2, 2]


@pytest.mark.slow
def test_time_that_is_up_leaves_the_rest_for_the_next_command(start, tmp_path):
    """Nothing that was begun is cut short."""
    clock = FakeClock()
    campaign, _ = start(budget_s=10.0, clock=clock, on_row=lambda row: clock.sleep(3.0))

    progress = campaign.run()

    assert (len(progress.rows), progress.num_missing) == (4, 4)
    assert start()[0].run().num_missing == 0


@pytest.mark.slow
def test_a_sequential_run_ends_a_cell_whose_verdict_is_clear(start):
    """Steered always wins here: a few pairs tell it."""
    campaign, _ = start(num_episodes=40)
    verdicts = Verdicts(campaign.evaluation)
    campaign.is_wanted, campaign.on_row = verdicts.is_wanted, verdicts.take

    progress = campaign.run()

    found = verdicts.results()[PUSH]
    assert found.verdict == "better"
    assert found.pairs < 20
    assert progress.num_missing == 0
    assert len(progress.rows) <= 2 * (found.pairs + 1)
    assert "better" in verdicts.table()


def test_a_verdict_does_not_depend_on_the_order_of_the_rows(start, make_row):
    """Pairs count in the order of their seeds."""
    campaign, _ = start(num_episodes=30)
    rows = [
        make_row(arm, 300_000 + index, is_success=(arm == "steered") == (index % 4 > 0))
        for index in range(30)
        for arm in ("alone", "steered")
    ]
    tables = set()
    for ordered in (rows, rows[::-1], rows[1::2] + rows[::2]):
        verdicts = Verdicts(campaign.evaluation)
        for row in ordered:
            verdicts.take(row)
        tables.add(verdicts.table())

    assert len(tables) == 1
    assert "better" in tables.pop()


def sequential(shard=(0, 1), counts=(16,)):
    """Return the verdicts of forty pairs of push in a shard."""
    blocks = tuple(
        Block(
            cells=(PUSH,),
            arms=(ARMS["alone"], ARMS["steered"]),
            num_episodes=40,
            num_candidates=count,
        )
        for count in counts
    )
    return Verdicts(Evaluation(blocks=blocks, split="user", settings=Settings(), shard=shard))


@pytest.mark.parametrize("part", [0, 1])
def test_a_shard_ends_a_cell_by_its_own_pairs(make_row, part):
    """The other shard's never come."""
    verdicts = sequential(shard=(part, 2))
    block = Block(cells=(PUSH,), arms=(ARMS["alone"],), num_episodes=40)
    shard = Evaluation(blocks=(block,), split="user", settings=Settings(), shard=(part, 2))

    for item in shard.todo():
        for arm in ("alone", "steered"):
            verdicts.take(make_row(arm, item.seed, is_success=arm == "steered"))

    assert verdicts.results()[PUSH].verdict == "better"


def test_rows_of_another_n_are_no_pairs(make_row):
    """Of several the first is tested."""
    verdicts = sequential(counts=(16, 64))

    for seed in range(300_000, 300_040):
        verdicts.take(make_row("alone", seed, is_success=False))
        verdicts.take(make_row("steered", seed, is_success=True, count=64))

    assert verdicts.results()[PUSH].pairs == 0
