"""One fit of one tool, in the Python that the tool is installed in; `contest.py` starts it.

    PYTHON rivals.py FOLDER

The folder holds `job.json`, `train.parquet` and `test.parquet`. Left there are
`predictions.parquet`, a column for each class or one of numbers, and `told.json`.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

_ROWS = 20  # predicted one by one
Predict = Callable[[pd.DataFrame], Any]


def autopipe(
    X: pd.DataFrame, y: pd.Series, job: SimpleNamespace, exclude: tuple[str, ...] = ()
) -> Predict:
    """Autopipe as it comes; it may not know the data set from before."""
    from autopipe import AutoClassifier, AutoRegressor, Knowledge

    model = (AutoRegressor if job.task == "regression" else AutoClassifier)(
        time_budget=job.budget,
        n_jobs=job.cores,
        random_state=0,
        verbose=0,
        knowledge=Knowledge(exclude=["itself"], learn=False),
        exclude=exclude,
    )
    return _said(model.fit(X, y), job)


def without_networks(X: pd.DataFrame, y: pd.Series, job: SimpleNamespace) -> Predict:
    """Autopipe without its neural networks."""
    return autopipe(X, y, job, exclude=("mlp", "tabm"))


def autogluon(
    X: pd.DataFrame, y: pd.Series, job: SimpleNamespace, presets: str = "best_quality"
) -> Predict:
    """AutoGluon at the preset that its authors recommend for accuracy."""
    from autogluon.tabular import TabularPredictor

    metric = {"binary": "roc_auc", "multiclass": "log_loss"}.get(
        job.task, "root_mean_squared_error"
    )
    predictor = TabularPredictor(
        label=job.target, problem_type=job.task, eval_metric=metric, path=job.folder + "/model"
    )
    train = X.assign(**{job.target: y})
    predictor.fit(train, time_limit=job.budget, presets=presets, num_cpus=job.cores)
    predictor.persist()
    return _said(predictor, job)


def autogluon_medium(X: pd.DataFrame, y: pd.Series, job: SimpleNamespace) -> Predict:
    """AutoGluon at its default preset."""
    return autogluon(X, y, job, presets="medium_quality")


def flaml(X: pd.DataFrame, y: pd.Series, job: SimpleNamespace) -> Predict:
    """FLAML with its own learners and search."""
    from flaml import AutoML

    model = AutoML()
    metric = {"binary": "roc_auc", "multiclass": "log_loss"}.get(job.task, "rmse")
    task = "regression" if job.task == "regression" else "classification"
    model.fit(
        X, y, task=task, metric=metric, time_budget=job.budget, n_jobs=job.cores, seed=0,
        verbose=0,
    )  # fmt: skip
    return _said(model, job)


def lightgbm(X: pd.DataFrame, y: pd.Series, job: SimpleNamespace) -> Predict:
    """LightGBM's defaults, with its own categories and a tenth of the rows to stop by."""
    import lightgbm
    from sklearn.model_selection import train_test_split

    names = X.select_dtypes(exclude=["number", "bool"]).columns
    levels = {name: pd.CategoricalDtype(X[name].dropna().unique()) for name in names}
    is_regression = job.task == "regression"
    build = lightgbm.LGBMRegressor if is_regression else lightgbm.LGBMClassifier
    metric = {"binary": "auc", "multiclass": "multi_logloss"}.get(job.task, "rmse")
    model = build(
        n_estimators=5_000, n_jobs=job.cores, random_state=0, verbose=-1, metric=metric
    )
    X_fit, X_stop, y_fit, y_stop = train_test_split(
        X.astype(levels), y, test_size=0.1, random_state=0,
        stratify=None if is_regression else y,
    )  # fmt: skip
    stop = lightgbm.early_stopping(50, verbose=False)
    model.fit(X_fit, y_fit, eval_set=[(X_stop, y_stop)], callbacks=[stop])
    say = _said(model, job)
    return lambda rows: say(rows.astype(levels))


TOOLS = {
    "autopipe": ("autopipe", "autopipe.estimators", autopipe),
    "without_networks": ("autopipe", "autopipe.estimators", without_networks),
    "autogluon": ("autogluon.tabular", "autogluon.tabular", autogluon),
    "autogluon_medium": ("autogluon.tabular", "autogluon.tabular", autogluon_medium),
    "flaml": ("flaml", "flaml", flaml),
    "lgbm": ("lightgbm", "lightgbm", lightgbm),
}
"""By name: the distribution, what is imported before the clock starts, and how it is fitted."""


def _said(model: Any, job: SimpleNamespace) -> Predict:
    say: Predict = model.predict if job.task == "regression" else model.predict_proba
    return say


def main(folder: Path) -> None:
    job = SimpleNamespace(**json.loads((folder / "job.json").read_text()), folder=str(folder))
    distribution, module, fit = TOOLS[job.framework]
    train = pd.read_parquet(folder / "train.parquet")
    test = pd.read_parquet(folder / "test.parquet")
    X, y = train.drop(columns=job.target), train[job.target]
    importlib.import_module(module)  # which takes seconds that are not the fit's
    begin = time.perf_counter()
    predict = fit(X, y, job)
    seconds = time.perf_counter() - begin
    said = pd.DataFrame(predict(test))
    said.columns = [str(name) for name in said.columns]
    said.to_parquet(folder / "predictions.parquet")
    took = []
    for row in range(min(_ROWS, len(test))):
        begin = time.perf_counter()
        predict(test.iloc[[row]])
        took.append(1e3 * (time.perf_counter() - begin))
    told = {
        "version": version(distribution),
        "fit_s": seconds,
        "single_row_ms": statistics.median(took),
    }
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
