"""The words and the table for each way in which a decision comes about."""

from dataclasses import replace

import numpy as np
import pytest

from steer.decision_log import LoggedDecision
from steer.rank.select import Rule
from steer.serve.explain import rows_of, rule_text, sentence, table
from steer.types import Candidates, Decision, Observation, Provenance, Reason

RULE = Rule(
    selector="argmax", gated=True, margin=0.5, beta=1.0, temperature=2.0, tau=0.75, commit_horizon=3
)
OPEN = replace(RULE, gated=False)
ACTIONS = np.arange(8, dtype=np.float32).reshape(4, 1, 2)
PROVENANCE = (Provenance.POLICY,) * 3 + (Provenance.PERTURBATION,)
DECISION = Decision(
    index=1,
    chunk=ACTIONS[1],
    commit_horizon=1,
    reason=Reason.ADVANTAGE,
    overrode=True,
    scores=np.array([0, 1.3249, 0.75, 2], np.float32),
    values=np.array([[1, 2, 3, 4], [0.5, -1, 12.3456789, 0]], np.float32),
    feasible=(True, True, True, False),
    num_scored=4,
)


def because(rule=RULE, **changes):
    """Return the sentence of a decision, without who ran."""
    decision = replace(DECISION, **changes)
    found = sentence(decision, rule, noise_seed=7)
    start = f"candidate {decision.index} ran: "
    assert found.startswith(start)
    return found.removeprefix(start)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ("argmax", "its score +1.325 is the largest of the "),
        ("worst", "its score +1.325 is the lowest of the "),
        ("medoid", "it is the nearest to all candidates of the "),
        ("softmax", "drawn by softmax at temperature 2 with noise seed 7 from the "),
        ("implicit", "drawn with implicit weights at tau 0.75 with noise seed 7 from the "),
        ("random", "drawn uniformly with noise seed 7 from the "),
    ],
)
def test_every_selector_says_what_it_did(selector, text):
    """With and without a gate; candidate 3 is not feasible."""
    gated = because(replace(RULE, selector=selector))
    ungated = because(replace(OPEN, selector=selector), reason=Reason.UNGATED)

    assert gated == text + "2 that are feasible and above the margin 0.5"
    assert ungated == text + "3 that may run, for there is no gate"


def test_the_only_one_that_may_run_needs_no_selector():
    """Whatever the selector."""
    scores = np.array([0, 1, 0.5, 2], np.float32)
    rule = replace(RULE, selector="random")

    assert because(rule, scores=scores) == (
        "its score +1 is above the margin 0.5, and no other may run"
    )
    alone = {"index": 0, "reason": Reason.UNGATED, "feasible": (True, False, False, False)}
    assert because(replace(OPEN, selector="random"), **alone) == "no other is feasible"


def test_candidate_zero_says_what_the_others_lacked():
    """Score, or feasibility."""
    low = np.array([0, -1, 0.5, 0.25], np.float32)
    high = np.array([0, -1, 0.75, 2], np.float32)

    assert because(index=0, reason=Reason.MARGIN, scores=low) == (
        "no score exceeds the margin 0.5; the largest is +0.5 of candidate 2"
    )
    assert because(index=0, reason=Reason.INFEASIBLE, scores=high) == (
        "of the others 2, 3 exceed the margin 0.5, but none is feasible"
    )


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.SINGLE, "there was no other"),
        (Reason.BUDGET, "the budget ended before the candidates were scored"),
        (Reason.CRITIC, "the critic failed, or gave a value that is not finite"),
        (Reason.LATE, r"the client was not answered in time: 'no\x1b[0m'"),
        (Reason.UNREACHABLE, r"the client found no server: 'no\x1b[0m'"),
        (Reason.REFUSED, r"the client was refused: 'no\x1b[0m'"),
    ],
)
def test_every_other_reason_has_its_words(reason, text):
    """What the log says in words is quoted: it may come from anywhere."""
    assert because(index=0, reason=reason, detail="no\x1b[0m") == text


def logged(decision):
    """A record of the decision."""
    candidates = Candidates(ACTIONS, PROVENANCE)
    observation = Observation({})
    return LoggedDecision(
        number=1,
        epoch=0,
        noise_seed=7,
        observation=observation,
        candidates=candidates,
        decision=decision,
    )


def test_the_table_has_a_line_a_candidate():
    """Columns are aligned; candidate 0 needs not pass the gate."""
    assert table(rows_of(logged(DECISION), RULE)) == (
        "candidate    provenance  feasible  value 0  value 1   score  passes the gate  chosen\n"
        "        0        policy       yes        1      0.5      +0                -\n"
        "        1        policy       yes        2       -1  +1.325              yes     yes\n"
        "        2        policy       yes        3  12.3457   +0.75              yes\n"
        "        3  perturbation        no        4        0      +2               no\n"
    )


def test_the_table_of_what_nobody_scored_has_dashes():
    """There are no values, and no gate was asked."""
    decision = Decision(index=0, chunk=ACTIONS[0], commit_horizon=1, reason=Reason.LATE)

    lines = table(rows_of(logged(decision), RULE)).splitlines()

    assert lines[0].split() == [
        "candidate",
        "provenance",
        "feasible",
        "score",
        "passes",
        "the",
        "gate",
        "chosen",
    ]
    assert lines[1].split() == ["0", "policy", "-", "-", "-", "yes"]


def test_a_rule_says_what_counts():
    """Temperature and tau where they do."""
    assert rule_text(RULE) == "argmax, gate with margin 0.5, beta 1"
    assert (
        rule_text(replace(OPEN, selector="softmax")) == "softmax of temperature 2, no gate, beta 1"
    )
    assert rule_text(replace(OPEN, selector="implicit")) == "implicit of tau 0.75, no gate, beta 1"
