"""Ways from one chunk to the next while the answer is on its way, to be compared on equal delays.

All but `rtc` are steered alike: N candidates, the same critic, the same noise. They differ in when
they ask, what of a late chunk they run, and some in what is drawn or chosen.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `A` action.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steer.heads import EDITORS
from steer.loop.chunks import Chunk

__all__ = ["ALONE", "METHODS", "Method", "Splice", "Transition", "ensemble", "fade", "nearest"]

_FADE_ROWS = 4
_AGE_DECAY = 0.01
_COHERENCE_DECAY = 0.5

Splice = Literal["aligned", "row0", "fade", "ensemble"]
"""What becomes of a chunk when it is there: `aligned`, its row of now; `row0`, its first row,
however late; `fade`, its row of now, faded in over four ticks; `ensemble`, the mean of all chunks
that have a row for the tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One of them.

    Attributes:
        name: In results.
        what: In words, for tables.
        asks_ahead: Whether the next chunk is asked for while there is still something to run.
        freezes: Whether what runs goes on for as long as an answer is expected to take.
        splice: What becomes of a chunk.
        chooses: `critic`, at the observation that was asked for; `fresh`, the critic at the newest
            one; `nearest`, the candidate nearest to what runs, of which the critic knows nothing.
        every: Ask so many ticks after the last answer; 0 asks when what is left is what an answer
            takes.
        foresees: Whether the policy is asked at what the robot will observe when the answer is due.
        anchors: Whether candidates make up for what the robot did meanwhile.
        guides: Whether the policy guides its chunks by what runs, for those that offer it.
        is_alone: Whether nothing competes with the policy's own chunk.
        head: Kind of the head whose edits compete, too; empty for none.
        weights: Of scorers beside the critic, over those of the run.
    """

    name: str
    what: str
    asks_ahead: bool = True
    freezes: bool = False
    splice: Splice = "aligned"
    chooses: Literal["critic", "fresh", "nearest"] = "critic"
    every: int = 0
    foresees: bool = False
    anchors: bool = False
    guides: bool = False
    is_alone: bool = False
    head: str = ""
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)


_OURS = Method(
    name="ours",
    what="asks at what will be observed, judges again at the newest look, keeps the limits",
    freezes=True,
    chooses="fresh",
    every=1,
    foresees=True,
    anchors=True,
)
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        item.name: item
        for item in (
            Method(name="wait", what="holds its place until the answer is there", asks_ahead=False),
            Method(name="naive", what="runs the newest chunk from its first row", splice="row0"),
            Method(name="fade", what="row of now, faded in over 4 ticks", splice="fade"),
            Method(
                name="ensemble",
                what="mean of all chunks that overlap, as ACT",
                splice="ensemble",
                every=1,
            ),
            Method(
                name="bid",
                what="freezes; the candidate nearest to what runs, as BID's backward coherence",
                freezes=True,
                chooses="nearest",
            ),
            Method(name="freeze", what="freezes, then the row of now", freezes=True),
            Method(
                name="rtc",
                what="the policy alone, its chunk guided by what runs; the row of now",
                guides=True,
                is_alone=True,
            ),
            Method(name="rtc-steered", what="chunks guided by what runs, steered", guides=True),
            _OURS,
            replace(
                _OURS, name="ours-rtc", what="ours, of chunks guided by what runs", guides=True
            ),
            replace(_OURS, name="ours-blind", what="ours, not judged again", chooses="critic"),
            replace(
                _OURS,
                name="ours-alone",
                what="ours, agreement not counted",
                weights={"consensus": 0.0},
            ),
            replace(_OURS, name="ours-now", what="ours, asks at what is observed", foresees=False),
            replace(_OURS, name="ours-slow", what="ours, asks when it has to", every=0),
            *(
                replace(
                    _OURS,
                    name=f"ours-{kind}",
                    what=f"ours, and what a head of the kind {kind} makes competes",
                    head=kind,
                    weights={"consensus": 0.0},
                )
                for kind in EDITORS
            ),
        )
    }
)
"""By name."""
ALONE = replace(
    METHODS["wait"], name="alone", what="the policy alone, holding while it waits", is_alone=True
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What the splice of a chunk is made from.

    Attributes:
        chunk: That has come.
        running: What would follow if it had not, [R, A], row 0 for the next tick; or None.
        consumed: Actions of the epoch that have been consumed.
        before: Chunks of this epoch that came before it and may still have rows, oldest first.
    """

    chunk: Chunk
    running: NDArray[np.float32] | None
    consumed: int
    before: tuple[Chunk, ...] = ()

    def spliced(self, splice: Splice) -> Chunk:
        """Return the chunk as it is handed to System 1."""
        return _SPLICES[splice](self)

    def from_now(self, chunk: Chunk) -> NDArray[np.float32]:
        """Return a chunk's rows from the next tick on; none where it has ended."""
        return chunk.actions[max(0, self.consumed - chunk.consumed) :]


def fade(now: Transition) -> Chunk:
    """Go over from what runs to the new chunk in equal parts a tick."""
    rows = now.from_now(now.chunk).copy()
    count = 0 if now.running is None else min(_FADE_ROWS, len(now.running), len(rows))
    if now.running is None or not count:
        return now.chunk
    new = (np.arange(count, dtype=np.float32)[:, None] + 1) / (_FADE_ROWS + 1)
    rows[:count] = new * rows[:count] + (1 - new) * now.running[:count]
    return _begun(now, rows)


def ensemble(now: Transition) -> Chunk:
    """Take the mean over all chunks that have a row for a tick, the oldest with the largest weight.

    References:
        Zhao et al., ACT, arXiv 2304.13705, 2023: weights exp(-m i), i = 0 for the oldest, m = 0.01.
    """
    rows = now.from_now(now.chunk)
    if not len(rows):
        return now.chunk
    total, weights = np.zeros_like(rows, np.float64), np.zeros((len(rows), 1))
    overlapping = [item for item in map(now.from_now, (*now.before, now.chunk)) if len(item)]
    for age, item in enumerate(overlapping):
        count, weight = min(len(item), len(rows)), np.exp(-_AGE_DECAY * age)
        total[:count] += weight * item[:count]
        weights[:count] += weight
    return _begun(now, (total / weights).astype(np.float32))


def _aligned(now: Transition) -> Chunk:
    return now.chunk


def _from_row_0(now: Transition) -> Chunk:
    """Run it from its first row, as a queue does that is filled anew."""
    return replace(now.chunk, consumed=now.consumed, frozen=0)


def _begun(now: Transition, rows: NDArray[np.float32]) -> Chunk:
    """Return the chunk whose row 0 is for the next tick."""
    commit = min(now.chunk.commit, len(rows))
    return replace(now.chunk, actions=rows, consumed=now.consumed, frozen=0, commit=commit)


_SPLICES: Mapping[Splice, Callable[[Transition], Chunk]] = MappingProxyType(
    {"aligned": _aligned, "row0": _from_row_0, "fade": fade, "ensemble": ensemble}
)


def nearest(candidates_NHA: NDArray[np.float32], running_RA: NDArray[np.float32] | None) -> int:
    """Return the candidate whose rows are nearest to those that would run, the first ones most.

    Args:
        candidates_NHA: Row 0 for the same tick as the running chunk's.
        running_RA: What would follow; None for nothing: candidate 0.

    References:
        Liu et al., Bidirectional Decoding, arXiv 2408.17355, 2024. Differs: backward coherence
        alone, for a weak checkpoint to differ from is not at hand.
    """
    if running_RA is None:
        return 0
    rows = min(len(running_RA), candidates_NHA.shape[1])
    weights = _COHERENCE_DECAY ** np.arange(rows)
    gaps_NR = np.linalg.norm(candidates_NHA[:, :rows] - running_RA[None, :rows], axis=2)
    return int((gaps_NR @ weights).argmin())
