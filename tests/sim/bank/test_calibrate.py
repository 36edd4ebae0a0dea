"""A margin that keeps a promise, from states whose outcomes are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sim.bank import judge
from sim.bank.calibrate import calibrate, calibrated_table
from sim.bank.ranking import overrides
from sim.bank.states import CellBank, write_bank
from sim.evaluation.cells import Cell
from sim.report.words import DASH
from sim.tasks import spec_of
from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ObservationField

STATES, CANDIDATES = 200, 8


@pytest.fixture
def bank(rng):
    """Two hundred states in which a third of the candidates succeed."""
    is_success = rng.random((STATES, CANDIDATES)) < 1 / 3
    return CellBank(
        cell=Cell("diffusion", "push"),
        seed=np.arange(STATES),
        observations={"observation.state": rng.normal(size=(STATES, 3)).astype(np.float32)},
        candidates=rng.normal(size=(STATES, CANDIDATES, 16, 4)).astype(np.float32),
        outcome=np.where(is_success, -1.0, -50.0).astype(np.float32),
        ticks_left=np.full(STATES, 50),
        horizon=8,
        is_exchangeable=True,
        policy_digest="sha256:00",
    )


def known(bank):
    """Return the values of a critic that knows all outcomes."""
    return np.stack([bank.outcome, bank.outcome])


def of(bank, values, **options):
    """Return what is found of one group of critics with eight candidates."""
    banks = bank if isinstance(bank, list) else [bank]
    options = {"counts": (1, 8), "beta": 1.0, "target": 0.6, **options}
    (found,) = calibrate(
        banks, {"one": values if isinstance(values, list) else [values]}, **options
    )
    return found


def test_the_best_of_a_subset_wins_where_the_first_fails(bank):
    """One subset a state; where the first is the best there is nothing to win."""
    found = overrides(bank, known(bank), count=8, beta=1.0)

    assert found.won.sum() > 90
    assert not found.lost.any()
    assert (found.advantage[found.won] == 49).all()
    assert (found.advantage[~found.won] == 0).all()


def test_a_critic_that_knows_all_needs_no_margin(bank):
    """And N = 1, which overrides nothing, is left out."""
    found = of(bank, known(bank))

    assert (found["N"], found["states"], found["found"].margin) == (8, STATES, 0.0)
    assert found["found"].lost == 0
    assert found["found"].low > 0.9


def test_blind_values_can_promise_nothing(bank, rng):
    """The table has dashes."""
    found = of(bank, rng.normal(size=(2, STATES, CANDIDATES)).astype(np.float32))

    assert found["found"] is None
    assert calibrated_table([found]).rows == (("one", "0", "8", *[DASH] * 4, str(STATES)),)


def test_a_state_counts_once_whichever_policy_was_probed_there(bank):
    """Two policies from one initial state are no two states; of another task they are."""
    other = replace(bank, cell=Cell("act", "push"))
    elsewhere = replace(bank, cell=Cell("act", "basketball"))
    values = [known(bank), known(bank)]

    assert of([bank, other], values)["states"] == STATES
    assert of([bank, elsewhere], values)["states"] == 2 * STATES


def test_the_command_shows_the_margins(bank, tmp_path, capsys):
    """After the table of results."""
    torch.manual_seed(0)
    field = ObservationField(name="observation.state", dtype="float32", shape=(3,))
    body = replace(spec_of("push").embodiment, observations=(field,))
    network = NetworkConfig(encoder_hidden=8, context_dim=4, member_hidden=(8,))
    card = CriticCard(algorithm="iql", embodiment=body, horizon=8, network=network)
    save_critic(Critic(card), tmp_path / "critics" / "push")
    write_bank(bank, tmp_path / "bank")
    words = [str(tmp_path / "bank"), "--critics", str(tmp_path / "critics"), "--counts", "1", "8"]

    assert judge.main([*words, "--calibrate", "0.6"]) == 0

    said = capsys.readouterr().out
    assert "margins whose overrides win 0.6 or more, 95% sure:" in said
    assert (
        "| critics | consensus | N | margin | won - lost | win rate | at least | states |" in said
    )
    assert said.count("| critics | 0 | 8 |") == 1
