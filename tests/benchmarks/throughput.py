"""Finished trials a minute, beside the same pipelines in scikit-learn's cross_val_predict.

    AUTOPIPE_DATA=folder python tests/benchmarks/throughput.py

Both sides judge the same trees on the same eight folds with two processes, which are up before
the clock starts. Boosting stops early in autopipe; scikit-learn is given the number of rounds
that this has found, and so is spared the rounds that find it. autopipe's time is that of the
whole fit: coding, scores, files of every trial and the ensemble are inside.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import Booster, LGBMRegressor
from made_up import data_set, two_classes
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from xgboost import XGBRegressor

from autopipe import AutoRegressor
from autopipe.evolution.grammar import Grammar
from autopipe.execution.files import fitted_path
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import catalogue
from autopipe.operators.fitted import read_fitted
from autopipe.task import TaskKind
from autopipe.tree import parse
from autopipe.trial import Proposal, Source

TREES = (
    "ridge(quantile_scaling(impute(codes(table))))",
    "extra_trees(impute(codes(table)))",
    *(
        f"lightgbm(codes(table), learning_rate=0.1, num_leaves={leaves})"
        for leaves in (7, 15, 31, 63)
    ),
    *(f"lightgbm(codes(table), extra_trees=True, num_leaves={leaves})" for leaves in (15, 39)),
    *(f"xgboost(codes(table), learning_rate=0.1, max_depth={depth})" for depth in (3, 6, 8)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", default="california_housing")
    parser.add_argument("--rows", type=int, default=5_000, help="at most")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, _ = data_set(options.table)
    X, y = X.select_dtypes("number").head(options.rows), y.head(options.rows)
    folds = KFold(8, shuffle=True, random_state=0)
    small, _ = two_classes(200, 5)
    fitted_seconds(small[["x0", "x1"]], small.x1, folds)  # now both have their processes up
    sklearn_seconds(small[["x1", "x2"]], small.x1, folds, [Ridge()])
    ours, pipelines, alone = fitted_seconds(X, y, folds, described=True)
    other = [sklearn_seconds(X, y, folds, [pipeline]) for pipeline in pipelines]
    print("seconds of two processes, autopipe's first")
    for text, mine, its in zip(TREES, alone, other, strict=True):
        print(f"  {mine / 2:6.2f} {its:6.2f}  {text}")
    theirs = sum(other)
    for name, seconds in (("autopipe", ours), ("scikit-learn", theirs)):
        print(f"{name:>12} {seconds:6.1f} s  {60 * len(TREES) / seconds:6.1f} trials a minute")
    print(f"{'ratio':>12} {theirs / ours:6.2f}")


def fitted_seconds(
    X: pd.DataFrame, y: pd.Series, folds: KFold, described: bool = False
) -> tuple[float, list[Any], list[float]]:
    """Seconds of a fit that judges all trees, scikit-learn's pipelines, seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        model = AutoRegressor(
            max_trials=len(TREES), search=Listed(X), cv=folds, path=Path(folder) / "run",
            n_jobs=2, verbose=0,
        )  # fmt: skip
        begin = time.monotonic()
        model.fit(X, y)
        seconds = time.monotonic() - begin
        assert (model.history_.status == "complete").all(), model.history_
        pipelines = list(pipelines_of(model, Path(folder) / "run")) if described else []
        return seconds, pipelines, model.history_.seconds.tolist()


def sklearn_seconds(X: pd.DataFrame, y: pd.Series, folds: KFold, pipelines: list[Any]) -> float:
    begin = time.monotonic()
    for pipeline in pipelines:
        cross_val_predict(pipeline, X, y, cv=folds, n_jobs=2)
    return time.monotonic() - begin


class Listed:
    """A search that proposes the trees and nothing else."""

    def __init__(self, X: pd.DataFrame) -> None:
        schema = Coding.learn(X).schema
        grammar = Grammar(catalogue().values(), schema, TaskKind.REGRESSION)
        self._trees = [grammar.completed(parse(text)) for text in TREES]
        self._next = 0

    def ask(self) -> Proposal | None:
        if self._next == len(self._trees):
            return None
        self._next += 1
        return Proposal(self._next - 1, self._trees[self._next - 1], Source.INIT)

    def tell(self, trial: object) -> None:
        """Learns nothing."""


def pipelines_of(model: AutoRegressor, folder: Path) -> Iterator[Any]:
    """The pipeline of every trial, with as many rounds as its folds had on average."""
    for number, text in zip(model.history_.number, model.history_.tree, strict=True):
        tree = parse(text)
        given = dict(tree.hyperparameters)
        with fitted_path(folder, number).open("rb") as file:
            learners = [fold.estimators[()] for fold in read_fitted(file)]
        match tree.op:
            case "ridge":
                scaling = QuantileTransformer(n_quantiles=1000, output_distribution="normal")
                yield make_pipeline(SimpleImputer(), scaling, Ridge(given["alpha"]))
            case "extra_trees":
                yield make_pipeline(SimpleImputer(), ExtraTreesRegressor(150, **given))
            case "lightgbm":
                texts = [learner.state()["model"].tobytes().decode() for learner in learners]
                rounds = np.mean([Booster(model_str=text).num_trees() for text in texts])
                bins = given.pop("max_bin")
                yield LGBMRegressor(
                    n_estimators=round(rounds), max_bin=bins, bagging_freq=1, n_jobs=1,
                    force_col_wise=True, verbosity=-1, **given,
                )  # fmt: skip
            case "xgboost":
                rounds = np.mean([learner._model.num_boosted_rounds() for learner in learners])
                yield XGBRegressor(n_estimators=round(rounds), n_jobs=1, **given)


if __name__ == "__main__":
    main()
