"""Forests against scikit-learn's, and under a deadline."""

import time

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from autopipe.matrix import Matrix
from autopipe.operators.declaration import Limits
from autopipe.operators.forests import ExtraTrees, RandomForest
from autopipe.operators.targets import Unit
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


def doubted(probabilities, rows=60):
    """With the share of Laplace's rule for every class."""
    classes = probabilities.shape[1]
    share = 1.0 / (rows + classes)
    return (1.0 - classes * share) * probabilities + share


def theirs(build, y):
    forest = build(150, max_features=0.75, min_samples_split=4, random_state=7)
    return forest.fit(VALUES[:60], y[:60])


def their_numbers(build, y):
    """Learned in our unit of y: otherwise rounding chooses between splits that tie."""
    unit = Unit.of(Target(TaskKind.REGRESSION, y[:60], 0))
    measured = unit.measured(Target(TaskKind.REGRESSION, y, 0))
    return unit.restored(theirs(build, measured.y).predict(VALUES))


def r2(build, values, y):
    """Of the held-out rows."""
    matrix = Matrix(values, (0,) * values.shape[1], tuple(map(str, range(values.shape[1]))))
    learner = build(max_features=0.75, min_samples_split=4, min_samples_leaf=1)
    prepared = learner.prepare(matrix, Target(TaskKind.REGRESSION, y, 0), Limits())
    predicted = learner.fit(prepared, ROWS[:60], ROWS[60:], 7, Limits())[:, 0]
    return 1.0 - np.square(predicted - y[60:]).mean() / y[60:].var()


def test_classes_are_predicted_as_by_scikit_learn():
    y = np.digitize(SIGNAL, [-0.5, 0.5])
    ours = fitted(Target(TaskKind.MULTICLASS, y, 3)).predict(MATRIX)
    expected = doubted(theirs(ExtraTreesClassifier, y).predict_proba(VALUES))
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_numbers_are_predicted_as_by_scikit_learn():
    ours = fitted(Target(TaskKind.REGRESSION, SIGNAL, 0)).predict(MATRIX)
    expected = their_numbers(ExtraTreesRegressor, SIGNAL)
    np.testing.assert_allclose(ours[:, 0], expected, atol=1e-6)


def test_a_random_forest_predicts_as_that_of_scikit_learn():
    y = np.digitize(SIGNAL, [-0.5, 0.5])
    ours = fitted(Target(TaskKind.MULTICLASS, y, 3), build=RandomForest).predict(MATRIX)
    expected = doubted(theirs(RandomForestClassifier, y).predict_proba(VALUES))
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    numbers = np.round(4.0 * SIGNAL)
    ours = fitted(Target(TaskKind.REGRESSION, numbers, 0), build=RandomForest).predict(MATRIX)
    expected = their_numbers(RandomForestRegressor, numbers)
    np.testing.assert_allclose(ours[:, 0], expected, atol=1e-6)


def test_a_large_offset_of_the_target_costs_no_digits():
    ours = fitted(Target(TaskKind.REGRESSION, 1e9 + SIGNAL, 0)).predict(MATRIX)
    assert np.ptp(ours) > 0.5
    assert abs(ours - 1e9).max() < 10


@pytest.mark.parametrize("build", [ExtraTrees, RandomForest])
def test_the_unit_of_the_target_or_of_a_column_changes_no_tree(build):
    expected = r2(build, VALUES, SIGNAL)
    assert expected > 0.2
    assert r2(build, VALUES, 2.0**-40 * SIGNAL) == pytest.approx(expected, abs=1e-3)
    for unit in (2.0**-40, 2.0**100):
        assert r2(build, np.float32(unit) * VALUES, SIGNAL) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("build", [ExtraTrees, RandomForest])
def test_numbers_far_from_zero_stay_apart(build):
    shifted = VALUES.astype(np.float64) + 1.7e9
    assert r2(build, shifted, SIGNAL) == pytest.approx(r2(build, VALUES, SIGNAL), abs=0.03)


def test_a_forest_of_a_former_version_predicts_as_it_did():
    learner = fitted(Target(TaskKind.BINARY, (SIGNAL > 0).astype(np.int32), 2))
    state = dict(learner.state())
    factor = state.pop("factor")[state["features"]]
    former = {
        **state,
        "thresholds": state["thresholds"] / factor,
        "centre": np.array([0.0]),
    }
    del former["origin"], former["scale"]
    restored = ExtraTrees(max_features=0.75, min_samples_split=4, min_samples_leaf=1)
    restored.restore(former)
    np.testing.assert_array_equal(restored.predict(MATRIX), learner.predict(MATRIX))


def test_a_forest_of_roots_predicts_the_share():
    y = np.zeros(90, np.int32)
    ours = fitted(Target(TaskKind.BINARY, y, 2)).predict(MATRIX)
    np.testing.assert_allclose(ours, doubted(np.array([[1.0, 0.0]] * 90)))


def test_a_late_forest_has_fewer_trees(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    target = Target(TaskKind.BINARY, (SIGNAL > 0).astype(np.int32), 2)
    learner = fitted(target, Limits(deadline=6.0))
    assert learner.is_truncated
    assert len(learner.state()["roots"]) == 20
