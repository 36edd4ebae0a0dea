"""The runs that have a name: what is published, and the quick look at it."""

from sim.evaluation.arms import ARMS
from sim.evaluation.plan import Block
from sim.suite import cells_of
from steer.errors import InvalidInputError

__all__ = ["FIRST", "SUITES", "suite"]

# Every package and every architecture, the strong policies and the weak.
_CONTROLS = (
    "diffusion/push,diffusion/cube-double,diffusion/fetch-push,act/scene,act/fetch-slide,"
    "dit/basketball,dit/fetch-pick-and-place,vqbet/box-close,smolvla/fetch-push,"
    "diffusion-clean/box-close"
)
_FILTERED = "diffusion/push,diffusion/peg-insert-side,diffusion/cube-single,diffusion/fetch-push"
_SWEEP = (
    "diffusion/push,diffusion/cube-single,diffusion/fetch-push,act/scene,dit/basketball,"
    "smolvla/fetch-pick-and-place"
)
_ORACLE = "diffusion/fetch-push,dit/fetch-pick-and-place,act/cube-single,dit/basketball"
_PACKAGE_LIMIT = "diffusion/push,act/scene,dit/box-close"
_DISTURBED = ",".join(
    f"{cell}~{how}"
    for cell in ("diffusion/push", "diffusion/cube-single", "diffusion/fetch-push")
    for how in ("noise", "shift")
)


def _block(
    cells: str, arms: str, num_episodes: int, *, candidates: int | None = None, whole: bool = False
) -> Block:
    return Block(
        cells=cells_of(cells),
        arms=tuple(ARMS[name] for name in arms.split()),
        num_episodes=num_episodes,
        num_candidates=candidates,
        limit="package" if whole else "task",
    )


def _published() -> tuple[Block, ...]:
    return (
        _block("*/*", "alone steered", 100),
        _block(_CONTROLS, "random medoid argmax worst null", 100),
        _block(_FILTERED, "filtered filtered-steered", 100),
        _block(_SWEEP, "steered", 100, candidates=8),
        _block(_SWEEP, "steered", 100, candidates=16),
        _block(_SWEEP, "steered", 100, candidates=64),
        _block(_ORACLE, "alone steered oracle", 40, candidates=8),
        _block(_PACKAGE_LIMIT, "alone steered", 100, whole=True),
    )


def _quick() -> tuple[Block, ...]:
    return (_block("*/*", "alone steered", 10), _block(_CONTROLS, "random", 10))


def _disturbed() -> tuple[Block, ...]:
    return (_block(_DISTURBED, "alone steered argmax", 100),)


def _data() -> tuple[Block, ...]:
    return (_block("diffusion/push,diffusion/cube-single", "alone steered", 100),)


FIRST = {"published": 1_000, "disturbed": 1_000, "data": 1_000}
"""Test seeds that each skips: those before were looked at, by the demo and by quick runs."""
SUITES = {"published": _published, "quick": _quick, "disturbed": _disturbed, "data": _data}


def suite(name: str) -> tuple[Block, ...]:
    """Return the blocks of the run that is called `name`.

    Raises:
        InvalidInputError: There is none.
    """
    if name not in SUITES:
        raise InvalidInputError.expected("--suite", "one of " + ", ".join(SUITES), repr(name))
    return SUITES[name]()
