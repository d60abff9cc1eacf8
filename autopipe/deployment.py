"""What a model costs where it is used, and which one may be delivered under limits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from statistics import median
from typing import Any

import joblib
import numpy as np
import pandas as pd

from autopipe.ensembles.calibration import parts_of
from autopipe.ensembles.front import Cost, Evidence, Front, points_of
from autopipe.ensembles.members import Candidates
from autopipe.ensembles.predictor import Member, Predictor, pipelines_of
from autopipe.folds import Folds, spread
from autopipe.operators.fitted import FittedTree, write_fitted
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.trial import Trial

_REPEATS = 5  # of which the median counts,
_LONGEST_MS = 50.0  # or fewer, where they take longer together
_MEMBER_MS = 5.0  # as much for one model of a member
_BATCH = 1_000  # rows
_FEW = 100  # rows that stand for them in the time of one model,
_PROBES = (100, 300, _BATCH)  # and of the whole ensemble, as far as there is time
_EVIDENCE_ROWS = 20_000  # as many as thresholds are chosen on
_EVIDENCE_CELLS = 1_000_000  # of all members together


@dataclass(frozen=True)
class Demands:
    """What the delivered model may cost.

    Parameters
    ----------
    max_latency_ms : for one row alone, its reading included; None for no limit
    max_size_mb : of the fitted state; None for no limit
    reading : what reading the user's table costs, which any model needs
    """

    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    reading: Cost = field(default_factory=lambda: Cost(0.0, 0.0, 0.0))

    @property
    def are_any(self) -> bool:
        """Whether there is a limit at all."""
        return self.max_latency_ms is not None or self.max_size_mb is not None

    def are_kept(self, members: Sequence[Member], prior: FloatArray, table: Table) -> bool:
        """Whether a model of these members keeps within the limits."""
        if self.max_size_mb is not None and megabytes_of(members) > self.max_size_mb:
            return False
        if self.max_latency_ms is None:
            return True
        took = self.reading.row_ms + rows_ms(Predictor(members, prior).predict, table)
        return took <= self.max_latency_ms

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
            took = self.reading.row_ms + rows_ms(model().predict, table)
            if took > self.max_latency_ms:
                return (
                    f"one model takes {took:.3g} ms for a row, of "
                    f"max_latency_ms={self.max_latency_ms:g}"
                )
        return ""


def milliseconds(work: Callable[[], object], longest: float = _LONGEST_MS) -> float:
    """How long some work usually takes; the first time, while memory is cold, left out.

    Parameters
    ----------
    longest : milliseconds after which it is not repeated
    """
    work()
    times: list[float] = []
    while not times or (len(times) < _REPEATS and sum(times) < longest):
        begin = time.perf_counter()
        work()
        times.append(1000.0 * (time.perf_counter() - begin))
    return median(times)


def rows_ms(
    predict: Callable[[Table], object],
    table: Table,
    count: int = 1,
    longest: float = _LONGEST_MS,
) -> float:
    """Milliseconds that so many rows of a table take together, when none was seen before."""
    rows = np.arange(count) % len(table)
    return milliseconds(lambda: predict(table.take(rows)), longest)


def megabytes_of(members: Sequence[Member]) -> float:
    """Of the fitted state of all models, as in a file."""
    file = BytesIO()
    for member in pipelines_of(members).values():
        write_fitted(file, member.models)
    return file.tell() / 1e6


def reading_cost(
    read: Callable[[Any], object], frame: pd.DataFrame, join: Callable[[Any], Any]
) -> Cost:
    """What it takes to code one row of the user's table, and a thousand.

    Parameters
    ----------
    join : adds the columns of other tables; timed once, for it may take long
    """

    def took(given: pd.DataFrame) -> float:
        begin = time.perf_counter()
        whole = join(given)
        joining_ms = 1000.0 * (time.perf_counter() - begin)
        return joining_ms + milliseconds(lambda: read(whole))

    row, rows = frame.iloc[:1], frame.iloc[np.arange(_BATCH) % len(frame)]
    with warnings.catch_warnings():  # of what was told when the whole table was read
        warnings.simplefilter("ignore")
        return Cost(took(row), took(rows), 0.0)


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
    held = pipelines_of(members) | reserve
    known = {trial.number: trial for trial in trials}
    costs = {
        number: _cost(member, known[number], len(folds), table, time.monotonic() < until)
        for number, member in held.items()
    }
    shared = _shared(members, costs, table, target, until)

    def cost(weights: Mapping[int, float], models: int) -> Cost:
        below = {each.number for number in weights for each in held[number].inputs}
        each = [(costs[n], min(models, len(held[n].models))) for n in {*weights, *below}]
        row_ms, thousand_ms = shared(sum(count for _, count in each))
        return Cost(
            row_ms * sum(count * one.row_ms for one, count in each),
            thousand_ms * sum(count * one.thousand_ms for one, count in each),
            sum(count * one.megabytes for one, count in each),
        )

    weights = {member.number: member.weight for member in members}
    most = max(len(member.models) for member in members)
    whole_ms = cost(weights, most).thousand_ms

    def capped(weights: Mapping[int, float], models: int) -> Cost:
        """Fewer models take no longer than all, which alone are measured together."""
        found = cost(weights, models)
        return replace(found, thousand_ms=min(found.thousand_ms, whole_ms))

    points = points_of(
        weights, list(reserve), most, candidates.score, capped, demands.reading,
        lambda: time.monotonic() < until,
    )  # fmt: skip
    return Front(points, held, _evidence(held, candidates, target, folds))


def _cost(member: Member, trial: Trial, folds: int, table: Table, has_time: bool) -> Cost:
    """What one fold model of a member costs alone, on one core.

    Parameters
    ----------
    folds : models of the trial
    """
    thousand_ms = _BATCH * 1000.0 * trial.predict_seconds / folds
    if member.inputs:  # reads no table; its first level is counted beside it
        return Cost(0.0, thousand_ms, trial.megabytes / folds)
    predict = member.models[0].predict
    row = rows_ms(predict, table, longest=_MEMBER_MS)
    if has_time:
        few = rows_ms(predict, table, _FEW, _MEMBER_MS)
        thousand_ms = row + max(0.0, few - row) * (_BATCH - 1) / (_FEW - 1)
    return Cost(row, thousand_ms, trial.megabytes / folds)


def _shared(
    members: Sequence[Member],
    costs: Mapping[int, Cost],
    table: Table,
    target: Target,
    until: float,
) -> Callable[[int], tuple[float, float]]:
    """How the times of so many models together, of a row and of a batch, relate to their sum.

    They share what they have in common, and threads work on a batch. That is measured of the
    whole ensemble. A model alone shares nothing, and in between it is taken that each has a
    part of its own, and one that is paid once for all.
    """
    predict = Predictor(tuple(members), target.prior()).predict
    parts = pipelines_of(members)
    count = sum(len(one.models) for one in parts.values())
    alone = sum(costs[n].row_ms * len(one.models) for n, one in parts.items())
    batch = sum(costs[n].thousand_ms * len(one.models) for n, one in parts.items())
    row = rows_ms(predict, table)
    thousand = _batch_ms(predict, table, row, batch, until) / max(batch, 1e-9)
    row /= max(alone, 1e-9)

    def shared(models: int) -> tuple[float, float]:
        paid_once = (count / models - 1) / max(1, count - 1)
        return row + (1 - row) * paid_once, thousand + (1 - thousand) * paid_once

    return shared


def _batch_ms(
    predict: Callable[[Table], object], table: Table, row: float, alone: float, until: float
) -> float:
    """Milliseconds of a thousand rows together, drawn on from as many as there is time for.

    Parameters
    ----------
    row : milliseconds of one
    alone : of a thousand on one core, as all models say that are asked one after the other
    """
    told, count, took = alone / int(joblib.cpu_count()), 1, row
    for more in _PROBES:
        expected = took + (told - took) * (more - count) / (_BATCH - count)
        if time.monotonic() + 2 * expected / 1000.0 > until:  # the first time, and once more
            break
        found = rows_ms(predict, table, more)
        told = found + max(0.0, found - took) * (_BATCH - more) / (more - count)
        count, took = more, found
    return told


def _evidence(
    numbers: Container[int], candidates: Candidates, target: Target, folds: Folds
) -> Evidence:
    every, stacked = candidates.stacked()
    kept = {n: told for n, told in zip(every, stacked, strict=True) if n in numbers}
    rows = len(candidates.rows)
    most = min(_EVIDENCE_ROWS, _EVIDENCE_CELLS // (len(kept) * target.outputs))
    order = spread(target.take(candidates.rows), np.random.default_rng(0))
    sample = np.sort(order[:most])
    return Evidence(
        {number: told[sample] for number, told in kept.items()},
        target.take(candidates.rows[sample]),
        parts_of(folds)[candidates.rows[sample]],
        rows,
        folds.rows,
    )
