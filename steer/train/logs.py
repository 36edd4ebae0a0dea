"""The curve of a training run: CSV, TensorBoard, and a picture."""

import csv
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Curve"]


class Curve:
    """Points of the losses, written as they come.

    Args:
        directory: Of the run.
        first_step: Points from this step on, left by a run that was stopped, are dropped.
    """

    def __init__(self, directory: Path, *, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._path = directory / "curve.csv"
        self._points = [point for point in self._read() if point["step"] <= first_step]
        self._write()
        self._board = SummaryWriter(str(directory / "tensorboard"), purge_step=first_step + 1)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point; it is in the file when this returns."""
        self._points.append({"step": float(step), **values})
        if len(self._points) == 1:
            self._write()
        else:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._points[0]).writerow(self._points[-1])
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    @property
    def last(self) -> dict[str, float]:
        """The last point without its step; empty before the first."""
        return {k: v for k, v in self._points[-1].items() if k != "step"} if self._points else {}

    def close(self) -> None:
        """Draw the curve and close TensorBoard's file."""
        self._board.close()
        if self._points:
            self._draw()

    def _read(self) -> list[dict[str, float]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        points = []
        for row in rows:
            try:
                points.append({name: float(value) for name, value in row.items()})
            except (TypeError, ValueError):  # half a line, left by a run that was killed
                continue
        return points

    def _write(self) -> None:
        fresh = self._path.with_suffix(".partial")
        with fresh.open("w", newline="") as file:
            if self._points:
                writer = csv.DictWriter(file, self._points[0])
                writer.writeheader()
                writer.writerows(self._points)
        fresh.replace(self._path)

    def _draw(self) -> None:
        from matplotlib.figure import Figure

        names = [name for name in self._points[0] if name not in ("step", "learning_rate")]
        figure = Figure(figsize=(4.5 * len(names), 3.2), layout="constrained")
        for index, name in enumerate(names, start=1):
            axes = figure.add_subplot(1, len(names), index)
            axes.plot([p["step"] for p in self._points], [p[name] for p in self._points])
            axes.set(xlabel="step", ylabel=name)
            axes.grid(alpha=0.3)
        figure.savefig(self._directory / "curve.png", dpi=120)
