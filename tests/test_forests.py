"""Forests against scikit-learn's, and under a deadline."""

import time

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from autopipe.matrix import Matrix
from autopipe.operators.declaration import Limits
from autopipe.operators.forests import ExtraTrees, RandomForest
from autopipe.task import Target, TaskKind

RNG = np.random.default_rng(0)
ROWS = np.arange(90)
VALUES = RNG.normal(size=(90, 3)).astype(np.float32)
SIGNAL = VALUES[:, 0] - VALUES[:, 1] + RNG.normal(size=90)
MATRIX = Matrix(VALUES, (0, 0, 0), ("c0", "c1", "c2"))


def fitted(target, limits=None, build=ExtraTrees):
    learner = build(max_features=0.75, min_samples_split=4, min_samples_leaf=1)
    limits = limits or Limits()
    prepared = learner.prepare(MATRIX, target, limits)
    learner.fit(prepared, ROWS[:60], ROWS[60:], 7, limits)
    return learner


def theirs(build, y):
    forest = build(150, max_features=0.75, min_samples_split=4, random_state=7)
    return forest.fit(VALUES[:60], y[:60])


def test_classes_are_predicted_as_by_scikit_learn():
    y = np.digitize(SIGNAL, [-0.5, 0.5])
    ours = fitted(Target(TaskKind.MULTICLASS, y, 3)).predict(MATRIX)
    np.testing.assert_allclose(
        ours, theirs(ExtraTreesClassifier, y).predict_proba(VALUES), atol=1e-6
    )


def test_numbers_are_predicted_as_by_scikit_learn():
    y = SIGNAL - SIGNAL[:60].mean()  # or rounding would choose between splits that tie
    ours = fitted(Target(TaskKind.REGRESSION, y, 0)).predict(MATRIX)
    np.testing.assert_allclose(
        ours[:, 0], theirs(ExtraTreesRegressor, y).predict(VALUES), atol=1e-6
    )


def test_a_random_forest_predicts_as_that_of_scikit_learn():
    y = np.digitize(SIGNAL, [-0.5, 0.5])
    ours = fitted(Target(TaskKind.MULTICLASS, y, 3), build=RandomForest).predict(MATRIX)
    expected = theirs(RandomForestClassifier, y).predict_proba(VALUES)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    numbers = np.round(4.0 * SIGNAL)
    numbers[0] -= numbers[:60].sum()  # a mean of 0 exactly, or rounding would break ties
    ours = fitted(Target(TaskKind.REGRESSION, numbers, 0), build=RandomForest).predict(MATRIX)
    expected = theirs(RandomForestRegressor, numbers).predict(VALUES)
    np.testing.assert_allclose(ours[:, 0], expected, atol=1e-6)


def test_a_large_offset_of_the_target_costs_no_digits():
    ours = fitted(Target(TaskKind.REGRESSION, 1e9 + SIGNAL, 0)).predict(MATRIX)
    assert np.ptp(ours) > 0.5
    assert abs(ours - 1e9).max() < 10


def test_a_forest_of_roots_predicts_the_share():
    y = np.zeros(90, np.int32)
    ours = fitted(Target(TaskKind.BINARY, y, 2)).predict(MATRIX)
    assert ours.tolist() == [[1.0, 0.0]] * 90


def test_a_late_forest_has_fewer_trees(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    target = Target(TaskKind.BINARY, (SIGNAL > 0).astype(np.int32), 2)
    learner = fitted(target, Limits(deadline=6.0))
    assert learner.is_truncated
    assert len(learner.state()["roots"]) == 20
