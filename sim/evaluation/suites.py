"""The runs that have a name: what is published, and the quick look at it."""

from collections.abc import Iterable

from sim.evaluation.arms import ARMS
from sim.evaluation.plan import Block, Evaluation
from sim.evaluation.row import Row
from sim.evaluation.tuned import Tuned
from sim.suite import cells_of
from steer.errors import ConfigError, InvalidInputError

__all__ = ["FIRST", "SUITES", "check_complete", "suite"]

# Each list is a part of the one before, so that what stands side by side is of the same cells, and
# has more than it needs: a cell counts only where the policy alone succeeds in 5 to 90%.
_ORACLE = (
    "diffusion/cube-single,diffusion/fetch-push,dit/basketball,dit/fetch-pick-and-place,"
    "smolvla/fetch-push"
)
_SWEEP = _ORACLE + ",diffusion/push,dit/hand-insert,act/scene"
# Every package and every architecture, the strong policies and the weak.
_CONTROLS = (
    _SWEEP + ",diffusion/cube-double,act/fetch-slide,vqbet/hand-insert,diffusion-clean/box-close"
)
# A deterministic policy is the same under any noise.
_NULL = ",".join(cell for cell in _CONTROLS.split(",") if not cell.startswith("act/"))
_FILTERED = "diffusion/push,diffusion/peg-insert-side,diffusion/cube-single,diffusion/fetch-push"
# Every task whose limit is longer in its package.
_PACKAGE_LIMIT = (
    "dit/push,dit/peg-insert-side,dit/basketball,dit/hand-insert,dit/box-close,"
    "dit/pick-place-wall,act/cube-double,act/puzzle-3x3,act/scene"
)
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
        _block(_CONTROLS, "random medoid argmax worst", 100),
        _block(_NULL, "null", 100),
        _block(_FILTERED, "filtered filtered-steered", 100),
        _block(_SWEEP, "steered", 100, candidates=8),
        _block(_SWEEP, "steered", 100, candidates=16),
        _block(_SWEEP, "steered", 100, candidates=64),
        _block(_PACKAGE_LIMIT, "alone steered", 100, whole=True),
        _block(_ORACLE, "alone steered oracle", 40, candidates=8),
    )


def _quick() -> tuple[Block, ...]:
    return (_block("*/*", "alone steered", 10), _block(_CONTROLS, "random", 10))


def _disturbed() -> tuple[Block, ...]:
    return (_block(_DISTURBED, "alone steered argmax", 100),)


def _data() -> tuple[Block, ...]:
    return (_block("diffusion/push,diffusion/cube-single", "alone steered", 100),)


FIRST = {"published": 2_000, "disturbed": 2_000, "data": 2_000}
"""Test seeds that each skips: those before were looked at, by the demo, by quick
runs and by what was published before."""
SUITES = {"published": _published, "quick": _quick, "disturbed": _disturbed, "data": _data}


def suite(name: str) -> tuple[Block, ...]:
    """Return the blocks of the run that is called `name`.

    Raises:
        InvalidInputError: There is none.
    """
    if name not in SUITES:
        raise InvalidInputError.expected("--suite", "one of " + ", ".join(SUITES), repr(name))
    return SUITES[name]()


def check_complete(name: str, rows: Iterable[Row]) -> None:
    """Refuse rows in which test episodes of a suite are missing.

    Raises:
        ConfigError: Some are.
    """
    whole = Evaluation(
        blocks=suite(name), split="test", first=FIRST.get(name, 0), settings=Tuned.load().settings
    )
    keys = whole.all_keys()
    missing = len(keys - {row.key for row in rows})
    if missing:
        raise ConfigError(
            f"rows: expected all {len(keys)} episodes of the suite {name!r}, got {missing} too few"
        )
