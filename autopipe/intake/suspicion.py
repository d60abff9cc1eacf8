"""What looks wrong with a table and its target: leaks, repeated rows, lone classes."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autopipe.roles import Role
from autopipe.table import Column, Table
from autopipe.task import Target, TaskKind

_SAMPLE = 5_000  # rows in which leaks are looked for: ranks of all would cost more than a fit
_MIN_ROWS = 100  # among fewer, all of this may come by chance
_MIN_CLASS_ROWS = 10
# Area under the ROC curve, and rank correlation, of a column that tells all: real columns
# that separate classes leave a few rows on the wrong side.
_LEAK = 0.9999
_REPEATED_SHARE = 0.01  # of the rows; fewer do not move a score
_MANY_VALUES = 100  # of some column; where all have fewer, rows are alike by nature


def warn_of_suspicions(
    table: Table,
    target: Target,
    names: Sequence[Hashable],
    classes: NDArray[Any],
    is_grouped: bool = False,
) -> None:
    """Warn of columns that give the target away, of repeated rows, and of lone classes.

    Parameters
    ----------
    names : the user's names of all columns of the training table, in order
    classes : array of shape (classes,), empty for regression
    is_grouped : whether rows that belong together are kept together
    """
    for message in (
        *_leaks(table, target, names),
        *([] if is_grouped else _repetitions(table, target)),
        *_lone_classes(target, classes),
    ):
        warnings.warn(message, stacklevel=3)


def _leaks(table: Table, target: Target, names: Sequence[Hashable]) -> Iterator[str]:
    rows = slice(None, None, len(table) // _SAMPLE + 1)
    y = np.asarray(target.y[rows])
    if len(y) < _MIN_ROWS:
        return
    if target.is_classification and np.bincount(y).max() > len(y) - _MIN_CLASS_ROWS:
        return
    leaking = [
        repr(names[int(column.name[1:])])
        for column in table.schema.columns
        if column.role is not Role.TEXT
        and _tells_all(table.values(column)[rows], y, column, target)
    ]
    if leaking:
        shown = ", ".join(leaking[:10]) + (", ..." if len(leaking) > 10 else "")
        yield (
            f"X has columns that give the target away, a possible leak: {shown}. "
            "Drop them unless they will be known when predictions are made."
        )


def _tells_all(values: NDArray[Any], y: NDArray[Any], column: Column, target: Target) -> bool:
    """Whether one column alone determines the target."""
    if column.role is Role.CATEGORICAL:
        return _is_bijection(values, y)
    values = np.where(np.isnan(values), -np.inf, values)  # where values lack may tell, too
    if target.kind is TaskKind.MULTICLASS:
        return _is_bijection(values, y)
    from scipy.stats import rankdata, spearmanr
    from sklearn.metrics import roc_auc_score

    ranks = rankdata(values)
    if target.kind is TaskKind.BINARY:
        area = roc_auc_score(y, ranks)
        return bool(max(area, 1.0 - area) >= _LEAK)
    is_constant = np.ptp(ranks) == 0 or np.ptp(y) == 0
    return not is_constant and bool(abs(spearmanr(ranks, y).statistic) >= _LEAK)


def _is_bijection(values: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether every value has its own target and every target its own value."""
    distinct = len(np.unique(values))
    if distinct < 2 or distinct > len(y) // _MIN_CLASS_ROWS or distinct != len(np.unique(y)):
        return False
    return len(np.unique(np.stack([values, y]), axis=1).T) == distinct


def _repetitions(table: Table, target: Target) -> Iterator[str]:
    keys = _row_hashes(table)
    if len(keys) < _MIN_ROWS or _has_few_values(table):
        return
    with np.errstate(over="ignore"):
        keys = keys * _ODD + np.asarray(target.y, dtype=np.float64).view(np.uint64)
    keys.sort()  # numpy.unique takes a hundred times as long
    count = int((keys[1:] == keys[:-1]).sum())
    if count >= _REPEATED_SHARE * len(keys):
        yield (
            f"{count} of {len(keys)} rows repeat another one, target included: scores are "
            "flattered where one is trained on and the other held out. Drop them with "
            "X.drop_duplicates(), or give groups."
        )


def _has_few_values(table: Table) -> bool:
    """Whether no column takes many values."""
    sample = table.take(slice(None, None, len(table) // _SAMPLE + 1))
    return not any(
        len(np.unique(sample.values(column))) > min(_MANY_VALUES, len(sample) / 2)
        for column in table.schema.columns
        if column.role is not Role.TEXT
    )


_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, as Knuth's hashing has it


def _row_hashes(table: Table) -> NDArray[np.uint64]:
    """A number for every row, equal for equal rows."""
    keys = np.zeros(len(table), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in table.schema.columns:
            if column.name.endswith("t"):
                continue  # the same texts stand beside it as categories
            if column.role is Role.TEXT:
                strings = table.texts[column.index].strings()
                cells = np.fromiter(map(hash, strings), np.int64, len(strings))
            else:
                cells = table.values(column).astype(np.float64).view(np.int64)
            keys = (keys ^ (keys >> np.uint64(29))) * _ODD + cells.view(np.uint64)
    return keys


def _lone_classes(target: Target, classes: NDArray[Any]) -> Iterator[str]:
    if not target.is_classification or len(target.y) < _MIN_ROWS:
        return
    lone = np.flatnonzero(np.bincount(target.y, minlength=target.n_classes) == 1)
    if len(lone):
        shown = ", ".join(repr(label) for label in classes[lone[:10]].tolist())
        yield (
            f"y has {len(lone)} class(es) with a single row, such as {shown}: it is trained "
            "on, but no score tells how well it is predicted. Merge or drop such classes."
        )
