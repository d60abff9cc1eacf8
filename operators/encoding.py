"""From the coded table to a matrix: categories as codes, as columns of their own, or as means.

All encoders pass numbers on as they are and spread times and texts over the same parts. What
a text says is for the operators on texts, which stand below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape, by_cells, number
from autopipe.operators.declaration import Coded, Operator, Raw, State
from autopipe.operators.outcomes import INNER_FOLDS, MOST_CLASSES, inner_folds, outcomes_of
from autopipe.operators.parts import Feature, date_parts, text_shape
from autopipe.roles import Role
from autopipe.space import Choice, Float, Int, Value
from autopipe.table import Column, Table
from autopipe.task import FloatArray, IntArray, Target


class Codes:
    """Categories as their codes, what is missing or new as NaN: for learners that handle both.

    Learns nothing. The result is float32, or float64 where a number would not survive that.
    """

    def fit_transform(self, data: Table, target: Target, seed: int) -> Matrix:
        return self.transform(data)

    def transform(self, data: Table) -> Matrix:
        return _matrix(data, lambda column, codes: [_coded(column, codes)])

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> Self:
        return self


class OneHot:
    """A column of zeros and ones for every frequent level, and one for all rare ones.

    A level that no training row had is zero in all of them; missing is a level like any other.

    Parameters
    ----------
    min_share : share of the training rows below which a level is rare
    max_levels : levels of one column that get a column; the most frequent ones do
    """

    def __init__(self, *, min_share: float, max_levels: int) -> None:
        self.min_share = min_share
        self.max_levels = max_levels
        self._places: dict[str, IntArray] = {}
        """For every code, and for new ones at the end, the place of its one; -1 for none."""
        self._names: dict[str, list[str]] = {}
        """Of the columns of ones, by place."""

    def fit_transform(self, data: Table, target: Target, seed: int) -> Matrix:
        places = {
            column.name: self._place_levels(column, data.codes[:, column.index])
            for column in data.schema.having(Role.CATEGORICAL)
        }
        return self.restore(places).transform(data)

    def _place_levels(self, column: Column, codes: IntArray) -> IntArray:
        counts = np.bincount(codes[codes >= 0], minlength=column.levels)
        frequent_first = np.argsort(-counts, kind="stable")[: self.max_levels]
        is_frequent = counts[frequent_first] >= max(1.0, self.min_share * len(codes))
        kept = np.sort(frequent_first[is_frequent])
        places = np.full(column.levels + 1, -1, np.int32)
        places[:-1][counts > 0] = len(kept)
        places[kept] = np.arange(len(kept))
        return places

    def transform(self, data: Table) -> Matrix:
        return _matrix(data, self._ones)

    def _ones(self, column: Column, codes: IntArray) -> Iterable[Feature]:
        names = self._names[column.name]
        ones = self._places[column.name][codes] == np.arange(len(names))[:, None]
        return [(values, 0, name) for values, name in zip(ones, names, strict=True)]

    def state(self) -> State:
        return dict(self._places)

    def restore(self, state: State) -> Self:
        self._places = {name: np.asarray(places) for name, places in state.items()}
        self._names = {
            name: [f"{name}={level}" for level in _levels(places)]
            for name, places in self._places.items()
        }
        return self


def _levels(places: IntArray) -> Iterator[str]:
    """The code that each place is for; "rare" where there are several."""
    for place in range(int(places.max()) + 1):
        members = np.flatnonzero(places == place)
        yield str(members[0]) if len(members) == 1 else "rare"


class TargetEncoding:
    """Categories as smoothed means of the target: one column, or one for each class.

    Serves categories with many levels, where codes mean nothing and one-hot columns are too
    many. A level's mean is drawn towards the mean of all rows as if `smoothing` further rows
    had that one. Missing is a level like any other. Numbers to be predicted are standardised
    first, since float32 keeps seven digits only; with more than 10 classes, the 10 most
    frequent get a column.

    `fit_transform` encodes every row by the means of the other folds, so that a learner
    above does not mistake its own target for a pattern; `transform` uses all training rows.
    Costs O(columns * (rows + folds * levels) * classes).

    Parameters
    ----------
    smoothing : weight of the overall mean, in rows
    add_count : whether to add the logarithm of the level's training rows

    References
    ----------
    Micci-Barreca, A Preprocessing Scheme for High-Cardinality Categorical Attributes,
    SIGKDD Explorations 3(1), 2001: the blend with lambda(n) = n / (n + m).
    """

    def __init__(self, *, smoothing: float, add_count: bool) -> None:
        self.smoothing = smoothing
        self.add_count = add_count
        self._encodings: dict[str, NDArray[np.float32]] = {}
        """Shape (levels + 1, columns); the last row is for new levels, which have code -1."""

    def fit_transform(self, data: Table, target: Target, seed: int) -> Matrix:
        outcomes, weights = outcomes_of(target), target.row_weights
        folds = inner_folds(target, seed)

        def learn(column: Column, codes: IntArray) -> Iterable[Feature]:
            counts = np.bincount(codes % (column.levels + 1), minlength=column.levels + 1)
            full, crossfitted = smoothed_means(
                codes % (column.levels + 1),
                counts.size,
                outcomes,
                weights,
                folds,
                self.smoothing,
            )
            if self.add_count:
                log_counts = np.log1p(counts)[:, None]
                full = np.hstack([full, log_counts])
                crossfitted = np.hstack([crossfitted, log_counts[codes]])
            self._encodings[column.name] = full.astype(np.float32)
            return self._features(column, crossfitted)

        self._encodings = {}
        return _matrix(data, learn)

    def transform(self, data: Table) -> Matrix:
        return _matrix(
            data,
            lambda column, codes: self._features(column, self._encodings[column.name][codes]),
        )

    def _features(self, column: Column, encoded: FloatArray) -> list[Feature]:
        means = encoded.shape[1] - self.add_count
        names = [f"{column.name} mean {index}" for index in range(means)]
        names += [f"{column.name} count"] * self.add_count
        return [(values, 0, name) for values, name in zip(encoded.T, names, strict=True)]

    def state(self) -> State:
        return dict(self._encodings)

    def restore(self, state: State) -> Self:
        self._encodings = {
            name: np.asarray(encoding, np.float32) for name, encoding in state.items()
        }
        return self


def smoothed_means(
    levels_of_rows: IntArray,
    n_levels: int,
    outcomes: FloatArray,
    weights: FloatArray,
    folds: IntArray,
    smoothing: float,
) -> tuple[FloatArray, FloatArray]:
    """Means by level, shape (levels, columns), and cross-fitted, shape (rows, columns)."""
    cells = folds * n_levels + levels_of_rows
    shape = (INNER_FOLDS, n_levels)

    def cell_sums(values: FloatArray) -> FloatArray:
        sums = np.bincount(cells, values, minlength=INNER_FOLDS * n_levels)
        return np.asarray(sums.reshape(shape), np.float64)

    def blend(sums: FloatArray, masses: FloatArray, overall: FloatArray | float) -> FloatArray:
        return np.asarray((sums + smoothing * overall) / (masses + smoothing))

    masses = cell_sums(weights)
    other_masses = masses.sum(0) - masses
    other_total = other_masses.sum(1, keepdims=True)
    full = np.empty((n_levels, len(outcomes)))
    crossfitted = np.empty((len(cells), len(outcomes)))
    for index, outcome in enumerate(outcomes):
        sums = cell_sums(weights * outcome)
        overall = sums.sum() / masses.sum()
        full[:, index] = blend(sums.sum(0), masses.sum(0), overall)
        other_sums = sums.sum(0) - sums
        other_overall = np.full_like(other_total, overall)  # where one fold holds all rows
        np.divide(
            other_sums.sum(1, keepdims=True),
            other_total,
            out=other_overall,
            where=other_total > 0,
        )
        crossfitted[:, index] = blend(other_sums, other_masses, other_overall).ravel()[cells]
    return full, crossfitted


def _matrix(table: Table, encode: Callable[[Column, IntArray], Iterable[Feature]]) -> Matrix:
    """The columns of the table in their order, categories as `encode` gives them."""
    features: list[Feature] = []
    needs_double = False
    for column in table.schema.columns:
        if column.role is Role.CATEGORICAL:
            features += encode(column, table.codes[:, column.index])
        elif column.role is Role.DATETIME:
            features += date_parts(column.name, table.precise[:, column.index])
        elif column.role is Role.TEXT:
            features += text_shape(column.name, table.texts[column.index])
        else:
            features.append((table.values(column), 0, column.name))
            needs_double |= column.block == "precise"
    dtype = np.float64 if needs_double else np.float32
    matrix = np.empty((len(table), len(features)), dtype, order="F")
    for index, feature in enumerate(features):
        matrix[:, index] = feature[0]
    names = tuple(name for _, _, name in features)
    signs = {column.name: column.monotone for column in table.schema.columns if column.monotone}
    gaps = {column.name: column.gap for column in table.schema.columns if column.gap >= 0}
    return Matrix(
        matrix,
        tuple(levels for _, levels, _ in features),
        names,
        tuple(signs.get(name, 0) for name in names) if signs else (),
        tuple(gaps.get(name, -1) for name in names) if gaps else (),
    )


def _coded(column: Column, codes: IntArray) -> Feature:
    values = codes.astype(np.float32)
    values[codes < 0] = np.nan
    return values, column.levels, column.name


def _one_hot_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    most = number(params, "max_levels") + 1
    gives = shape.encoded(sum(min(most, levels) for levels in shape.levels))
    return Cost(2e-9 * gives.all_cells, megabytes=4e-6 * gives.all_cells, gives=gives)


def _target_encoding_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    means = len(shape.levels) * min(MOST_CLASSES, shape.outputs)
    gives = shape.encoded(means + len(shape.levels) * bool(params["add_count"]))
    seconds = 6e-8 * shape.rows * means + 2e-9 * gives.all_cells
    return Cost(seconds, megabytes=4e-6 * gives.all_cells, gives=gives)


OPERATORS = (
    Operator(
        name="codes",
        family="encoding",
        build="autopipe.operators.encoding:Codes",
        takes=(Raw,),
        gives=Coded,
        is_stateless=True,
        keeps_monotone=True,
        cost=by_cells(3e-9),
    ),
    Operator(
        name="one_hot",
        family="encoding",
        build="autopipe.operators.encoding:OneHot",
        takes=(Raw,),
        gives=Coded,
        space={
            "min_share": Float(1e-4, 0.1, default=0.002, log=True),
            "max_levels": Int(5, 200, default=50, log=True),
        },
        needs_categories=True,
        keeps_monotone=True,
        cost=_one_hot_cost,
    ),
    Operator(
        name="target_encoding",
        family="encoding",
        build="autopipe.operators.encoding:TargetEncoding",
        takes=(Raw,),
        gives=Coded,
        space={
            "smoothing": Float(0.5, 200.0, default=10.0, log=True),
            "add_count": Choice((False, True)),
        },
        cost=_target_encoding_cost,
        source="Micci-Barreca, SIGKDD Explorations 3(1), 2001",
        needs_categories=True,
        uses_target=True,
        keeps_monotone=True,
    ),
)
