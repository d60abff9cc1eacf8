"""Awkward inputs 1 to 12 of a list of fifty: too little, and the target."""

import numpy as np
import pandas as pd
import pytest
from awkward import BOTH, ROWS, SOLD, X, classified, regressed

from autopipe.errors import InputError, ShapeError
from autopipe.intake.labels import TargetCoding

# 1-4: too little


@BOTH
def test_01_a_table_without_rows_or_columns_is_refused(fit, y):
    with pytest.raises(InputError, match=r"0 sample\(s\)"):
        fit(X[:0], y[:0])
    with pytest.raises(InputError, match=r"0 feature\(s\)"):
        fit(X[[]], y)


@BOTH
def test_02_a_single_row_is_refused(fit, y):
    with pytest.raises(InputError, match=r"varies in 1 sample\(s\)"):
        fit(X[:1], y[:1])


def test_03_one_class_is_refused():
    with pytest.raises(InputError, match=r"1 class \('no'\) in 40 rows"):
        classified(y=["no"] * ROWS)


def test_04_a_class_of_one_row_is_kept_with_a_warning():
    y = pd.concat([SOLD] * 3, ignore_index=True)
    y[0] = "maybe"
    features = pd.concat([X, X * [2, 1, 1], X * [3, 1, 1]], ignore_index=True)
    with pytest.warns(UserWarning, match="single row, such as 'maybe'"):
        model = classified(features, y)
    assert model.classes_.tolist() == ["maybe", "no", "yes"]


# 5-12: the target


def test_05_a_class_of_its_own_for_every_row_is_refused():
    with pytest.raises(InputError, match="looks like an identifier"):
        classified(y=[f"id{place}" for place in range(ROWS)])


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
@BOTH
def test_06_a_missing_target_is_refused_with_the_count(fit, y, missing):
    y = y.astype(object)
    y[3] = missing
    with pytest.raises(InputError, match=r"1 of 40 values are missing.*keep = ~pandas.isna"):
        fit(y=y)


@BOTH
def test_07_an_infinite_target_is_refused(fit, y):
    with pytest.raises(InputError, match="infinity"):
        fit(y=np.where(np.arange(ROWS) == 3, np.inf, np.arange(ROWS) % 2))


@BOTH
def test_08_infinite_features_are_missing_ones_with_a_warning(fit, y):
    features = X.assign(size=X["size"].where(X["size"] < 1, np.inf))
    with pytest.warns(UserWarning, match="infinite values; they count as missing"):
        model = fit(features, y)
    missing = features.replace(np.inf, np.nan)
    np.testing.assert_array_equal(model.predict(features), model.predict(missing))


def test_09_the_estimator_decides_what_the_target_is():
    grades = np.tile([0.5, 1.0, 1.5, 1.0], 10)
    assert classified(y=grades).classes_.tolist() == [0.5, 1.0, 1.5]
    assert regressed(y=grades).predict(X).dtype == np.float64
    many = np.repeat(np.arange(5_000), 2)
    assert len(TargetCoding.learn(many, classify=True).classes) == 5_000
    assert TargetCoding.learn(many, classify=False).target(many).outputs == 1


@pytest.mark.parametrize(
    "labels",
    [
        (False, True),
        ("no", "yes"),
        (3, 7),
        (pd.Interval(0, 1), pd.Interval(1, 2)),
        (b"a", b"b"),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_10_classes_keep_the_type_of_the_labels(labels, dtype):
    y = SOLD.map(dict(zip(["no", "yes"], labels, strict=True))).astype(dtype)
    model = classified(y=y)
    assert model.classes_.tolist() == list(labels)
    assert set(model.predict(X)) <= set(labels)


@BOTH
def test_11_a_target_of_one_column_is_taken_with_a_warning_and_of_two_refused(fit, y):
    with pytest.warns(UserWarning, match="column-vector"):
        fit(y=y.to_frame())
    with pytest.raises(ShapeError, match="1d array"):
        fit(y=pd.DataFrame({"a": y, "b": y}))


@BOTH
def test_12_a_target_of_other_rows_is_refused(fit, y):
    with pytest.raises(ShapeError, match="X has 40 rows and y has 39"):
        fit(y=y[1:])
    with pytest.raises(InputError, match="in another order"):
        fit(y=y[::-1])
