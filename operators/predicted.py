"""What one learner predicts as a column for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape
from autopipe.operators.declaration import Dense, Operator, State
from autopipe.operators.outcomes import INNER_FOLDS, MOST_CLASSES, crossfitted, outcomes_of
from autopipe.space import Float, Value
from autopipe.task import FloatArray, Target

_MOST_COLUMNS = 1_000  # of the table: the regression costs their square for every row


class LinearPrediction:
    """Adds what a ridge regression on all columns predicts: one column, or one a class.

    Trees follow a slope through many columns in small steps and spend their rows on that;
    told where it leads, they have them left for what is not linear. Classes are regressed on
    as zeros and ones.

    `fit_transform` gives every row the prediction of a model that was fitted to the other
    folds, so that a learner above trusts it no more than it deserves; `transform` uses the
    model of all training rows.

    Parameters
    ----------
    alpha : strength of the penalty

    References
    ----------
    Wolpert, Stacked Generalization, Neural Networks 5(2), 1992: a model's predictions for
    rows that it never saw as the input of another.
    """

    def __init__(self, *, alpha: float) -> None:
        self.alpha = alpha
        self._coef: FloatArray = np.empty((0, 0))
        """Shape (columns added, columns)."""
        self._intercept: FloatArray = np.empty(0)

    def fit_transform(self, data: Matrix, target: Target, seed: int) -> Matrix:
        values, outcomes = data.values.astype(np.float64), outcomes_of(target).T
        weights = target.row_weights
        predictions = crossfitted(
            lambda train: self._fit(values[train], outcomes[train], weights[train]),
            lambda held_out: self._predicted(values[held_out]),
            target,
            seed,
        )
        self._fit(values, outcomes, weights)
        return _extended(data, predictions)

    def _fit(self, values: FloatArray, outcomes: FloatArray, weights: FloatArray) -> None:
        from sklearn.linear_model import Ridge

        shape = outcomes.shape[1], values.shape[1]
        self._coef, self._intercept = np.zeros(shape), np.zeros(shape[0])
        if len(values):
            model = Ridge(alpha=self.alpha).fit(values, outcomes, weights)
            self._coef = np.asarray(model.coef_).reshape(shape)
            self._intercept = np.asarray(model.intercept_).reshape(shape[0])

    def _predicted(self, values: FloatArray) -> FloatArray:
        # Not a matrix product: its rounding would depend on the company of a row.
        return np.asarray(np.einsum("ij,kj->ik", values, self._coef) + self._intercept)

    def transform(self, data: Matrix) -> Matrix:
        return _extended(data, self._predicted(data.values.astype(np.float64)))

    def state(self) -> State:
        return {"coef": self._coef, "intercept": self._intercept}

    def restore(self, state: State) -> Self:
        self._coef = np.asarray(state["coef"])
        self._intercept = np.asarray(state["intercept"])
        return self


def _extended(data: Matrix, predictions: FloatArray) -> Matrix:
    names = tuple(f"linear prediction {index}" for index in range(predictions.shape[1]))
    return Matrix(
        np.hstack([data.values, predictions.astype(np.float32)]),
        (*data.levels, *[0] * len(names)),
        (*data.names, *names),
    )


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    fits = INNER_FOLDS + 1
    seconds = fits * (1e-8 * shape.cells + 1e-10 * shape.cells * shape.columns)
    gives = replace(shape, columns=shape.columns + min(shape.outputs, MOST_CLASSES))
    return Cost(seconds, megabytes=2.4e-5 * shape.all_cells, gives=gives)


OPERATORS = (
    Operator(
        name="linear_prediction",
        family="stacking",
        build="autopipe.operators.predicted:LinearPrediction",
        takes=(Dense,),
        gives=Dense,
        space={"alpha": Float(1e-2, 1e4, default=1.0, log=True)},
        cost=_cost,
        source="Wolpert, Stacked Generalization, Neural Networks 5(2), 1992",
        uses_target=True,
        most_columns=_MOST_COLUMNS,
    ),
)
