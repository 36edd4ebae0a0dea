"""Does a critic help? Paired episodes of robots in simulation, through a real server.

    python -m sim.evaluate --suite quick --output runs/quick
    python -m sim.evaluate --cells 'act/*,diffusion/push' --seeds tune --output runs/look

A cell is a policy on a task. Every arm sees the same seeds, initial states and policy noise. Rows
are kept as they come; the same command goes on where a stopped one was. `python -m sim.report`
draws the verdict.
"""

import shlex
import sys
from collections.abc import Sequence
from functools import partial

from sim.evaluation.command import campaign_of, evaluation_of, options_of
from sim.evaluation.plan import Evaluation
from sim.evaluation.summary import summary
from sim.evaluation.verdicts import Verdicts
from sim.interrupt import GOES_ON, exit_code, run
from sim.origin import Origin
from sim.stats import power_sentence

__all__ = ["main"]

_INCOMPLETE = 3
_TYPICAL_RATE = 0.3


def _say_power(evaluation: Evaluation, difference: float) -> None:
    """Say what so many pairs can tell, before they are run."""
    for count in sorted({block.num_episodes for block in evaluation.blocks}):
        cells = len(
            {cell for b in evaluation.blocks if b.num_episodes == count for cell in b.cells}
        )
        told = {"each": 0.05, f"each after Holm over {cells}": 0.05 / cells}
        for what, alpha in told.items() if cells > 1 else [("each", 0.05)]:
            sentence = power_sentence(count, alone=_TYPICAL_RATE, wanted=difference, alpha=alpha)
            sys.stderr.write(f"{cells} cells, {what}: {sentence}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 3 time up, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code("sim.evaluate", partial(_evaluate, words), interrupted=GOES_ON)


def _evaluate(words: Sequence[str]) -> int:
    options = options_of(words, __doc__)
    evaluation = evaluation_of(options)
    verdicts = Verdicts(evaluation) if options.sequential else None
    campaign = campaign_of(options, evaluation, verdicts)
    campaign.origin = Origin.now(shlex.join(["python", "-m", "sim.evaluate", *words]))
    _say_power(evaluation, options.detect)
    progress = campaign.run()
    sys.stdout.write(summary(progress.rows) + "\n")
    if verdicts:
        sys.stdout.write(verdicts.table() + "\n")
    if progress.num_missing:
        sys.stdout.write(f"{progress.num_missing} episodes are missing: the same command goes on\n")
        return _INCOMPLETE
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
