"""An audit as one picture that people would rather look at than read."""

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure as Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from steer.train.audit_judge import Audit

__all__ = ["draw_audit"]

_GOOD, _PLAIN, _BAD = "#d97a12", "#466ec8", "#8a93a0"


def draw_audit(audit: "Audit", path: Path) -> None:
    """Write the picture of an audit.

    Args:
        audit: What was found.
        path: A .png.
    """
    canvas = Canvas(figsize=(11, 6.4), layout="constrained")
    verdict = "passed" if not audit.failed else "FAILED: " + ", ".join(audit.failed)
    where = "held-out" if audit.is_held_out else "NOT held-out"
    canvas.suptitle(f"audit {verdict} ({audit.num_episodes} {where} episodes)")
    panels = canvas.subplots(2, 2)
    _calibration(panels[0, 0], audit)
    _discrimination(panels[0, 1], audit)
    _shares(panels[1, 0], audit)
    _regret(panels[1, 1], audit)
    fresh = path.with_name(path.name + ".partial")
    canvas.savefig(fresh, format="png", dpi=120)
    fresh.replace(path)


def _calibration(axes: "Axes", audit: "Audit") -> None:
    found, share = audit.calibration, audit.explained
    interval = f"{100 * share.low:.0f} to {100 * share.high:.0f}"
    axes.plot(found.predicted, found.realised, "o-", color=_GOOD)
    ends = [min(found.predicted + found.realised), max(found.predicted + found.realised)]
    axes.plot(ends, ends, "--", color=_BAD, label="perfect")
    axes.set(
        title=f"calibration ({100 * share.value:.0f}% of the variance explained, {interval})",
        xlabel="predicted return",
        ylabel="realised return",
    )
    axes.legend()


def _discrimination(axes: "Axes", audit: "Audit") -> None:
    shares = [float(name) for name in audit.discrimination]
    found = list(audit.discrimination.values())
    axes.fill_between(
        shares, [one.low for one in found], [one.high for one in found], color=_GOOD, alpha=0.2
    )
    axes.plot(shares, [one.value for one in found], "o-", color=_GOOD)
    axes.axhline(0.5, linestyle="--", color=_BAD)
    axes.set(
        title="success told from failure",
        xlabel="share of the episode gone",
        ylabel="AUC of the value",
        ylim=(0, 1.02),
    )


def _shares(axes: "Axes", audit: "Audit") -> None:
    figures = {
        "value rises\nalong success": audit.value_order,
        "executed beats\nrandom": audit.expert_over_noise,
        "executed beats\nperturbed": audit.expert_over_perturbed,
        "rank of\nexecuted": audit.executed_rank,
    }
    values = [figure.value for figure in figures.values()]
    below = [figure.value - figure.low for figure in figures.values()]
    above = [figure.high - figure.value for figure in figures.values()]
    axes.bar(list(figures), values, yerr=[below, above], color=_PLAIN, capsize=4)
    axes.axhline(0.5, linestyle="--", color=_BAD)
    axes.set(title="order", ylim=(min(0.0, *values) - 0.02, 1.02))


def _regret(axes: "Axes", audit: "Audit") -> None:
    counts = [count for count, _, _ in audit.regret]
    axes.plot(counts, [mine for _, mine, _ in audit.regret], "o-", color=_GOOD, label="critic")
    axes.plot(counts, [blind for _, _, blind in audit.regret], "o--", color=_BAD, label="random")
    axes.set(title="regret among executed chunks", xlabel="N", ylabel="discounted return")
    axes.set_ylim(bottom=0)
    axes.legend()
