"""Encoders, on columns small enough to be worked by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest

from autopipe.datasets.synthetic import toy_table
from autopipe.operators.encoding import Codes, OneHot, TargetEncoding
from autopipe.roles import Role
from autopipe.table import Table, place_columns
from autopipe.task import Target, TaskKind


def table_of(role, values, levels=0, precise=()):
    schema = place_columns({"c0": role}, {"c0": levels}, {"c0": True}, frozenset(precise))
    blocks = {
        "numbers": np.empty((len(values), 0), np.float32),
        "precise": np.empty((len(values), 0), np.float64),
        "codes": np.empty((len(values), 0), np.int32),
    }
    block = schema.columns[0].block
    blocks[block] = np.array(values, blocks[block].dtype)[:, None]
    return Table(schema, **blocks)


def categories(codes, levels):
    return table_of(Role.CATEGORICAL, codes, levels)


def binary(y, weights=None):
    return Target(TaskKind.BINARY, np.array(y, np.int32), 2, weights)


def crossfit_free(codes, levels, target, **params):
    """The encodings of all codes, missing last, by the statistics of all rows."""
    encoder = TargetEncoding(**{"smoothing": 2.0, "add_count": False, **params})
    encoder.fit_transform(categories(codes, levels), target, seed=0)
    return encoder.transform(categories([*range(levels), -1], levels)).values


def test_codes_keep_their_levels_and_missing_is_nan():
    matrix = Codes().transform(categories([0, 2, -1], 3))
    assert matrix.levels == (3,)
    np.testing.assert_array_equal(matrix.values[:, 0], [0, 2, np.nan])


def test_codes_tell_which_one_is_missing():
    schema = place_columns(
        {"c0": Role.CATEGORICAL}, {"c0": 3}, {"c0": True}, frozenset(), {"c0": 2}
    )
    table = replace(categories([0, 2, -1, 1], 3), schema=schema)
    matrix = Codes().transform(table)
    assert (matrix.levels, matrix.gaps) == ((3,), (2,))
    np.testing.assert_array_equal(matrix.values[:, 0], [0, 2, np.nan, 1])
    assert table.gaps.tolist() == [[False], [True], [False], [False]]
    assert table.take_new(np.array([0, 1]), np.array([3])).codes.tolist() == [[-1], [-1]]


def test_a_number_that_float32_would_merge_stays_whole():
    matrix = Codes().transform(table_of(Role.NUMERIC, [16777217.0, 16777216.0], precise=["c0"]))
    assert matrix.values[:, 0].tolist() == [16777217.0, 16777216.0]


def test_times_alone_stay_in_float32():
    assert Codes().transform(table_of(Role.DATETIME, [0.0])).values.dtype == np.float32


@pytest.mark.parametrize(
    ("time", "parts"),
    [
        ("1970-01-01T00:00:00", [0, 0, 1970, 1, 1, 3, 1]),
        ("2024-02-29T12:00:01", [19782, 43201, 2024, 2, 29, 3, 60]),
        ("1969-12-31T23:59:59", [-1, 86399, 1969, 12, 31, 2, 365]),
    ],
)
def test_a_time_becomes_its_calendar_parts(time, parts):
    seconds = np.datetime64(time, "s").astype(np.int64)
    matrix = Codes().transform(table_of(Role.DATETIME, [seconds, np.nan]))
    assert matrix.values[0].tolist() == parts
    assert np.isnan(matrix.values[1]).all()


def test_rare_levels_share_a_column_and_missing_has_none():
    encoder = OneHot(min_share=0.3, max_levels=5)
    codes = [0, 0, 0, 1, 1, 1, 2, 3]  # level 4 is never met
    encoder.fit_transform(categories(codes, 5), binary([0] * 8), seed=0)
    matrix = encoder.transform(categories([0, 1, 2, 3, 4, -1], 5))
    assert matrix.names == ("c0=0", "c0=1", "c0=rare")
    assert matrix.values.tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_the_most_frequent_levels_get_the_columns():
    encoder = OneHot(min_share=0.0001, max_levels=1)
    codes = [0, 1, 1, 2]
    assert encoder.fit_transform(categories(codes, 3), binary([0] * 4), seed=0).names == (
        "c0=1",
        "c0=rare",
    )


def test_a_mean_is_drawn_towards_that_of_all_rows():
    # The overall mean is 3/5; (2 + 2 * 0.6) / (2 + 2), (1 + 2 * 0.6) / (3 + 2), 0.6 unseen.
    encoded = crossfit_free([0, 0, 1, 1, 1], 3, binary([1, 1, 1, 0, 0]))
    np.testing.assert_allclose(encoded[:, 0], [0.8, 0.44, 0.6, 0.6], rtol=1e-6)


def test_missing_is_a_level_of_its_own():
    encoded = crossfit_free([0, 0, -1, -1], 1, binary([0, 0, 1, 1]))
    np.testing.assert_allclose(encoded[:, 0], [0.25, 0.75])


def test_a_weight_counts_as_so_many_rows():
    weighted = crossfit_free([0, 0, 1], 2, binary([1, 0, 0], np.array([3.0, 1.0, 2.0])))
    repeated = crossfit_free([0, 0, 0, 0, 1, 1], 2, binary([1, 1, 1, 0, 0, 0]))
    np.testing.assert_allclose(weighted, repeated)


def test_every_class_of_many_has_a_mean():
    target = Target(TaskKind.MULTICLASS, np.array([0, 1, 2, 2], np.int32), 3)
    encoded = crossfit_free([0, 1, 2, 2], 3, target, smoothing=1e-9)
    np.testing.assert_allclose(encoded[:3], np.eye(3), atol=1e-6)


def test_numbers_to_be_predicted_are_standardised():
    target = Target(TaskKind.REGRESSION, np.array([1e9, 1e9 + 2, 1e9, 1e9 + 2]), 0)
    encoded = crossfit_free([0, 1, 0, 1], 2, target, smoothing=1e-9)
    np.testing.assert_allclose(encoded[:2, 0], [-1, 1], rtol=1e-6)


def test_the_count_is_that_of_the_training_rows():
    encoded = crossfit_free([0, 0, 0, 1], 3, binary([0, 1, 0, 1]), add_count=True)
    np.testing.assert_allclose(encoded[:, 1], np.log1p([3, 1, 0, 0]), rtol=1e-6)


def test_a_row_never_sees_its_own_target():
    rows = 200
    codes = np.arange(rows)  # a level for every row: its mean can only tell its own target
    y = np.random.default_rng(0).integers(2, size=rows)
    encoder = TargetEncoding(smoothing=1.0, add_count=False)
    crossfitted = encoder.fit_transform(categories(codes, rows), binary(y), seed=0)
    flipped = y.copy()
    flipped[17] = 1 - y[17]
    again = encoder.fit_transform(categories(codes, rows), binary(flipped), seed=0)
    assert crossfitted.values[17, 0] == again.values[17, 0]


def test_columns_stand_in_the_order_of_the_table():
    table, target = toy_table(TaskKind.BINARY)
    names = OneHot(min_share=0.01, max_levels=5).fit_transform(table, target, 0).names
    positions = [int(re.split("[ =]", name)[0][1:]) for name in names]
    assert positions == sorted(positions)
