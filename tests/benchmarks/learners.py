"""What each learner scores and costs, beside a plain loop over the folds with its library.

    AUTOPIPE_DATA=folder python tests/benchmarks/learners.py --only vehicle,concrete

One row for each learner and data set: the suite metric on the held-out fifth (larger is
better) of eight folds bagged, the seconds of a core for all folds, and both of the plain loop:
the library's own interface, fold by fold, with the same hyperparameters, cap of rounds and
patience. `ratio` is how many times longer the loop takes; 1 and more is what sharing buys.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

from autopipe.evolution.grammar import Grammar
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import Folds, make_folds
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.matrix import Matrix
from autopipe.metrics import metric_for
from autopipe.operators.catalogue import catalogue, estimator_for
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import parse

SETS = ("credit_g", "vehicle", "phoneme", "concrete", "wine_quality", "adult")
LEARNERS = {
    "lightgbm": "lightgbm(codes(table), learning_rate=0.05)",
    "xgboost": "xgboost(codes(table), learning_rate=0.08)",
    "catboost": "catboost(codes(table), learning_rate=0.08)",
    "extra_trees": "extra_trees(impute(codes(table)))",
    "linear": "{linear}(quantile_scaling(impute({encoded})))",
    "kernel_machine": "kernel_machine(quantile_scaling(impute({encoded})))",
}
_MAX_ROUNDS = 10_000  # of the libraries by themselves, which stop before


class Data(NamedTuple):
    """A data set, split as the development benchmark splits it."""

    table: Table
    target: Target
    new: Table
    new_target: Target
    folds: Folds


class Part(NamedTuple):
    """What a library is given of one fold."""

    X: Matrix
    y: Any
    X_valid: Matrix
    y_valid: Any


Fitted = Callable[[Matrix], FloatArray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), default=SETS)
    parser.add_argument(
        "--learners", type=lambda text: text.split(","), default=tuple(LEARNERS)
    )
    parser.add_argument("--rows", type=int, default=8_000, help="drawn where there are more")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    head = ("data set", "learner", "score", "seconds", "plain score", "plain seconds", "ratio")
    print(("{:20}{:15}" + "{:>14}" * 5).format(*head))
    for name in options.only:
        data = data_set(name, options.rows)
        for learner in options.learners:
            print(measured(name, learner, data), flush=True)


def data_set(name: str, rows: int) -> Data:
    """The first of five folds held out, of the others at most so many rows."""
    folder = Path(os.environ["AUTOPIPE_DATA"])
    row = pd.read_csv(folder / "suite.csv").set_index("name").loc[name]
    frame = pd.read_parquet(folder / row.file)
    frame = frame[frame[row.target].notna()].reset_index(drop=True)
    is_classes = row.task != "regression"
    splitter = (StratifiedKFold if is_classes else KFold)(5, shuffle=True, random_state=0)
    train_rows, new_rows = next(splitter.split(frame, frame[row.target]))
    train, new = frame.iloc[train_rows], frame.iloc[new_rows]
    if len(train) > rows:
        train = train.sample(rows, random_state=0)
    X, y = train.drop(columns=row.target), train[row.target]
    coding, labels = Coding.learn(X), TargetCoding.learn(y, is_classes)
    target = labels.target(y)
    return Data(
        coding.encode(X),
        target,
        coding.encode(new.drop(columns=row.target)),
        labels.target(new[row.target]),
        make_folds(target, 8, Seeds(0)),
    )


def measured(name: str, learner: str, data: Data) -> str:
    """A line for one learner on one data set."""
    table, target = data.table, data.target
    schema, kind = table.schema, target.kind
    words = {
        "linear": "logistic" if target.is_classification else "ridge",
        "encoded": "one_hot(table)" if schema.having(Role.CATEGORICAL) else "codes(table)",
    }
    grammar = Grammar(catalogue().values(), schema, kind)
    tree = grammar.completed(parse(LEARNERS[learner].format(**words)))
    classes = np.arange(target.n_classes) if target.is_classification else None
    metric = metric_for(None, kind, classes)

    def scored(predictions: list[FloatArray]) -> float:
        return float(metric.score(data.new_target, np.mean(predictions, axis=0)))

    # Libraries are imported before anything is timed.
    crossfit(tree, table, target, data.folds, Seeds(0), train_share=0.1)
    begin = time.process_time()
    ours = crossfit(tree, table, target, data.folds, Seeds(0))
    seconds = time.process_time() - begin
    line = f"{name:20}{learner:15}"
    line += f"{scored([model.predict(data.new) for model in ours.models]):14.5f}{seconds:14.2f}"
    if learner not in PLAIN:
        return line
    X = estimator_for(parse("codes(table)")).transform(table)
    new = estimator_for(parse("codes(table)")).transform(data.new)
    begin = time.process_time()
    models = []
    for train_rows, held_out in data.folds.pairs:
        y = target.y
        part = Part(X.take(train_rows), y[train_rows], X.take(held_out), y[held_out])
        models.append(PLAIN[learner](dict(tree.hyperparameters), part, target, ours))
        models[-1](part.X_valid)
    plain = time.process_time() - begin
    predictions = [np.reshape(model(new), (len(new), -1)) for model in models]
    return line + f"{scored(predictions):14.5f}{plain:14.2f}{plain / seconds:14.2f}"


def patience(params: dict[str, Any], rounds: list[int]) -> int:
    """What our early stopping waits for, at the mean of the best rounds that it found."""
    return round(20 + 1.5 / params["learning_rate"] + 0.1 * float(np.mean(rounds)))


def models_of(ours: CrossFit) -> list[Any]:
    return [model.estimators[()]._model for model in ours.models]


def plain_lightgbm(params: Any, part: Part, target: Target, ours: CrossFit) -> Fitted:
    import lightgbm

    kind = "Classifier" if target.is_classification else "Regressor"
    wait = patience(params, [model.best_iteration for model in models_of(ours)])
    more = {"subsample_freq": 1, "n_estimators": _MAX_ROUNDS, "n_jobs": 1, "verbosity": -1}
    model = getattr(lightgbm, f"LGBM{kind}")(**params, **more)
    model.fit(
        part.X.values,
        part.y,
        eval_set=[(part.X_valid.values, part.y_valid)],
        categorical_feature=list(part.X.categorical),
        callbacks=[lightgbm.early_stopping(wait, verbose=False)],
    )
    return lambda X: outputs(model, X.values, target)


def plain_xgboost(params: Any, part: Part, target: Target, ours: CrossFit) -> Fitted:
    import xgboost

    kind = "Classifier" if target.is_classification else "Regressor"
    wait = patience(params, [model.num_boosted_rounds() for model in models_of(ours)])
    types = ["c" if levels else "q" for levels in part.X.levels]
    more = {"n_estimators": _MAX_ROUNDS, "early_stopping_rounds": wait, "n_jobs": 1}
    more |= {"enable_categorical": True, "feature_types": types, "max_cat_to_onehot": 8}
    model = getattr(xgboost, f"XGB{kind}")(**params, **more)
    valid = [(part.X_valid.values, part.y_valid)]
    model.fit(part.X.values, part.y, eval_set=valid, verbose=False)
    return lambda X: outputs(model, X.values, target)


def plain_catboost(params: Any, part: Part, target: Target, ours: CrossFit) -> Fitted:
    import catboost

    kind = "Classifier" if target.is_classification else "Regressor"
    wait = patience(params, [model.tree_count_ for model in models_of(ours)])
    more = {"iterations": _MAX_ROUNDS, "early_stopping_rounds": wait, "thread_count": 1}
    more |= {"bootstrap_type": "Bernoulli", "boosting_type": "Plain", "verbose": False}
    model = getattr(catboost, f"CatBoost{kind}")(**params, **more, allow_writing_files=False)
    names = list(part.X.categorical)
    valid = (as_frame(part.X_valid), part.y_valid)
    model.fit(as_frame(part.X), part.y, cat_features=names, eval_set=valid)
    return lambda X: outputs(model, as_frame(X), target)


def plain_extra_trees(params: Any, part: Part, target: Target, ours: CrossFit) -> Fitted:
    from sklearn import ensemble

    kind = "Classifier" if target.is_classification else "Regressor"
    model = getattr(ensemble, f"ExtraTrees{kind}")(150, **params, random_state=0)
    model.fit(np.nan_to_num(part.X.values), part.y)
    return lambda X: outputs(model, np.nan_to_num(X.values), target)


PLAIN = {
    "lightgbm": plain_lightgbm,
    "xgboost": plain_xgboost,
    "catboost": plain_catboost,
    "extra_trees": plain_extra_trees,
}


def as_frame(X: Matrix) -> pd.DataFrame:
    """As CatBoost wants it: categories as whole numbers."""
    frame = pd.DataFrame(X.values)
    for index in X.categorical:
        frame[index] = frame[index].fillna(-1).astype(int)
    return frame


def outputs(model: Any, X: Any, target: Target) -> FloatArray:
    """Probabilities, or numbers."""
    return np.asarray(model.predict_proba(X) if target.is_classification else model.predict(X))


if __name__ == "__main__":
    main()
