"""Tables for benchmarks: made up, or of the suite that AUTOPIPE_DATA names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe import AutoClassifier, AutoRegressor


def two_classes(rows: int, columns: int) -> tuple[pd.DataFrame, pd.Series]:
    """Mostly normal numbers, an eighth whole numbers, an eighth names of 3 levels and more."""
    rng = np.random.default_rng(0)
    some = max(1, columns // 8)
    data: dict[str, Any] = {f"x{i}": rng.normal(size=rows) for i in range(columns - 2 * some)}
    data |= {f"n{i}": rng.integers(10 ** (i + 1), size=rows) for i in range(some)}
    for i in range(some):
        levels = np.array([f"level {level}" for level in range(3 + 40 * i)], dtype=object)
        data[f"c{i}"] = levels[rng.integers(len(levels), size=rows)]
    X = pd.DataFrame(data)
    score = X.x1 + X.x2 * X.x0 + (X.n0 > 4) + rng.normal(size=rows)
    X.loc[rng.random(rows) < 0.1, "x0"] = np.nan
    return X, (score > 0.5).map({True: "yes", False: "no"})


def data_set(name: str) -> tuple[pd.DataFrame, pd.Series, type[Any]]:
    """A table of the suite, its target, and the estimator for it."""
    folder = Path(os.environ["AUTOPIPE_DATA"])
    suite = pd.read_csv(folder / "suite.csv").set_index("name")
    row = suite.loc[name]
    table = pd.read_parquet(folder / row.file)
    table = table[table[row.target].notna()].reset_index(drop=True)
    is_regression = row.task == "regression"
    estimator = AutoRegressor if is_regression else AutoClassifier
    return table.drop(columns=row.target), table[row.target], estimator


def table_named(text: str) -> tuple[pd.DataFrame, pd.Series, type[Any]]:
    """A made-up table such as "300x5", or a table of the suite."""
    rows, cross, columns = text.partition("x")
    if cross and rows.isdigit() and columns.isdigit():
        return *two_classes(int(rows), int(columns)), AutoClassifier
    return data_set(text)
