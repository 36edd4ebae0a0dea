"""The main numbers of a run, on cards at the top of the page."""

from html import escape

from sim.figures import CellFigures, SuiteFigures
from sim.report.words import share, signed
from sim.stats import Estimate, PairedDifference

__all__ = ["cards"]

_MOST_CELLS = 6
"""With more, a card for each cell is too many; the forest plot has them all."""


def cards(figures: SuiteFigures) -> str:
    """Return the cards; of few cells one for each, too."""
    found = [*_means(figures), *_shares(figures)]
    shown = f"<section class='cards'>{''.join(found)}</section>" if found else ""
    if 0 < len(figures.compared) <= _MOST_CELLS:
        shown += f"<section class='cards'>{''.join(map(_cell, figures.compared))}</section>"
    return shown


def _means(figures: SuiteFigures) -> list[str]:
    found = []
    if figures.mean is not None:
        gain, others = figures.mean.fixed, signed(figures.mean.random)
        words = [f"[{gain.low:+.2f}, {gain.high:+.2f}]", f"for other tasks {others}"]
        number = len(figures.counting)
        title = f"mean gain, {number} {'cell' if number == 1 else 'cells'}"
        found.append(_card(title, f"{gain.value:+.2f}", _kind(gain), words))
    if figures.compared:
        worse, better, total = len(figures.worse), len(figures.better), len(figures.compared)
        aside = total - len(figures.counting)
        words = [f"of {total}, after Holm's correction"]
        words += [f"{aside} aside: hopeless or nearly perfect alone"] if aside else []
        kind = "down" if worse > better else "up" if better else "even"
        found.append(_card("cells better / worse", f"{better} / {worse}", kind, words))
    for arm, title in (("random", "one at random"), ("medoid", "medoid, no critic")):
        control = figures.control(arm)
        if control is not None:
            gain = control.gain.fixed
            words = [f"[{gain.low:+.2f}, {gain.high:+.2f}]", _over(control.num_cells)]
            if control.steered is not None:
                words.append(f"steering there {signed(control.steered.fixed)}")
            found.append(_card(title, f"{gain.value:+.2f}", "even", words))
    return found


def _shares(figures: SuiteFigures) -> list[str]:
    found = []
    oracle, totals = figures.oracle, figures.override_totals
    if oracle is not None and oracle.share is not None:
        part = oracle.share
        words = [f"[{part.low:.2f}, {part.high:.2f}]", _over(oracle.num_cells)]
        found.append(_card("of the oracle's gain", f"{part.value:.2f}", "even", words))
    if totals is not None:
        words = [f"[{totals.rate.low:.1%}, {totals.rate.high:.1%}]", "of all decisions"]
        found.append(_card("overridden", f"{totals.rate.value:.1%}", "even", words))
        if totals.wins is not None:
            words = [f"[{share(totals.wins.low)}, {share(totals.wins.high)}]"]
            words.append(f"of {totals.wins.n} episodes that overriding changed")
            kind = "up" if totals.wins.low > 0.5 else "down" if totals.wins.high < 0.5 else "even"
            found.append(_card("won", share(totals.wins.value), kind, words))
    return found


def _card(title: str, number: str, kind: str, words: list[str], more: str = "") -> str:
    told = "".join(f"<p class='range'>{escape(text)}</p>" for text in words)
    return (
        f"<article class='card'><h3>{escape(title)}</h3>"
        f"<p class='gain {kind}'>{escape(number)}</p>{told}{more}</article>"
    )


def _cell(cell: CellFigures) -> str:
    if cell.gain is None or cell.alone is None or cell.steered is None:
        return ""
    gap = cell.gain.gap
    bars = "".join(
        f"<div class='bar'><span>{name}</span><i style='--v:{rate.value:.3f}' class='{name}'></i>"
        f"<b>{share(rate.value)}</b></div>"
        for name, rate in (("alone", cell.alone), ("steered", cell.steered))
    )
    words = [f"[{gap.low:+.2f}, {gap.high:+.2f}], n = {gap.n}"]
    return _card(cell.name, f"{gap.value:+.2f}", _kind(gap), words, bars)


def _kind(gain: Estimate | PairedDifference) -> str:
    return "up" if gain.low > 0 else "down" if gain.high < 0 else "even"


def _over(number: int) -> str:
    return f"over {number} {'cell' if number == 1 else 'cells'}"
