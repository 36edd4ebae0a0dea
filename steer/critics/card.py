"""The card of a critic: what it was made for and from. Weights without a card mean nothing."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from steer.checks import check_weights
from steer.critics.dataset_summary import DatasetSummary
from steer.critics.reading import check_fields, read_record
from steer.embodiment import Embodiment
from steer.errors import ArtefactError, InvalidInputError

__all__ = [
    "FORMAT_VERSION",
    "CriticCard",
    "DatasetSummary",
    "HeadConfig",
    "NetworkConfig",
    "SelectionDefaults",
]

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Sizes of the networks.

    Attributes:
        encoder_hidden: Width of the encoder's hidden layer.
        context_dim: D, length of the context that all members share.
        member_hidden: Width of each hidden layer of a member; of a transformer, in training alone.
        image: Encoder of images: `small` for a CPU, `resnet34` for a GPU.
        language_dim: Length of the instruction's vector; 0 where it is not read.
        kind: Whether members read a chunk as one vector, or action by action.
        width: Of a transformer's tokens; a multiple of `heads`.
        depth: Blocks of a transformer.
        heads: Of a transformer's attention.
    """

    encoder_hidden: int = 192
    context_dim: int = 64
    member_hidden: tuple[int, ...] = (192, 192, 192)
    image: Literal["small", "resnet34"] = "small"
    language_dim: int = 0
    kind: Literal["mlp", "transformer"] = "mlp"
    width: int = 96
    depth: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        tokens = (self.width, self.depth, self.heads)
        sizes = (self.encoder_hidden, self.context_dim, *self.member_hidden, *tokens)
        if not self.member_hidden or any(type(size) is not int or size < 1 for size in sizes):
            raise InvalidInputError.expected("network", "sizes >= 1", str(self))
        if self.kind not in ("mlp", "transformer"):
            raise InvalidInputError.expected("network.kind", "mlp or transformer", repr(self.kind))
        if self.image not in ("small", "resnet34"):
            raise InvalidInputError.expected("network.image", "small or resnet34", repr(self.image))
        if type(self.language_dim) is not int or self.language_dim < 0:
            raise InvalidInputError.expected(
                "network.language_dim", "an integer >= 0", self.language_dim
            )
        if self.width % self.heads:
            contract = f"a multiple of network.heads, {self.heads}"
            raise InvalidInputError.expected("network.width", contract, self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig:
    """How the networks' outputs are a value.

    Attributes:
        kind: `hl_gauss`, a histogram over `num_bins` bins that cover v_min..v_max and a margin on
            either side; `scalar`, regression; or `sigmoid`, between v_min and v_max.
        v_min: Smallest value that a target can take, in discounted return.
        v_max: Largest value that a target can take.
        num_bins: Bins in all.
        margin_bins: Of these, how many lie beyond v_min, and as many beyond v_max.
        sigma_bins: Standard deviation of the target distribution, in bins.
    """

    kind: Literal["hl_gauss", "scalar", "sigmoid"] = "hl_gauss"
    v_min: float = -50.0
    v_max: float = 0.0
    num_bins: int = 51
    margin_bins: int = 3
    sigma_bins: float = 0.75

    def __post_init__(self) -> None:
        if self.kind not in ("hl_gauss", "scalar", "sigmoid"):
            contract = "hl_gauss, scalar or sigmoid"
            raise InvalidInputError.expected("head.kind", contract, repr(self.kind))
        finite = all(map(math.isfinite, (self.v_min, self.v_max, self.sigma_bins)))
        inner = self.num_bins - 2 * self.margin_bins
        for name in ("num_bins", "margin_bins"):
            value = getattr(self, name)
            if type(value) is not int:
                raise InvalidInputError.expected(f"head.{name}", "an integer", value)
        if not finite or self.v_min >= self.v_max or self.margin_bins < 0 or inner < 2:
            raise InvalidInputError.expected("head", "v_min < v_max and >= 2 bins", str(self))
        if self.sigma_bins <= 0:
            raise InvalidInputError.expected("head.sigma_bins", "> 0", str(self.sigma_bins))

    @property
    def num_outputs(self) -> int:
        """How many numbers of a network make a value."""
        return self.num_bins if self.kind == "hl_gauss" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionDefaults:
    """How a decision is made where neither client nor server says.

    Attributes:
        margin: Advantage that an override must exceed, in discounted return, >= 0.
        beta: Softness of the minimum over members, in discounted return, > 0.
        weights: Of the scorers beside the critic, by name; see `steer.types.Selection`.
    """

    margin: float = 0.5
    beta: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise InvalidInputError.expected("selection.margin", "finite >= 0", str(self.margin))
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise InvalidInputError.expected("selection.beta", "finite > 0", str(self.beta))
        check_weights("selection.weights", self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticCard:
    """What a critic was made for and from.

    Attributes:
        algorithm: Name of the learning algorithm.
        embodiment: The body; its observations are those that the critic needs.
        horizon: h, how many actions of a chunk are scored at most: the executed prefix.
        num_members: K.
        network: Sizes of the networks.
        head: Range and bins of the values.
        discount: Per control tick.
        dataset: What it was learnt from.
        training: The training configuration, as a JSON tree.
        selection: Margin and beta to decide with.
        audit: What the audit found, as a JSON tree; None where there was none.
        measured: What robots did with it, of `steer.critics.measured`; empty where none did.
        versions: Libraries that it was made with.
        sentence_encoder: Digest of what makes its language vectors, `sha256:…`; empty where they
            are hashed, or not read.
        weights_sha256: Hex digest of `critic.safetensors`; empty before it is saved.
        format_version: Of the files.
    """

    algorithm: str
    embodiment: Embodiment
    horizon: int
    num_members: int = 4
    network: NetworkConfig = field(default_factory=NetworkConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    discount: float = 0.98
    dataset: DatasetSummary = field(default_factory=DatasetSummary)
    training: Mapping[str, Any] = field(default_factory=dict)
    selection: SelectionDefaults = field(default_factory=SelectionDefaults)
    audit: Mapping[str, Any] | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    sentence_encoder: str = ""
    weights_sha256: str = ""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        for name in ("horizon", "num_members"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise InvalidInputError.expected(f"card.{name}", "an integer >= 1", value)
        if not 0 < self.discount < 1:
            raise InvalidInputError.expected("card.discount", "in (0, 1)", self.discount)
        if not self.embodiment.observations:
            raise InvalidInputError.expected("card.embodiment.observations", "one or more", "none")
        is_told = self.network.language_dim and _DIGEST.fullmatch(self.sentence_encoder)
        if self.sentence_encoder and not is_told:
            contract, got = "a language_dim and 'sha256:' with 64 digits", self.sentence_encoder
            raise InvalidInputError.expected("card.sentence_encoder", contract, repr(got))
        for item in self.embodiment.observations:
            if any(type(extent) is not int or extent < 1 for extent in item.shape):
                where = f"card.embodiment.observations[{item.name!r}].shape"
                raise InvalidInputError.expected(where, "integers >= 1", item.shape)

    @property
    def least_horizon(self) -> int:
        """How many actions the shortest prefix has that it values; `horizon` where it is alone."""
        return 1 if self.network.kind == "transformer" else self.horizon

    @property
    def sees(self) -> bool:
        """Whether it looks at images or points, and not at vectors alone."""
        return any(len(item.shape) > 1 for item in self.embodiment.observations)

    def decision_fields(self) -> dict[str, Any]:
        """Return all that can change a decision; with the weights it makes the digest."""
        tree = self._tree()
        names = ("format_version", "embodiment", "horizon", "num_members", "network", "head")
        # What older cards do not know is left out where it is not used: the same digest.
        unused: tuple[str, ...] = _TOKENS if self.network.kind == "mlp" else ()
        unused += () if self.network.language_dim or self.sees else _SENSES
        tree["network"] = {k: v for k, v in tree["network"].items() if k not in unused}
        if self.head.kind == "hl_gauss":
            del tree["head"]["kind"]
        if not self.selection.weights:
            del tree["selection"]["weights"]
        told = ("sentence_encoder",) if self.sentence_encoder else ()
        return {name: tree[name] for name in (*names, "selection", *told)}

    def to_json(self) -> str:
        """Return the card as JSON, keys sorted."""
        return json.dumps(self._tree(), sort_keys=True, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, name: str = "card.json") -> "CriticCard":
        """Read what `to_json` wrote.

        Args:
            text: The card.
            name: What errors call it: the path of the file, where there is one.

        Raises:
            ArtefactError: It is not a card, is of a newer format, or a field is wrong.
        """
        try:
            tree = json.loads(text)
            version = tree["format_version"]
        except (ValueError, TypeError, KeyError) as error:
            raise ArtefactError(f"{name}: expected a critic's card, got {error!r}") from error
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"{name}: expected format_version {FORMAT_VERSION}, got {version}; "
                "update steer, or train the critic again"
            )
        try:
            check_fields(cls, tree, later=_LATER)
            tree["embodiment"] = Embodiment.from_json(json.dumps(tree["embodiment"]))
            for field_name, record in _RECORDS.items():
                tree[field_name] = read_record(record, tree[field_name], later=_LATER)
            card: CriticCard = read_record(cls, tree, later=_LATER)
            return card
        except (ValueError, InvalidInputError) as error:
            raise ArtefactError(f"{name}: {error}") from error
        except (TypeError, AttributeError) as error:  # of a comparison with a value of another type
            text = f"{name}: expected fields of a card's types, got {error}"
            raise ArtefactError(text) from error

    def _tree(self) -> dict[str, Any]:
        tree = asdict(self)
        tree["embodiment"] = json.loads(self.embodiment.to_json())
        return tree


_TOKENS = ("kind", "width", "depth", "heads")
_SENSES = ("image", "language_dim")
# Fields that older cards lack.
_NEWER = ("seeds", "tasks", "learnt", "weights", "measured", "sentence_encoder")
_LATER = frozenset((*_NEWER, *_TOKENS, *_SENSES))
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RECORDS: dict[str, type[Any]] = {
    "network": NetworkConfig,
    "head": HeadConfig,
    "dataset": DatasetSummary,
    "selection": SelectionDefaults,
}
