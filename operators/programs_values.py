"""The values of formulas: what they learn from training rows, and what they make of others.

All is vectorised, in float64, and ends in float32. What cannot be told is missing: a ratio to
nothing, the part of a date that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autopipe.errors import TreeError
from autopipe.operators.encoding import smoothed_means
from autopipe.operators.outcomes import inner_folds, outcomes_of
from autopipe.operators.parts import date_parts, text_shape
from autopipe.operators.programs_formulas import CYCLES, Formula
from autopipe.roles import Role
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target

Learned = dict[str, NDArray[np.number]]
"""What one formula learned."""

_LARGEST = 1e30  # beyond, sums of squares leave float32
_HOUR, _DAY = 3_600, 86_400  # seconds
_TARGET_SMOOTHING = 10.0  # rows; scikit-learn and AutoGluon draw as much towards the mean
_GROUP_SMOOTHING = 3.0  # rows, so that a group of one does not just repeat its row
_GRID = 32  # places within the column that ranks are told by
_MISSING = -np.inf  # among the values of a number that serves as a key


@dataclass(frozen=True, eq=False)
class Keys:
    """The groups that rows belong to.

    Parameters
    ----------
    ids : array of shape (rows,), 0 .. count - 1; the last one is that of rows unlike any
        training row
    count : groups
    """

    ids: IntArray
    count: int


@dataclass(frozen=True, eq=False)
class Truth:
    """What target means are learned from.

    Parameters
    ----------
    outcomes : array of shape (outcomes, rows), as `outcomes_of` gives them
    weights : array of shape (rows,)
    folds : array of shape (rows,), of the inner cross-fitting
    """

    outcomes: FloatArray
    weights: FloatArray
    folds: IntArray

    @classmethod
    def of(cls, target: Target, seed: int) -> Truth:
        """The truth of some rows, in random folds."""
        return cls(outcomes_of(target), target.row_weights, inner_folds(target, seed))


class Values:
    """The values of any formulas for the rows of one table.

    What several formulas share is made once.

    Parameters
    ----------
    table : the rows
    learned : what formulas learned, by their text; filled where `truth` is given
    truth : of the rows, where they are the training rows. Target means are then cross-fitted.
    """

    def __init__(
        self,
        table: Table,
        learned: MutableMapping[str, Learned],
        truth: Truth | None = None,
    ) -> None:
        self._table = table
        self._columns = {column.name: column for column in table.schema.columns}
        self._learned = learned
        self._truth = truth
        self._numbers: dict[str, FloatArray] = {}
        self._keys: dict[str, Keys] = {}

    def of(self, formula: Formula) -> NDArray[np.float32]:
        """The values of a formula that gives a number, shape (rows,).

        Raises
        ------
        TreeError
            If it is the mean of a class that the target of the training rows does not have.
        """
        with np.errstate(all="ignore"):
            values = self._evaluated(formula)
            return np.asarray(np.clip(values, -_LARGEST, _LARGEST), np.float32)

    def number(self, formula: Formula) -> FloatArray:
        """As `of`, in float64, and remembered."""
        text = str(formula)
        if text not in self._numbers:
            values = np.clip(self._evaluated(formula), -_LARGEST, _LARGEST)
            self._numbers[text] = np.asarray(values, np.float64)
        return self._numbers[text]

    def keys(self, formula: Formula) -> Keys:
        """The groups of a key."""
        text = str(formula)
        if text not in self._keys:
            self._keys[text] = self._grouped(formula)
        return self._keys[text]

    def _evaluated(self, formula: Formula) -> FloatArray:
        inputs, name = formula.inputs, formula.name
        if formula.is_column:
            return np.asarray(self._table.values(self._columns[name]), np.float64)
        if name in _ARITHMETIC:
            return _ARITHMETIC[name](*map(self.number, inputs))
        if name in _TABLES:
            return _TABLES[name](self, formula)
        if name in {"part", "cycle_sine", "cycle_cosine"}:
            return _calendar(name, self._times(inputs[0]), str(formula.word))
        if name == "elapsed":
            return (self._times(inputs[1]) - self._times(inputs[0])) / _DAY
        if name == "length":
            texts = self._table.texts[self._columns[inputs[0].name].index]
            return np.asarray(text_shape("", texts)[0][0], np.float64)
        assert name == "missing_count"
        blocks = np.isnan(self._table.numbers), np.isnan(self._table.precise)
        counts = sum((block.sum(1) for block in blocks), self._table.gaps.sum(1))
        return np.asarray(counts, np.float64)

    def _times(self, formula: Formula) -> FloatArray:
        return np.asarray(self._table.precise[:, self._columns[formula.name].index])

    def _grouped(self, formula: Formula) -> Keys:
        if formula.is_column and self._columns[formula.name].role is Role.CATEGORICAL:
            column = self._columns[formula.name]
            codes = self._table.codes[:, column.index]
            return Keys(np.where(codes < 0, column.levels, codes), column.levels + 1)
        if formula.name == "cross":
            first, second = map(self.keys, formula.inputs)
            raw = first.ids.astype(np.int64) * second.count + second.ids
        else:
            numbers = self.number(formula)
            raw = np.where(np.isnan(numbers), _MISSING, numbers)
        known = self._learn(formula, "known", lambda: {"known": np.unique(raw)})["known"]
        ids = np.minimum(np.searchsorted(known, raw), max(0, len(known) - 1))
        is_known = known[ids] == raw if len(known) else np.zeros(len(raw), np.bool_)
        return Keys(np.where(is_known, ids, len(known)), len(known) + 1)

    def _learn(self, formula: Formula, name: str, make: Callable[[], Learned]) -> Learned:
        """What the formula learned from the training rows, which may be these.

        It makes what has this name, and perhaps more. A formula may learn twice: its values,
        and which of them are known where it is a key.
        """
        learned = self._learned.setdefault(str(formula), {})
        if self._truth is not None and name not in learned:
            learned |= make()
        return learned

    def count(self, formula: Formula) -> FloatArray:
        keys = self.keys(formula.inputs[0])

        def make() -> Learned:
            return {"counts": np.bincount(keys.ids, minlength=keys.count)}

        counts = self._learn(formula, "counts", make)["counts"]
        return np.asarray(counts[keys.ids], np.float64)

    def group_mean(self, formula: Formula) -> FloatArray:
        numbers, keys = self.number(formula.inputs[0]), self.keys(formula.inputs[1])

        def means() -> Learned:
            is_known = np.isfinite(numbers)
            ids, known = keys.ids[is_known], numbers[is_known]
            rows = np.bincount(ids, minlength=keys.count)
            sums = np.bincount(ids, known, minlength=keys.count)
            overall = known.mean() if len(known) else 0.0
            blend = (sums + _GROUP_SMOOTHING * overall) / (rows + _GROUP_SMOOTHING)
            return {"means": blend}

        return np.asarray(self._learn(formula, "means", means)["means"][keys.ids], np.float64)

    def group_rank(self, formula: Formula) -> FloatArray:
        numbers, keys = self.number(formula.inputs[0]), self.keys(formula.inputs[1])

        def ranks() -> Learned:
            is_known = np.isfinite(numbers)
            edges = np.unique(_quantiles(numbers, _GRID))
            places = np.searchsorted(edges, numbers[is_known])
            width = len(edges) + 1
            cells = keys.ids[is_known] * width + places
            rows = np.bincount(cells, minlength=keys.count * width).reshape(-1, width)
            share = rows.sum(0) / max(1, rows.sum())
            blend = (rows + _GROUP_SMOOTHING * share) / (
                rows.sum(1, keepdims=True) + _GROUP_SMOOTHING
            )
            below = np.cumsum(blend, axis=1) - blend / 2
            return {"edges": edges, "ranks": below.astype(np.float32)}

        learned = self._learn(formula, "ranks", ranks)
        places = np.searchsorted(learned["edges"], numbers)
        found = learned["ranks"][keys.ids, places].astype(np.float64)
        return np.where(np.isnan(numbers), np.nan, found)

    def target_mean(self, formula: Formula) -> FloatArray:
        keys = self.keys(formula.inputs[0])
        if self._truth is None:
            return np.asarray(self._learned[str(formula)]["means"][keys.ids], np.float64)
        which, outcomes = int(formula.word or 0), self._truth.outcomes
        if which >= len(outcomes):
            raise TreeError(
                f"{formula}: met class {which}, wanted one of the {len(outcomes)} from 0 on "
                "that this target has means of."
            )
        full, crossfitted = smoothed_means(
            keys.ids,
            keys.count,
            outcomes[which : which + 1],
            self._truth.weights,
            self._truth.folds,
            _TARGET_SMOOTHING,
        )
        learned = self._learned.setdefault(str(formula), {})
        learned["means"] = full[:, 0].astype(np.float32)
        return crossfitted[:, 0]


_TABLES: Mapping[str, Callable[[Values, Formula], FloatArray]] = {
    "count": Values.count,
    "group_mean": Values.group_mean,
    "group_rank": Values.group_rank,
    "target_mean": Values.target_mean,
}


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.where(denominator == 0.0, np.nan, numerator / denominator)


def _log(numbers: FloatArray) -> FloatArray:
    return np.asarray(np.sign(numbers) * np.log1p(np.abs(numbers)))


_ARITHMETIC: Mapping[str, Callable[..., FloatArray]] = {
    "ratio": _ratio,
    "product": np.multiply,
    "difference": np.subtract,
    "sum": np.add,
    "log": _log,
}


def _calendar(name: str, seconds: FloatArray, part: str) -> FloatArray:
    if part == "hour":
        values = np.floor(np.mod(seconds, _DAY) / _HOUR)
    else:
        parts = {feature[2].strip(): feature[0] for feature in date_parts("", seconds)}
        values = np.asarray(parts[part], np.float64)
    if name == "part":
        return values
    angle = 2 * np.pi * values / CYCLES[part]
    return np.asarray(np.sin(angle) if name == "cycle_sine" else np.cos(angle))


def _quantiles(values: FloatArray, count: int) -> FloatArray:
    """So many values that part the finite ones evenly; fewer where there are none."""
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return np.empty(0)
    return known[np.linspace(0, len(known) - 1, count + 2).astype(np.int64)[1:-1]]
