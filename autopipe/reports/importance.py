"""How much a model loses when a column tells it nothing: importance by permutation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from autopipe.metrics import Metric
from autopipe.table import Column, Table
from autopipe.task import FloatArray, IntArray, Target

_MOST_ROWS = 5_000  # more are predicted in vain: the spread is small by then
_DRAWS = 100  # of the rows, for the interval
_MISS = 0.05  # on either side of it


def permutation_importance(
    table: Table,
    target: Target,
    metric: Metric,
    predict: Callable[[Table], FloatArray],
    columns: Mapping[Hashable, Sequence[Column]],
    repeats: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What the score falls by when the cells of one column are shuffled among the rows.

    Columns that tell the same share what they are worth: each alone may look idle. Costs a
    prediction of up to 5,000 rows for every column and repeat.

    Parameters
    ----------
    table : rows that the model has not seen
    predict : from such a table to predictions of shape (rows, outputs)
    columns : those of the table that hold a column of the user's; where none does, it is worth
        nothing for sure
    repeats : shuffles of every column

    Returns
    -------
    DataFrame
        One line for every column, the most important first: its importance, and the 90 %
        interval over shuffles and draws of the rows.

    References
    ----------
    Breiman, Random Forests, Machine Learning 2001, section 10. Fisher et al., All Models are
    Wrong, but Many are Useful, JMLR 2019, section 3: of a fitted model, on new rows.
    """
    if len(table) > _MOST_ROWS:
        rows = np.sort(rng.choice(len(table), _MOST_ROWS, replace=False))
        table, target = table.take(rows), target.take(rows)
    plain = predict(table)
    draws = [rng.integers(len(table), size=len(table)) for _ in range(_DRAWS)]
    scores = np.array([metric.score(target.take(draw), plain[draw]) for draw in draws])
    score = metric.score(target, plain)
    lines = []
    for name, coded in columns.items():
        if not coded:
            lines.append((name, 0.0, 0.0, 0.0))
            continue
        means, losses = [], np.empty(_DRAWS)
        for repeat in range(repeats):
            blind = predict(_shuffled(table, coded, rng.permutation(len(table))))
            means.append(score - metric.score(target, blind))
            for index in range(repeat, _DRAWS, repeats):
                draw = draws[index]
                losses[index] = scores[index] - metric.score(target.take(draw), blind[draw])
        low, high = np.quantile(losses, [_MISS, 1.0 - _MISS])
        lines.append((name, float(np.mean(means)), float(low), float(high)))
    told = pd.DataFrame(lines, columns=["column", "importance", "low", "high"])
    return told.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _shuffled(table: Table, columns: Sequence[Column], rows: IntArray) -> Table:
    """A copy in which these columns have the values of other rows."""
    changed: dict[str, Any] = {}
    for column in columns:  # of one block each
        if column.block == "texts":
            texts = list(table.texts)
            texts[column.index] = texts[column.index].take(rows)
            changed["texts"] = tuple(texts)
        else:
            changed[column.block] = getattr(table, column.block).copy(order="K")
            changed[column.block][:, column.index] = table.values(column)[rows]
    return replace(table, **changed)
