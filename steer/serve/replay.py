"""`steer replay`: recompute the decisions of a log, explain them, and count those that differ."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TextIO

from steer.decision_log import DecisionLogHeader, LoggedDecision, read_decision_log
from steer.errors import ConfigError
from steer.rank.scorers import NOVELTY
from steer.rank.select import Rule
from steer.serve.explain import rows_of, rule_text, sentence, table
from steer.serve.recompute import Replayed, replayer
from steer.serve.replay_config import ReplayConfig

__all__ = ["run"]

_NOVELTY_HINT = (
    "novelty took part, and a log does not say which: another novelty.safetensors than the one "
    "that decided scores otherwise\n"
)


def run(config: ReplayConfig, out: TextIO) -> int:
    """Recompute and explain.

    Args:
        config: What, and how to show it.
        out: Takes the text.

    Returns:
        The exit code: 0 where all are equal to the last bit, 1 where one differs.

    Raises:
        ArtefactError: The critic cannot be loaded.
        ConfigError: The critic is not the log's, or there is no such decision.
        DecisionLogError: The log cannot be read, or a record is damaged.
        EmbodimentMismatchError: The log is of another robot than the critic's.
    """
    header, records = read_decision_log(config.log)
    tally = _Tally()
    with replayer(header, config.critic, encoders=config.sentence_encoder) as made:
        if not config.json:
            out.write(_title(header, made.rule))
        told = []
        for logged in _asked(records, config.decision):
            replayed = made.replay(logged)
            tally.add(replayed)
            if config.json:
                told.append(_tree(replayed, made.rule, full=config.decision is not None))
            elif config.decision is None:
                out.write(_line(replayed))
            else:
                out.write(_page(replayed, made.rule))
    if config.json:
        tree = {**_header_tree(header, made.rule), **tally.tree(), "decisions": told}
        out.write(json.dumps(tree, indent=2, allow_nan=False) + "\n")
    else:
        out.write(tally.text())
        if tally.counts["different"] and made.rule.weights.get(NOVELTY, 0.0) > 0:
            out.write(_NOVELTY_HINT)
    return 1 if tally.counts["different"] else 0


class _Tally:
    """Counts what came out, and keeps the first difference."""

    def __init__(self) -> None:
        self.counts = {"equal": 0, "different": 0, "skipped": 0}
        self._largest = 0.0
        self._first = ""
        self._is_only_numbers = True

    def add(self, replayed: Replayed) -> None:
        """Count one decision."""
        self.counts[replayed.status] += 1
        self._largest = max(self._largest, replayed.largest)
        if replayed.differences:
            self._first = self._first or f"decision {replayed.logged.number}: {replayed.first}"
            numbers = [
                item.what.startswith(("values[", "scores[")) for item in replayed.differences
            ]
            self._is_only_numbers &= all(numbers)

    def tree(self) -> dict[str, object]:
        """Return the counts as JSON has them."""
        return {**self.counts, "first_difference": self._first, "largest_difference": self._largest}

    def text(self) -> str:
        """Return the summary."""
        equal, different, skipped = self.counts.values()
        parts = [f"{equal} of {equal + different} decisions recomputed to the last bit"]
        if skipped:
            parts.append(f"{skipped} had nothing to recompute")
        if not different:
            return "; ".join(parts) + "\n"
        parts.append(f"the largest difference of a value or score is {self._largest:.2g}")
        text = f"{'; '.join(parts)}\nfirst difference: {self._first}\n"
        if self._is_only_numbers:
            text += (
                "only values and scores differ, no choice: their last bits may, where the server "
                "had another kind of processor, a GPU, more threads, or scored several robots "
                "together\n"
            )
        return text


def _asked(records: Iterator[LoggedDecision], number: int | None) -> Iterator[LoggedDecision]:
    """Yield all, or the one that was asked for.

    Raises:
        ConfigError: There is none of this number.
    """
    if number is None:
        yield from records
        return
    last = 0
    for logged in records:
        last = logged.number
        if last == number:
            yield logged
            return
    contract = f"1..{last}" if last else "a log with decisions"
    raise ConfigError(f"--decision: expected {contract}, got {number if last else 'none'}")


def _title(header: DecisionLogHeader, rule: Rule) -> str:
    critic = header.session.critic
    return (
        f"robot {header.embodiment.name!r}, critic {critic.name!r} {critic.digest}\n"
        f"{rule_text(rule)}\n"
    )


def _line(replayed: Replayed) -> str:
    """Return one decision in one line."""
    logged, decision = replayed.logged, replayed.logged.decision
    score = f"{decision.scores[decision.index]:+.4g}" if decision.scores.size else "-"
    line = (
        f"{logged.number:>6}  {replayed.status:<9}  {decision.reason.value:<11}  "
        f"candidate {decision.index:>2} of {len(logged.candidates):<3}  score {score:>8}"
    )
    return f"{line}  {replayed.why_not or replayed.first}".rstrip() + "\n"


def _page(replayed: Replayed, rule: Rule) -> str:
    """Return one decision in full."""
    logged = replayed.logged
    text = (
        f"\ndecision {logged.number}: epoch {logged.epoch}, noise seed {logged.noise_seed}, "
        f"reason {logged.decision.reason.value}, "
        f"commit horizon {logged.decision.commit_horizon}\n"
        f"{table(rows_of(logged, rule))}"
    )
    if replayed.why_not:
        text += f"nothing to recompute: {replayed.why_not}\n"
    for difference in replayed.differences:
        text += f"differs: {difference}\n"
    as_recomputed = "as recomputed, " if replayed.differences else ""
    return f"{text}{as_recomputed}{_why(replayed, rule)}\n"


def _why(replayed: Replayed, rule: Rule) -> str:
    decision = replayed.recomputed or replayed.logged.decision
    return sentence(decision, rule, noise_seed=replayed.logged.noise_seed)


def _header_tree(header: DecisionLogHeader, rule: Rule) -> dict[str, object]:
    critic = header.session.critic
    return {
        "robot": header.embodiment.name,
        "critic": {"name": critic.name, "digest": critic.digest},
        "selection": asdict(rule),
    }


def _tree(replayed: Replayed, rule: Rule, *, full: bool) -> dict[str, object]:
    """Return one decision as JSON has it; with its candidates only where it is asked for."""
    logged, decision = replayed.logged, replayed.logged.decision
    tree: dict[str, object] = {
        "number": logged.number,
        "epoch": logged.epoch,
        "noise_seed": logged.noise_seed,
        "status": replayed.status,
        "why_not": replayed.why_not,
        "reason": decision.reason.value,
        "index": decision.index,
        "num_candidates": len(logged.candidates),
        "commit_horizon": decision.commit_horizon,
        "why": _why(replayed, rule),
        "differences": [asdict(item) for item in replayed.differences],
        "largest_difference": replayed.largest,
    }
    if full:
        tree["candidates"] = [asdict(row) for row in rows_of(logged, rule)]
    return tree
