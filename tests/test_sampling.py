"""Rows that a run looks at where its budget is too short for all."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.clock import Clock
from autopipe.datasets.synthetic import toy_table
from autopipe.fitting import Options, _judged
from autopipe.sampling import affordable_rows
from autopipe.seeds import Seeds
from autopipe.task import TaskKind


def test_a_budget_that_is_long_enough_pays_for_all_rows():
    table, target = toy_table(TaskKind.BINARY, rows=5_000)
    assert affordable_rows(table, target, 60.0, Seeds(0)) is None
    assert affordable_rows(table, target, float("inf"), Seeds(0)) is None


@pytest.mark.parametrize("kind", list(TaskKind))
def test_a_short_budget_pays_for_a_sample_of_different_rows_in_order(kind):
    table, target = toy_table(kind, rows=5_000)
    with pytest.warns(UserWarning, match="too short for 5000 rows: the run looks at 2000"):
        rows = affordable_rows(table, target, 0.001, Seeds(0))
    assert 1 <= len(rows) < len(table)
    assert (np.diff(rows) > 0).all()
    again = affordable_rows(table, target, 60.0, Seeds(0), former=len(rows))
    np.testing.assert_array_equal(rows, again)


def test_a_sample_has_the_classes_in_their_shares():
    table, target = toy_table(TaskKind.BINARY, rows=5_000)
    rows = affordable_rows(table, target, 60.0, Seeds(0), former=2_000)
    assert np.mean(target.y[rows]) == pytest.approx(np.mean(target.y), abs=0.01)


@pytest.mark.parametrize("count", [2, np.int64(2)], ids=["int", "int64"])
def test_a_number_of_folds_is_made_of_the_sample(count):
    table, target = toy_table(TaskKind.BINARY, rows=5_000)
    former, options = {"rows": 2_000}, Options(cv=count)
    table, _, folds = _judged(table, target, options, Seeds(0), former, Clock(60.0))
    assert len(table) == folds.rows == 2_000
