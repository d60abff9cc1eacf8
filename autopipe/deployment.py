"""What a model costs where it is used, and which one may be delivered under limits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from autopipe.ensembles.calibration import parts_of
from autopipe.ensembles.front import Cost, Evidence, Front, points_of
from autopipe.ensembles.members import Candidates
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.folds import Folds
from autopipe.operators.fitted import FittedTree
from autopipe.table import Table
from autopipe.task import Target
from autopipe.trial import Trial

_REPEATS = 3  # of which the quickest counts: whatever else the machine does only adds
_BATCH = 1_000  # rows
_EVIDENCE_ROWS = 2_000
_EVIDENCE_CELLS = 1_000_000  # of all members together
_BATCH_SHARE = 0.5  # of the time that there is, for timing a batch


@dataclass(frozen=True)
class Demands:
    """What the delivered model may cost.

    Parameters
    ----------
    max_latency_ms : for one row alone, its reading included; None for no limit
    max_size_mb : of the fitted state; None for no limit
    reading : milliseconds for reading the user's table, which any model needs
    """

    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    reading: Cost = field(default_factory=lambda: Cost(0.0, 0.0, 0.0))

    @property
    def are_any(self) -> bool:
        """Whether there is a limit at all."""
        return self.max_latency_ms is not None or self.max_size_mb is not None

    def objection(self, megabytes: float, model: Callable[[], FittedTree], table: Table) -> str:
        """Why a tree cannot be in any model that is delivered; empty where it can.

        Parameters
        ----------
        megabytes : of one of its fold models
        model : reads one of them
        """
        if self.max_size_mb is not None and megabytes > self.max_size_mb:
            return f"one model takes {megabytes:.3g} MB, of max_size_mb={self.max_size_mb:g}"
        if self.max_latency_ms is not None:
            took = self.reading.row_ms + row_ms(model().predict, table)
            if took > self.max_latency_ms:
                return (
                    f"one model takes {took:.3g} ms for a row, of "
                    f"max_latency_ms={self.max_latency_ms:g}"
                )
        return ""


def milliseconds(work: Callable[[], object]) -> float:
    """How long some work takes where nothing disturbs it."""
    times = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return 1000.0 * min(times)


def row_ms(predict: Callable[[Table], object], table: Table) -> float:
    """Milliseconds that the first row of a table takes alone."""
    row = table.take(slice(0, 1))
    return milliseconds(lambda: predict(row))


def reading_cost(read: Callable[[Any], object], frame: pd.DataFrame) -> Cost:
    """What it takes to code one row of the user's table, and a thousand."""
    rows = frame.iloc[np.arange(_BATCH) % len(frame)]
    with warnings.catch_warnings():  # of what was told when the whole table was read
        warnings.simplefilter("ignore")
        return Cost(
            milliseconds(lambda: read(frame.iloc[:1])), milliseconds(lambda: read(rows)), 0.0
        )


def front_of(
    members: Sequence[Member],
    reserve: dict[int, Member],
    candidates: Candidates,
    trials: Sequence[Trial],
    table: Table,
    target: Target,
    folds: Folds,
    demands: Demands,
    seconds: float = float("inf"),
) -> Front:
    """The models that can be made of an ensemble and of some further members.

    Parameters
    ----------
    seconds : that this may take; what does not fit in is not timed, or left out
    """
    until = time.monotonic() + seconds
    held = {each.number: each for one in members for each in (one, *one.inputs)} | reserve
    known = {trial.number: trial for trial in trials}
    costs = {
        number: Cost(
            row_ms(member.models[0].predict, table) if not member.inputs else 0.0,
            _BATCH * 1000.0 * known[number].predict_seconds / len(folds),
            known[number].megabytes / len(folds),
        )
        for number, member in held.items()
    }
    ratio = _ratios(members, costs, table, target, seconds)

    def cost(weights: Mapping[int, float]) -> Cost:
        below = {each.number for number in weights for each in held[number].inputs}
        each = [costs[number] for number in {*weights, *below}]
        return Cost(
            ratio.row_ms * sum(one.row_ms for one in each),
            ratio.thousand_ms * sum(one.thousand_ms for one in each),
            sum(one.megabytes for one in each),
        )

    weights = {member.number: member.weight for member in members}
    points = points_of(
        weights, list(reserve), len(folds), candidates.score, cost, demands.reading,
        lambda: time.monotonic() < until,
    )  # fmt: skip
    return Front(points, held, _evidence(held, candidates, target, folds))


def _ratios(
    members: Sequence[Member],
    costs: Mapping[int, Cost],
    table: Table,
    target: Target,
    seconds: float,
) -> Cost:
    """How the whole ensemble's times compare with those of its models, one by one.

    They share what they have in common, and threads work on a batch.
    """
    predictor = Predictor(tuple(members), target.prior())
    parts = {each.number: each for one in members for each in (one, *one.inputs)}
    alone = sum(costs[n].row_ms * len(one.models) for n, one in parts.items())
    batch = sum(costs[n].thousand_ms * len(one.models) for n, one in parts.items())
    row = row_ms(predictor.predict, table) / max(alone, 1e-9)
    if _REPEATS * batch > 1000.0 * _BATCH_SHARE * seconds:
        return Cost(row, 1.0, 1.0)
    rows = table.take(np.arange(_BATCH) % len(table))
    return Cost(row, milliseconds(lambda: predictor.predict(rows)) / max(batch, 1e-9), 1.0)


def _evidence(
    numbers: Container[int], candidates: Candidates, target: Target, folds: Folds
) -> Evidence:
    every, stacked = candidates.stacked()
    kept = {n: told for n, told in zip(every, stacked, strict=True) if n in numbers}
    rows = len(candidates.rows)
    most = min(_EVIDENCE_ROWS, _EVIDENCE_CELLS // (len(kept) * target.outputs))
    sample = np.unique(np.linspace(0, rows - 1, most).astype(int))
    return Evidence(
        {number: told[sample] for number, told in kept.items()},
        target.take(candidates.rows[sample]),
        parts_of(folds)[candidates.rows[sample]],
        rows,
    )
