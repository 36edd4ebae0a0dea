"""What a critic says about itself: `card.json`, and the checks on reading it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from steer.embodiment import Embodiment
from steer.errors import ArtefactError, InvalidInputError

__all__ = ["FORMAT_VERSION", "CriticCard", "HeadConfig", "NetworkConfig", "SelectionDefaults"]

FORMAT_VERSION = 1
# A card may change in these without the critic deciding otherwise.
_NOT_DECISIVE = ("audit", "versions", "training", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Sizes of the networks."""

    encoder_width: int = 256
    """Hidden units of the state encoder."""
    context_dim: int = 128
    """D, length of the context."""
    member_width: int = 192
    """Hidden units of each member."""
    member_depth: int = 3
    """Hidden layers of each member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig:
    """The HL-Gauss head: a histogram over returns."""

    v_min: float = -50.0
    """Smallest return, in discounted return."""
    v_max: float = 0.0
    """Largest return, in discounted return."""
    num_bins: int = 51
    """Bins over the range and its margins."""
    sigma_bins: float = 0.75
    """Width of the smoothing Gaussian, in bins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionDefaults:
    """What a session gets that does not ask for something else."""

    margin: float = 0.0
    """Advantage over candidate 0 below which it runs, in discounted return, >= 0."""
    beta: float = 1.0
    """Softness of the minimum over members, in discounted return, > 0."""
    because: str = "not calibrated"
    """How the two were chosen."""


@dataclass(frozen=True, kw_only=True)
class CriticCard:
    """Everything that must be known to use a critic rightly.

    Attributes:
        algorithm: How it was trained, for example `iql`.
        embodiment: The body it was trained for; its observations are those that it needs.
        horizon: Length of the chunk prefix that it scores, in actions.
        num_members: K.
        discount: Per control tick.
        network: Sizes of the networks.
        head: Range and bins of the values.
        selection: Defaults of the gate.
        dataset: Fingerprint and counts of what it was trained on.
        training: Options of the training run, the held-out episodes among them.
        audit: What `steer audit` found; None before an audit.
        versions: Of the packages that made it.
        weights_sha256: Of the bytes of `critic.safetensors`.
        format_version: Of this record.
    """

    algorithm: str
    embodiment: Embodiment
    horizon: int
    num_members: int
    discount: float
    network: NetworkConfig = field(default_factory=NetworkConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    selection: SelectionDefaults = field(default_factory=SelectionDefaults)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    audit: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    weights_sha256: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def digest(self) -> str:
        """Identity of the weights and of all in the card that bears on decisions."""
        tree = {k: v for k, v in self._tree().items() if k not in _NOT_DECISIVE}
        return "sha256:" + hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()

    def with_selection(self, selection: SelectionDefaults) -> "CriticCard":
        """Return the card with other defaults of the gate."""
        return replace(self, selection=selection)

    def to_json(self) -> str:
        """Return the card as JSON, keys sorted."""
        return json.dumps(self._tree(), indent=2, sort_keys=True) + "\n"

    def _tree(self) -> dict[str, Any]:
        tree = {item.name: getattr(self, item.name) for item in fields(self)}
        tree["embodiment"] = json.loads(self.embodiment.to_json())
        for name in ("network", "head", "selection"):
            tree[name] = asdict(tree[name])
        return tree

    @classmethod
    def from_json(cls, text: str) -> "CriticCard":
        """Read what `to_json` wrote.

        Raises:
            ArtefactError: The text is not a card, or one of a newer format.
        """
        try:
            tree = json.loads(text)
            version = tree["format_version"]
            if version > FORMAT_VERSION:
                raise ArtefactError(
                    f"card.json: expected format_version <= {FORMAT_VERSION}, got {version}; "
                    "install a newer steer"
                )
            tree["embodiment"] = Embodiment.from_json(json.dumps(tree["embodiment"]))
            tree["network"] = NetworkConfig(**tree["network"])
            tree["head"] = HeadConfig(**tree["head"])
            tree["selection"] = SelectionDefaults(**tree["selection"])
            return cls(**tree)
        except (ValueError, TypeError, KeyError, InvalidInputError) as error:
            raise ArtefactError(f"card.json: expected a critic's card, got {error!r}") from error
