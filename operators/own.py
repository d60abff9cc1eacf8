"""Operators of a user's own, such as any class with scikit-learn's fit and predict."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import cloudpickle
import numpy as np

from autopipe.errors import OptionError
from autopipe.matrix import Matrix
from autopipe.operators.declaration import (
    Complete,
    Dense,
    Limits,
    Operator,
    Predictions,
    State,
    check_deadline,
)
from autopipe.roles import Role
from autopipe.space import Space, Value, defaults
from autopipe.table import Schema
from autopipe.task import FloatArray, IntArray, Target, TaskKind


def learner(
    estimator: Callable[..., Any],
    space: Space | None = None,
    *,
    name: str = "",
    takes: type = Dense,
) -> Operator:
    """A learner of your own, to be given as `include=["all", learner(MyClass)]`.

    It competes with the learners of the catalogue, is tuned within its space and can enter
    the ensemble. The class may be defined anywhere, also in a script or a notebook: it travels
    to the workers. A fit that takes too long is killed, at the cost of its trial.

    For full control, such as looking at the deadline, sharing preparation between folds, or a
    fitted state without pickles, write a class with the methods of
    `autopipe.operators.declaration.Learner` and give an `Operator` built on it.

    Parameters
    ----------
    estimator : class, or function of the hyperparameters, that gives an object with `fit(X, y)`
        and `predict(X)`, as scikit-learn has them. With `predict_proba`, or derived from
        scikit-learn's `ClassifierMixin`, it serves classes; else numbers. An argument
        `random_state` or `n_jobs` is filled in, and `fit` is given a `sample_weight` if it
        takes one. Classes are shown to it as whole numbers.
    space : what may be tuned, as {"depth": Int(1, 9, default=3)}; see `autopipe.space`
    name : as it prints in trees; by default made from the name of the class
    takes : what X may hold. `Dense`: numbers on like scales; `Complete`: any numbers, with the
        codes of categories among them; `Coded`: missing values too

    Raises
    ------
    OptionError
        If it is an object instead of what makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, ClassifierMixin
    >>> from autopipe import learner
    >>> from autopipe.space import Float
    >>> class NearestMean(ClassifierMixin, BaseEstimator):
    ...     def __init__(self, sharpness=1.0):
    ...         self.sharpness = sharpness
    ...     def fit(self, X, y):
    ...         self.classes_ = np.unique(y)
    ...         self.means_ = np.stack([X[y == k].mean(axis=0) for k in self.classes_])
    ...         return self
    ...     def predict_proba(self, X):
    ...         away = ((X[:, None] - self.means_) ** 2).mean(axis=2)
    ...         near = np.exp(-self.sharpness * (away - away.min(axis=1, keepdims=True)))
    ...         return near / near.sum(axis=1, keepdims=True)
    >>> learner(NearestMean, {"sharpness": Float(0.1, 10.0, default=1.0, log=True)}).name
    'nearest_mean'
    """
    if not callable(estimator):
        raise OptionError(
            f"learner({estimator!r}): give the class, learner({type(estimator).__name__}), or "
            "a function of the hyperparameters that makes such an object."
        )
    called = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _name_of(estimator)).lower()
    is_class = isinstance(estimator, type)
    # The object itself tells: a pipeline has probabilities where its last step has.
    made: Any = estimator if is_class else _made(estimator, defaults(space or {}), 0, 1)
    is_classifier = hasattr(made, "predict_proba") or "ClassifierMixin" in {
        base.__name__ for base in (made if is_class else type(made)).__mro__
    }
    kinds = {TaskKind.BINARY, TaskKind.MULTICLASS} if is_classifier else {TaskKind.REGRESSION}
    return Operator(
        name=called,
        family=called,
        build=partial(_Adapted, estimator),
        takes=(takes,),
        gives=Predictions,
        space=space or {},
        kinds=frozenset(kinds),
    )


def default_tree(operator: Operator, schema: Schema) -> str:
    """The plainest tree with this learner over a table, as text."""
    (state,) = operator.takes
    below = "codes(table)"
    if state is Dense and schema.having(Role.CATEGORICAL):
        below = "one_hot(table)"
    if issubclass(state, Complete):
        below = f"impute({below})"
    if state is Dense:
        below = f"standard_scaling({below})"
    return f"{operator.name}({below})"


class _Adapted:
    """An object with scikit-learn's methods, as a learner."""

    is_truncated = False
    prepared_by = ()

    def __init__(self, estimator: Callable[..., Any], **params: Value) -> None:
        self._estimator = estimator
        self._params = params
        self._fitted: Any = None
        self._n_classes = 0

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        return X, target

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
        X, target = prepared
        train = target.take(train_rows)
        estimator = _made(self._estimator, self._params, seed, limits.threads)
        weights = {}
        if train.weights is not None and "sample_weight" in _parameters(estimator.fit):
            weights = {"sample_weight": train.weights}
        fitted = estimator.fit(X.values[train_rows], train.y, **weights)
        self._fitted = estimator if fitted is None else fitted
        self._n_classes = train.n_classes
        return self.predict(X.take(valid_rows))

    def predict(self, X: Matrix) -> FloatArray:
        if not self._n_classes:
            return np.asarray(self._fitted.predict(X.values), np.float64).reshape(-1, 1)
        shares = np.zeros((len(X), self._n_classes))
        if hasattr(self._fitted, "predict_proba"):
            shares[:, np.asarray(self._fitted.classes_)] = self._fitted.predict_proba(X.values)
        else:
            shares[np.arange(len(X)), np.asarray(self._fitted.predict(X.values))] = 1.0
        return shares

    def state(self) -> State:
        pickled = np.frombuffer(cloudpickle.dumps(self._fitted), np.uint8)
        return {"pickled": pickled, "n_classes": self._n_classes}

    def restore(self, state: State) -> Self:
        """Unpickles, hence runs what the file says; `load` asks for the operator before."""
        pickled, n_classes = state["pickled"], state["n_classes"]
        assert isinstance(pickled, np.ndarray) and isinstance(n_classes, int)
        self._fitted, self._n_classes = pickle.loads(pickled.tobytes()), n_classes
        return self


def _name_of(estimator: Callable[..., Any]) -> str:
    return str(getattr(estimator, "__name__", type(estimator).__name__))


def _made(
    estimator: Callable[..., Any], params: Mapping[str, Value], seed: int, threads: int
) -> Any:
    """The object with these hyperparameters, and a seed and threads where it names them."""
    given = {"random_state": seed, "n_jobs": threads}
    known = _parameters(estimator)
    fillers = {name: value for name, value in given.items() if name in known}
    return estimator(**{**fillers, **params})


def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
