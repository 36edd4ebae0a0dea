"""An audit, or two beside each other, as one picture that people would rather look at than read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from matplotlib.figure import Figure as Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from steer.train.audit_result import Audit

__all__ = ["draw_audits"]

_COLOURS, _BAD = ("#d97a12", "#466ec8"), "#8a93a0"
_BLIND = (0.0, 0.5, 0.5, 0.5)
"""Of a critic that knows nothing: order in time, and the shares and the rank beside it."""
_Named: TypeAlias = "Sequence[tuple[str, str, Audit]]"
"""Label, colour and audit of each critic."""


def draw_audits(audits: "Sequence[Audit]", names: Sequence[str], path: Path) -> None:
    """Write the picture of one audit, or of two on the same episodes.

    Args:
        audits: What was found.
        names: What the critics are called.
        path: A .png.
    """
    canvas = Canvas(figsize=(11, 6.4), layout="constrained")
    where = "held-out" if audits[0].is_held_out else "NOT held-out"
    verdicts = [
        (f"{name} " if len(audits) > 1 else "audit ")
        + ("passed" if not audit.failed else "FAILED: " + ", ".join(audit.failed))
        for name, audit in zip(names, audits, strict=True)
    ]
    canvas.suptitle(f"{'; '.join(verdicts)} ({audits[0].num_episodes} {where} episodes)")
    labels = names if len(audits) > 1 else ("critic",)
    shown = list(zip(labels, _COLOURS, audits, strict=False))
    panels = canvas.subplots(2, 2)
    _calibration(panels[0, 0], shown)
    _discrimination(panels[0, 1], shown)
    _shares(panels[1, 0], shown)
    _regret(panels[1, 1], shown)
    fresh = path.with_name(path.name + ".partial")
    canvas.savefig(fresh, format="png", dpi=120)
    fresh.replace(path)


def _calibration(axes: "Axes", shown: _Named) -> None:
    ends: list[float] = []
    for label, colour, audit in shown:
        found, share = audit.calibration, audit.explained
        interval = f"{100 * share.value:.0f}% [{100 * share.low:.0f}, {100 * share.high:.0f}]"
        axes.plot(found.predicted, found.realised, "o-", color=colour, label=f"{label} {interval}")
        ends += [*found.predicted, *found.realised]
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], "--", color=_BAD, label="perfect")
    axes.set(
        title="calibration (share of the variance explained)",
        xlabel="predicted return",
        ylabel="realised return",
    )
    axes.legend()


def _discrimination(axes: "Axes", shown: _Named) -> None:
    for label, colour, audit in shown:
        shares = [float(name) for name in audit.discrimination]
        found = list(audit.discrimination.values())
        low, high = [one.low for one in found], [one.high for one in found]
        axes.fill_between(shares, low, high, color=colour, alpha=0.2)
        axes.plot(shares, [one.value for one in found], "o-", color=colour, label=label)
    axes.axhline(0.5, linestyle="--", color=_BAD)
    axes.set(
        title="success told from failure",
        xlabel="share of the episode gone",
        ylabel="AUC of the value",
        ylim=(0, 1.02),
    )


def _shares(axes: "Axes", shown: _Named) -> None:
    wide = 0.8 / len(shown)
    lowest = 0.0
    for number, (_, colour, audit) in enumerate(shown):
        figures = {
            "value rises\nalong success": audit.value_order,
            "executed beats\nrandom": audit.expert_over_noise,
            "executed beats\nperturbed": audit.expert_over_perturbed,
            "rank of\nexecuted": audit.executed_rank,
        }
        values = [figure.value for figure in figures.values()]
        below = [figure.value - figure.low for figure in figures.values()]
        above = [figure.high - figure.value for figure in figures.values()]
        at = np.arange(len(figures)) + (number - (len(shown) - 1) / 2) * wide
        axes.bar(at, values, wide, yerr=[below, above], color=colour, capsize=4)
        axes.set_xticks(np.arange(len(figures)), list(figures))
        lowest = min(lowest, *values)
    # What a critic without knowledge has: no order in time, and half of its comparisons.
    for place, blind in enumerate(_BLIND):
        axes.plot([place - 0.45, place + 0.45], [blind, blind], "--", color=_BAD)
    axes.set(title="order (dashed: knows nothing)", ylim=(lowest - 0.02, 1.02))


def _regret(axes: "Axes", shown: _Named) -> None:
    for label, colour, audit in shown:
        counts = [count for count, _, _ in audit.regret]
        axes.plot(counts, [mine for _, mine, _ in audit.regret], "o-", color=colour, label=label)
    # Of the first alone: the same choices, and the same returns but where discounts differ.
    regret = shown[0][2].regret
    blind = [value for _, _, value in regret]
    axes.plot([count for count, _, _ in regret], blind, "o--", color=_BAD, label="random")
    axes.set(title="regret among executed chunks", xlabel="N", ylabel="discounted return")
    axes.set_ylim(bottom=0)
    axes.legend()
