"""A bank of states whose outcomes are known, and what critics would have chosen in them."""

from dataclasses import replace

import numpy as np
import pytest

from sim.bank.__main__ import pack
from sim.bank.ranking import choices, correlation
from sim.bank.states import CellBank, read_bank, write_bank
from sim.evaluation.cells import Cell
from sim.evaluation.table import write_table
from sim.tasks import spec_of
from steer.errors import ConfigError, InvalidInputError
from steer.rank.scorers.base import Situation, standardise
from steer.rank.scorers.consensus import consensus

STATES, CANDIDATES = 200, 8


def bank(*, is_exchangeable=True, seed=0):
    """Return states in which a third of the candidates succeed, sooner or later."""
    generator = np.random.default_rng(seed)
    ticks = generator.integers(1, 50, size=(STATES, CANDIDATES))
    is_success = generator.random((STATES, CANDIDATES)) < 1 / 3
    return CellBank(
        cell=Cell("diffusion", "push"),
        seed=np.arange(STATES),
        observations={"observation.state": np.zeros((STATES, 3), np.float32)},
        candidates=np.zeros((STATES, CANDIDATES, 16, 4), np.float32),
        outcome=np.where(is_success, 1.0 - ticks, -50.0).astype(np.float32),
        ticks_left=np.full(STATES, 50),
        horizon=8,
        is_exchangeable=is_exchangeable,
        policy_digest="sha256:00",
    )


def gain(found):
    """Return by how much the choice beats the policy alone."""
    return np.mean([found.chosen[seed] - found.own[seed] for seed in found.own])


def known(states):
    """Return the values of a critic that knows all outcomes, of two members."""
    return np.stack([states.outcome, states.outcome])


@pytest.mark.parametrize("is_exchangeable", [True, False])
def test_a_critic_that_knows_all_gains_what_the_oracle_gains(is_exchangeable):
    """And a gate of no margin lets it."""
    states = bank(is_exchangeable=is_exchangeable)

    found = choices(states, known(states), count=4, margin=0.0, beta=1.0)

    assert found.chosen == found.best
    assert gain(found) > 0.3
    assert found.num_lost == 0


def test_a_critic_that_knows_all_the_wrong_way_round_loses():
    """Against the policy alone, and more with more candidates."""
    states = bank()
    wrong = -known(states)

    few, many = (gain(choices(states, wrong, count=n, margin=0.0, beta=1.0)) for n in (2, 8))

    assert many < few < 0


def test_blind_values_gain_nothing():
    """Within what 200 states can tell."""
    states = bank()
    blind = np.random.default_rng(1).normal(size=(2, STATES, CANDIDATES)).astype(np.float32)

    assert abs(gain(choices(states, blind, count=8, margin=0.0, beta=1.0))) < 0.1


def test_agreement_alone_chooses_the_medoid():
    """Where the good candidates are alike, that is as good as knowing all."""
    states = bank()
    drawn = np.random.default_rng(2).uniform(-1, 1, states.candidates.shape)
    alike = np.where(states.is_success[..., None, None], 0.01 * drawn, drawn)
    states = replace(states, candidates=alike.astype(np.float32))
    blind = np.zeros((2, STATES, CANDIDATES), np.float32)

    some = gain(choices(states, blind, count=8, margin=0.0, beta=1.0, consensus=1e6))

    assert some > 0.1
    assert gain(choices(states, blind, count=8, margin=0.0, beta=1.0)) == 0


def test_no_candidate_beats_a_margin_beyond_all_values():
    """So the policy's own chunk runs in every state."""
    states = bank()

    found = choices(states, known(states), count=8, margin=1e3, beta=1.0)

    assert (found.override_rate, gain(found)) == (0.0, 0.0)


def test_of_perturbations_candidate_0_alone_is_the_policys_own():
    """Of draws, each of them stands in for it."""
    states = bank(is_exchangeable=False)
    found = choices(states, known(states), count=4, margin=0.0, beta=1.0)
    assert list(found.own.values()) == states.is_success[:, 0].tolist()

    drawn = choices(bank(), known(states), count=1, margin=0.0, beta=1.0)
    assert np.mean(list(drawn.own.values())) == pytest.approx(states.is_success.mean(), abs=0.02)


def test_a_count_beyond_the_bank_is_refused():
    """With what there is."""
    states = bank()
    with pytest.raises(InvalidInputError, match="count: expected 1 to 8, got 9"):
        choices(states, known(states), count=9, margin=0.0, beta=1.0)


def test_the_rank_correlation_is_of_scores_and_outcomes():
    """1 for a critic that knows all, -1 for one that has it the wrong way round."""
    states = bank()
    assert correlation([states], [known(states)], beta=1.0).mean.value == pytest.approx(1)
    assert correlation([states], [-known(states)], beta=1.0).mean.value == pytest.approx(-1)


def test_states_are_read_as_they_were_written(tmp_path):
    """To the last bit."""
    states = bank(is_exchangeable=False)

    read = read_bank(write_bank(states, tmp_path))

    assert (read.cell, read.is_exchangeable) == (states.cell, False)
    for name in ("seed", "candidates", "outcome", "ticks_left"):
        assert np.array_equal(getattr(read, name), getattr(states, name))
    assert list(read.observations) == list(states.observations)


def test_other_files_are_refused(tmp_path):
    """With the file's name."""
    path = tmp_path / "push.safetensors"
    path.write_bytes(b"no bank")
    with pytest.raises(ConfigError, match=r"push\.safetensors: expected states of a bank"):
        read_bank(path)


def test_a_run_without_probes_cannot_be_packed(make_row, tmp_path):
    """It says which arm is meant."""
    write_table(tmp_path / "rows.parquet", [replace(make_row(), arm="alone")])
    with pytest.raises(ConfigError, match="expected episodes of the arm probe, got none"):
        list(pack(tmp_path))


def test_a_run_of_several_n_is_refused_before_anything_is_packed(make_row, tmp_path):
    """A bank has one file a cell, so one of them would be lost."""
    rows = [make_row("probe", count=count, outcomes=((0.0,) * count,)) for count in (8, 16)]
    write_table(tmp_path / "rows.parquet", rows)

    with pytest.raises(ConfigError) as caught:
        next(pack(tmp_path))

    assert str(caught.value) == (
        f"{tmp_path}: expected one N of diffusion/push, for a bank has one file a cell, got 8, 16; "
        "probe each N in a run of its own"
    )


def test_episodes_of_the_package_s_own_limit_are_not_packed(make_row, tmp_path):
    """Their logs and ticks left are of another episode than ours."""
    row = replace(make_row("probe", outcomes=((0.0,) * 16,)), limit="package")
    write_table(tmp_path / "rows.parquet", [row])

    with pytest.raises(ConfigError, match="expected episodes of the arm probe, got none"):
        next(pack(tmp_path))


def test_wins_are_counted_by_the_state(rng):
    """As in the table of margins: thirty-two subsets of a state are no thirty-two states."""
    states = bank()
    own, best = states.is_success.mean(), states.is_success.any(axis=1).mean()

    found = choices(states, known(states), count=CANDIDATES, margin=0.0, beta=1.0)

    assert found.num_won == pytest.approx(STATES * (best - own), rel=0.05)


def test_agreement_is_what_the_server_s_scorer_says(rng):
    """Else a weight that was chosen on the bank would mean something else there."""
    body = spec_of("push").embodiment
    chunks = rng.uniform(-1.2, 1.2, (STATES, CANDIDATES, 16, 4)).astype(np.float32)
    states = replace(bank(), candidates=chunks)
    value = np.zeros((1, STATES, CANDIDATES), np.float32)
    situations = [Situation(chunks_NHA=row[:, :8], embodiment=body) for row in chunks]
    best = [int(standardise(consensus(item)).argmax()) for item in situations]

    found = choices(states, value, count=CANDIDATES, margin=0.0, beta=1.0, consensus=1.0)

    expected = states.is_success[np.arange(STATES), best]
    assert [found.chosen[seed] for seed in range(STATES)] == expected.astype(float).tolist()
