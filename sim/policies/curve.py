"""The loss curve of a run as numbers and as a picture, to see whether it has become flat."""

import csv
from collections.abc import Sequence
from pathlib import Path

__all__ = ["write_curve"]

_SMOOTHED_POINTS = 10


def write_curve(directory: Path, curve: Sequence[tuple[int, float]]) -> None:
    """Write `loss.csv` and `loss.png`.

    Args:
        directory: Where to.
        curve: (step, mean loss since the point before).
    """
    from matplotlib.figure import Figure

    with (directory / "loss.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss"])
        writer.writerows(curve)
    steps, losses = [step for step, _ in curve], [loss for _, loss in curve]
    windows = [losses[max(0, i + 1 - _SMOOTHED_POINTS) : i + 1] for i in range(len(losses))]
    figure = Figure(figsize=(5, 3), dpi=100, layout="constrained")
    axes = figure.add_subplot(yscale="log", xlabel="step", ylabel="denoising loss")
    axes.plot(steps, losses, color="0.75", label="as it was")
    axes.plot(steps, [sum(window) / len(window) for window in windows], label="running mean")
    axes.legend()
    figure.savefig(directory / "loss.png")
