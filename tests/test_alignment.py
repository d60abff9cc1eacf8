import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from autopipe.errors import InputError, ShapeError
from autopipe.intake.alignment import (
    check_groups,
    check_rows,
    check_weights,
    features_and_target,
    split_target,
)
from autopipe.training_rows import training_rows


def test_a_target_is_split_from_its_frame():
    frame = pd.DataFrame({"x": [1, 2], "price": [3, 4]})
    X, y = split_target(frame, "price")
    assert (list(X), y.tolist()) == (["x"], [3, 4])
    with pytest.raises(InputError, match="Did you mean 'price'"):
        split_target(frame, "prize")


def test_a_target_is_taken_from_a_table_with_names_or_a_file(tmp_path):
    frame = pd.DataFrame({"x": [1, 2], "price": [3, 4]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    for table in (frame, pa.Table.from_pandas(frame), tmp_path / "table.csv"):
        X, y = features_and_target(table, "price")
        assert (list(X), y.tolist()) == (["x"], [3, 4])
    assert features_and_target(frame, [3, 4])[0] is frame
    with pytest.raises(InputError, match=r"a ndarray without names; give a pandas DataFrame"):
        features_and_target(frame.to_numpy(), "price")


def test_a_column_of_several_levels_is_named_by_a_tuple():
    columns = pd.MultiIndex.from_tuples([("x", "a"), ("t", "y")])
    X, y = features_and_target(pd.DataFrame([[1, 2], [3, 4]], columns=columns), ("t", "y"))
    assert (list(X), y.tolist()) == ([("x", "a")], [2, 4])
    assert features_and_target(X, (1, 2))[1] == (1, 2)


def test_groups_are_one_for_every_row():
    check_groups(None, 2)
    assert check_groups([(3,), 1, "a", 1], 4).tolist() == [0, 1, 2, 1]  # without an order
    for groups, shape in (
        (["a"], "(1,)"),
        ("a", "()"),
        (pd.DataFrame({"g": [1, 2]}), "(2, 1)"),
    ):
        with pytest.raises(
            ShapeError, match=re.escape(f"groups has shape {shape}; wanted (2,)")
        ):
            check_groups(groups, 2)
    with pytest.raises(InputError, match="groups lacks 1 entries"):
        check_groups(["a", None], 2)


def test_rows_of_another_number_or_order_are_refused():
    frame = pd.DataFrame({"x": [1, 2, 3]})
    check_rows(frame, pd.Series([1, 2, 3], index=[7, 8, 9]))
    with pytest.raises(ShapeError, match="X has 3 rows and y has 2"):
        check_rows(frame, [1, 2])
    with pytest.raises(InputError, match="in another order"):
        check_rows(frame, pd.Series([1, 2, 3], index=[2, 1, 0]))


def test_labels_of_a_target_do_not_matter_beside_features_without_labels():
    X, y = np.array([[3.0], [1.0], [2.0]]), pd.Series([3.0, 1.0, 2.0], index=[2, 0, 1])
    assert training_rows(X, y, classify=False).target.y.tolist() == [3.0, 1.0, 2.0]
    with pytest.raises(InputError, match="index of y holds the labels of X in another order"):
        training_rows(pd.DataFrame(X), y, classify=False)


def test_weights_are_numbers_or_none():
    assert check_weights(None, 2) is None
    assert check_weights([0, 1], 2).tolist() == [0.0, 1.0]
    assert check_weights([0, 2, 6], 3).tolist() == [0.0, 0.5, 1.5]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0], "1 values such as -1.0"),
        ([1.0, np.nan], "such as nan"),
        ([0, 0], "is zero in every row"),
        ([1, 1, 1], r"shape \(3,\); wanted \(2,\)"),
        (np.ones((2, 1)), r"shape \(2, 1\)"),
        (["a", "b"], "no number"),
    ],
)
def test_unusable_weights_are_refused(weights, message):
    with pytest.raises(InputError, match=message):
        check_weights(weights, 2)


def test_what_a_mask_hides_of_weights_and_groups_is_missing():
    mask = [True, False, False]
    with pytest.raises(InputError, match="sample_weight holds 1 values such as nan"):
        check_weights(np.ma.masked_array([1e6, 1.0, 1.0], mask=mask), 3)
    with pytest.raises(InputError, match="groups lacks 1 entries"):
        check_groups(np.ma.masked_array([7, 1, 1], mask=mask), 3)


def test_a_target_whose_rows_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="y is a generator"):
        check_rows(pd.DataFrame({"a": [1]}), (each for each in "a"))
