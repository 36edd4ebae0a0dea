"""Says in words, and in a table, why a decision was what it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.decision_log import LoggedDecision
from steer.rank.gate import gate
from steer.rank.select import Rule
from steer.types import Decision, Reason

__all__ = ["Row", "rows_of", "rule_text", "sentence", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one candidate; None where it was not looked at.

    Attributes:
        candidate: Its index; 0 is the policy's own.
        provenance: Where it came from.
        feasible: Whether it keeps the robot's limits.
        values: By each member of the critic; empty where nothing was scored.
        score: Soft minimum of the advantages over candidate 0.
        passes: Whether it passes the gate; None for candidate 0 and without a gate.
        chosen: Whether it ran.
    """

    candidate: int
    provenance: str
    feasible: bool | None
    values: tuple[float, ...]
    score: float | None
    passes: bool | None
    chosen: bool


def rows_of(logged: LoggedDecision, rule: Rule) -> list[Row]:
    """Return what was logged of each candidate."""
    decision, count = logged.decision, len(logged.candidates)
    passing = _passing(decision, rule)
    return [
        Row(
            candidate=n,
            provenance=logged.candidates.provenance[n].value,
            feasible=decision.feasible[n] if decision.feasible else None,
            values=tuple(decision.values[:, n].tolist()) if decision.values.size else (),
            score=float(decision.scores[n]) if decision.scores.size else None,
            passes=None if passing is None or n == 0 else bool(passing[n]),
            chosen=n == decision.index,
        )
        for n in range(count)
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the candidates as lines of aligned columns."""
    members = max(len(row.values) for row in rows)
    head = ["candidate", "provenance", "feasible"]
    head += [f"value {k}" for k in range(members)] + ["score", "passes the gate", "chosen"]
    cells = [
        [
            str(row.candidate),
            row.provenance,
            _word(row.feasible),
            *[f"{value:.6g}" for value in row.values],
            *["-"] * (members - len(row.values)),
            "-" if row.score is None else f"{row.score:+.4g}",
            _word(row.passes),
            "yes" if row.chosen else "",
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *cells]
    ]
    return "\n".join(lines) + "\n"


def rule_text(rule: Rule) -> str:
    """Return how a session decides, in words."""
    extra = {
        "softmax": f" of temperature {rule.temperature:g}",
        "implicit": f" of tau {rule.tau:g}",
    }
    gated = f"gate with margin {rule.margin:.4g}" if rule.gated else "no gate"
    weights = "".join(f", {name} {weight:g}" for name, weight in rule.weights.items() if weight)
    return f"{rule.selector}{extra.get(rule.selector, '')}, {gated}, beta {rule.beta:.4g}{weights}"


def sentence(decision: Decision, rule: Rule, *, noise_seed: int) -> str:
    """Return in one sentence why the chosen candidate ran.

    Args:
        decision: What is said holds for its own scores; a decision that was tampered with should
            be told as recomputed.
        rule: Of its session.
        noise_seed: Of its request.
    """
    return f"candidate {decision.index} ran: {_because(decision, rule, noise_seed)}"


def _because(decision: Decision, rule: Rule, noise_seed: int) -> str:
    told = {
        Reason.SINGLE: "there was no other",
        Reason.BUDGET: "the budget ended before the candidates were scored",
        Reason.CRITIC: "the critic failed, or gave a value that is not finite",
        # Quoted, for a log is no more to be trusted than a robot.
        Reason.LATE: f"the client was not answered in time: {decision.detail!r}",
        Reason.UNREACHABLE: f"the client found no server: {decision.detail!r}",
        Reason.REFUSED: f"the client was refused: {decision.detail!r}",
    }
    if decision.reason in told:
        return told[decision.reason]
    if decision.reason is Reason.MARGIN:
        best = 1 + int(decision.scores[1:].argmax())
        score = f"{decision.scores[best]:+.4g} of candidate {best}"
        return f"no score exceeds the margin {rule.margin:.4g}; the largest is {score}"
    if decision.reason is Reason.INFEASIBLE:
        better = np.flatnonzero(decision.scores > rule.margin)
        names = ", ".join(map(str, better[better > 0]))
        return f"of the others {names} exceed the margin {rule.margin:.4g}, but none is feasible"
    return _picked(decision, rule, noise_seed)


def _picked(decision: Decision, rule: Rule, noise_seed: int) -> str:
    """Return why the selector took this one of those that it could take."""
    passing = _passing(decision, rule)
    if passing is None:
        count = sum(decision.feasible[1:], start=1)
        among = f"{count} that may run, for there is no gate"
    else:
        count = int(passing.sum())
        among = f"{count} that are feasible and above the margin {rule.margin:.4g}"
    score = f"{decision.scores[decision.index]:+.4g}" if decision.scores.size else ""
    if count == 1 and passing is not None:
        return f"its score {score} is above the margin {rule.margin:.4g}, and no other may run"
    if count == 1:
        return "no other is feasible"
    if rule.selector in ("argmax", "worst"):
        extreme = "largest" if rule.selector == "argmax" else "lowest"
        return f"its score {score} is the {extreme} of the {among}"
    if rule.selector == "medoid":
        return f"it is the nearest to all candidates of the {among}"
    drawn = {
        "softmax": f"drawn by softmax at temperature {rule.temperature:g}",
        "implicit": f"drawn with implicit weights at tau {rule.tau:g}",
    }.get(rule.selector, "drawn uniformly")
    return f"{drawn} with noise seed {noise_seed} from the {among}"


def _passing(decision: Decision, rule: Rule) -> NDArray[np.bool_] | None:
    """Return which candidates pass the gate; None where there is none or nothing was scored."""
    if not rule.gated or not decision.scores.size or not decision.feasible:
        return None
    return gate(decision.scores, np.array(decision.feasible), margin=rule.margin)[0]


def _word(value: bool | None) -> str:  # noqa: FBT001  # a cell of the table
    return "-" if value is None else "yes" if value else "no"
