"""Inputs that users do bring, in the order of a list of fifty, and what each of them gives."""

import datetime
import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from autopipe import AutoClassifier, AutoRegressor
from autopipe.errors import InputError, OptionError, ShapeError
from autopipe.intake import Coding
from autopipe.labels import TargetCoding

QUICK = {"executor": "inline", "max_trials": 1, "cv": 2, "verbose": 0, "random_state": 0}
CLASSIFIER = {**QUICK, "include": ["logistic"]}
REGRESSOR = {**QUICK, "include": ["ridge"]}
ROWS = 40
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "size": RNG.normal(size=ROWS),
        "colour": RNG.choice(["red", "blue"], ROWS),
        "count": RNG.integers(0, 5, ROWS),
    }
)
PRICE = X["size"] + 0.3 * RNG.normal(size=ROWS)
SOLD = pd.Series(np.where(PRICE > 0, "yes", "no"))


def classified(features=X, y=SOLD, **arguments):
    return AutoClassifier(**{**CLASSIFIER, **arguments}).fit(features, y)


def regressed(features=X, y=PRICE, **arguments):
    return AutoRegressor(**{**REGRESSOR, **arguments}).fit(features, y)


BOTH = pytest.mark.parametrize(
    ("fit", "y"), [(classified, SOLD), (regressed, PRICE)], ids=["classifier", "regressor"]
)


def coded(column, later=None, role=None):
    """The values of one column in a table that learned it, maybe of another one like it."""
    place = np.linspace(0, 1, len(column))
    frame = pd.DataFrame({"it": column, "place": place})
    coding = Coding.learn(frame, {"it": role} if role else None)
    if later is not None:
        frame = pd.DataFrame({"it": later, "place": np.linspace(0, 1, len(later))})
    table = coding.encode(frame)
    return table.values(table.schema.columns[0])


@pytest.fixture(scope="module")
def classifier():
    return classified()


@pytest.fixture(scope="module")
def regressor():
    return regressed()


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
        assert coded(cells)[:6].tolist() == [0, 0, -1, 1, 3, 2]


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
def test_23_extreme_floats_do_not_overflow(fit, y):
    extreme = np.resize([1e308, -1e308, 5e-324, -0.0, 0.0, 1e-300], ROWS)
    model = fit(X.assign(extreme=extreme), y)
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
def test_25_an_unseen_category_is_a_missing_one(fit, y):
    model = fit(X.astype({"colour": "category"}), y)
    unseen = X.assign(colour=pd.Categorical(["mauve"] * ROWS))
    missing = X.assign(colour=pd.Categorical([None] * ROWS, ["red"]))
    np.testing.assert_array_equal(model.predict(unseen), model.predict(missing))


@pytest.mark.parametrize("include", [["logistic"], ["lightgbm"], ["xgboost"], ["extra_trees"]])
def test_26_order_and_excess_of_categories_do_not_matter(include):
    categories = [["red", "blue"], ["z", "blue", "unused", "red"]]
    first, second = (X.assign(colour=pd.Categorical(X["colour"], c)) for c in categories)
    model = classified(first, include=include)
    assert (model.predict_proba(first) == model.predict_proba(second)).all()


@pytest.mark.parametrize(
    ("categories", "codes"),
    [
        (pd.CategoricalDtype(["low", "high"], ordered=True), [0, 1, -1]),
        (pd.CategoricalDtype([20, 10]), [1, 0, -1]),
        (pd.CategoricalDtype(pd.to_datetime(["2025-01-01", "2024-01-01"])), [1, 0, -1]),
        (pd.CategoricalDtype(pd.IntervalIndex.from_breaks([0, 1, 2])), [0, 1, -1]),
        (pd.CategoricalDtype([True, False]), [1, 0, -1]),
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


# 34-40: what is predicted for


@pytest.mark.parametrize("fitted", ["classifier", "regressor"])
def test_34_to_36_columns_are_found_by_name(fitted, request):
    model = request.getfixturevalue(fitted)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(X[["count", "colour", "size"]]), expected)
    with pytest.raises(InputError, match="X lacks column 'size'"):
        model.predict(X.drop(columns="size"))
    with pytest.warns(UserWarning, match="'more', which .* ignored"):
        np.testing.assert_array_equal(model.predict(X.assign(more=1)), expected)


@pytest.mark.parametrize("fitted", ["classifier", "regressor"])
def test_37_other_types_are_read_if_they_say_the_same(fitted, request):
    model = request.getfixturevalue(fitted)
    as_text = X.assign(size=X["size"].map(lambda value: str(value).replace(".", ",")))
    np.testing.assert_array_equal(model.predict(as_text), model.predict(X))
    as_text.loc[3, "size"] = "big"
    with pytest.warns(UserWarning, match="'size' with 1 cell.* such as 'big'"):
        model.predict(as_text)
    with pytest.raises(InputError, match="Column 'size' holds 'big', which is not a number"):
        model.predict(X.assign(size="big"))


@BOTH
def test_38_tables_without_names_are_matched_by_position_with_a_warning(fit, y):
    named = X[["size", "count"]]
    model = fit(named, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(model.predict(named.to_numpy()), model.predict(named))
    with pytest.raises(ShapeError, match=r"X has 1 features, but .* is expecting 2"):
        model.predict(named.to_numpy()[:, :1])
    unnamed = fit(named.to_numpy(), y)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        unnamed.predict(named)


@pytest.mark.parametrize("fitted", ["classifier", "regressor"])
def test_39_any_number_of_rows_is_predicted(fitted, request):
    model = request.getfixturevalue(fitted)
    assert model.predict(X[:0]).shape == (0,)
    np.testing.assert_array_equal(model.predict(X[3:4]), model.predict(X)[3:4])
    many = pd.concat([X] * 2_500, ignore_index=True)
    assert model.predict(many).shape == (100_000,)


@pytest.mark.parametrize(
    "index",
    [
        np.zeros(ROWS, dtype=int),
        pd.date_range("2024-01-01", periods=ROWS),
        pd.MultiIndex.from_product([range(4), range(10)]),
        [None] * ROWS,
    ],
    ids=["duplicate", "dates", "multi", "none"],
)
@BOTH
def test_40_the_index_does_not_matter_and_nothing_is_written_to(fit, y, index):
    features = X.set_axis(index, axis=0)
    before = features.copy()
    model = fit(features, y.set_axis(index))
    np.testing.assert_array_equal(model.predict(features), fit().predict(X))
    pd.testing.assert_frame_equal(features, before)


@BOTH
def test_40_the_layout_of_an_array_does_not_matter(fit, y, tmp_path):
    wide = np.column_stack([X["size"], X["size"] ** 2, X["count"], X["count"]])
    table = np.ascontiguousarray(wide[:, ::2])
    mapped = np.memmap(tmp_path / "table", dtype=float, mode="w+", shape=table.shape)
    mapped[:] = table
    table.setflags(write=False)
    model = fit(table, y)
    for layout in (wide[:, ::2], np.asfortranarray(table), mapped, np.ma.masked_array(table)):
        np.testing.assert_array_equal(model.predict(layout), model.predict(table))


# 41-47: what misleads, and what is much


def enlarged(rows=120):
    features = pd.DataFrame({"size": RNG.normal(size=rows), "more": RNG.normal(size=rows)})
    return features, features["size"] + RNG.normal(size=rows)


@BOTH
def test_41_a_column_that_tells_the_target_is_suspected(fit, y):
    features, y = enlarged()
    y = y if fit is regressed else (y > 0)
    with pytest.warns(UserWarning, match="possible leak: 'told'"):
        model = fit(features.assign(told=y * 2), y)
    assert "told" in model.roles_


@BOTH
def test_42_identifiers_are_dropped_with_a_warning(fit, y):
    features, y = enlarged()
    y = np.sort(y if fit is regressed else (y > 0))
    keys = [f"{place:04}-KEY" for place in range(120)]
    features = features.assign(row=np.arange(120), key=keys)
    with pytest.warns(UserWarning, match="dropped") as told:
        model = fit(features, y)
    assert len(told) == 2
    assert (model.roles_["row"], model.roles_["key"]) == ("id", "id")


@BOTH
def test_43_repeated_rows_are_counted(fit, y):
    features, y = enlarged()
    y = y if fit is regressed else (y > 0)
    features = pd.concat([features, features[:30]], ignore_index=True)
    with pytest.warns(UserWarning, match="30 of 150 rows repeat another one"):
        fit(features, pd.concat([y, y[:30]], ignore_index=True))


def test_44_many_columns_are_coded():
    wide = pd.DataFrame(RNG.normal(size=(100, 20_000)).astype(np.float32))
    assert Coding.learn(wide).encode(wide).numbers.shape == (100, 20_000)


def test_45_a_table_is_coded_in_about_the_memory_of_its_floats():
    long = pd.DataFrame(RNG.normal(size=(300_000, 10)))
    coding = Coding.learn(long[:1000])
    tracemalloc.start()
    coding.encode(long)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * long.memory_usage().sum()


@pytest.mark.parametrize(
    "weights", [[-1.0] * ROWS, [np.nan] * ROWS, [0.0] * ROWS, [1.0]], ids=str
)
@BOTH
def test_46_weights_that_make_no_sense_are_refused(fit, y, weights):
    estimator = (
        AutoClassifier(**CLASSIFIER) if fit is classified else AutoRegressor(**REGRESSOR)
    )
    with pytest.raises(InputError, match="sample_weight"):
        estimator.fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("groups", [["a"] * ROWS, ["a", "b"]], ids=["one", "short"])
@BOTH
def test_46_groups_that_make_no_sense_are_refused(fit, y, groups):
    estimator = (
        AutoClassifier(**CLASSIFIER) if fit is classified else AutoRegressor(**REGRESSOR)
    )
    with pytest.raises((InputError, OptionError), match="group"):
        estimator.fit(X, y, groups=groups)


@pytest.mark.filterwarnings("ignore:y has 1 class")
def test_47_a_class_that_is_absent_from_a_fold_is_no_failure():
    features, _ = enlarged(400)
    y = np.arange(400) == 7
    model = classified(features, y)
    assert model.history_["status"].tolist() == ["complete"]
    assert np.isfinite(model.predict_proba(features)).all()


# 48-50: where tables come from, and arguments


@BOTH
def test_48_arrow_and_rows_are_tables_and_the_rest_is_told_how_to_become_one(fit, y):
    expected = fit(X, y).predict(X)
    arrow = pa.Table.from_pandas(X)
    np.testing.assert_array_equal(fit(arrow, y).predict(arrow), expected)
    np.testing.assert_array_equal(fit(X.to_numpy().tolist(), y).predict(X.to_numpy()), expected)
    for other in (X.to_dict("list"), iter(X.to_numpy()), X.to_dict("records")):
        with pytest.raises(InputError, match=r"pandas.DataFrame\(X\)"):
            fit(other, y)


@BOTH
def test_48_polars_frames_are_tables(fit, y):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X.to_dict("list"))
    frame = frame.with_columns(polars.col("colour").cast(polars.Categorical))
    both = frame.with_columns(polars.Series("y", y.tolist()))
    expected = fit(X.astype({"colour": "category"}), y).predict(X)
    np.testing.assert_array_equal(fit(frame, both["y"]).predict(frame), expected)
    np.testing.assert_array_equal(fit(both, "y").predict(frame), expected)
    with pytest.raises(InputError, match=r"Give X.collect\(\)"):
        fit(frame.lazy(), y)


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz", "table.parquet"])
@BOTH
def test_49_files_are_tables(fit, y, name, tmp_path):
    path = tmp_path / name
    both = X.assign(y=y)
    both.to_parquet(path) if name.endswith("parquet") else both.to_csv(path, index=False)
    model = fit(str(path), "y")
    with pytest.warns(UserWarning, match="'y', which .* ignored"):
        from_path = model.predict(path)
    np.testing.assert_array_equal(from_path, fit(X, y).predict(X))
    with pytest.raises(InputError, match="0 columns called 'z'"):
        fit(path, "z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"a,y\n1,2\n3\n", "1 cells in line 3"),
        (b"a,y\n1,2\n3,\0\n", "zero byte in line 3"),
        (gzip.compress(b"a,y\n1,2\n")[:-6], "cannot be read"),
    ],
    ids=["empty", "ragged", "zero byte", "torn"],
)
def test_49_files_that_hold_no_table_are_refused(content, message, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        regressed(path, "y")


@pytest.mark.parametrize(
    "argument",
    [{"time_budget": value} for value in (0, -1, float("nan"))] + [{"n_jobs": 0}],
    ids=str,
)
def test_50_a_budget_that_makes_no_sense_is_refused(argument):
    with pytest.raises(OptionError, match=next(iter(argument))):
        classified(**argument)


@pytest.mark.parametrize(
    "argument",
    [
        {"n_jobs": 10_000},
        {"random_state": None},
        {"random_state": np.random.default_rng(0)},
        {"random_state": np.random.RandomState(0)},
    ],
    ids=["n_jobs", "none", "generator", "RandomState"],
)
def test_50_a_budget_that_makes_sense_is_taken(argument):
    assert len(classified(**argument).predict(X)) == ROWS


def test_50_a_tiny_budget_still_gives_a_model():
    model = classified(time_budget=0.001)
    assert len(model.predict(X)) == ROWS
