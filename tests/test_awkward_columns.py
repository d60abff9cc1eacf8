"""Awkward inputs 13 to 33 of a list of fifty: names, cells, and columns of every make."""

import datetime
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from awkward import (
    BOTH,
    ROWS,
    X,
    classified,
    coded,
)
from scipy import sparse

from autopipe.errors import InputError
from autopipe.intake.coding import Coding

# 13-15: names


def test_13_names_that_come_twice_are_listed():
    with pytest.raises(InputError, match="several columns with one name: column 'a'"):
        Coding.learn(pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=["a", "b", "a"]))


@pytest.mark.parametrize(
    "names",
    [
        [1, 2, 3],
        ["a", 1, None],
        [("a", 1), ("a", 2), ("b", 1)],
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
        [datetime.date(2024, 1, 1), 2.5, True],
        ['{"x":[1,<2>]}', "line\nend", "\u202eright to left 🙂"],
        ["x" * 10_000, "target", ""],
    ],
    ids=["ints", "mixed", "tuples", "multi", "odd", "punctuation", "long"],
)
def test_14_and_15_any_names_will_do(names):
    features = X.copy()
    features.columns = (
        names if isinstance(names, pd.MultiIndex) else pd.Index(names, dtype=object)
    )
    model = classified(features)
    reversed_columns = features.iloc[:, ::-1]
    assert (model.predict_proba(reversed_columns) == model.predict_proba(features)).all()


# 16-20: cells that are no plain values, or tell nothing


def test_16_values_of_several_types_are_read_as_text_with_a_warning():
    cells = pd.Series([1, "1", None, 2.5, "a", True] * 5, dtype=object)
    with pytest.warns(UserWarning, match="values of several types or bytes; read as text"):
        assert coded(cells)[:6].tolist() == [0, 0, 4, 1, 3, 2]


def test_17_bytes_are_read_as_utf_8_or_in_hex_with_a_warning():
    cells = pd.Series(["ü", "ü".encode(), b"\xff"] * 5, dtype=object)
    with pytest.warns(UserWarning, match="several types or bytes"):
        assert coded(cells)[:3].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    "cell",
    [[1], {"a": 1}, {1}, np.ones(2), pd.Series([1]), object()],
    ids=lambda c: str(type(c)),
)
def test_18_cells_that_hold_more_than_a_value_are_refused(cell):
    with pytest.raises(InputError, match="Column 'it' holds a"):
        coded(pd.Series([cell, cell, None], dtype=object))


@BOTH
def test_19_a_column_without_values_is_dropped_with_a_warning(fit, y):
    with pytest.warns(UserWarning, match="'empty' with no value at all; dropped"):
        model = fit(X.assign(empty=None), y)
    assert model.roles_["empty"] == "constant"
    later = model.predict(X.assign(empty=1.0))
    np.testing.assert_array_equal(later, model.predict(X.assign(empty=None)))


@BOTH
def test_20_constant_and_nearly_constant_columns_do_no_harm(fit, y):
    rare = np.where(np.arange(ROWS) == 3, 1.0, 0.0)
    model = fit(X.assign(same="x", rare=rare), y)
    varied = model.predict(X.assign(same=X["colour"], rare=rare))
    np.testing.assert_array_equal(varied, model.predict(X.assign(same="x", rare=rare)))


# 21-28: numbers and categories


@BOTH
def test_21_a_column_may_be_missing_only_when_predicting_or_in_one_fold(fit, y):
    model = fit()
    assert len(model.predict(X.assign(size=np.nan, colour=None))) == ROWS
    halved = fit(X.assign(half=X["size"].where(np.arange(ROWS) < 3)), y)
    assert len(halved.predict(X.assign(half=np.nan))) == ROWS


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(ROWS) * 1000 + 2**60,
        np.arange(ROWS, dtype=np.uint64) * np.uint64(5000) + np.uint64(2**63),
        pd.Series([2**70 + place * 2**30 for place in range(ROWS)], dtype=object),
    ],
    ids=["int64", "uint64", "python"],
)
@pytest.mark.filterwarnings("ignore:X has column")
def test_22_huge_whole_numbers_are_rounded(numbers):
    values = coded(numbers)
    assert values.dtype == np.float64
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(values, np.array(numbers, dtype=np.float64))


def test_22_rounding_of_whole_numbers_is_told():
    with pytest.warns(UserWarning, match=r"beyond 2\*\*53; they are rounded"):
        coded(np.arange(ROWS) + 2**60)


@BOTH
@pytest.mark.parametrize(
    "cells", [[1e308, -1e308, 5e-324, -0.0, 0.0, 1e-300], [1.7e308, 1.7e308, 0.0, 1.0]]
)
def test_23_extreme_floats_do_not_overflow(fit, y, cells):
    extreme = np.resize(cells, ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model = fit(X.assign(extreme=extreme), y)
    assert (model.history_["status"] == "complete").all()
    predictions = model.predict(X.assign(extreme=extreme))
    assert pd.notna(predictions).all()


@pytest.mark.parametrize(
    ("dtype", "twin"),
    [
        ("Int64", [1.0, np.nan, 3.0]),
        ("Float32", [1.0, np.nan, 3.0]),
        ("int64[pyarrow]", [1.0, np.nan, 3.0]),
        ("double[pyarrow]", [1.0, np.nan, 3.0]),
        ("boolean", [True, None, False]),
        ("bool[pyarrow]", [True, None, False]),
        ("string", ["a", None, "b"]),
        ("string[pyarrow]", ["a", None, "b"]),
        (pd.ArrowDtype(pa.large_string()), ["a", None, "b"]),
        (pd.ArrowDtype(pa.decimal128(5, 2)), [1.0, np.nan, 3.0]),
        (pd.ArrowDtype(pa.timestamp("s")), pd.to_datetime(["2024-01-01", None, "2025-01-01"])),
        (pd.ArrowDtype(pa.duration("s")), pd.to_timedelta(["1h", None, "2h"])),
    ],
    ids=str,
)
def test_24_columns_of_any_make_are_like_their_numpy_twins(dtype, twin):
    values = pd.Series(np.resize(np.array(twin, dtype=object), 12))
    made = values.astype(dtype)
    np.testing.assert_array_equal(coded(made), coded(values.infer_objects()))


@BOTH
def test_25_an_unseen_category_is_a_missing_one_where_none_was_missing_in_fit(fit, y):
    model = fit(X.astype({"colour": "category"}), y)
    unseen = X.assign(colour=pd.Categorical(["mauve"] * ROWS))
    missing = X.assign(colour=pd.Categorical([None] * ROWS, ["red"]))
    with pytest.warns(UserWarning, match="not seen in fit"):
        predicted = model.predict(unseen)
    np.testing.assert_array_equal(predicted, model.predict(missing))


@pytest.mark.parametrize("include", [["logistic"], ["lightgbm"], ["xgboost"], ["extra_trees"]])
def test_26_order_and_excess_of_categories_do_not_matter(include):
    categories = [["red", "blue"], ["z", "blue", "unused", "red"]]
    first, second = (X.assign(colour=pd.Categorical(X["colour"], c)) for c in categories)
    model = classified(first, include=include)
    assert (model.predict_proba(first) == model.predict_proba(second)).all()


@pytest.mark.parametrize(
    ("categories", "codes"),
    [
        (pd.CategoricalDtype(["low", "high"], ordered=True), [0, 1, 2]),
        (pd.CategoricalDtype([20, 10]), [1, 0, 2]),
        (pd.CategoricalDtype(pd.to_datetime(["2025-01-01", "2024-01-01"])), [1, 0, 2]),
        (pd.CategoricalDtype(pd.IntervalIndex.from_breaks([0, 1, 2])), [0, 1, 2]),
        (pd.CategoricalDtype([True, False]), [1, 0, 2]),
    ],
    ids=["ordered", "numeric", "times", "intervals", "booleans"],
)
def test_27_categories_may_be_ordered_and_of_any_type(categories, codes):
    cells = pd.Categorical.from_codes([0, 1, -1] * 4, dtype=categories)
    assert coded(cells).tolist() == codes * 4


def test_28_a_hundred_thousand_categories_are_coded():
    cells = pd.Series([f"place {number // 2}" for number in range(200_000)])
    assert coded(cells).max() == 99_999


# 29-33: sparse tables, times, complex numbers and texts


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
@BOTH
def test_29_sparse_tables_are_like_dense_ones(fit, y, make):
    dense = X[["size", "count"]].to_numpy()
    model = fit(make(dense), y)
    np.testing.assert_array_equal(model.predict(make(dense)), model.predict(dense))


def test_29_explicit_zeros_are_zeros_and_large_indices_do_no_harm():
    table = sparse.csr_array(np.eye(3))
    table.data[0] = 0.0
    table.indices, table.indptr = table.indices.astype("int64"), table.indptr.astype("int64")
    assert Coding.learn(np.eye(3)).encode(table).numbers.tolist()[0] == [0.0, 0.0, 0.0]
    cells = pd.arrays.SparseArray([0.0, 1.0, np.nan, 0.0], fill_value=0.0)
    np.testing.assert_array_equal(coded(cells), [0.0, 1.0, np.nan, 0.0])


def test_29_a_sparse_table_too_large_to_be_dense_is_refused_at_once():
    tracemalloc.start()
    with pytest.raises(InputError, match=r"74\.5 GB of at most 2 GB"):
        Coding.learn(sparse.csr_array((10**6, 10**4)))
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (pd.to_datetime(["1970-01-02", None]), [86400.0, np.nan]),
        (pd.to_datetime(["1970-01-02", None]).tz_localize("Asia/Tokyo"), [54000.0, np.nan]),
        (["1970-01-02T00:00+09:00", "1970-01-02T00:00Z"], [54000.0, 86400.0]),
        (
            [
                pd.Timestamp("1970-01-02", tz="Asia/Tokyo"),
                pd.Timestamp("1970-01-02", tz="UTC"),
            ],
            [54000.0, 86400.0],
        ),
        (
            [datetime.datetime(9999, 1, 1), datetime.datetime(1, 1, 1)],
            [253370764800.0, -62135596800.0],
        ),
        (["9999-01-01", "1970-01-02"], [253370764800.0, 86400.0]),
        (pd.PeriodIndex(["1970-01", "1970-02"], freq="M"), [0.0, 31 * 86400.0]),
        ([datetime.date(1970, 1, 2), None], [86400.0, np.nan]),
    ],
    ids=["naive", "zoned", "text", "zones", "far", "far text", "period", "date"],
)
def test_30_times_of_any_make_are_seconds_in_utc(cells, seconds):
    column = pd.Series(cells, dtype=object if isinstance(cells, list) else None)
    column = pd.concat([column] * 3, ignore_index=True)
    np.testing.assert_array_equal(coded(column), seconds * 3)


def test_31_durations_are_seconds():
    assert coded(pd.to_timedelta(["1h", "2h", "3h"])).tolist() == [3600.0, 7200.0, 10800.0]


@pytest.mark.parametrize("is_text", [True, False])
def test_31_times_of_day_are_seconds(is_text):
    cells = [datetime.time(7, 30), datetime.time(23, 5, 1), None, datetime.time(0, 0)] * 5
    if is_text:
        cells = [cell and f"{cell:%I:%M:%S %p}" for cell in cells]
    seconds = coded(pd.Series(cells, dtype=object))[:4]
    np.testing.assert_array_equal(seconds, [27_000.0, 83_101.0, np.nan, 0.0])


def test_32_complex_numbers_are_refused():
    with pytest.raises(InputError, match="Complex data not supported"):
        coded([1j, 2.0, 3.0])
    with pytest.raises(InputError, match="Complex data not supported"):
        Coding.learn(np.array([[1j, 2.0], [3.0, 4.0]]))


@BOTH
def test_33_long_texts_are_texts(fit, y):
    said = [
        f"it was said {place} times that {'very ' * (place % 5)}much" for place in range(90)
    ]
    features = pd.concat([X, X * [2, 1, 1], X[:10] * [3, 1, 1]], ignore_index=True)
    y = pd.concat([y, y, y[:10]], ignore_index=True)
    model = fit(features.assign(said=said), y)
    assert model.roles_["said"] == "text"
    assert len(model.predict(features.assign(said=None))) == 90
