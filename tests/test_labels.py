import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning

from autopipe.errors import InputError, ShapeError
from autopipe.intake.labels import TargetCoding, labelled
from autopipe.task import TaskKind


@given(
    st.lists(st.sampled_from(["no", "yes", "maybe"]), min_size=4).filter(
        lambda y: len(set(y)) > 1
    )
)
def test_codes_decode_to_the_labels(y):
    coding = TargetCoding.learn(y, classify=True)
    assert coding.decode(coding.encode(y)).tolist() == y


@pytest.mark.parametrize(
    ("y", "classes", "dtype"),
    [
        (np.array([3, 1, 3]), [1, 3], "i"),
        (np.array([True, False, True]), [False, True], "b"),
        (np.array(["b", "a", "b"]), ["a", "b"], "U"),
        (pd.Series(["b", "a", "b"], dtype=object), ["a", "b"], "O"),
        (pd.Series(["b", "a", "b"], dtype="string"), ["a", "b"], "O"),
        (pd.Series(pd.Categorical(["b", "a", "b"], ["b", "a", "c"])), ["a", "b"], "O"),
        (pd.Series([2, 1, 2], dtype="Int64"), [1, 2], "i"),
        (pd.Series([2, "b", 2], dtype=object), [2, "b"], "O"),
        (pd.Series([b"b", b"a", b"a"], dtype=object), [b"a", b"b"], "O"),
        (np.array([1.0, 0.0, 1.0]), [0.0, 1.0], "f"),
        (pd.Series([Decimal("1"), Decimal("0"), Decimal("1")]), [0, 1], "i"),
        (pd.cut([1, 5, 1], [0, 2, 6]), [pd.Interval(0, 2), pd.Interval(2, 6)], "O"),
    ],
)
def test_classes_keep_their_type_and_survive_json(y, classes, dtype):
    coding = TargetCoding.learn(y, classify=True)
    restored = TargetCoding.restore(json.loads(json.dumps(coding.state())))
    assert coding.kind is TaskKind.BINARY
    assert coding.classes.tolist() == restored.classes.tolist() == classes
    assert coding.classes.dtype == restored.classes.dtype
    assert coding.classes.dtype.kind == dtype
    assert restored.encode(y).tolist() == coding.encode(y).tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["no"] * 5, r"y holds 1 class \('no'\) in 5 rows"),
        (["a", np.nan, "b"], "1 of 3 values are missing"),
        (["a", None, "b"], "1 of 3 values are missing"),
        ([1.0, np.nan, 2.0, np.nan], "2 of 4 values are missing"),
        ([1.0, np.inf, 1.0], "infinity"),
        (["a", "b", "c"], "looks like an identifier"),
        (np.linspace(0, 1, 50), "Unknown label type"),
        (np.ones((3, 2)), r"y should be a 1d array, got an array of shape \(3, 2\)"),
        (np.ones((3, 1, 1)), r"got an array of shape \(3, 1, 1\)"),
        (pd.DataFrame(np.ones((3, 2))), r"got an array of shape \(3, 2\)"),
        (None, "requires y to be passed"),
        ([[1], {}, [1]], "Column 'y' holds a"),
        (pd.Series([1j, 2j, 1j]), "Complex data"),
    ],
)
def test_a_target_without_classes_is_refused(y, message):
    y = pd.Series(y, dtype=object) if isinstance(y, list) and [1] in y else y
    with pytest.raises(InputError, match=message):
        TargetCoding.learn(y, classify=True)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan], "1 of 2 values are missing"),
        ([1.0, -np.inf], "infinity"),
        (["1.5", "two"], "'two', which is not a number"),
        (pd.date_range("2020", periods=2), "y holds times"),
    ],
)
def test_a_target_that_is_no_number_is_refused(y, message):
    with pytest.raises(InputError, match=message):
        TargetCoding.learn(y, classify=False)


def test_numbers_in_any_form_are_a_regression_target():
    coding = TargetCoding.learn([1, 2], classify=False)
    assert coding.encode(pd.Series(["1.5", "2"])).tolist() == [1.5, 2.0]
    assert coding.encode(pd.array([1, 2], dtype="Int64")).dtype == np.float64
    assert coding.target([1, 2]).outputs == 1


def test_a_column_vector_is_taken_with_a_warning():
    for column in (np.array([[0], [1], [0]]), pd.DataFrame({"y": [0, 1, 0]})):
        with pytest.warns(DataConversionWarning, match="column-vector"):
            coding = TargetCoding.learn(column, classify=True)
        assert coding.classes.tolist() == [0, 1]


def test_an_unknown_class_is_refused():
    coding = TargetCoding.learn(["a", "b", "a"], classify=True)
    with pytest.raises(InputError, match="'c', which is none of the 2 classes"):
        coding.encode(["a", "c"])


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["$1,200", "$950", "-$3.50"], [1200.0, 950.0, -3.5]),
        (["3,5", "3,125", "1.200,0"], [3.5, 3.125, 1200.0]),
        (["74 bhp", "103.5 bhp"], [74.0, 103.5]),
        (["59:59", "1:00:05"], [3599.0, 3605.0]),
        (["1", "2.5"], [1.0, 2.5]),
    ],
)
def test_numbers_are_read_as_columns_are(texts, values):
    coding = TargetCoding.learn(texts, classify=False)
    restored = TargetCoding.restore(json.loads(json.dumps(coding.state())))
    assert coding.encode(texts).tolist() == restored.encode(texts).tolist() == values


def test_categories_that_no_row_holds_do_not_count():
    y = pd.Series(["1,5 m", "2 m", "unknown"] * 2, dtype="category")
    y = y[y != "unknown"]
    assert TargetCoding.learn(y, classify=False).encode(y).tolist() == [1.5, 2.0] * 2


def test_names_where_numbers_are_wanted_are_told():
    with pytest.raises(InputError, match=r"holds names such as 'no'.* Use AutoClassifier"):
        TargetCoding.learn(["yes", "no", "no"], classify=False)


def test_codes_of_labels_that_were_not_learned_are_negative():
    coding = TargetCoding.learn(["a", "b", "b"], classify=True)
    assert coding.codes(["b", "c", "a"]).tolist() == [1, -1, 0]


def test_true_and_one_are_the_same_class():
    numbers = TargetCoding.learn([0, 1, 1], classify=True)
    assert numbers.codes([True, False]).tolist() == [1, 0]
    truths = TargetCoding.learn([False, True, True], classify=True)
    assert truths.codes([0, 1, 2]).tolist() == [0, 1, -1]


def test_labels_that_are_all_of_another_type_are_refused():
    for learned, given_ in (([0, 1, 1], ["0", "1"]), (["0", "1", "1"], [0, 1])):
        with pytest.raises(InputError, match="none of the 2 classes seen in fit"):
            TargetCoding.learn(learned, classify=True).codes(given_)


@given(st.lists(st.floats(-0.999, 1e9), min_size=1))
def test_logarithms_are_turned_back(values):
    coding = replace(TargetCoding.learn([1.0], classify=False), is_logarithmic=True)
    restored = TargetCoding.restore(json.loads(json.dumps(coding.state())))
    y = np.array(values)
    np.testing.assert_allclose(restored.numbers(coding.coded(y)), y, rtol=1e-9, atol=1e-9)
    assert (replace(coding, least=2.0).numbers(coding.coded(y)) >= 2.0).all()


def test_what_a_mask_hides_is_missing():
    hidden = np.ma.masked_array([-9999.0, 1.0, 2.0], mask=[True, False, False])
    with pytest.raises(InputError, match="1 of 3 values are missing"):
        TargetCoding.learn(hidden, classify=False)
    whole = np.ma.masked_array(["a", "b", "a"])
    assert TargetCoding.learn(whole, classify=True).classes.tolist() == ["a", "b"]


def test_several_values_for_a_row_and_lengths_of_time_are_refused_with_the_remedy():
    with pytest.raises(ShapeError, match="one model for every target"):
        TargetCoding.learn([["a"], ["a", "b"]], classify=True)
    lengths = pd.Series(pd.to_timedelta([1, 2, 3], unit="h"))
    with pytest.raises(InputError, match=r"Give y\.dt\.total_seconds"):
        TargetCoding.learn(lengths, classify=False)


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]"])
def test_whole_numbers_are_as_they_were_before_others_were_missing(dtype):
    X = pd.DataFrame({"a": range(4)})
    for values, kind in (([0, 1, None, 1], "i"), ([0.5, 1, None, 1], "f"), ([1e20] * 4, "f")):
        kept, y = labelled(X, pd.Series(values, dtype=dtype))
        assert y.notna().all() and len(kept) == len(y)
        assert y.dtype.kind == (kind if None in values else "f")
