"""How a machine's cores are shared out: trials side by side, or the folds of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autopipe.execution.cost_model import fit_seconds
from autopipe.operators.cost import Shape
from autopipe.tree import parse

_TYPICAL = parse("lightgbm(codes(table), learning_rate=0.05)")
_LARGEST_SHARE = 1 / 8  # of the budget that a typical trial may take on one core


@dataclass(frozen=True)
class Plan:
    """So many workers, each fitting so many folds at the same time on one thread each."""

    workers: int
    fold_threads: int


def affordable_fits(shape: Shape, cores: int, budget: float | None) -> float:
    """How often a typical learner can be fitted to all rows; infinite without a clock."""
    if budget is None:
        return math.inf
    return cores * budget / fit_seconds(_TYPICAL, shape)


def plan(shape: Shape, folds: int, cores: int, budget: float | None) -> Plan:
    """Trials side by side where they are short; else as many folds as leave no core idle.

    Parameters
    ----------
    shape : of all rows of the table
    budget : seconds; None where no clock ends the run
    """
    is_short = folds / affordable_fits(shape, 1, budget) <= _LARGEST_SHARE
    threads = 1 if is_short else math.gcd(folds, cores)
    return Plan(cores // threads, threads)
