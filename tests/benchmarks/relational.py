"""What the tables below a frame are worth, and whether their bill holds.

    AUTOPIPE_DATA=folder python tests/benchmarks/relational.py --budget 60 --folds 1

For both sets in `AUTOPIPE_DATA/relational`, folds of a stratified 3-fold cross-validation
(shuffled, seed 0) are predicted by a model of the parent table alone, and by one that has the
child tables too; then columns, megabytes and seconds of making them stand beside those of the
bill. The score is ROC AUC.

A reference on the same folds, HistGradientBoosting with aggregates that were chosen by hand:
credit_fraud 0.672 with the basket's number alone, which tells the time, and 0.885 with mean,
maximum, sum and count of the products, whose texts are encoded by frequency; nafld 0.822 with
patients alone, 0.861 with mean and count of every lab test and count of every event.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from autopipe import AutoClassifier

FOLDS = 3


class Problem(NamedTuple):
    """A frame with a target, and tables below it."""

    parent: str
    target: str
    relationships: list[tuple[str, str, str, str]]
    roles: dict[str, str]


PROBLEMS = {
    "credit_fraud": Problem(
        "baskets", "fraud_flag", [("baskets", "ID", "products", "basket_ID")], {"ID": "numeric"}
    ),
    "nafld": Problem(
        "patients",
        "status",
        [("patients", "id", "labs", "id"), ("patients", "id", "events", "id")],
        {},
    ),
}


def report(name: str, options: argparse.Namespace) -> None:
    """Print a line for every fold."""
    problem = PROBLEMS[name]
    folder = Path(os.environ["AUTOPIPE_DATA"]) / "relational" / name
    frame = pd.read_parquet(folder / f"{problem.parent}.parquet")
    tables = {
        link[2]: pd.read_parquet(folder / f"{link[2]}.parquet")
        for link in problem.relationships
    }
    several = {"tables": tables, "relationships": problem.relationships}
    X, y = frame.drop(columns=problem.target), frame[problem.target]
    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y)
    for fold, (train, test) in list(enumerate(cut))[: options.folds]:
        arguments = {"time_budget": options.budget, "verbose": 0, "random_state": 0}
        alone, related = (AutoClassifier(**arguments, knowledge=None) for _ in range(2))
        alone.fit(X.iloc[train], y.iloc[train], roles=problem.roles)
        bill = related.plan(X.iloc[train], y.iloc[train], **several)
        related.fit(X.iloc[train], y.iloc[train], roles=problem.roles, **several)
        begin = time.perf_counter()
        joined = related._model.joined(X.iloc[train], tables)
        seconds = time.perf_counter() - begin
        made = joined.iloc[:, X.shape[1] :]
        without = roc_auc_score(y.iloc[test], alone.predict_proba(X.iloc[test])[:, 1])
        shares = related.predict_proba(X.iloc[test], tables=tables)[:, 1]
        size = made.memory_usage(index=False).sum() / 1e6
        print(
            f"{name} fold {fold}: alone {without:.4f}, with tables "
            f"{roc_auc_score(y.iloc[test], shares):.4f}; columns {bill.count} -> "
            f"{made.shape[1]}, MB {bill.bytes / 1e6:.1f} -> {size:.1f}, seconds "
            f"{bill.seconds:.1f} -> {seconds:.1f}; {related.score_!r}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each fit")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the 3")
    parser.add_argument("--only", default=",".join(PROBLEMS), help="default: %(default)s")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    for each in chosen.only.split(","):
        report(each, chosen)
