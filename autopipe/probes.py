"""Rows that were never a user's, made from what a coding knows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from autopipe.intake.coding import Coding
from autopipe.intake.columns import ColumnCoding
from autopipe.intake.labels import TargetCoding
from autopipe.roles import Role
from autopipe.table import Table

_SEED = 0  # so that a model is always tried on the same rows
_MISSING = 0.1
_WORDS = ("tea", "Coffee", "12", "naïve", "=1+1", "\n", '"', "茶", "x")


def probe_rows(coding: Coding, rows: int) -> Any:  # a pandas frame
    """A table with the columns of training: known and unknown levels, numbers of all sizes."""
    import pandas as pd

    rng = np.random.default_rng(_SEED)
    columns = [pd.Series(probe_cells(column, rows, rng)) for column in coding.columns.values()]
    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(list(coding.columns), tupleize_cols=False)
    return frame


def probe_cells(column: ColumnCoding, rows: int, rng: np.random.Generator) -> np.ndarray:
    """The made-up cells of one column."""
    is_missing = rng.random(rows) < _MISSING
    if column.role in (Role.CATEGORICAL, Role.TEXT):
        cells = np.empty(rows, dtype=object)
        if column.levels:
            known = list(column.levels)
            strange = -12345 if not isinstance(known[0], str) else "never met"
            cells[:] = [known[place] for place in rng.integers(len(known), size=rows)]
            cells[rng.random(rows) < _MISSING / 2] = strange
        else:
            cells[:] = [" ".join(rng.choice(_WORDS, rng.integers(1, 9))) for _ in range(rows)]
        cells[is_missing] = None
        return cells
    if column.role is Role.DATETIME:
        days = rng.uniform(-20_000, 40_000, rows)
        times = (days * 86_400).astype(np.int64).astype("datetime64[s]")
        times[is_missing] = np.datetime64("NaT")
        return times.astype("datetime64[us]")
    if column.role is Role.BOOLEAN:
        numbers = rng.integers(2, size=rows).astype(np.float64)
    else:
        sizes = 10.0 ** rng.uniform(-2, 6, rows)
        numbers = np.where(rng.random(rows) < 0.5, rng.normal(size=rows), sizes)
        is_whole = rng.random(rows) < 0.5
        numbers[is_whole] = numbers[is_whole].round()
    numbers[is_missing] = np.nan
    return numbers


def probe_target(coding: TargetCoding, table: Table) -> np.ndarray:
    """A target that follows from a coded table and from luck; every class is there."""
    rng = np.random.default_rng(_SEED)
    score = rng.normal(size=len(table))
    for block in (table.numbers, table.precise):
        score += np.tanh(np.nan_to_num(block)).sum(axis=1)
    for codes in table.codes.T:
        score += rng.normal(size=codes.max(initial=0) + 2)[codes]
    n_classes = len(coding.classes)
    if not n_classes:
        small = score / (1.0 + np.abs(score).max())
        if coding.least is not None:  # below which all were alike
            return np.asarray(1_000.0 * coding.least * (2.0 + small))
        return coding.numbers(small if coding.is_logarithmic else score)
    ranks = score.argsort().argsort()
    return coding.decode(ranks * n_classes // len(ranks))
