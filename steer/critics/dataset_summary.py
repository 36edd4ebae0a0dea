"""What a critic has learnt from, as its card says it."""

from dataclasses import dataclass

__all__ = ["DatasetSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """What the critic has seen.

    Attributes:
        name: Last part of the dataset's path or its hub id.
        task: Name of the task; of several, all names.
        instruction: The task in words; of several, all of them.
        tasks: Names of the tasks where there are several; empty for one.
        fingerprint: Identity of the data, `sha256:…`.
        num_episodes: Episodes learnt from.
        num_successes: Of these, how many succeeded.
        num_chunks: Chunks learnt from.
        held_out: Dataset numbers of the episodes kept for the audit.
        learnt: Digest of each episode learnt from; see `Episodes.digests`. An audit knows them
            again in whatever data they come.
        seeds: Smallest and largest seed of the simulated episodes, those held out included; empty
            where the data name none.
    """

    name: str = ""
    task: str = ""
    instruction: str = ""
    tasks: tuple[str, ...] = ()
    fingerprint: str = ""
    num_episodes: int = 0
    num_successes: int = 0
    num_chunks: int = 0
    held_out: tuple[int, ...] = ()
    learnt: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
