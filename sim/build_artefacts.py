"""Makes the demo's weights from nothing: data, policies, critics, audits, and the tuned choice.

    python -m sim.build_artefacts

Each stage is a command of this repository, run in a process of its own, several at a time where
they do not depend on each other. A stage that is complete, and whose command and input files are
the same as then, is skipped: a build that was stopped goes on where it was, and one whose inputs
have changed is not taken for done. Everything is made under `--work`; only when it is complete does
it replace `sim/artefacts`, with `MANIFEST.json` saying which command, with which seeds, made which
file.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from sim.stages import Stage, sha256, stages, tuning_stage
from sim.tasks import TASKS
from steer.errors import ConfigError, SteerError

__all__ = ["StageError", "build", "main"]

ARTEFACTS = Path("sim/artefacts")
MAX_BYTES = 16 * 2**20

_FORMAT_VERSION = 1
_DATA, _WEIGHTS, _AUDITS = ("data",), ("policy", "policy-filtered", "critic"), ("audit",)
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
_RECORDED_VERSIONS = ("lerobot", "metaworld", "mujoco", "numpy", "ogbench", "torch")


class StageError(SteerError):
    """A command of the build failed; what it made before is kept.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


def build(work: Path, target: Path = ARTEFACTS, *, jobs: int = 1) -> None:
    """Run what is left of the build, and put its result into `target`.

    Args:
        work: Where data and artefacts are made; kept, so that a stopped build goes on.
        target: The artefacts that the demo uses.
        jobs: Stages at a time; with more than one, each has its output in `<work>/logs`.

    Raises:
        StageError: A command failed.
        ConfigError: The result is over the 16 MiB that the repository takes.
    """
    plan = stages(work)
    # Tasks of one package share a dataset, which one command at a time can write.
    for kinds, at_once in ((_DATA, 1), (_WEIGHTS, jobs), (_AUDITS, jobs)):
        _run_all([stage for stage in plan if stage.kind in kinds], work, jobs=at_once)
    _install(work / "artefacts", target)
    tuning = tuning_stage(work)
    _run_all([tuning], work, jobs=1)
    manifest = _manifest([*plan, tuning], target)
    (target / "MANIFEST.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _run_all(plan: Sequence[Stage], work: Path, *, jobs: int) -> None:
    """Run stages that do not depend on each other; the first failure ends those not begun."""
    # Ctrl-C reaches the commands too, which then end in order; we only wait for that.
    before = signal.signal(signal.SIGINT, _wait_for_the_commands)
    try:
        with ThreadPoolExecutor(jobs) as pool:
            runs = [pool.submit(_run, stage, work, is_logged=jobs > 1) for stage in plan]
            try:
                for run in as_completed(runs):
                    run.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        signal.signal(signal.SIGINT, before)


def _run(stage: Stage, work: Path, *, is_logged: bool) -> None:
    record = work / "stages" / f"{stage.name.replace('/', '-')}.json"
    key = stage.key()
    known = json.loads(record.read_text()) if record.is_file() else {}
    outputs = [path for path in stage.outputs if path.is_file()]
    if known == {"key": key, "done": True} and outputs and len(outputs) == len(stage.outputs):
        _say(f"[{stage.name}] complete")
        return
    if known.get("key") != key:
        _clear(stage)
    _write_record(record, {"key": key, "done": False})
    log = work / "logs" / f"{record.stem}.log"
    where = f"  > {log}" if is_logged else ""
    _say(f"[{stage.name}] python {' '.join(stage.command)}{where}")
    code = _call(stage.command, log if is_logged else None)
    if code in (-signal.SIGINT, 130):
        raise KeyboardInterrupt
    if code:
        end = f"; its output is {log}" if is_logged else ""
        raise StageError(f"stage {stage.name!r}: expected exit code 0, got {code}{end}", code=code)
    _write_record(record, {"key": key, "done": True})
    _say(f"[{stage.name}] done")


def _clear(stage: Stage) -> None:
    """Remove what another command, or the same one on other inputs, has left."""
    for directory in {path.parent for path in stage.outputs}:
        for name in (directory.name, f"{directory.name}.training", f"{directory.name}-training"):
            shutil.rmtree(directory.with_name(name), ignore_errors=True)


def _call(command: Sequence[str], log: Path | None) -> int:
    full = [sys.executable, *command]
    environment = {**os.environ, **_ENVIRONMENT}
    if log is None:
        return subprocess.call(full, env=environment)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.call(full, env=environment, stdout=file, stderr=subprocess.STDOUT)


def _write_record(path: Path, record: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".partial")
    fresh.write_text(json.dumps(record) + "\n")
    fresh.replace(path)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _wait_for_the_commands(signum: int, frame: FrameType | None) -> None:
    del signum, frame  # Unused.


def _install(made: Path, target: Path) -> None:
    """Put what was made in the place of each task's artefacts, one task after the other."""
    size = sum(path.stat().st_size for path in _files(made))
    if size > MAX_BYTES:
        raise ConfigError(f"artefacts: expected at most {MAX_BYTES} bytes in all, got {size}")
    for task in TASKS:
        fresh, present, old = target / f".{task}.new", target / task, target / f".{task}.old"
        shutil.rmtree(fresh, ignore_errors=True)
        for path in _files(made / task):
            copy = fresh / path.relative_to(made / task)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        shutil.rmtree(old, ignore_errors=True)
        if present.exists():
            present.replace(old)
        fresh.replace(present)
        shutil.rmtree(old, ignore_errors=True)


def _files(root: Path) -> Iterator[Path]:
    """Yield the files that belong to artefacts: not the states and logs of their training."""
    for path in sorted(root.rglob("*")):
        is_training = any(part.endswith(("training", ".partial")) for part in path.parts)
        if path.is_file() and not is_training:
            yield path


def _manifest(plan: Sequence[Stage], target: Path) -> dict[str, object]:
    """Say how everything below `target` was made."""
    return {
        "format_version": _FORMAT_VERSION,
        "environment": _ENVIRONMENT,
        "versions": {name: version(name) for name in _RECORDED_VERSIONS},
        "stages": [
            {"name": s.name, "command": " ".join(("python", *s.command)), "seeds": s.seeds}
            for s in plan
        ],
        "sha256": {
            str(path.relative_to(target)): sha256(path)
            for path in _files(target)
            if path.name != "MANIFEST.json"
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
        default=Path("build/demo-artefacts"),
        help="where data and artefacts are made, and kept for a build that goes on",
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="stages at a time (default: cores)"
    )
    args = parser.parse_args(argv)
    try:
        build(args.work, jobs=max(1, args.jobs))
    except KeyboardInterrupt:
        return 130
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.build_artefacts: error: {error}\n")
        return 1 if isinstance(error, StageError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
