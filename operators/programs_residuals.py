"""What a quick model on the columns leaves unexplained, and which columns it made use of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.encoding import Codes
from autopipe.operators.outcomes import outcomes_of
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target

_FOLDS = 3
_PARAMS = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    "max_bin": 63,
    "feature_pre_filter": False,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
# On five data sets of up to 3,000 rows, the features found after 15 rounds took 7.0 % off the
# error of LightGBM (standard error 3.8), those after 60 rounds 5.3 % (2.6): no worse, sooner.
_ROUNDS = 15


@dataclass(frozen=True, eq=False)
class Residuals:
    """What is left to be explained.

    Parameters
    ----------
    values : array of shape (outcomes, rows), of variance 1; every row's is that of a model
        which has not seen it
    gains : of the splits on every column of the table, by name
    """

    values: FloatArray
    gains: dict[str, float]


def residuals(table: Table, target: Target, seed: int) -> Residuals:
    """The residuals of gradient boosting, a model for every column of outcomes."""
    X = Codes().transform(table)
    outcomes = outcomes_of(target)
    folds = np.random.default_rng(seed).permutation(len(table)) % _FOLDS
    objective = "binary" if target.is_classification else "regression"
    params = {**_PARAMS, "objective": objective, "seed": seed}
    left = np.empty_like(outcomes)
    gains: dict[str, float] = dict.fromkeys((one.name for one in table.schema.columns), 0.0)
    for place, outcome in enumerate(outcomes):
        for booster, rows in _boosted(X, outcome, target.weights, folds, params):
            left[place, rows] = outcome[rows] - booster.predict(X.values[rows], num_threads=1)
            for name, gain in zip(X.names, booster.feature_importance("gain"), strict=True):
                gains[_origin(name, gains)] += float(gain)
    spread = left.std(axis=1, keepdims=True)
    return Residuals(left / np.where(spread > 0, spread, 1.0), gains)


def _boosted(
    X: Matrix,
    outcome: FloatArray,
    weights: FloatArray | None,
    folds: np.ndarray,
    params: dict[str, Any],
) -> Iterator[tuple[Any, IntArray]]:  # lightgbm.Booster
    """For every fold a booster of the other folds, and the rows that it has not seen."""
    import lightgbm

    categorical = list(X.categorical)
    data = lightgbm.Dataset(
        X.values, outcome, weight=weights, categorical_feature=categorical, params=params
    ).construct()
    for fold in range(_FOLDS):
        rows = np.flatnonzero(folds == fold)
        others = np.flatnonzero(folds != fold)
        if len(rows) and len(others):
            part = data.subset(others)  # type: ignore[arg-type]  # an array will do
            yield lightgbm.train(params, part, _ROUNDS), rows


def _origin(name: str, known: dict[str, float]) -> str:
    """The column of the table that a column of its codes was made of."""
    return name if name in known else name.rpartition(" ")[0]
