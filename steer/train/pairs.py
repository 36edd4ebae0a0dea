"""Labelled preferences: of two chunks in one state, the one that somebody preferred.

They lie beside the dataset's metadata, in `meta/preferences.parquet`, one pair a row: `episode`,
`frame`, `preferred` and `rejected`, both lists of H actions, and `rejected_episode`, from which the
rejected chunk was cut, where anybody knows.

Shape legend: P pairs, H horizon, A action.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from steer.errors import DatasetError

__all__ = ["Pairs", "join_pairs", "read_pairs", "write_pairs"]

logger = logging.getLogger(__name__)

_FILE = Path("meta") / "preferences.parquet"
_CHUNK = pa.list_(pa.list_(pa.float32()))
_SCHEMA = pa.schema(
    [("episode", pa.int64()), ("frame", pa.int64()), ("preferred", _CHUNK), ("rejected", _CHUNK)]
)
_CUT_FROM = pa.field("rejected_episode", pa.int64())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of chunks.

    Attributes:
        episode: int64 of shape [P], number of the episode whose state both are for.
        frame: int64 of shape [P], of that state within its episode.
        preferred: float32 of shape [P, H, A], in robot units.
        rejected: float32 of shape [P, H, A].
        rejected_episode: int64 of shape [P], number of the episode that the rejected chunk was cut
            from; -1 where it was cut from none, or nobody knows; None where that is so of all.
    """

    episode: NDArray[np.int64]
    frame: NDArray[np.int64]
    preferred: NDArray[np.float32]
    rejected: NDArray[np.float32]
    rejected_episode: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return P."""
        return len(self.episode)

    def fingerprint(self) -> str:
        """Return `sha256:<hex>` over all of them."""
        digest = hashlib.sha256()
        arrays = (self.episode, self.frame, self.preferred, self.rejected, self.rejected_episode)
        for array in (item for item in arrays if item is not None):
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"sha256:{digest.hexdigest()}"

    def of(self, episodes: NDArray[np.int64]) -> "Pairs":
        """Return the pairs of these episodes: both chunks are, as far as anybody knows."""
        mask = np.isin(self.episode, episodes)
        if self.rejected_episode is not None:
            mask &= np.isin(self.rejected_episode, episodes) | (self.rejected_episode < 0)
        return self.at(mask)

    def at(self, which: NDArray[Any]) -> "Pairs":
        """Return the pairs at these positions, or where this is true."""
        return Pairs(
            episode=self.episode[which],
            frame=self.frame[which],
            preferred=self.preferred[which],
            rejected=self.rejected[which],
            rejected_episode=(
                None if self.rejected_episode is None else self.rejected_episode[which]
            ),
        )


def join_pairs(parts: Sequence[Pairs | None], numbers: Sequence[Mapping[int, int]]) -> Pairs | None:
    """Return the pairs of several datasets as one, their chunks as long as the shortest.

    Args:
        parts: Of each dataset; None where it has none.
        numbers: For each, the new number of each of its episodes.
    """
    found = [(pairs, new) for pairs, new in zip(parts, numbers, strict=True) if pairs is not None]
    if not found:
        return None
    horizon = min(pairs.preferred.shape[1] for pairs, _ in found)
    cut = [pairs.rejected_episode for pairs, _ in found]
    return Pairs(
        episode=np.array(
            [new[int(number)] for pairs, new in found for number in pairs.episode], np.int64
        ),
        frame=np.concatenate([pairs.frame for pairs, _ in found]),
        preferred=np.concatenate([pairs.preferred[:, :horizon] for pairs, _ in found]),
        rejected=np.concatenate([pairs.rejected[:, :horizon] for pairs, _ in found]),
        rejected_episode=None
        if all(numbers is None for numbers in cut)
        else np.concatenate([_renumbered(pairs, new) for pairs, new in found]),
    )


def _renumbered(pairs: Pairs, new: Mapping[int, int]) -> NDArray[np.int64]:
    """Return the new numbers of the episodes that the rejected chunks are of."""
    if pairs.rejected_episode is None:
        return np.full(len(pairs), -1, np.int64)
    return np.array([new.get(int(number), -1) for number in pairs.rejected_episode], np.int64)


def write_pairs(root: Path, pairs: Pairs) -> None:
    """Write the pairs of a dataset."""
    table: dict[str, Any] = {
        "episode": pairs.episode,
        "frame": pairs.frame,
        "preferred": pairs.preferred.tolist(),
        "rejected": pairs.rejected.tolist(),
    }
    schema = _SCHEMA
    if pairs.rejected_episode is not None:
        table[_CUT_FROM.name] = pairs.rejected_episode
        schema = schema.append(_CUT_FROM)
    pq.write_table(pa.table(table, schema=schema), root / _FILE)


def read_pairs(root: Path, *, action_dim: int, recorded: NDArray[np.int64]) -> Pairs | None:
    """Read the pairs of a dataset's episodes; None where it has no such file.

    Args:
        root: Of the dataset.
        action_dim: A.
        recorded: int64 [T], number of the episode of each recorded row. Pairs of others are left
            out: they may be of another task.

    Raises:
        DatasetError: The file cannot be read, its columns are of other types, or a pair lacks a
            side or is of a frame that was not recorded; the text names the column or the pair.
    """
    path = root / _FILE
    if not path.exists():
        return None
    try:
        table = pq.read_table(path, columns=_SCHEMA.names)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: expected labelled preferences, got {error}") from error
    rows = _typed(path, table, _SCHEMA).to_pylist()
    if not rows:
        raise DatasetError(f"{path}: expected one pair or more, got none")
    horizon = len(rows[0]["preferred"] or [])
    for row in rows:
        _check(path, row, (horizon, action_dim))
    pairs = Pairs(
        episode=np.array([row["episode"] for row in rows], np.int64),
        frame=np.array([row["frame"] for row in rows], np.int64),
        preferred=np.array([row["preferred"] for row in rows], np.float32),
        rejected=np.array([row["rejected"] for row in rows], np.float32),
        rejected_episode=_cut_from(path),
    ).of(recorded)
    _check_frames(path, pairs, recorded)
    return pairs


def _typed(path: Path, table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the columns that `write_pairs` writes, where nothing is lost by it."""
    columns = []
    for item in schema:
        found = table[item.name]
        # Arrow would read numbers out of words.
        if pa.types.is_string(found.type) or pa.types.is_large_string(found.type):
            raise DatasetError(f"{path}: {item.name}: expected {item.type}, got {found.type}")
        try:
            columns.append(found.cast(item.type))
        except pa.ArrowException as error:
            raise DatasetError(
                f"{path}: {item.name}: expected {item.type}, got {found.type}: {error}"
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _check_frames(path: Path, pairs: Pairs, recorded: NDArray[np.int64]) -> None:
    """Refuse a pair whose frame was not recorded."""
    numbers, lengths = np.unique(recorded, return_counts=True)
    length = lengths[np.searchsorted(numbers, pairs.episode)]
    odd = np.flatnonzero(pairs.frame >= length)
    if len(odd):
        number, count, frame = (found[odd[0]] for found in (pairs.episode, length, pairs.frame))
        raise DatasetError(
            f"{path}: episode {number}: expected a frame below {count}, which is how many were "
            f"recorded, got {frame}"
        )


def _cut_from(path: Path) -> NDArray[np.int64] | None:
    """Return the episodes that the rejected chunks are of; None where the file does not say.

    Raises:
        DatasetError: The column is of another type.
    """
    if _CUT_FROM.name not in pq.read_schema(path).names:
        logger.warning(
            "%s: does not say which episodes the rejected chunks are of, so some that are learnt "
            "from may be of held-out ones; steer label writes %s",
            path,
            _CUT_FROM.name,
        )
        return None
    table = pq.read_table(path, columns=[_CUT_FROM.name])
    numbers = _typed(path, table, pa.schema([_CUT_FROM])).column(0).to_pylist()
    return np.array([-1 if number is None else number for number in numbers], np.int64)


def _check(path: Path, row: Mapping[str, Any], shape: tuple[int, int]) -> None:
    """Refuse a pair that lacks a side, or whose sides are no chunks of this shape."""
    where = f"{path}: episode {row['episode']}, frame {row['frame']}"
    if row["episode"] is None or row["frame"] is None or row["frame"] < 0:
        raise DatasetError(f"{where}: expected an episode and a frame >= 0 of each pair")
    for side in ("preferred", "rejected"):
        if not row[side]:
            raise DatasetError(f"{where}: expected a preferred and a rejected chunk, got no {side}")
        contract = f"{where}: {side}: expected {max(shape[0], 1)} actions of {shape[1]} numbers"
        lengths = {len(action) if action is not None else 0 for action in row[side]}
        if len(row[side]) != shape[0] or lengths != {shape[1]}:
            got = f"{len(row[side])} of {sorted(lengths)}"
            raise DatasetError(f"{contract}, got {got}")
        if not np.isfinite(np.array(row[side], np.float64)).all():
            raise DatasetError(f"{contract}, got NaN or Inf")
