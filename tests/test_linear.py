"""Linear learners against scikit-learn's, and under a deadline."""

import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as TheirRidge

from autopipe.matrix import Matrix
from autopipe.operators import linear
from autopipe.operators.declaration import Limits
from autopipe.operators.linear import Logistic, Ridge
from autopipe.task import Target, TaskKind

RNG = np.random.default_rng(0)
ROWS = np.arange(80)
X = RNG.normal(size=(80, 4))
WEIGHTS = RNG.uniform(0.5, 2.0, size=80)
SIGNAL = X[:, 0] - X[:, 1] + RNG.normal(size=80)


def matrix_of(values):
    width = values.shape[1]
    return Matrix(values, (0,) * width, tuple(f"c{index}" for index in range(width)))


def fitted(learner, values, target, limits=None):
    limits = limits or Limits()
    prepared = learner.prepare(matrix_of(values), target, limits)
    learner.fit(prepared, ROWS[:60], ROWS[60:], 0, limits)
    return learner


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_finds_what_scikit_learn_finds(n_classes):
    y = np.digitize(SIGNAL, np.quantile(SIGNAL, np.arange(1, n_classes) / n_classes))
    kind = TaskKind.BINARY if n_classes == 2 else TaskKind.MULTICLASS
    target = Target(kind, y, n_classes, WEIGHTS)
    ours = fitted(Logistic(C=0.5), X, target)
    theirs = LogisticRegression(C=0.5, tol=1e-8).fit(X[:60], y[:60], WEIGHTS[:60])
    np.testing.assert_allclose(ours.predict(matrix_of(X)), theirs.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("width", [4, 90])
def test_ridge_finds_what_scikit_learn_finds(width):
    values = RNG.normal(size=(80, width))
    y = 1000.0 + SIGNAL
    ours = fitted(Ridge(alpha=2.0), values, Target(TaskKind.REGRESSION, y, 0, WEIGHTS))
    theirs = TheirRidge(alpha=2.0).fit(values[:60], y[:60], WEIGHTS[:60])
    np.testing.assert_allclose(
        ours.predict(matrix_of(values))[:, 0], theirs.predict(values), rtol=1e-9
    )


def test_repeated_columns_share_a_coefficient():
    values = np.column_stack([X[:, 0], X[:, 0]])
    ridge = fitted(Ridge(alpha=1e-3), values, Target(TaskKind.REGRESSION, SIGNAL, 0))
    first, second = ridge.state()["coef"][0]
    assert first == pytest.approx(second)


def test_an_absent_class_gets_the_share_of_what_was_never_seen():
    y = np.where(SIGNAL > 0, 2, 0)
    learner = fitted(Logistic(C=1.0), X, Target(TaskKind.MULTICLASS, y, 3))
    np.testing.assert_allclose(learner.predict(matrix_of(X))[:, 1], 1 / 63)


@pytest.mark.parametrize(("n_classes", "only"), [(2, 0), (2, 1), (3, 1)])
def test_rows_of_one_class_alone_say_that_it_is_nearly_certain(n_classes, only):
    y = np.where(ROWS < 60, only, (only + 1) % n_classes)
    kind = TaskKind.BINARY if n_classes == 2 else TaskKind.MULTICLASS
    learner = fitted(Logistic(C=1.0), X, Target(kind, y, n_classes))
    expected = np.full(n_classes, 1 / (60 + n_classes))
    expected[only] = 61 / (60 + n_classes)
    for one in (learner, Logistic(C=1.0).restore(learner.state())):
        np.testing.assert_allclose(one.predict(matrix_of(X)), np.tile(expected, (80, 1)))


def test_a_late_logistic_keeps_its_coefficients(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(linear, "_STEPS", 2)
    target = Target(TaskKind.BINARY, (SIGNAL > 0).astype(np.int32), 2)
    learner = fitted(Logistic(C=1000.0), X, target, Limits(deadline=2.0))
    assert learner.is_truncated
    assert learner.state()["coef"].any()
