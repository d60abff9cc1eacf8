import datetime
import json
import os
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from frames import awkward_frame, frames
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from autopipe.errors import InputError, OptionError, ShapeError
from autopipe.intake.coding import Coding
from autopipe.intake.frames import as_frame
from autopipe.roles import Role

DATA = os.environ.get("AUTOPIPE_DATA")


# Awkward frames are remarked on, which is tested by itself.
quiet = pytest.mark.filterwarnings("ignore:X has column")


def values_of(coding, X, name):
    table = coding.encode(X)
    place = list(coding.columns).index(name)
    column = next(column for column in table.schema.columns if column.name == f"c{place}")
    return table.values(column).tolist()


def learned(**columns):
    frame = pd.DataFrame(columns | {"varies": range(len(next(iter(columns.values()))))})
    return Coding.learn(frame), frame


@quiet
@given(frame=frames(), seed=st.integers(0, 99))
def test_shuffled_rows_are_coded_as_the_shuffled_codes(frame, seed):
    order = np.random.default_rng(seed).permutation(len(frame))
    coding = Coding.learn(frame)
    shuffled = coding.encode(frame.iloc[order])
    assert shuffled.fingerprint() == coding.encode(frame).take(order).fingerprint()
    assert Coding.learn(frame.iloc[order]) == coding


@quiet
@given(frame=frames())
def test_a_drawn_coding_survives_json(frame):
    coding = Coding.learn(frame)
    restored = Coding.restore(json.loads(json.dumps(coding.state(), allow_nan=False)))
    assert restored == coding
    assert restored.encode(frame).fingerprint() == coding.encode(frame).fingerprint()


@quiet
@given(frame=frames())
def test_learning_and_encoding_spare_their_input(frame):
    before = frame.copy(deep=True)
    Coding.learn(frame).encode(frame)
    pd.testing.assert_frame_equal(frame, before)


@quiet
@given(frame=frames(), seed=st.integers(0, 99))
def test_the_order_of_columns_does_not_matter_when_encoding(frame, seed):
    order = np.random.default_rng(seed).permutation(frame.shape[1])
    coding = Coding.learn(frame)
    swapped = coding.encode(frame.iloc[:, order])
    assert swapped.fingerprint() == coding.encode(frame).fingerprint()


@quiet
@given(frame=frames(min_rows=4))
def test_a_row_is_coded_alone_as_among_others(frame):
    coding = Coding.learn(frame)
    alone = coding.encode(frame.iloc[[1]])
    together = coding.encode(frame).take(np.array([1]))
    assert alone.fingerprint() == together.fingerprint()


@quiet
def test_every_kind_of_column_gets_its_role():
    roles = Coding.learn(awkward_frame()).roles
    assert {name: role.value for name, role in roles.items()} == {
        **dict.fromkeys(["float", "huge", "id", "Int64", ("tuple", 1), 7], "numeric"),
        **dict.fromkeys(["number text", "decimal", "duration", "one or none"], "numeric"),
        **dict.fromkeys(["bool", "boolean"], "boolean"),
        **dict.fromkeys(["text", "string", "category", "ordered", "interval"], "categorical"),
        **dict.fromkeys(["mixed", "code text", "post code"], "categorical"),
        **dict.fromkeys(["date", "date text", "time", "zoned", "period"], "datetime"),
        "constant": "constant",
    }


@quiet
def test_an_awkward_coding_survives_json():
    frame = awkward_frame()
    coding = Coding.learn(frame)
    restored = Coding.restore(json.loads(json.dumps(coding.state())))
    assert restored == coding
    assert restored.encode(frame).fingerprint() == coding.encode(frame).fingerprint()


@quiet
def test_numbers_that_float32_would_merge_or_overflow_are_precise():
    coding = Coding.learn(awkward_frame())
    assert {name for name, column in coding.columns.items() if column.precise} == {"huge", "id"}


def test_times_are_seconds_in_utc():
    zoned = pd.to_datetime(["1970-01-01 09:00", "1970-01-02 09:00"]).tz_localize("Asia/Tokyo")
    coding, frame = learned(zoned=zoned, text=["1970-01-01 00:00:01", "1970-01-01 00:01:00"])
    assert values_of(coding, frame, "zoned") == [0.0, 86400.0]
    assert values_of(coding, frame, "text") == [1.0, 60.0]


def test_arrow_columns_are_coded_like_their_numpy_twins():
    day = datetime.date(1970, 1, 2)
    coding, frame = learned(
        day=pd.Series([day, None], dtype=pd.ArrowDtype(pa.date32())),
        text=pd.Series([None, "a"], dtype=pd.ArrowDtype(pa.string())),
        time=pd.Series([day, None]).astype("datetime64[us]").astype("timestamp[us][pyarrow]"),
        flag=pd.Series([True, None], dtype="bool[pyarrow]"),
    )
    assert values_of(coding, frame, "day")[0] == values_of(coding, frame, "time")[0] == 86400.0
    assert values_of(coding, frame, "text") == [1, 0]
    assert values_of(coding, frame, "flag")[0] == 1.0


@pytest.mark.parametrize(("rows", "tells_more"), [(99, True), (100, False)])
def test_names_of_many_rows_each_are_categories_alone(rows, tells_more):
    towns = [f"town of {place:03}" for place in range(50)] * rows
    coding = Coding.learn(pd.DataFrame({"town": towns}))
    assert coding.columns["town"].role is Role.CATEGORICAL
    assert coding.columns["town"].has_texts is tells_more  # no numpy bool: JSON refuses it


def test_a_day_above_twelve_decides_the_order_of_a_date():
    coding, frame = learned(day=["01/02/1970", "13/01/1970"])
    assert values_of(coding, frame, "day") == [31 * 86400.0, 12 * 86400.0]


@quiet
def test_categories_are_sorted_unless_they_have_an_order():
    columns = Coding.learn(awkward_frame()).columns
    assert columns["category"].levels == ("high", "low", None)
    assert columns["ordered"].levels == ("low", "high")
    assert columns["mixed"].levels == ("1", "2.5", "True", "b", None)


def test_the_order_and_excess_of_categories_do_not_matter():
    first, frame = learned(size=pd.Categorical(["b", "a", "b"]))
    frame["size"] = pd.Categorical(["b", "a", "b"], categories=["z", "b", "a"])
    assert values_of(first, frame, "size") == [1, 0, 1]
    assert Coding.learn(frame) == first


@quiet
@pytest.mark.parametrize("cells", [["", "\0", "\0a"], ["", "\0", 0.0]], ids=str)
def test_texts_that_differ_after_a_nul_are_categories_of_their_own(cells):
    coding, frame = learned(word=cells * 4)
    assert sorted(set(values_of(coding, frame, "word"))) == [0, 1, 2]


def test_a_category_that_no_row_holds_need_not_be_a_number():
    sizes = pd.Series(pd.Categorical(["1.5", "2", "1.5"], ["1.5", "2", "unknown"]))
    coding = Coding.learn(frame := pd.DataFrame({"size": sizes}), {"size": "numeric"})
    assert values_of(coding, frame, "size") == [1.5, 2.0, 1.5]
    assert not coding.columns["size"].is_torn


@pytest.mark.parametrize("dtype", [object, "category"])
def test_decimals_can_be_categories(dtype):
    grades = pd.Series([Decimal("1.5"), Decimal(2), None], dtype=dtype)
    frame = pd.DataFrame({"grade": grades, "varies": range(3)})
    coding = Coding.learn(frame, {"grade": "categorical"})
    assert coding.columns["grade"].levels == (1.5, 2, None)
    assert values_of(coding, frame, "grade") == [0, 1, 2]
    new = frame.assign(grade=pd.Series(["2", "none of them", None], dtype=object))
    assert values_of(coding, new, "grade") == [1, -1, 2]


@pytest.mark.parametrize(
    ("cells", "codes", "gap"),
    [(["red", "blue", None], [-1, 2, 0], 2), (["red", "blue", "red"], [-1, -1, 0], -1)],
)
@pytest.mark.parametrize("dtype", [object, "category", pd.ArrowDtype(pa.string())])
def test_a_missing_category_is_no_new_one_where_fit_has_seen_some(cells, codes, gap, dtype):
    coding, frame = learned(colour=pd.Series(cells, dtype=dtype))
    frame["colour"] = pd.Series(["green", None, "blue"], dtype=dtype)
    for known in (coding, Coding.restore(json.loads(json.dumps(coding.state())))):
        assert values_of(known, frame, "colour") == codes
        assert [column.gap for column in known.schema.having(Role.CATEGORICAL)] == [gap]


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
@pytest.mark.parametrize("learned_as", ["ns", "us", "s", "text", "objects", "categories"])
def test_times_may_be_categories_in_any_form(learned_as, zone):
    texts = pd.Series(["2024-01-01", "2024-02-01 10:30:00", "2024-01-01"])
    times = pd.to_datetime(texts, format="ISO8601")
    times = times.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else times
    forms = {unit: times.dt.as_unit(unit) for unit in ("ns", "us", "s")} | {
        "text": texts,
        "objects": times.astype(object),
        "categories": times.astype("category"),
    }
    frames = {name: pd.DataFrame({"day": form, "x": range(3)}) for name, form in forms.items()}
    coding = Coding.learn(frames[learned_as], {"day": "categorical"})
    assert coding.columns["day"].levels == ("2024-01-01", "2024-02-01 10:30:00")
    for frame in frames.values():
        assert values_of(coding, frame, "day") == [0, 1, 0]


DAYS = pd.Series(pd.date_range("2023-12-20", periods=20, freq="D"))
SPELLED = DAYS.dt.strftime("%Y%m%d")
DAYS_IN_FORMS = {
    "integers": SPELLED.astype(int),
    "floats": SPELLED.astype(float).where(DAYS.dt.day != 31),
    "texts": SPELLED,
    "objects": SPELLED.astype(int).astype(object),
    "decimals": SPELLED.map(Decimal),
    "single": pd.Series([np.int32(day) for day in SPELLED], dtype=object),
    "nullable": SPELLED.astype("Int64"),
    "arrow": SPELLED.astype(pd.ArrowDtype(pa.int32())),
    "with a time": SPELLED + "T0000",
}


@pytest.mark.parametrize("form", DAYS_IN_FORMS)
def test_days_may_be_whole_numbers(form):
    coding, frame = learned(day=DAYS_IN_FORMS[form])
    assert coding.roles["day"] is Role.DATETIME
    assert not coding.columns["day"].remark
    for known in DAYS_IN_FORMS.values():
        frame["day"] = known
        seconds = np.array(values_of(coding, frame, "day"))
        true = DAYS.where(known.notna()).astype("datetime64[s]").to_numpy()
        np.testing.assert_array_equal(seconds.astype("datetime64[s]"), true)


@pytest.mark.parametrize(
    "amounts",
    [
        np.arange(20230101, 20230121) * 1.5,  # no whole numbers
        np.arange(20, 40),
        np.arange(20231320, 20231340),  # in a thirteenth month
        [20230101, 20230102] * 10,  # too few to tell
        np.linspace(19000101, 21991231, 60).round(),
        SPELLED + ".0",  # texts that no date format reads
        SPELLED + " kg",
    ],
)
def test_amounts_are_no_days(amounts):
    assert learned(amount=np.append(amounts, amounts[0]))[0].roles["amount"] is Role.NUMERIC


def test_numbers_that_say_that_there_is_no_day_count_as_missing():
    days = [*DAYS_IN_FORMS["integers"], *[99999999] * 9]
    with pytest.warns(UserWarning, match="column 'day' .*cannot be read like the others"):
        coding, frame = learned(day=days)
    assert coding.roles["day"] is Role.DATETIME
    assert np.isnan(values_of(coding, frame, "day")).tolist() == [False] * 20 + [True] * 9
    roles = {"day": "numeric"}
    assert Coding.learn(frame, roles).roles["day"] is Role.NUMERIC


def test_times_are_no_numbers():
    coding, frame = learned(price=np.arange(9) / 2)
    frame["price"] = pd.to_datetime(["2024-01-01"] * 9)
    with pytest.raises(InputError, match="'price' holds '2024-01-01 00:00:00', which is not a"):
        coding.encode(frame)


def test_a_name_that_is_no_text_is_found_in_a_file_again():
    coding = Coding.learn(pd.DataFrame({7: [1.0, 2.0], "x": [3.0, 5.0]}))
    table = coding.encode(pd.DataFrame({"x": [3.0, 4.0], "7": [8.0, 9.0]}))
    assert table.numbers[:, 0].tolist() == [8.0, 9.0]
    both = pd.DataFrame({"x": [3.0, 4.0], "7": [8.0, 9.0], 7: [1.0, 2.0]})
    with pytest.warns(UserWarning, match="column '7', which autopipe was not fitted with"):
        assert coding.encode(both).numbers[:, 0].tolist() == [1.0, 2.0]


def test_infinite_values_become_missing_with_a_warning():
    with pytest.warns(UserWarning, match="'x' with infinite values"):
        coding, frame = learned(x=[1.0, np.inf, -np.inf])
    assert np.isnan(values_of(coding, frame, "x")).tolist() == [False, True, True]


def test_an_empty_column_is_dropped_with_a_warning():
    with pytest.warns(UserWarning, match="'x' with no value at all"):
        coding, _ = learned(x=[None, None])
    assert coding.roles == {"x": Role.CONSTANT, "varies": Role.NUMERIC}


@pytest.mark.parametrize("cell", [[1], {"a": 1}, np.ones(2), (1, 2), object()])
def test_a_cell_that_is_no_single_value_is_refused(cell):
    with pytest.raises(InputError, match=r"Column 'x' holds a .*Spread it"):
        learned(x=pd.Series([cell, None], dtype=object))


def test_complex_numbers_are_refused():
    with pytest.raises(InputError, match="Complex data not supported: column 'x'"):
        learned(x=[1j, 2.0])


def test_roles_can_be_chosen():
    frame = pd.DataFrame({"zip": [1067, 1069, 1067], "flag": ["1", "0", None]})
    coding = Coding.learn(frame, {"zip": "categorical", "flag": "numeric"})
    assert list(coding.roles.values()) == [Role.CATEGORICAL, Role.NUMERIC]
    as_text = pd.DataFrame({"zip": ["1069", "1067.0", "9"], "flag": [1, 0, 1]})
    assert values_of(coding, as_text, "zip") == [1, 0, -1]


def test_an_unknown_role_or_column_is_refused_with_a_guess():
    frame = pd.DataFrame({"zip": [1, 2]})
    with pytest.raises(OptionError, match="Did you mean 'zip'"):
        Coding.learn(frame, {"zap": "categorical"})
    with pytest.raises(OptionError, match="give the role of each column by its name"):
        Coding.learn(frame, ["zip"])
    with pytest.raises(OptionError, match="Did you mean 'categorical'"):
        Coding.learn(frame, {"zip": "categorial"})


def test_a_few_cells_that_cannot_be_read_are_missing_with_a_warning():
    coding, frame = learned(x=[1, 2, 3], day=pd.to_datetime(["2024-01-01"] * 2 + [None]))
    frame["x"] = ["3,5", " ", "four"]
    with pytest.warns(UserWarning, match=r"'x' with 1 cell.* such as 'four', which is not"):
        assert values_of(coding, frame, "x")[0] == 3.5
    frame["x"], frame["day"] = 1, ["2024-01-01", "?", "soon"]
    with pytest.warns(UserWarning, match="column 'day' with 1 cell"):
        coding.encode(frame)


def test_a_column_of_which_no_cell_can_be_read_is_refused():
    coding, frame = learned(x=range(3, 9))
    with pytest.raises(InputError, match="Column 'x' holds 'four', which is not a number"):
        coding.encode(frame.assign(x="four"))


def test_missing_columns_are_listed_and_others_ignored():
    coding, frame = learned(x=[1, 2], y=[3, 4])
    with pytest.raises(InputError, match="lacks columns 'x', 'y'"):
        coding.encode(frame[["varies"]])
    with pytest.warns(UserWarning, match="column 'z', which .* ignored"):
        coding.encode(frame.assign(z=1))


def test_duplicate_names_are_listed():
    with pytest.raises(InputError, match="several columns with one name: column 'a'"):
        Coding.learn(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))


def test_arrays_are_matched_by_position():
    array = np.array([[1.0, 2.0], [3.0, 5.0]])
    coding = Coding.learn(array)
    assert coding.encode(array).numbers.tolist() == array.tolist()
    with pytest.raises(ShapeError, match="X has 3 features, but Me is expecting 2 features"):
        coding.encode(np.ones((2, 3)), owner="Me")
    with pytest.warns(UserWarning, match="X does not have valid feature names, but autopipe"):
        Coding.learn(pd.DataFrame(array, columns=["a", "b"])).encode(array)


def test_a_table_where_nothing_varies_is_refused():
    with pytest.raises(InputError, match=r"None of the 2 columns varies in 1 sample"):
        Coding.learn([[1, "a"]])


def test_no_rows_and_no_columns_are_refused():
    with pytest.raises(InputError, match=r"0 sample\(s\) \(shape=\(0, 3\)\)"):
        Coding.learn(np.empty((0, 3)))
    with pytest.raises(InputError, match=r"0 feature\(s\) \(shape=\(3, 0\)\)"):
        Coding.learn(np.empty((3, 0)))


@quiet
def test_no_rows_are_coded_as_no_rows():
    frame = awkward_frame()
    assert len(Coding.learn(frame).encode(frame.iloc[:0])) == 0


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1, 2], "Expected 2D array, got 1D array instead"),
        (np.ones(3), "Expected 2D array, got 1D array instead"),
        (pd.Series([1, 2]), "Expected 2D array, got 1D array instead"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        (sparse.csr_array((10**6, 10**4)), r"74.5 GB of at most 2 GB.*TruncatedSVD"),
        ([{"a": 1}], "list of dicts"),
        ({"a": [1]}, "X is a dict"),
        ([[1, 2], [3]], "rows of 1 and of 2 cells"),
    ],
)
def test_what_is_no_table_is_refused(X, message):
    with pytest.raises(InputError, match=message):
        as_frame(X)


def test_arrow_tables_and_rows_are_frames():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    pd.testing.assert_frame_equal(as_frame(pa.Table.from_pandas(frame)), frame)
    assert as_frame([[1, "x"], [2, "y"]]).to_numpy().tolist() == frame.to_numpy().tolist()


@pytest.mark.slow
@pytest.mark.skipif(DATA is None, reason="AUTOPIPE_DATA names no folder of parquet files")
@pytest.mark.parametrize(
    "path", sorted(Path(DATA or ".").glob("*.parquet")), ids=lambda p: p.stem
)
@quiet
def test_real_tables_are_coded_whole(path):
    frame = pd.read_parquet(path)
    coding = Coding.learn(frame)
    restored = Coding.restore(json.loads(json.dumps(coding.state())))
    table = coding.encode(frame)
    assert len(table) == len(frame)
    assert restored.encode(frame).fingerprint() == table.fingerprint()


def test_numbers_that_are_to_be_times_are_refused_with_the_remedy():
    frame = pd.DataFrame({"at": 1_700_000_000 + np.arange(20) * 3_600})
    with pytest.raises(InputError, match=r"pandas\.to_datetime\(X\['at'\], unit=\"s\"\)"):
        Coding.learn(frame, {"at": "datetime"})


def test_unique_identifiers_are_names_of_the_rows_as_their_texts_are():
    numbers = [uuid.UUID(int=place * 10**30) for place in range(200)]
    frame = pd.DataFrame({"id": numbers, "text": list(map(str, numbers)), "x": [0, 1] * 100})
    with pytest.warns(UserWarning, match="only name the rows"):
        coding = Coding.learn(frame)
    assert coding.columns["id"].role is coding.columns["text"].role is Role.ID
