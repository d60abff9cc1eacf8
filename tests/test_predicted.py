"""A learner's predictions as another's columns: honest in training, and of use."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.matrix import Matrix
from autopipe.operators.predicted import LinearPrediction
from autopipe.task import Target, TaskKind

ROWS, COLUMNS = 60, 20
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(ROWS, COLUMNS)).astype(np.float32)


def matrix(values=VALUES):
    names = tuple(f"c{index}" for index in range(values.shape[1]))
    return Matrix(values, (0,) * len(names), names)


def numbers(y, weights=None):
    return Target(TaskKind.REGRESSION, np.asarray(y, float), 0, weights)


def test_training_rows_are_predicted_by_models_that_never_saw_them():
    noise = numbers(RNG.normal(size=ROWS))
    operator = LinearPrediction(alpha=1e-3)
    crossfitted = operator.fit_transform(matrix(), noise, seed=0).values[:, -1]
    fitted = operator.transform(matrix()).values[:, -1]
    assert abs(np.corrcoef(crossfitted, noise.y)[0, 1]) < 0.3
    assert np.corrcoef(fitted, noise.y)[0, 1] > 0.5


def test_a_slope_through_all_columns_is_one_column():
    slope = VALUES.sum(axis=1)
    extended = LinearPrediction(alpha=1e-3).fit_transform(matrix(), numbers(slope), seed=0)
    assert extended.names[-1] == "linear prediction 0"
    assert np.corrcoef(extended.values[:, -1], slope)[0, 1] > 0.999
    assert np.array_equal(extended.values[:, :-1], VALUES)


@pytest.mark.parametrize(("classes", "added"), [(2, 1), (3, 3), (12, 10)])
def test_classes_get_a_column_each_up_to_ten(classes, added):
    kind = TaskKind.BINARY if classes == 2 else TaskKind.MULTICLASS
    target = Target(kind, np.arange(ROWS, dtype=np.int32) % classes, classes)
    extended = LinearPrediction(alpha=1.0).fit_transform(matrix(), target, seed=0)
    assert extended.values.shape == (ROWS, COLUMNS + added)


def test_rows_of_no_weight_do_not_matter():
    weights = np.ones(ROWS)
    weights[::2] = 0.0
    y = VALUES[:, 0] + 0.1 * RNG.normal(size=ROWS)
    operator = LinearPrediction(alpha=1.0)
    operator.fit_transform(matrix(), numbers(y, weights), seed=0)
    expected = operator.transform(matrix()).values
    operator.fit_transform(matrix(), numbers(np.where(weights > 0, y, 1e6), weights), seed=0)
    assert np.allclose(operator.transform(matrix()).values, expected)


def test_a_single_row_is_enough():
    one = matrix(VALUES[:1])
    extended = LinearPrediction(alpha=1.0).fit_transform(one, numbers([3.0]), seed=0)
    assert np.isfinite(extended.values).all()
