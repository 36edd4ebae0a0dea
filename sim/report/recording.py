"""Logged decisions as a recording for the rerun viewer: candidates as paths of the end effector.

The paths are what the commands ask for, from where the robot was; where it went is drawn beside.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.cells import Cell, Run
from sim.evaluation.row import Row
from sim.tasks.ogbench import XYZ_CENTER, XYZ_SCALE
from steer.decision_log import LoggedDecision, read_decision_log
from steer.embodiment import Embodiment
from steer.errors import ConfigError, InvalidInputError
from steer.types import EncodedImage, Observation

__all__ = [
    "check_rerun",
    "chosen_logs",
    "colours_of",
    "effector_paths",
    "effector_position",
    "write_recording",
]

_MOST_EPISODES = 12
_STATE = "observation.state"
_IMAGES = "observation.images."
_THIN_M, _THICK_M = 0.0006, 0.0025
_LOW, _HIGH, _UNSCORED = (70, 110, 200), (217, 90, 18), (140, 140, 140)

# Where the end effector stands in `observation.state`, in metres, by embodiment.
_EFFECTORS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "metaworld-sawyer": lambda state: state[:3],
    "fetch": lambda state: state[:3],
    "ogbench-ur5e": lambda state: state[12:15] / XYZ_SCALE + np.array(XYZ_CENTER),
}


def check_rerun() -> Any:  # the package has no type hints
    """Return the package rerun.

    Raises:
        ConfigError: It is not installed; the text has the command.
    """
    try:
        return importlib.import_module("rerun")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "--rerun: expected the package rerun-sdk, got none; it comes with an extra of lerobot: "
            "pip install 'lerobot[viz]'"
        ) from error


def chosen_logs(directories: Sequence[Path], rows: Sequence[Row]) -> list[Path]:
    """Return the decision logs to show: of seeds that steering lost, that it won, then of others.

    Raises:
        ConfigError: The runs have no logs.
    """
    alone = {
        (row.policy, row.task, row.limit, row.seed): row.is_success
        for row in rows
        if row.arm == "alone"
    }
    ranked = []
    for row in rows:
        was = alone.get((row.policy, row.task, row.limit, row.seed), row.is_success)
        run = Run(row.arm, row.num_candidates, row.limit)  # type: ignore[arg-type]  # a row's is one
        name = run.file_name(Cell(row.policy, row.task), row.seed)
        rank = (row.arm != "steered", row.is_success is was, row.is_success, row.key)
        ranked.append((rank, f"{name}.decisions"))
    names = [name for _, name in sorted(ranked)]
    places = [directory / "decisions" for directory in directories]
    found = [path for name in names for place in places if (path := place / name).is_file()]
    if not found:
        shown = ", ".join(str(place) for place in places)
        raise ConfigError(
            f"--rerun: expected decision logs in {shown}, got none; "
            "run: python -m sim.evaluate ... --logs 2"
        )
    return found[:_MOST_EPISODES]


def effector_position(embodiment: Embodiment, observation: Observation) -> NDArray[np.float64]:
    """Return where the end effector is, shape [3], in metres.

    Raises:
        InvalidInputError: The place is not known for this robot.
    """
    state = observation.arrays.get(_STATE)
    if embodiment.name not in _EFFECTORS or not isinstance(state, np.ndarray):
        contract = "a robot of " + ", ".join(_EFFECTORS)
        raise InvalidInputError.expected("end effector", contract, repr(embodiment.name))
    return _EFFECTORS[embodiment.name](state.astype(np.float64))


def effector_paths(
    embodiment: Embodiment, start: NDArray[np.float64], actions: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return where chunks ask the end effector to go.

    Args:
        embodiment: Its actions dx, dy, dz are relative to the present pose.
        start: Shape [3], in metres.
        actions: Shape [N, H, A].

    Returns:
        Shape [N, H + 1, 3], in metres, from the start on.

    Raises:
        InvalidInputError: The robot's actions are not such.
    """
    places = {item.name: index for index, item in enumerate(embodiment.actions)}
    if embodiment.mode != "delta" or not {"dx", "dy", "dz"} <= places.keys():
        got = f"mode {embodiment.mode!r} with {', '.join(places)}"
        raise InvalidInputError.expected("embodiment", "mode 'delta' with dx, dy, dz", got)
    columns = [places[name] for name in ("dx", "dy", "dz")]
    dims = [embodiment.actions[column] for column in columns]
    moves = actions[:, :, columns].astype(np.float64)
    if all(dim.low < dim.high for dim in dims):
        moves = np.clip(moves, [dim.low for dim in dims], [dim.high for dim in dims])
    moves *= [dim.scale or 1.0 for dim in dims]
    paths = np.cumsum(np.insert(moves, 0, 0.0, axis=1), axis=1)
    return np.asarray(start + paths)


def colours_of(scores: NDArray[np.floating[Any]], count: int) -> NDArray[np.uint8]:
    """Return a colour for each of `count` candidates, from the lowest score to the highest."""
    if len(scores) != count or not np.isfinite(scores).all():
        return np.tile(np.array(_UNSCORED, np.uint8), (count, 1))
    span = float(np.ptp(scores)) or 1.0
    part = ((scores - scores.min()) / span)[:, None]
    mixed = np.array(_LOW) * (1 - part) + np.array(_HIGH) * part
    return np.asarray(np.rint(mixed), np.uint8)


def write_recording(logs: Sequence[Path], output: Path) -> int:
    """Write the recording; return how many episodes it has.

    Raises:
        ConfigError: The package rerun is not installed.
        SteerError: A log is damaged, or its robot is not known here.
    """
    rerun = check_rerun()
    output.parent.mkdir(parents=True, exist_ok=True)
    recording = rerun.RecordingStream("steer_episodes")
    recording.save(str(output))
    for path in logs:
        header, decisions = read_decision_log(path)
        _record(rerun, recording, path.stem, header.embodiment, list(decisions))
    recording.disconnect()
    return len(logs)


def _record(
    rerun: Any,
    recording: Any,
    name: str,
    embodiment: Embodiment,
    decisions: Sequence[LoggedDecision],
) -> None:
    """Write the decisions of one episode below `name`."""
    places = [effector_position(embodiment, item.observation) for item in decisions]
    for number, logged in enumerate(decisions):
        recording.set_time("decision", sequence=number)
        chunks, decision = logged.candidates.actions, logged.decision
        paths = effector_paths(embodiment, places[number], chunks)
        radii = np.full(len(chunks), _THIN_M)
        radii[decision.index] = _THICK_M
        recording.log(
            f"{name}/candidates",
            rerun.LineStrips3D(
                list(paths), colors=colours_of(decision.scores, len(chunks)), radii=radii
            ),
        )
        recording.log(f"{name}/effector", rerun.Points3D([places[number]], radii=[0.008]))
        if number:
            recording.log(f"{name}/path", rerun.LineStrips3D([np.array(places[: number + 1])]))
        words = f"candidate {decision.index} of {len(chunks)}: {decision.reason.value}"
        recording.log(f"{name}/decision", rerun.TextLog(words))
        _record_pictures(rerun, recording, name, logged.observation)


def _record_pictures(rerun: Any, recording: Any, name: str, observation: Observation) -> None:
    for key, value in observation.arrays.items():
        if not key.startswith(_IMAGES):
            continue
        place = f"{name}/{key.removeprefix(_IMAGES)}"
        if isinstance(value, EncodedImage):
            kind = f"image/{value.encoding}"
            recording.log(place, rerun.EncodedImage(contents=value.data, media_type=kind))
        else:
            recording.log(place, rerun.Image(value))
