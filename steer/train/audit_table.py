"""Audits as text, numbers with a threshold first."""

from steer.train.audit_compare import Comparison
from steer.train.audit_result import Audit, reached

__all__ = ["comparison_table", "table"]

_WIDTH = 24


def table(audit: Audit) -> str:
    """Return the numbers of one audit."""
    lines = _head(audit)
    for name, value in reached(audit).items():
        mark = "failed" if name in audit.failed else "passed"
        lines.append(f"{name:{_WIDTH}}{value:7.3f}   at least {audit.thresholds[name]:g}: {mark}")
    lines += [f"{name:{_WIDTH}}{value:7.3f}" for name, value in _others(audit).items()]
    lines += [f"candidates: {audit.candidates}", ""]
    lines += [
        f"regret N={n:<3} {mine:6.2f}   random {blind:6.2f}" for n, mine, blind in audit.regret
    ]
    return "\n".join([*lines, "", f"audit {_verdict(audit)}", ""])


def comparison_table(found: Comparison) -> str:
    """Return two audits side by side, with their differences and the intervals of those."""
    first, second, names = found.first, found.second, found.names
    wide = max(9, *(len(name) + 2 for name in names))
    head = f"{'':{_WIDTH}}{names[0]:>{wide}}{names[1]:>{wide}}   difference, 95%"
    lines = [*([found.remark] if found.remark else []), *_head(first), head]
    theirs = reached(second)
    for name, value in reached(first).items():
        gap = found.difference[name]
        marks = " and ".join(
            "failed" if name in item.failed else "passed" for item in (first, second)
        )
        lines.append(
            f"{name:{_WIDTH}}{value:{wide}.3f}{theirs[name]:{wide}.3f}   "
            f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]   "
            f"at least {first.thresholds[name]:g}: {marks}"
        )
    others = _others(second)
    lines += [
        f"{name:{_WIDTH}}{value:{wide}.3f}{others[name]:{wide}.3f}"
        for name, value in _others(first).items()
    ]
    for (count, mine, blind), (_, other, other_blind) in zip(
        first.regret, second.regret, strict=True
    ):
        lines.append(
            f"{f'regret N={count}':{_WIDTH}}{mine:{wide}.2f}{other:{wide}.2f}   "
            f"random {blind:.2f} and {other_blind:.2f}"
        )
    lines += [f"candidates: {first.candidates}", ""]
    lines += [
        f"audit of {name} {_verdict(audit)}"
        for name, audit in zip(names, (first, second), strict=True)
    ]
    return "\n".join([*lines, ""])


def _head(audit: Audit) -> list[str]:
    where = "held-out" if audit.is_held_out else "NOT held-out"
    warnings = [f"audit: {text}" for text in audit.warnings]
    return [
        f"{audit.num_episodes} {where} episodes, {audit.num_successes} successes",
        *warnings,
        "",
    ]


def _others(audit: Audit) -> dict[str, float]:
    return {
        "expert_over_perturbed": audit.expert_over_perturbed.value,
        "executed_rank": audit.executed_rank.value,
        "executed_top1": audit.executed_top1.value,
        "override_rate": audit.override_rate,
        "calibration error": audit.calibration.error,
        "calibration slope": audit.calibration.slope,
    }


def _verdict(audit: Audit) -> str:
    if audit.failed:
        return f"FAILED: {', '.join(audit.failed)}"
    if not audit.is_held_out:
        return (
            "proves nothing: the critic has learnt from these episodes, or does not say from which"
        )
    return "passed"
