"""Fit every data set of a suite and say how it went: score, prior, seconds, failures.

    AUTOPIPE_DATA=folder python tests/benchmarks/every_set.py --budget 20 --out results.csv

A fifth of the rows is held out (seed 0, stratified for classes). The suite is a folder with
`suite.csv` (columns name, file, task, target) and one Parquet file for each data set. Data
sets that the output has a row for are not run again.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

from autopipe import AutoClassifier, AutoRegressor

COLUMNS = (
    "name", "task", "rows", "columns", "metric", "score", "prior", "beats_prior", "seconds",
    "is_late", "trials", "failed", "members", "error",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each fit")
    parser.add_argument("--only", type=lambda text: text.split(","), help="a,b,c; default: all")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to append to")
    options = parser.parse_args()
    folder = Path(os.environ["AUTOPIPE_DATA"])
    suite = pd.read_csv(folder / "suite.csv")
    done = set(pd.read_csv(options.out)["name"]) if options.out.exists() else set()
    for row in suite.itertuples():
        if row.name in done or (options.only and row.name not in options.only):
            continue
        result = measured(pd.read_parquet(folder / row.file), row, options.budget)
        append(options.out, result)
        print(*(f"{key}={shown(value)}" for key, value in result.items()), flush=True)


def measured(table: pd.DataFrame, row: Any, budget: float) -> dict[str, object]:
    """The row of one data set; an error is a result too."""
    table = table[table[row.target].notna()].reset_index(drop=True)
    X, y = table.drop(columns=row.target), table[row.target]
    is_classes = row.task != "regression"
    counts = y.value_counts()
    stratify = y if is_classes and counts.min() > 1 else None
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.2, random_state=0, stratify=stratify
    )
    result: dict[str, object] = {
        "name": row.name, "task": row.task, "rows": len(X), "columns": X.shape[1],
    }  # fmt: skip
    model = (AutoClassifier if is_classes else AutoRegressor)(
        time_budget=budget, random_state=0, verbose=0
    )
    begin = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
            result["seconds"] = time.monotonic() - begin
            result |= scores(model, X_test, y, y_test, row.task)
    except Exception as error:  # told in the table, and the next data set goes on
        result.setdefault("seconds", time.monotonic() - begin)
        return result | {"error": f"{type(error).__name__}: {error}"}
    history, board = model.history_, model.leaderboard().iloc[1:]
    return result | {
        "is_late": result["seconds"] > budget + max(2.0, 0.05 * budget),
        "trials": len(history),
        "failed": int((history.status != "complete").sum()),
        "members": int((board.weight > 0).sum()),
    }


def scores(
    model: Any, X_test: pd.DataFrame, y: pd.Series, y_test: pd.Series, task: str
) -> dict[str, object]:
    """Score on the held-out rows, beside a prediction that ignores the columns."""
    if task == "regression":
        score = root_mean_squared_error(y_test, model.predict(X_test))
        prior = root_mean_squared_error(y_test, np.full(len(y_test), y.mean()))
        return {"metric": "rmse", "score": score, "prior": prior, "beats_prior": score < prior}
    shares = model.predict_proba(X_test)
    if task == "binary":
        score = roc_auc_score(y_test, shares[:, 1])
        return {"metric": "roc_auc", "score": score, "prior": 0.5, "beats_prior": score > 0.5}
    known = y_test.isin(model.classes_).to_numpy()
    frequency = y.value_counts(normalize=True).reindex(model.classes_).to_numpy()
    score = log_loss(y_test[known], shares[known], labels=model.classes_)
    prior = log_loss(y_test[known], np.tile(frequency, (known.sum(), 1)), labels=model.classes_)
    return {"metric": "log_loss", "score": score, "prior": prior, "beats_prior": score < prior}


def append(path: Path, result: dict[str, object]) -> None:
    """Add a row to the CSV file."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow({key: shown(value) for key, value in result.items()})


def shown(value: object) -> object:
    """A number with five significant digits."""
    return f"{value:.5g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
