"""Linear learners: a weighted sum of the columns, kept small by a penalty."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape
from autopipe.operators.declaration import (
    Dense,
    Limits,
    Operator,
    Predictions,
    State,
    check_deadline,
)
from autopipe.space import Float, Value
from autopipe.task import FloatArray, IntArray, Target, TaskKind

_STEPS = 50  # of the solver between two looks at the clock
_MOST_STEPS = 300  # scaled columns rarely need more than 100


class _Linear:
    """What both learners share: float64 columns, one coefficient per column and output."""

    is_truncated = False
    prepared_by = ()

    def __init__(self) -> None:
        self._coef: FloatArray = np.empty((0, 0))
        self._intercept: FloatArray = np.empty(0)

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        return X.values.astype(np.float64), target

    def _sums(self, values: FloatArray) -> FloatArray:
        return np.asarray(values.astype(np.float64) @ self._coef.T + self._intercept)

    def state(self) -> State:
        return {"coef": self._coef, "intercept": self._intercept}

    def restore(self, state: State) -> Self:
        self._coef = np.asarray(state["coef"])
        self._intercept = np.asarray(state["intercept"])
        return self


class Logistic(_Linear):
    """Logistic regression, multinomial from three classes on, with an L2 penalty.

    scikit-learn's, in slices of the solver's steps, so that a fit that the deadline stops
    keeps the coefficients it has. A class absent from the training rows gets the
    probability that Laplace's rule of succession gives to what was never seen.

    Parameters
    ----------
    C : inverse strength of the penalty
    """

    def __init__(self, *, C: float) -> None:
        super().__init__()
        self.C = C
        self._classes = np.empty(0, np.int64)
        self._n_classes = 0
        self._absent_share = 0.0

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        check_deadline(limits)
        assert isinstance(prepared, tuple)
        values, target = prepared
        train = target.take(train_rows)
        X = values[train_rows]
        self._n_classes = target.n_classes
        self._absent_share = 1.0 / (len(train.y) + target.n_classes)
        self.is_truncated = False
        self._classes = np.unique(train.y).astype(np.int64)
        if len(self._classes) == 1:  # scikit-learn refuses, and there is nothing to learn
            self._coef, self._intercept = np.zeros((1, X.shape[1])), np.zeros(1)
            return self._probabilities(values[valid_rows])
        model = LogisticRegression(C=self.C, max_iter=_STEPS, warm_start=True)
        for _ in range(0, _MOST_STEPS, _STEPS):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, train.y, train.weights)
            if model.n_iter_.max() < _STEPS:
                break
            if time.monotonic() >= limits.deadline:
                self.is_truncated = True
                break
        self._coef, self._intercept = model.coef_, model.intercept_
        return self._probabilities(values[valid_rows])

    def predict(self, X: Matrix) -> FloatArray:
        return self._probabilities(X.values)

    def _probabilities(self, values: FloatArray) -> FloatArray:
        sums = self._sums(values)
        if len(self._classes) == 2:  # the one sum is the second class's log odds
            sums = np.hstack([np.zeros_like(sums), sums])
        shares = np.exp(sums - sums.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        absent = self._n_classes - len(self._classes)
        predictions = np.full((len(sums), self._n_classes), self._absent_share)
        predictions[:, self._classes] = shares * (1.0 - absent * self._absent_share)
        return predictions

    def state(self) -> State:
        return {
            **super().state(),
            "classes": self._classes,
            "n_classes": self._n_classes,
            "absent_share": self._absent_share,
        }

    def restore(self, state: State) -> Self:
        self._classes = np.asarray(state["classes"])
        self._n_classes = int(state["n_classes"])  # type: ignore[arg-type]  # a number
        self._absent_share = float(state["absent_share"])  # type: ignore[arg-type]  # a number
        return super().restore(state)


class Ridge(_Linear):
    """Least squares with an L2 penalty, scikit-learn's.

    Parameters
    ----------
    alpha : strength of the penalty
    """

    def __init__(self, *, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        from sklearn.linear_model import Ridge as SklearnRidge

        check_deadline(limits)
        assert isinstance(prepared, tuple)
        values, target = prepared
        train = target.take(train_rows).weighed
        model = SklearnRidge(alpha=self.alpha).fit(values[train_rows], train.y, train.weights)
        self._coef, self._intercept = model.coef_[None], np.array([model.intercept_])
        return self._sums(values[valid_rows])

    def predict(self, X: Matrix) -> FloatArray:
        return self._sums(X.values)


def _logistic_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    # Up to 100 steps, each of which passes over all cells twice.
    seconds = 6e-8 * shape.cells * shape.outputs
    return Cost(seconds, megabytes=2.4e-5 * shape.all_cells)


def _ridge_cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    seconds = 1e-8 * shape.cells + 1e-10 * shape.cells * min(shape.rows, shape.columns)
    return Cost(seconds, megabytes=2.4e-5 * shape.all_cells)


OPERATORS = (
    Operator(
        name="logistic",
        family="linear",
        build="autopipe.operators.linear:Logistic",
        takes=(Dense,),
        gives=Predictions,
        space={"C": Float(1e-4, 100.0, default=1.0, log=True)},
        cost=_logistic_cost,
        source="Hastie et al., The Elements of Statistical Learning, 2nd ed. 2009, ch. 4.4",
        kinds=frozenset({TaskKind.BINARY, TaskKind.MULTICLASS}),
    ),
    Operator(
        name="ridge",
        family="linear",
        build="autopipe.operators.linear:Ridge",
        takes=(Dense,),
        gives=Predictions,
        space={"alpha": Float(1e-3, 1e4, default=1.0, log=True)},
        cost=_ridge_cost,
        source="Hoerl and Kennard, Ridge Regression, Technometrics 12(1), 1970",
        kinds=frozenset({TaskKind.REGRESSION}),
    ),
)
