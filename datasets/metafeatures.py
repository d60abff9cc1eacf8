"""What is known of a table before anything is fitted to it: a few dozen numbers.

They cost milliseconds, whatever the size of the table: values are looked at in a sample.

>>> from autopipe.datasets.synthetic import toy_table
>>> from autopipe.task import TaskKind
>>> found = metafeatures(*toy_table(TaskKind.BINARY, rows=60))
>>> found["columns"], found["classes"]
(11.0, 2.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autopipe.roles import Role
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target

VERSION = 1
"""Of the definitions below; numbers of another version are not compared with these."""

_MOST_ROWS = 2_000  # that values are looked at in
_LANDMARK_ROWS = 500  # and that the landmarks are fitted to, with half of them held out
_MOST_COLUMNS = 60  # of a kind, in which values are looked at
_RIDGE = 10.0  # of the linear landmark, on standardised columns

_CASTIELLO = "Castiello et al., Meta-data: characterization of input features, MDAI 2005"
_MICHIE = "Michie et al., Machine Learning, Neural and Statistical Classification, 1994, ch. 7"
_PFAHRINGER = "Pfahringer et al., Meta-learning by landmarking, ICML 2000"
_OURS = "autopipe"


@dataclass(frozen=True)
class Metafeature:
    """One number about a table.

    Parameters
    ----------
    meaning : what it says, with its unit or range
    source : where it was proposed
    is_log : whether it is compared by its logarithm
    """

    meaning: str
    source: str
    is_log: bool = False


LARGEST = 1e100  # of a number that is looked at: sums of squares stay finite

METAFEATURES: Mapping[str, Metafeature] = {
    "rows": Metafeature("rows", _MICHIE, is_log=True),
    "columns": Metafeature("columns that vary", _MICHIE, is_log=True),
    "classes": Metafeature("classes; 0 where a number is predicted", _MICHIE, is_log=True),
    "numeric": Metafeature("share of the columns that hold numbers, 0 to 1", _MICHIE),
    "boolean": Metafeature("share of the columns with two values, 0 to 1", _MICHIE),
    "categorical": Metafeature("share of the columns of categories, 0 to 1", _MICHIE),
    "datetime": Metafeature("share of the columns of times, 0 to 1", _OURS),
    "text": Metafeature("share of the columns of texts, 0 to 1", _OURS),
    "missing": Metafeature("share of the numbers and categories that lack, 0 to 1", _MICHIE),
    "missing_columns": Metafeature("share of the columns where some lack, 0 to 1", _OURS),
    "levels": Metafeature(
        "categories of a column, geometric mean; 1 without such columns", _OURS, is_log=True
    ),
    "most_levels": Metafeature("categories of the richest column", _OURS, is_log=True),
    "whole": Metafeature("share of the numeric columns with whole numbers, 0 to 1", _OURS),
    "zeros": Metafeature("share of the numbers that are zero, 0 to 1", _OURS),
    "skew": Metafeature(
        "(mean - median) / standard deviation of a numeric column, absolute, mean over "
        "columns, 0 to 1",
        _MICHIE,
    ),
    "correlation": Metafeature(
        "rank correlation of two numeric columns, absolute, mean over pairs, 0 to 1", _MICHIE
    ),
    "minority": Metafeature("share of the rarest class, 0 to 1; 0 for numbers", _MICHIE),
    "entropy": Metafeature(
        "entropy of the classes by that of as many equal ones, 0 to 1; 1 for numbers",
        _CASTIELLO,
    ),
    "target_skew": Metafeature(
        "(mean - median) / standard deviation of the target, -1 to 1; 0 for classes", _OURS
    ),
    "target_distinct": Metafeature(
        "distinct values of the target by rows, 0 to 1; 0 for classes", _OURS
    ),
    "best_column": Metafeature(
        "largest absolute rank correlation of a column with the target, 0 to 1", _PFAHRINGER
    ),
    "linear": Metafeature(
        "share of the target's variance that a ridge regression explains in rows held out, "
        "0 to 1",
        _PFAHRINGER,
    ),
    "neighbour": Metafeature(
        "likewise, the mean of three nearest neighbours", _PFAHRINGER
    ),
}  # fmt: skip
"""What `metafeatures` gives, by name."""


def metafeatures(table: Table, target: Target) -> dict[str, float]:
    """The numbers that `METAFEATURES` describes; always the same for the same table."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(table))[:_MOST_ROWS])
    seen = target.take(rows)
    numbers = _numbers(table, rows)
    some = table.take(rows)
    codes = np.where(some.gaps, -1, some.codes)[:, :_MOST_COLUMNS]
    found = {
        "rows": float(len(table)),
        "columns": float(len(table.schema.columns)),
        "classes": float(target.n_classes),
    }
    found |= _of_schema(table)
    found |= _of_values(numbers, codes)
    found |= _of_target(seen)
    found |= _landmarks(numbers, codes, seen, rng)
    return {name: round(float(found[name]), 6) for name in METAFEATURES}


def _numbers(table: Table, rows: IntArray) -> FloatArray:
    plain = table.numbers[rows, :_MOST_COLUMNS].astype(np.float64)
    precise = table.precise[rows, :_MOST_COLUMNS]
    return np.clip(np.hstack([plain, precise]), -LARGEST, LARGEST)


def _of_schema(table: Table) -> dict[str, float]:
    columns = table.schema.columns
    shares = {
        role.value: len(table.schema.having(role)) / max(1, len(columns))
        for role in (Role.NUMERIC, Role.BOOLEAN, Role.CATEGORICAL, Role.DATETIME, Role.TEXT)
    }
    levels = [
        max(1, column.levels - (column.gap >= 0))
        for column in table.schema.having(Role.CATEGORICAL)
    ]
    return {
        **shares,
        "missing_columns": float(np.mean([column.has_missing for column in columns])),
        "levels": float(np.exp(np.mean(np.log(levels)))) if levels else 1.0,
        "most_levels": float(max(levels, default=1)),
    }


def _of_values(numbers: FloatArray, codes: IntArray) -> dict[str, float]:
    lacks = np.isnan(numbers)
    cells = numbers.size + codes.size
    present = np.maximum((~lacks).sum(axis=0), 1)
    filled = _filled(numbers)
    spread = filled.std(axis=0)
    centre = np.median(filled, axis=0)
    skew = np.abs(filled.mean(axis=0) - centre) / np.where(spread > 0, spread, 1.0)
    is_whole = ((numbers == np.round(numbers)) | lacks).all(axis=0)
    ranks = _ranks(filled[:_LANDMARK_ROWS])
    pairs = np.abs(ranks.T @ ranks)[np.triu_indices(ranks.shape[1], 1)]
    return {
        "missing": (lacks.sum() + (codes < 0).sum()) / max(1, cells),
        "whole": is_whole.mean() if is_whole.size else 0.0,
        "zeros": ((numbers == 0).sum(axis=0) / present).mean() if is_whole.size else 0.0,
        "skew": skew.mean() if skew.size else 0.0,
        "correlation": pairs.mean() if pairs.size else 0.0,
    }


def _of_target(target: Target) -> dict[str, float]:
    if not target.is_classification:
        y = np.clip(target.truth[:, 0], -LARGEST, LARGEST)
        spread = float(y.std()) or 1.0
        skew = float(y.mean() - np.median(y)) / spread
        distinct = len(np.unique(y)) / len(y)
        return {
            "minority": 0.0, "entropy": 1.0, "target_skew": skew, "target_distinct": distinct,
        }  # fmt: skip
    shares = np.bincount(target.y, minlength=target.n_classes) / len(target.y)
    present = shares[shares > 0]
    entropy = float(-(present * np.log(present)).sum()) / np.log(max(2, target.n_classes))
    return {
        "minority": float(shares.min()),
        "entropy": entropy,
        "target_skew": 0.0,
        "target_distinct": 0.0,
    }


def _landmarks(
    numbers: FloatArray, codes: IntArray, target: Target, rng: np.random.Generator
) -> dict[str, float]:
    rows = rng.permutation(len(target.y))[:_LANDMARK_ROWS]
    X = _standardised(np.hstack([_filled(numbers), _frequencies(codes)])[rows])
    Y = _standardised(np.clip(target.take(rows).truth, -LARGEST, LARGEST))
    half = len(rows) // 2
    if not X.shape[1] or not Y.shape[1] or half < 2:
        return {"best_column": 0.0, "linear": 0.0, "neighbour": 0.0}
    X_train, X_valid, Y_train, Y_valid = X[:half], X[half:], Y[:half], Y[half:]
    best = np.abs(_ranks(X).T @ _ranks(Y)).max()
    gram = X_train.T @ X_train + _RIDGE * np.eye(X.shape[1])
    linear = X_valid @ np.linalg.solve(gram, X_train.T @ Y_train)
    squares = (X_valid**2).sum(axis=1)[:, None] + (X_train**2).sum(axis=1)
    nearest = np.argpartition(squares - 2.0 * X_valid @ X_train.T, min(3, half - 1), axis=1)
    neighbour = Y_train[nearest[:, :3]].mean(axis=1)
    return {
        "best_column": float(best),
        "linear": _explained(linear, Y_valid),
        "neighbour": _explained(neighbour, Y_valid),
    }


def _explained(predicted: FloatArray, truth: FloatArray) -> float:
    around = np.square(truth - truth.mean(axis=0)).sum()
    left = np.square(truth - predicted).sum()
    return float(np.clip(1.0 - left / around, 0.0, 1.0)) if around > 0 else 0.0


def _filled(numbers: FloatArray) -> FloatArray:
    """Columns with their medians where values lack; infinite ones lack too."""
    finite = np.where(np.isfinite(numbers), numbers, np.nan)
    has_values = ~np.isnan(finite).all(axis=0)
    centre = np.zeros(finite.shape[1])
    if has_values.any():
        centre[has_values] = np.nanmedian(finite[:, has_values], axis=0)
    return np.where(np.isnan(finite), centre, finite)


def _frequencies(codes: IntArray) -> FloatArray:
    """The share of each category in the place of its code."""
    columns = [np.bincount(column + 1)[column + 1] / len(column) for column in codes.T]
    return np.column_stack(columns) if columns else np.empty((len(codes), 0))


def _standardised(values: FloatArray) -> FloatArray:
    """Columns of mean 0 and variance 1, those that do not vary left out."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    varies = spread > 1e-12 * np.abs(values).max(axis=0, initial=1e-300)
    return np.asarray(centred[:, varies] / spread[varies])


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks of every column, centred and of length 1, so that products are correlations."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt(np.square(ranks).sum(axis=0))
    return np.asarray(ranks / np.where(length > 0, length, 1.0))
