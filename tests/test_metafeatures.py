"""What is known of a table before anything is fitted."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.datasets.metafeatures import METAFEATURES, metafeatures
from autopipe.datasets.synthetic import toy_table
from autopipe.roles import Role
from autopipe.table import Table, place_columns
from autopipe.task import Target, TaskKind


def numbers_table(values) -> Table:
    names = [f"c{index}" for index in range(values.shape[1])]
    roles = dict.fromkeys(names, Role.NUMERIC)
    schema = place_columns(roles, {}, dict.fromkeys(names, False), frozenset())
    empty = np.empty((len(values), 0))
    return Table(schema, values.astype(np.float32), empty, empty.astype(np.int32))


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("rows", [1, 3, 60, 3_000])
@pytest.mark.parametrize("missing", [0.0, 0.15, 1.0])
def test_every_number_is_finite_and_each_described_one_is_there(kind, rows, missing):
    found = metafeatures(*toy_table(kind, rows=rows, missing=missing))
    assert list(found) == list(METAFEATURES)
    assert np.isfinite(list(found.values())).all()


def test_the_same_table_always_gives_the_same_numbers():
    assert metafeatures(*toy_table(TaskKind.BINARY, rows=5_000)) == metafeatures(
        *toy_table(TaskKind.BINARY, rows=5_000)
    )


def test_shares_of_missing_values_and_of_classes_are_those_of_the_table():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_000, 4))
    values[:250, 0] = np.nan
    y = (np.arange(1_000) < 100).astype(np.int32)
    found = metafeatures(numbers_table(values), Target(TaskKind.BINARY, y, 2))
    assert found["missing"] == pytest.approx(1 / 16)
    assert found["minority"] == pytest.approx(0.1)


def test_landmarks_tell_a_line_from_noise():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_000, 4))
    line = Target(TaskKind.REGRESSION, values @ np.array([3.0, 1.0, 0.0, 0.0]), 0)
    noise = Target(TaskKind.REGRESSION, rng.normal(size=1_000), 0)
    table = numbers_table(values)
    assert metafeatures(table, line)["linear"] > 0.9
    assert metafeatures(table, line)["best_column"] > 0.8
    assert metafeatures(table, noise)["linear"] < 0.1


def test_a_monotone_change_of_a_column_leaves_its_rank_correlation():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 1))
    target = Target(TaskKind.REGRESSION, values[:, 0] + rng.normal(size=300), 0)
    bent = metafeatures(numbers_table(np.exp(values)), target)
    assert bent["best_column"] == metafeatures(numbers_table(values), target)["best_column"]
