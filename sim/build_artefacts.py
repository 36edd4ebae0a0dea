"""Makes the committed weights from nothing: data, policies, rollouts, critics, audits, the tuned N.

    python -m sim.build_artefacts --demo

Each stage is a command of this repository, run in a process of its own, several at a time where
they do not depend on each other. A stage that is complete, and whose command, code, package
versions and input files are the same as then, is skipped: a build that was stopped goes on where
it was, and one whose inputs have changed is not taken for done. Data, policies, critics and audits
are made under `--work` and replace those of `sim/artefacts` when all are complete. Then N and the
margin are chosen with them, and `MANIFEST.json` says which command, with which seeds, made which
file. `--demo` makes what the demo needs and leaves the rest as it is; nothing is tuned then.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from sim.interrupt import GOES_ON, exit_code, run
from sim.stage_runner import ENVIRONMENT, StageError, StageRunner
from sim.stages import PACKAGES, Stage, sha256, stages, tuning_stage
from steer.errors import ConfigError

__all__ = ["build", "main"]

ARTEFACTS = Path("sim/artefacts")
MAX_BYTES, MAX_FILE_BYTES = 96 * 2**20, 20 * 2**20

_FORMAT_VERSION = 1
_AT_ONCE = (
    ("data",),
    ("pictures",),
    ("policy", "first"),
    ("rollouts",),
    ("played",),
    ("critic",),
    ("audit",),
)
"""Kinds of stages that do not depend on each other."""
_MANIFEST = "MANIFEST.json"


def build(work: Path, target: Path = ARTEFACTS, *, jobs: int = 1, is_demo: bool = False) -> None:
    """Run what is left of the build, and put its result into `target`.

    Args:
        work: Where data and artefacts are made; kept, so that a stopped build goes on.
        target: Where they are put.
        jobs: Stages at a time; with more than one, each has its output in `<work>/logs`.
        is_demo: Whether to make what the demo needs alone.

    Raises:
        StageError: A command failed.
        ConfigError: The result is over what the repository takes, or another build has the work
            directory.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the commands have ended.
    """
    plan, tuning = stages(work, is_demo=is_demo), tuning_stage(work)
    runner = StageRunner(work)
    with runner.opened():
        for kinds in _AT_ONCE:
            # Tasks of one package share a dataset, which one command at a time can write.
            at_once = 1 if kinds == ("data",) else jobs
            runner.run([stage for stage in plan if stage.kind in kinds], jobs=at_once)
        _install(_made(plan, work / "artefacts"), work / "artefacts", target)
        if not is_demo:
            runner.run([tuning], jobs=1)
            plan = [*plan, tuning]
    manifest = _manifest(plan, target)
    (target / _MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _made(plan: Sequence[Stage], made: Path) -> list[Path]:
    """Return the directories of the artefacts, below `made`.

    Raises:
        ConfigError: A stage has left none.
    """
    outputs = {path.parent for s in plan for path in s.outputs if made in path.parents}
    for path in outputs:
        if not path.is_dir():
            raise ConfigError(f"artefacts: expected {path}, got none")
    return sorted(path.relative_to(made) for path in outputs)


def _install(names: Sequence[Path], made: Path, target: Path) -> None:
    """Put what was made in the place of what is there, one artefact after the other.

    Raises:
        ConfigError: It is too large.
    """
    sizes = {path: path.stat().st_size for name in names for path in _files(made, name)}
    if sum(sizes.values()) > MAX_BYTES:
        got = sum(sizes.values())
        raise ConfigError(f"artefacts: expected at most {MAX_BYTES} bytes in all, got {got}")
    for path, size in sizes.items():
        if size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: expected at most {MAX_FILE_BYTES} bytes, got {size}")
    (target / _MANIFEST).unlink(missing_ok=True)  # It speaks of what goes now.
    for name in names:
        present = target / name
        fresh, old = (present.with_name(f".{present.name}.{end}") for end in ("new", "old"))
        shutil.rmtree(fresh, ignore_errors=True)
        for path in _files(made, name):
            copy = fresh / path.relative_to(made / name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        shutil.rmtree(old, ignore_errors=True)
        if present.exists():
            present.replace(old)
        fresh.replace(present)
        shutil.rmtree(old, ignore_errors=True)


def _files(root: Path, name: Path = Path()) -> Iterator[Path]:
    """Yield the files that belong to artefacts: not the states and logs of their training."""
    for path in sorted((root / name).rglob("*")):
        parts = path.relative_to(root).parts
        is_training = any(part.endswith(("training", ".partial")) for part in parts)
        if path.is_file() and not is_training:
            yield path


def _manifest(plan: Sequence[Stage], target: Path) -> dict[str, object]:
    """Say how everything below `target` was made."""
    return {
        "format_version": _FORMAT_VERSION,
        "environment": ENVIRONMENT,
        "versions": {name: version(name) for name in PACKAGES},
        "stages": [
            {"name": s.name, "command": " ".join(("python", *s.command)), "seeds": s.seeds}
            for s in plan
        ],
        "sha256": {
            str(path.relative_to(target)): sha256(path)
            for path in _files(target)
            if path.name not in (_MANIFEST, "tuning.json")  # That one names its weights itself.
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 1 a stage failed, 2 refused, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="sim.build_artefacts", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/artefacts"),
        help="where data and artefacts are made, and kept for a build that goes on",
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="stages at a time (default: cores)"
    )
    parser.add_argument("--demo", action="store_true", help="what the demo needs alone")
    args = parser.parse_args(argv)
    return exit_code("sim.build_artefacts", partial(_build, args), interrupted=GOES_ON)


def _build(args: argparse.Namespace) -> int:
    try:
        build(args.work, jobs=max(1, args.jobs), is_demo=args.demo)
    except StageError as error:
        sys.stderr.write(f"sim.build_artefacts: error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
