"""The arms under evaluation: each is an ordinary session, none is special to the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from steer.errors import InvalidInputError
from steer.types import Selection, Selector

__all__ = ["ARMS", "Arm", "Settings", "arms_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How robots are steered; chosen on tune seeds, one choice for all cells.

    Attributes:
        num_candidates: N of the arms that draw more than one.
        margin: Of the gate, in discounted return; None for the one in the critic's card.
        beta: Of the soft minimum; None for the one in the critic's card.
        weights: Of the scorers beside the critic, by name, over those in the card.
        num_fitted: Candidates that the server makes from those that it drew; for the controls
            `random` and `medoid` none.
        adaptive: Whether N is the most that are drawn; for the controls it is always N.
        paraphrase: Whether half of the candidates are drawn under the task's other wording; for the
            controls none.
        blank: Key of the observation in whose place the critic gets zeros, as a control; empty for
            none.
    """

    num_candidates: int = 16
    margin: float | None = None
    beta: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    num_fitted: int = 0
    adaptive: bool = False
    paraphrase: bool = False
    blank: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of choosing.

    Attributes:
        name: In rows, tables and figures.
        selector: Rule among the candidates.
        is_gated: Whether candidate 0 runs unless another beats it by the margin.
        is_single: Whether only the policy's own chunk is drawn.
        is_filtered: Whether the policy is the one cloned from successful episodes alone.
        is_oracle: Whether each candidate is tried in the simulator before one is chosen.
        is_probe: Whether each candidate of one decision is tried; all others are the policy's own.
        stream: Number of the policy's noise stream; arms of the same one are paired.
        meaning: In words, for the report.
    """

    name: str
    selector: Selector = "argmax"
    is_gated: bool = False
    is_single: bool = False
    is_filtered: bool = False
    is_oracle: bool = False
    is_probe: bool = False
    stream: int = 0
    meaning: str

    def num_candidates(self, settings: Settings) -> int:
        """Return N."""
        return 1 if self.is_single else settings.num_candidates

    def selection(self, settings: Settings, *, paraphrase: str = "") -> Selection:
        """Return what the session asks for.

        Args:
            settings: Of the run.
            paraphrase: Of the task; used where the settings say so.
        """
        is_control = self.is_single or self.selector in ("random", "medoid")
        return Selection(
            selector=self.selector,
            gated=self.is_gated,
            margin=settings.margin,
            beta=settings.beta,
            weights=settings.weights,
            num_fitted=0 if is_control else settings.num_fitted,
            adaptive=settings.adaptive and not is_control,
            paraphrases=(paraphrase,) if settings.paraphrase and not is_control else (),
        )


ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        arm.name: arm
        for arm in (
            Arm(name="alone", is_gated=True, is_single=True, meaning="the policy's own chunk"),
            Arm(name="random", selector="random", meaning="one of N at random"),
            Arm(name="medoid", selector="medoid", meaning="the one nearest to the others"),
            Arm(name="argmax", meaning="the best of N, no gate"),
            Arm(name="steered", is_gated=True, meaning="the best of N behind the gate"),
            Arm(name="worst", selector="worst", meaning="the worst of N"),
            Arm(
                name="filtered",
                is_gated=True,
                is_single=True,
                is_filtered=True,
                meaning="the same policy class cloned from successful episodes only",
            ),
            Arm(
                name="filtered-steered",
                is_gated=True,
                is_filtered=True,
                meaning="that policy, the best of N behind the gate",
            ),
            Arm(
                name="oracle",
                is_gated=True,
                is_oracle=True,
                meaning="the one of N that ends best when all are tried in the simulator",
            ),
            Arm(
                name="probe",
                is_gated=True,
                is_probe=True,
                meaning="alone, but for one decision, where all of N are tried in the simulator",
            ),
            Arm(
                name="null",
                is_gated=True,
                is_single=True,
                stream=1,
                meaning="the policy's own chunk under other noise: alone should not differ from it",
            ),
        )
    }
)


def arms_of(names: str) -> tuple[Arm, ...]:
    """Return the arms of a comma-separated list.

    Raises:
        InvalidInputError: There is no such arm; the text lists those that there are.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in ARMS:
            raise InvalidInputError.expected("--arms", "of " + ", ".join(ARMS), repr(name))
    if not wanted:
        raise InvalidInputError.expected("--arms", "at least one of " + ", ".join(ARMS), "none")
    return tuple(ARMS[name] for name in dict.fromkeys(wanted))
