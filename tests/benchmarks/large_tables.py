"""Fit tables that are large in one way or another, beside scikit-learn's boosting.

    python tests/benchmarks/large_tables.py --budget 60 --history history.csv

Half a million rows, ten thousand columns, a hundred classes; and the large data sets of a
suite, where `AUTOPIPE_DATA` names one (see `contest.py`). A fifth of the rows is held out.
Says for each when `fit` came back, what the trials were, and the score on the held-out rows
beside that of `HistGradientBoosting` at its defaults, which has as many cores and no clock.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scoring import scores, shown
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from autopipe import AutoClassifier, AutoRegressor

SUITE = ("kddcup99", "medical_charges", "connect_4", "satimage")


def tall(rows: int = 500_000, columns: int = 40) -> pd.DataFrame:
    """Two classes that follow from interactions of some columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).astype(np.float32)
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3:8].sum(axis=1) / 2
    score += np.abs(X[:, 8]) * (X[:, 9] > 0) + rng.normal(size=rows)
    return with_target(X, (score > np.median(score)).astype(int))


def wide(rows: int = 2_000, columns: int = 10_000) -> pd.DataFrame:
    """Two classes that follow from fifty of the columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns)).astype(np.float32)
    score = X[:, :50] @ rng.normal(size=50) + X[:, 0] * X[:, 1] + 2 * rng.normal(size=rows)
    return with_target(X, (score > 0).astype(int))


def classes(rows: int = 20_000, columns: int = 30, count: int = 100) -> pd.DataFrame:
    """A hundred classes around centres of their own, in noise."""
    rng = np.random.default_rng(0)
    y = rng.integers(count, size=rows)
    X = rng.normal(size=(count, columns))[y] + 1.5 * rng.normal(size=(rows, columns))
    return with_target(X.astype(np.float32), y)


def with_target(X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(X, columns=[f"x{index}" for index in range(X.shape[1])])
    return frame.assign(target=y)


MADE: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
    "tall": ("binary", tall),
    "wide": ("binary", wide),
    "classes": ("multiclass", classes),
}


def tables(only: list[str] | None) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Name, task and target of each table, and the table."""
    for name, (task, make) in MADE.items():
        if only is None or name in only:
            yield SimpleNamespace(name=name, task=task, target="target"), make()
    folder = os.environ.get("AUTOPIPE_DATA")
    suite = pd.read_csv(Path(folder) / "suite.csv") if folder else pd.DataFrame({"name": []})
    for row in suite[suite["name"].isin(SUITE)].itertuples():
        if only is None or row.name in only:
            yield row, pd.read_parquet(Path(str(folder)) / row.file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each fit")
    parser.add_argument("--only", type=lambda text: text.split(","), help="a,b,c; default: all")
    parser.add_argument("--history", type=Path, help="CSV file for the trials of all tables")
    parser.add_argument("--alone", action="store_true", help="without scikit-learn's boosting")
    options = parser.parse_args()
    histories = []
    for row, table in tables(options.only):
        result, history = measured(table, row, options.budget, options.alone)
        print(*(f"{key}={shown(value)}" for key, value in result.items()), flush=True)
        histories.append(history.assign(table=row.name))
    if options.history and histories:
        pd.concat(histories).to_csv(options.history, index=False)


def measured(
    table: pd.DataFrame, row: Any, budget: float, is_alone: bool
) -> tuple[dict[str, object], pd.DataFrame]:
    """What came of one table, and its trials."""
    X, y = table.drop(columns=row.target), table[row.target]
    is_classes = row.task != "regression"
    stratify = y if is_classes else None
    parts = train_test_split(X, y, test_size=0.2, random_state=0, stratify=stratify)
    X, X_test, y, y_test = parts
    build = AutoClassifier if is_classes else AutoRegressor
    model = build(time_budget=budget, random_state=0, verbose=0)
    warnings.simplefilter("ignore")
    begin = time.monotonic()
    model.fit(X, y)
    seconds = time.monotonic() - begin
    history = model.history_
    complete = history[history.status == "complete"]
    result = {
        "table": row.name,
        "seconds": seconds,
        "overrun": seconds - budget,
        "trials": len(history),
        "complete": len(complete),
        "first_trial_seconds": complete.seconds.iloc[0] if len(complete) else float("nan"),
        "members": int((model.leaderboard().weight[1:] > 0).sum()),
        **scores(model, X_test, y, y_test, row.task),
    }
    if not is_alone:
        begin = time.monotonic()
        other = boosting(X, y, is_classes)
        hist_seconds = time.monotonic() - begin
        beside = scores(other, numbers(X_test, X), y, y_test, row.task)
        result |= {"hist_score": beside["score"], "hist_seconds": hist_seconds}
    return result, history


def boosting(X: pd.DataFrame, y: pd.Series, is_classes: bool) -> Any:
    """scikit-learn's gradient boosting as it comes."""
    build = HistGradientBoostingClassifier if is_classes else HistGradientBoostingRegressor
    return build(random_state=0).fit(numbers(X, X), y)


def numbers(X: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Text columns as categories if these are few, else as their codes."""
    coded = X.copy()
    for name in X.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes]]:
        levels = known[name].dropna().unique()
        codes = pd.Categorical(X[name], categories=levels)
        coded[name] = codes if len(levels) <= 255 else codes.codes
    return coded


if __name__ == "__main__":
    main()
