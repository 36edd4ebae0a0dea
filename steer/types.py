"""The records that cross every border of steer: frozen, NumPy only, checked when they are made.

A record that exists is valid; nobody further in checks it again. Records do not know how they
travel (`steer.wire` does).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError

__all__ = [
    "Candidates",
    "Decision",
    "EncodedImage",
    "Observation",
    "Provenance",
    "Reason",
    "Selection",
    "Selector",
    "Timings",
    "check_array",
    "check_finite",
]

Selector = Literal["argmax", "softmax", "implicit", "medoid", "random", "worst"]
"""Rule that picks one of the eligible candidates; `proto/steer/v1/types.proto` defines each."""

MAX_RANK = 5
MAX_TENSORS = 64
MAX_IMAGES = 16
MAX_INSTRUCTION_BYTES = 2048
DTYPES = ("bool", "uint8", "uint16", "int32", "int64", "float16", "float32", "float64")
# Looking up a dtype takes 0.1 us, asking for its name 5 us.
_NATIVE_DTYPES = frozenset(map(np.dtype, DTYPES))


class Provenance(Enum):
    """Where a candidate came from."""

    POLICY = "policy"
    PERTURBATION = "perturbation"


class Reason(Enum):
    """Why the chosen candidate was chosen. The last three are given by the client alone."""

    ADVANTAGE = "advantage"
    SINGLE = "single"
    MARGIN = "margin"
    INFEASIBLE = "infeasible"
    UNGATED = "ungated"
    BUDGET = "budget"
    CRITIC = "critic"
    LATE = "late"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A compressed colour image as it travels.

    Attributes:
        encoding: File format of `data`.
        data: The file; it decodes to uint8 of shape [height, width, 3], RGB.
    """

    encoding: Literal["jpeg", "png"]
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the robot senses at one instant.

    Attributes:
        arrays: Named arrays in the embodiment's units, or encoded images. Names are LeRobot's:
            `observation.state`, `observation.environment_state`, `observation.images.<camera>`
            (raw images are uint8 of shape [height, width, 3]).
        captured_at_s: Instant of capture on the robot's monotonic clock, or None.
        instruction: The task in words; empty for none.

    Raises:
        InvalidInputError: An array has a dtype outside of the allowed ones, more than 5 axes, or a
            value that is not finite; or the instruction is over 2048 bytes.
    """

    arrays: Mapping[str, "NDArray[np.generic] | EncodedImage"]
    captured_at_s: float | None = None
    instruction: str = ""

    def __post_init__(self) -> None:
        for name, value in self.arrays.items():
            if not isinstance(value, EncodedImage):
                check_array(f"observation {name!r}", value)
        size = len(self.instruction.encode())
        if size > MAX_INSTRUCTION_BYTES:
            raise InvalidInputError.expected(
                "observation.instruction", f"at most {MAX_INSTRUCTION_BYTES} bytes", f"{size} bytes"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Chunks that compete for one observation.

    Attributes:
        actions: float32 of shape [N, H, A], in robot units; row 0 is the policy's own chunk.
        provenance: Where each came from, length N; empty means all from the policy.

    Raises:
        InvalidInputError: Wrong dtype or shape, no candidate, or a value that is not finite.
    """

    actions: NDArray[np.float32]
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        contract = "float32 of shape [N, H, A], each >= 1"
        actions = self.actions
        if not isinstance(actions, np.ndarray):
            raise InvalidInputError.expected("candidates.actions", contract, type(actions).__name__)
        if actions.dtype != np.float32 or actions.ndim != 3 or 0 in actions.shape:
            got = f"{actions.dtype} of shape {list(actions.shape)}"
            raise InvalidInputError.expected("candidates.actions", contract, got)
        check_finite("candidates.actions", actions)
        if not self.provenance:
            object.__setattr__(self, "provenance", (Provenance.POLICY,) * len(actions))
        if len(self.provenance) != len(actions):
            raise InvalidInputError.expected(
                "candidates.provenance",
                f"{len(actions)} entries, one per candidate",
                str(len(self.provenance)),
            )

    def __len__(self) -> int:
        """Return N."""
        return len(self.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How a decision is made. None leaves the choice to the server and the critic's card.

    Attributes:
        selector: Rule among the eligible candidates.
        gated: Whether candidate 0 runs unless another beats it by more than `margin`.
        margin: In discounted return, >= 0.
        beta: Softness of the minimum over members, in discounted return, > 0.
        temperature: Of the selector `softmax`, in discounted return, > 0.
        tau: Of the selector `implicit`, in (0, 1).
    """

    selector: Selector = "argmax"
    gated: bool = True
    margin: float | None = None
    beta: float | None = None
    temperature: float = 1.0
    tau: float = 0.7

    def __post_init__(self) -> None:
        def refuse(name: str, contract: str) -> None:
            got = str(getattr(self, name))
            raise InvalidInputError.expected(f"selection.{name}", contract, got)

        if self.selector not in Selector.__args__:  # type: ignore[attr-defined]  # Literal's values
            refuse("selector", "one of " + ", ".join(Selector.__args__))  # type: ignore[attr-defined]
        if self.margin is not None and not (math.isfinite(self.margin) and self.margin >= 0):
            refuse("margin", "a finite number >= 0")
        if self.beta is not None and not (math.isfinite(self.beta) and self.beta > 0):
            refuse("beta", "a finite number > 0")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            refuse("temperature", "a finite number > 0")
        if not 0 < self.tau < 1:
            refuse("tau", "a number in (0, 1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where the time of one request went on the server, in seconds; 0 where a step did not happen.

    Attributes:
        decode_s: Bytes to checked records.
        policy_s: Drawing the candidates, waiting for the worker included.
        queue_s: Waiting for the engine.
        encode_s: Observation to context, for the whole group served together.
        score_s: Candidates to values, for the whole group.
        total_s: From arrival to the reply being ready.
    """

    decode_s: float = 0.0
    policy_s: float = 0.0
    queue_s: float = 0.0
    encode_s: float = 0.0
    score_s: float = 0.0
    total_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """The answer to a request: what to run, and why.

    Attributes:
        index: Chosen candidate; 0 is the policy's own.
        chunk: float32 of shape [H, A], the chosen candidate bit for bit.
        commit_horizon: How many of its actions to run before asking again, 1..H.
        reason: Why this one.
        overrode: Whether another than the policy's own was chosen.
        scores: float32 of shape [N], or [0] where nothing was scored; scores[0] is 0.
        values: float32 of shape [K, N], or [0, 0].
        provenance: Where each candidate came from.
        feasible: Whether each candidate keeps the embodiment's limits.
        num_scored: How many candidates were scored.
        budget_hit: Whether the budget ended before all was done.
        timings: Where the time went on the server.
        critic_digest: Identity of the critic, `sha256:…`; empty where none scored.
        policy: Name of the policy source; empty for Rank.
        candidates: All candidates, where the request asked for them.
        sequence: Echo of the request's number.
        detail: In words, what went wrong, where the client answered by itself.
    """

    index: int
    chunk: NDArray[np.float32]
    commit_horizon: int
    reason: Reason
    overrode: bool = False
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    provenance: tuple[Provenance, ...] = ()
    feasible: tuple[bool, ...] = ()
    num_scored: int = 0
    budget_hit: bool = False
    timings: Timings = field(default_factory=Timings)
    critic_digest: str = ""
    policy: str = ""
    candidates: Candidates | None = None
    sequence: int = 0
    detail: str = ""


def check_array(what: str, value: object) -> None:
    """Raise InvalidInputError unless `value` is an array that may travel: dtype, rank, finite."""
    if not isinstance(value, np.ndarray):
        raise InvalidInputError.expected(what, "a NumPy array", type(value).__name__)
    if value.dtype not in _NATIVE_DTYPES and value.dtype.name not in DTYPES:
        raise InvalidInputError.expected(what, "dtype " + ", ".join(DTYPES), value.dtype.name)
    if value.ndim > MAX_RANK:
        raise InvalidInputError.expected(what, f"at most {MAX_RANK} axes", str(value.ndim))
    check_finite(what, value)


def check_finite(what: str, value: NDArray[np.generic]) -> None:
    """Raise InvalidInputError, with the first bad index, where a float is NaN or infinite."""
    if value.dtype.kind != "f":
        return
    good = np.isfinite(value)
    if not good.all():
        index = [int(i) for i in np.argwhere(~good)[0]]
        raise InvalidInputError.expected(what, "finite values", f"{value[tuple(index)]} at {index}")
