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

from steer.checks import check_array, check_finite, check_weights
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
]

Selector = Literal["argmax", "softmax", "implicit", "medoid", "random", "worst"]
"""Rule that picks one of the eligible candidates; `proto/steer/v1/types.proto` defines each."""

MAX_TENSORS = 64
MAX_IMAGES = 16
MAX_INSTRUCTION_BYTES = 2048
_MAX_PARAPHRASES = 16


class Provenance(Enum):
    """Where a candidate came from."""

    POLICY = "policy"
    PERTURBATION = "perturbation"
    FITTED = "fitted"
    CONTINUATION = "continuation"
    PARAPHRASE = "paraphrase"
    EDIT = "edit"


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
        running: float32 of shape [R, A], in robot units: what of the running chunk would follow
            from now on, row 0 for the same tick as a candidate's row 0. None where nothing runs.

    Raises:
        InvalidInputError: An array has a dtype outside of the allowed ones, more than 5 axes, or a
            value that is not finite; `running` is no such array; or the instruction is over 2048
            bytes.
    """

    arrays: Mapping[str, "NDArray[np.generic] | EncodedImage"]
    captured_at_s: float | None = None
    instruction: str = ""
    running: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        for name, value in self.arrays.items():
            if not isinstance(value, EncodedImage):
                check_array(f"observation {name!r}", value)
        if self.running is not None:
            check_array("observation.running", self.running)
            if self.running.dtype != np.float32 or self.running.ndim != 2 or not self.running.size:
                got = f"{self.running.dtype} of shape {list(self.running.shape)}"
                contract = "float32 of shape [R, A], each >= 1"
                raise InvalidInputError.expected("observation.running", contract, got)
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
        weights: By name of a scorer beside the critic: what one deviation of it over the candidates
            counts, in discounted return, in [0, 1e6]. They take the place of the card's, scorer by
            scorer.
        num_fitted: Candidates that the server makes from those that it drew, >= 0: their mean, and
            draws of a Gaussian fitted on them. None where it drew no two different ones.
        adaptive: Whether few candidates are drawn first and more only while the critic's members do
            not agree on whether one beats candidate 0.
        continuation: Whether the running chunk (`Observation.running`) goes on as a candidate.
        paraphrases: The task in other words, under which the server draws an equal share of the
            candidates each; candidate 0 stays that of the observation's own instruction. At most
            16, of 1 to 2048 bytes, none twice.
        commit_horizon: How many actions of a chunk run before the robot asks again, >= 1: the
            prefix that is judged. None for the critic's horizon, which is also the most.
    """

    selector: Selector = "argmax"
    gated: bool = True
    margin: float | None = None
    beta: float | None = None
    temperature: float = 1.0
    tau: float = 0.7
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    num_fitted: int = 0
    adaptive: bool = False
    continuation: bool = False
    paraphrases: tuple[str, ...] = ()
    commit_horizon: int | None = None

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
        check_weights("selection.weights", self.weights)
        if self.num_fitted < 0:
            refuse("num_fitted", ">= 0")
        if self.commit_horizon is not None and self.commit_horizon < 1:
            refuse("commit_horizon", ">= 1")
        sizes = [len(text.encode()) for text in self.paraphrases]
        if any(not 1 <= size <= MAX_INSTRUCTION_BYTES for size in sizes):
            contract = f"each of 1 to {MAX_INSTRUCTION_BYTES} bytes"
            raise InvalidInputError.expected("selection.paraphrases", contract, f"{sizes} bytes")
        if len(set(self.paraphrases)) < len(sizes) or len(sizes) > _MAX_PARAPHRASES:
            contract = f"at most {_MAX_PARAPHRASES}, none twice"
            raise InvalidInputError.expected("selection.paraphrases", contract, str(len(sizes)))


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
        left_out: Scorers with a weight that broke their contract here, and did not count.
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
    left_out: tuple[str, ...] = ()
