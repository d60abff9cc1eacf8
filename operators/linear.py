"""Linear learners: a weighted sum of the columns, kept small by a penalty."""

from __future__ import annotations

import time
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.declaration import (
    Dense,
    Limits,
    Operator,
    Predictions,
    State,
    check_deadline,
)
from autopipe.space import Float
from autopipe.task import FloatArray, IntArray, Target, TaskKind

_MOST_STEPS = 300  # of the solver; scaled columns rarely need more than 100
_FLATTEST = 1e-4  # gradient at which the solver stops, as in scikit-learn


class _Linear:
    """What both learners share: float64 columns, one coefficient per column and output."""

    is_truncated = False

    def __init__(self) -> None:
        self._coef: FloatArray = np.empty((0, 0))
        self._intercept: FloatArray = np.empty(0)

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        return X.values.astype(np.float64), target

    def _sums(self, X: Matrix) -> FloatArray:
        return np.asarray(X.values.astype(np.float64) @ self._coef.T + self._intercept)

    def state(self) -> State:
        return {"coef": self._coef, "intercept": self._intercept}

    def restore(self, state: State) -> Self:
        self._coef = np.asarray(state["coef"])
        self._intercept = np.asarray(state["intercept"])
        return self


class Logistic(_Linear):
    """Logistic regression, multinomial from three classes on, with an L2 penalty.

    Minimises what scikit-learn's LogisticRegression does, by L-BFGS, which asks for the time
    after every step: a fit that the deadline stops keeps the coefficients it has. A class
    absent from the training rows gets the probability that Laplace's rule of succession
    gives to what was never seen. BLAS takes its threads from the process.

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
        from scipy.optimize import OptimizeResult, minimize

        check_deadline(limits)
        assert isinstance(prepared, tuple)
        values, target = prepared
        train = target.take(train_rows)
        self._classes, codes = np.unique(train.y, return_inverse=True)
        self._n_classes = target.n_classes
        self._absent_share = 1.0 / (len(codes) + target.n_classes)
        X = np.column_stack([values[train_rows], np.ones(len(codes))])
        weights = np.ones(len(codes)) if train.weights is None else train.weights
        rows = np.arange(len(codes))
        outputs = 1 if len(self._classes) == 2 else len(self._classes)

        def loss(flat: FloatArray) -> tuple[float, FloatArray]:
            coef = flat.reshape(outputs, -1)
            log_shares = _log_softmax(X @ coef.T, len(self._classes))
            residual = np.exp(log_shares)
            residual[rows, codes] -= 1.0
            residual *= weights[:, None]
            slope = residual[:, -outputs:].T @ X
            slope[:, :-1] += coef[:, :-1] / self.C
            penalty = np.sum(coef[:, :-1] ** 2) / (2.0 * self.C)
            total = weights.sum()
            value = penalty - weights @ log_shares[rows, codes]
            return float(value / total), slope.ravel() / total

        def look_at_time(intermediate_result: OptimizeResult) -> None:
            if time.monotonic() >= limits.deadline:
                self.is_truncated = True
                raise StopIteration

        self.is_truncated = False
        found = minimize(
            loss,
            np.zeros(outputs * X.shape[1]),
            jac=True,
            method="L-BFGS-B",
            callback=look_at_time,
            options={"maxiter": _MOST_STEPS, "gtol": _FLATTEST, "ftol": 1e-14},
        )
        coef = found.x.reshape(outputs, -1)
        self._coef, self._intercept = coef[:, :-1], coef[:, -1]
        return self._probabilities(values[valid_rows] @ self._coef.T + self._intercept)

    def predict(self, X: Matrix) -> FloatArray:
        return self._probabilities(self._sums(X))

    def _probabilities(self, sums: FloatArray) -> FloatArray:
        n_absent = self._n_classes - len(self._classes)
        probabilities = np.full((len(sums), self._n_classes), self._absent_share)
        share = 1.0 - n_absent * self._absent_share
        probabilities[:, self._classes] = share * np.exp(_log_softmax(sums, len(self._classes)))
        return probabilities

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
        self._absent_share = float(state["absent_share"])  # type: ignore[arg-type]  # likewise
        return super().restore(state)


class Ridge(_Linear):
    """Least squares with an L2 penalty, solved exactly.

    Costs O(rows * columns * min(rows, columns)). The target is centred, not scaled: scaling
    it would change nothing.

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
        check_deadline(limits)
        assert isinstance(prepared, tuple)
        values, target = prepared
        train = target.take(train_rows)
        weights = np.ones(len(train.y)) if train.weights is None else train.weights
        X = values[train_rows]
        centre, mean = np.average(X, 0, weights), np.average(train.y, weights=weights)
        X = (X - centre) * np.sqrt(weights)[:, None]
        y = (train.y - mean) * np.sqrt(weights)
        # The smaller of the two Gram matrices gives the same coefficients.
        if X.shape[1] <= X.shape[0]:
            coef = self._solved(X.T @ X, X.T @ y)
        else:
            coef = X.T @ self._solved(X @ X.T, y)
        self._coef, self._intercept = coef[None], np.array([mean - centre @ coef])
        return np.asarray(values[valid_rows] @ self._coef.T + self._intercept)

    def _solved(self, gram: FloatArray, right: FloatArray) -> FloatArray:
        """(gram + alpha I)^-1 right, also where columns repeat each other."""
        stretch, axes = np.linalg.eigh(gram)
        return np.asarray(axes @ ((axes.T @ right) / (np.maximum(stretch, 0.0) + self.alpha)))

    def predict(self, X: Matrix) -> FloatArray:
        return self._sums(X)


def _log_softmax(sums: FloatArray, classes: int) -> FloatArray:
    """Logarithms of the classes' shares; of two classes, the first has the sum 0."""
    if sums.shape[1] < classes:
        sums = np.hstack([np.zeros_like(sums), sums])
    sums = sums - sums.max(axis=1, keepdims=True)
    return np.asarray(sums - np.log(np.exp(sums).sum(axis=1, keepdims=True)))


OPERATORS = (
    Operator(
        name="logistic",
        family="linear",
        build="autopipe.operators.linear:Logistic",
        takes=(Dense,),
        gives=Predictions,
        space={"C": Float(1e-4, 1e3, default=1.0, log=True)},
        source="scikit-learn, LogisticRegression",
        kinds=frozenset({TaskKind.BINARY, TaskKind.MULTICLASS}),
    ),
    Operator(
        name="ridge",
        family="linear",
        build="autopipe.operators.linear:Ridge",
        takes=(Dense,),
        gives=Predictions,
        space={"alpha": Float(1e-3, 1e5, default=1.0, log=True)},
        source="Hoerl and Kennard, Ridge Regression, Technometrics 12(1), 1970",
        kinds=frozenset({TaskKind.REGRESSION}),
    ),
)
