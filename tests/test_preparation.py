"""Imputation and scaling, on columns small enough to be worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from autopipe.matrix import Matrix
from autopipe.operators.gaps import usual_level
from autopipe.operators.imputation import Impute
from autopipe.operators.scaling import (
    PowerScaling,
    QuantileScaling,
    RobustScaling,
    StandardScaling,
)
from autopipe.task import Target, TaskKind

NAN = np.nan
TARGET = Target(TaskKind.REGRESSION, np.zeros(4), 0)


def matrix_of(*columns, levels=None):
    values = np.array(columns, np.float32).T
    levels = levels or (0,) * len(columns)
    return Matrix(values, levels, tuple(f"c{index}" for index in range(len(columns))))


def imputed(matrix, **params):
    options = {"numbers": "median", "categories": "own_level", "indicator": False, **params}
    return Impute(**options).fit_transform(matrix, TARGET, seed=0)


@pytest.mark.parametrize(("numbers", "fill"), [("median", 1.0), ("mean", 4.0)])
def test_a_gap_gets_the_typical_number(numbers, fill):
    filled = imputed(matrix_of([1.0, NAN, 10.0, 1.0]), numbers=numbers)
    assert filled.values[:, 0].tolist() == [1.0, fill, 10.0, 1.0]


def test_infinite_numbers_count_as_missing():
    assert imputed(matrix_of([1.0, np.inf, 3.0, 2.0])).values[1, 0] == 2.0


def test_a_column_of_gaps_becomes_zero():
    assert imputed(matrix_of([NAN] * 4), indicator=True).values.tolist() == [[0.0, 1.0]] * 4


def test_a_category_gains_a_level_for_its_gaps():
    filled = imputed(matrix_of([0, 1, NAN, 1], levels=(2,)))
    assert filled.levels == (3,)
    assert filled.values[:, 0].tolist() == [0, 1, 2, 1]


def test_a_category_without_gaps_in_training_falls_back_on_its_most_frequent_level():
    imputer = Impute(numbers="median", categories="own_level", indicator=False)
    imputer.fit_transform(matrix_of([0, 1, 1, 1], levels=(2,)), TARGET, seed=0)
    filled = imputer.transform(matrix_of([NAN], levels=(2,)))
    assert filled.levels == (2,)
    assert filled.values.tolist() == [[1.0]]


def test_a_missing_category_that_has_a_level_is_not_what_new_ones_are_taken_for():
    X = matrix_of([2, 0, 2, 1, 2, 1], levels=(3,))
    X = replace(X, gaps=(2,))  # the most frequent level
    target = Target(TaskKind.REGRESSION, np.zeros(6), 0)
    new = replace(matrix_of([2, NAN, 0], levels=(3,)), gaps=(2,))
    for categories, filled in (("own_level", [2, 1, 0]), ("most_frequent", [1, 1, 0])):
        imputer = Impute(numbers="median", categories=categories, indicator=True)
        imputer.fit_transform(X, target, seed=0)
        made = imputer.transform(new)
        assert made.levels == (3, 0)
        assert made.values.T.tolist() == [filled, [1, 0, 0]]
    assert usual_level(X.values[:, 0], X, 0) == 1


def test_gaps_are_marked_where_training_had_some():
    matrix = imputed(matrix_of([1, NAN, 1, 1], [1, 2, 3, 4]), indicator=True)
    assert matrix.names == ("c0", "c1", "c0 missing")
    assert matrix.values[:, 2].tolist() == [0, 1, 0, 0]


def test_standard_scaling_gives_mean_zero_and_deviation_one():
    scaled = StandardScaling().fit_transform(matrix_of([1, 3, 1, 3]), TARGET, seed=0)
    assert scaled.values[:, 0].tolist() == [-1, 1, -1, 1]


def test_standard_scaling_tells_large_neighbouring_numbers_apart():
    column = matrix_of([5_000_001, 5_000_002, 5_000_001, 5_000_002])
    scaled = StandardScaling().fit_transform(column, TARGET, seed=0)
    assert scaled.values[:, 0].tolist() == [-1, 1, -1, 1]


SCALINGS = [StandardScaling(), RobustScaling(), PowerScaling(), QuantileScaling(quantiles=10)]


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda scaling: type(scaling).__name__)
def test_a_constant_column_becomes_zero_for_new_values_too(scaling):
    scaling.fit_transform(matrix_of([0.1, 0.1, 0.1, 0.1]), TARGET, seed=0)
    assert scaling.transform(matrix_of([5.0])).values.tolist() == [[0.0]]


def test_a_wild_value_ends_at_thirty_deviations():
    scaling = StandardScaling()
    scaling.fit_transform(matrix_of([1, 3, 1, 3]), TARGET, seed=0)
    assert scaling.transform(matrix_of([1e30])).values.tolist() == [[30.0]]


def test_a_value_met_often_gets_the_middle_of_its_step():
    column = matrix_of([0] * 500 + [1] * 500)
    scaled = QuantileScaling(quantiles=1000).fit_transform(column, TARGET, seed=0)
    # The normal quantiles of 1/4 and 3/4, the step lying between two support points.
    np.testing.assert_allclose(scaled.values[[0, -1], 0], [-0.6745, 0.6745], atol=2e-3)


def test_quantile_scaling_equals_that_of_scikit_learn_but_for_the_tails():
    rng = np.random.default_rng(0)
    train = matrix_of(rng.normal(size=300), rng.exponential(size=300))
    new = matrix_of(*(3.0 * rng.normal(size=(2, 50))))
    scaling = QuantileScaling(quantiles=40)
    theirs = QuantileTransformer(n_quantiles=40, output_distribution="normal")
    ours = scaling.fit_transform(train, TARGET, seed=0).values
    end = ours.max()
    assert 1.9 < end < 3.1 and ours.min() == -end
    theirs.fit(train.values.astype(np.float64))
    for values in (train, new):
        expected = np.clip(theirs.transform(values.values.astype(np.float64)), -end, end)
        np.testing.assert_allclose(scaling.transform(values).values, expected, atol=1e-5)


def test_robust_scaling_leaves_the_middle_straight_and_bends_wild_values_to_three():
    scaling = RobustScaling()
    scaling.fit_transform(matrix_of([0, 1, 2, 3, 4]), TARGET, seed=0)
    # Median 2 and an interquartile range of 2; a value z becomes z / sqrt(1 + z² / 9).
    new = scaling.transform(matrix_of([2, 4, 1e30])).values[:, 0]
    np.testing.assert_allclose(new, [0.0, 1.0 / np.sqrt(1.0 + 1.0 / 9.0), 3.0])


def test_robust_scaling_falls_back_on_the_range_where_most_values_are_the_same():
    scaled = RobustScaling().fit_transform(matrix_of([0, 0, 0, 0, 0, 0, 4]), TARGET, seed=0)
    assert scaled.values[-1, 0] == pytest.approx(2.0 / np.sqrt(1.0 + 4.0 / 9.0))


def test_robust_scaling_bends_the_largest_numbers_there_are():
    scaling = RobustScaling()
    scaling.fit_transform(matrix_of([0, 1, 2, 3, 4]), TARGET, seed=0)
    largest = Matrix(np.array([[1e300], [-1e300]]), (0,), ("c0",))
    assert scaling.transform(largest).values.tolist() == [[3.0], [-3.0]]


@pytest.mark.parametrize(
    "column", [[0.0, 1e-300, 3e-300, 1e140], [0.0, 0.0, 0.0, 5e-324], [1.0, 2.0, 3.0, 1e300]]
)
def test_no_number_is_too_large_or_too_small_for_robust_scaling(column):
    values = np.array(column)[:, None]
    scaled = RobustScaling().fit_transform(Matrix(values, (0,), ("c0",)), TARGET, 0).values
    assert (abs(scaled) <= 3.0).all()


def test_power_scaling_equals_that_of_scikit_learn_on_standardised_columns():
    rng = np.random.default_rng(0)
    train = matrix_of(rng.exponential(size=300), rng.normal(size=300))
    ours = PowerScaling().fit_transform(train, TARGET, seed=0)
    standard = StandardScaling().fit_transform(train, TARGET, seed=0)
    theirs = PowerTransformer().fit_transform(standard.values.astype(np.float64))
    np.testing.assert_allclose(ours.values, theirs, atol=1e-4)


def test_power_scaling_only_standardises_columns_of_two_values():
    column = matrix_of([0, 0, 0, 1])
    ours = PowerScaling().fit_transform(column, TARGET, seed=0).values
    np.testing.assert_allclose(ours, StandardScaling().fit_transform(column, TARGET, 0).values)
