"""Cells that stop as soon as their pairs have told enough."""

from sim.evaluation.cells import Cell
from sim.evaluation.plan import Evaluation, Todo
from sim.evaluation.row import Row
from sim.stats import SequentialPlan, SequentialResult, SequentialTest

__all__ = ["Verdicts"]

_FIRST, _SECOND = "steered", "alone"


class Verdicts:
    """Takes rows as they come, and looks at each cell's pairs in the order of their seeds.

    Rows come in any order; a pair counts once all pairs of smaller seeds are there, so the verdict
    does not depend on which worker was quick. Rows that come after it are kept and not looked at.

    Args:
        evaluation: With blocks in which both arms run; of several N the first one is tested, on
            the seeds of its shard.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._seeds: dict[Cell, list[int]] = {}
        self._counts: dict[Cell, int] = {}
        for item in evaluation.todo():
            counts = {run.arm: run.num_candidates for run in item.runs if run.limit == "task"}
            if {_FIRST, _SECOND} <= counts.keys():
                self._counts.setdefault(item.cell, counts[_FIRST])
                self._seeds.setdefault(item.cell, []).append(item.seed)
        self._tests = {
            cell: SequentialTest(SequentialPlan(max_pairs=len(seeds)))
            for cell, seeds in self._seeds.items()
        }
        self._found: dict[tuple[Cell, str, int], bool] = {}
        self._used = dict.fromkeys(self._seeds, 0)
        self._is_over = dict.fromkeys(self._seeds, False)

    def take(self, row: Row) -> None:
        """Take a row."""
        cell = Cell(row.policy, row.task)
        if cell not in self._seeds or row.limit != "task":
            return
        if row.arm == _FIRST and row.num_candidates != self._counts[cell]:
            return
        self._found.setdefault((cell, row.arm, row.seed), row.is_success)
        seeds = self._seeds[cell]
        while not self._is_over[cell] and self._used[cell] < len(seeds):
            seed = seeds[self._used[cell]]
            sides = [self._found.get((cell, arm, seed)) for arm in (_FIRST, _SECOND)]
            if sides[0] is None or sides[1] is None:
                return
            self._used[cell] += 1
            verdict = self._tests[cell].add(first=sides[0], second=sides[1])
            self._is_over[cell] = verdict is not None

    def is_wanted(self, todo: Todo) -> bool:
        """Return whether more pairs of the cell are needed."""
        return not self._is_over.get(todo.cell, False)

    def results(self) -> dict[Cell, SequentialResult]:
        """Return what is known of each cell."""
        return {cell: test.result() for cell, test in self._tests.items()}

    def table(self) -> str:
        """Return the verdicts as lines for the terminal."""
        lines = [f"{'cell':34}{'pairs':>6}  verdict               gain"]
        for cell, found in self.results().items():
            verdict = found.verdict or "not yet"
            gain = f"{found.gain.value:+.2f} [{found.gain.low:+.2f}, {found.gain.high:+.2f}]"
            lines.append(f"{cell.name[-33:]:34}{found.pairs:6d}  {verdict:20}  {gain}")
        used = sum(found.pairs for found in self.results().values())
        most = sum(len(seeds) for seeds in self._seeds.values())
        lines.append(f"{used} of {most} pairs were needed")
        return "\n".join(lines)
