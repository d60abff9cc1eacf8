"""Awkward inputs 34 to 50 of a list of fifty: new tables, misleading ones, files, arguments."""

import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from awkward import (
    BOTH,
    CLASSIFIER,
    REGRESSOR,
    RNG,
    ROWS,
    X,
    classified,
    regressed,
)

from autopipe import AutoClassifier, AutoRegressor
from autopipe.errors import InputError, OptionError, ShapeError
from autopipe.intake.coding import Coding


@pytest.fixture(scope="module")
def classifier():
    return classified()


@pytest.fixture(scope="module")
def regressor():
    return regressed()


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
    expected = fit(X, y).predict(X)
    if isinstance(expected[0], float):  # a CSV may lose the last bit of a number
        np.testing.assert_allclose(from_path, expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(from_path, expected)
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
