"""Recorded episodes as critics need them: what each of them sees, refused where it is not there."""

from collections.abc import Sequence
from pathlib import Path

from steer.critics.card import CriticCard
from steer.errors import DatasetError
from steer.train.audit_data import check_senses
from steer.train.datasets import Episodes
from steer.train.joined import load_datasets
from steer.train.lerobot_v3 import find_root, read_json
from steer.train.visible import check_views

__all__ = ["load_for"]


def load_for(
    cards: Sequence[CriticCard],
    datasets: Sequence[str],
    *,
    tasks: Sequence[str] = (),
    success: Path | None = None,
    assume_success: bool = False,
    frames: Sequence[Path] = (),
) -> Episodes:
    """Return all episodes of datasets, with what each of the critics sees.

    Args:
        cards: Of the critics, one or more, of one body.
        datasets: See `load_datasets`.
        tasks: As there; none for those that the first critic was trained on.
        success: As there.
        assume_success: As there.
        frames: As there.

    Raises:
        DatasetError: The data cannot be read, or lack what a critic sees.
        ConfigError: Outcomes in a file are given for more than one, or frames for some of them.
    """
    fields = [item for card in cards for item in card.embodiment.observations]
    seen = {item.name for item in fields if len(item.shape) == 1}
    for name in datasets:
        features = read_json(find_root(name) / "meta" / "info.json").get("features", {})
        missing = sorted(seen - set(features))
        if missing:
            have = [key for key in features if key.startswith("observation.")]
            raise DatasetError(f"{name}: expected {missing}, which the critic sees, got {have}")
    episodes = load_datasets(
        datasets,
        tasks=tasks or _tasks_of(cards[0]),
        success=success,
        assume_success=assume_success,
        observations=tuple(sorted(seen)),
        frames=frames,
    )
    for card in cards:
        check_views(episodes.embodiment, card.embodiment)
        check_senses(card, episodes)
    return episodes


def _tasks_of(card: CriticCard) -> tuple[str, ...]:
    data = card.dataset
    return data.tasks or ((data.task,) if data.task else ())
