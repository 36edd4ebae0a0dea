"""What one episode of the bench did, tick by tick, for pictures.

Shapes: `A` action.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.realtime.virtual import Answer
from steer.loop.loop import Ticked

__all__ = ["Asked", "Trace", "Traced"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        sequence: Its number.
        at: Tick at which it was asked.
        there: Tick at which the answer is there; None for never.
        overrode: Whether another than the policy's own chunk was chosen when it was asked.
    """

    sequence: int
    at: int
    there: int | None
    overrode: bool


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A tick.

    Attributes:
        rung: Of the ladder, by name; `NOTHING` where nothing was commanded.
        action: That was commanded, [A]; None likewise.
        sequence: Of the request whose chunk ran; 0 for none.
        is_first: Whether it is the first action of that chunk: a splice lies before it.
        is_broken: Whether the chunk's action would have broken a limit.
    """

    rung: str
    action: NDArray[np.float32] | None
    sequence: int
    is_first: bool
    is_broken: bool


@dataclass(slots=True)
class Trace:
    """Listens to `sim.realtime.play.play`.

    Attributes:
        ticks: All of them.
        asked: All requests.
    """

    ticks: list[Traced] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def on_tick(self, number: int, ticked: Ticked) -> None:
        """Take a tick."""
        del number
        command = ticked.command
        if command is None:
            self.ticks.append(Traced("NOTHING", None, 0, is_first=False, is_broken=False))
            return
        row = command.row
        self.ticks.append(
            Traced(
                command.rung.name,
                command.action,
                0 if row is None else row.chunk.sequence,
                is_first=row is not None and row.is_first,
                is_broken=bool(command.broken),
            )
        )

    def on_answer(self, answer: Answer) -> None:
        """Take a request, as it is asked."""
        overrode = answer.decision.index != 0
        self.asked.append(Asked(answer.request.sequence, len(self.ticks), answer.tick, overrode))
