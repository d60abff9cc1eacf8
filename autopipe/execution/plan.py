"""How a machine's cores are shared out: trials side by side, or the folds of one."""

from __future__ import annotations

from dataclasses import dataclass

from autopipe.table import Table
from autopipe.task import Target

# Seconds of one LightGBM round of 31 leaves, measured on one core: 0.6 ms, and 5.1 ns for
# every row and column. A trial of the portfolio takes some 300 rounds on every fold.
_ROUND_SECONDS = 0.6e-3
_CELL_SECONDS = 5.1e-9
_ROUNDS = 300

_LARGEST_SHARE = 1 / 8  # of the budget that a typical trial may take on one core


@dataclass(frozen=True)
class Plan:
    """So many workers, each fitting so many folds at the same time on one thread each."""

    workers: int
    fold_threads: int


def plan(table: Table, target: Target, folds: int, cores: int, budget: float | None) -> Plan:
    """Trials side by side where they are short; else one by one, its folds side by side.

    Parameters
    ----------
    budget : seconds; None where no clock ends the run
    """
    columns = len(table.schema.columns)
    trees_a_round = target.n_classes if target.n_classes > 2 else 1
    round_seconds = _ROUND_SECONDS + _CELL_SECONDS * len(table) * columns
    seconds = folds * _ROUNDS * trees_a_round * round_seconds
    if budget is None or seconds <= _LARGEST_SHARE * budget:
        return Plan(cores, 1)
    return Plan(1, cores)
