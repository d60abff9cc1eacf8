"""Rows that belong together: inside a training part, too, none is told of its own group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from trees import full

from autopipe.execution.crossfit import crossfit
from autopipe.execution.run_data import RunData
from autopipe.export import standalone
from autopipe.folds import make_folds
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import estimator_for
from autopipe.operators.outcomes import INNER_FOLDS, inner_folds
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import Target, TaskKind
from autopipe.training_rows import training_rows
from autopipe.tree import TABLE_NAME

RNG = np.random.default_rng(0)
GROUPS = RNG.permutation(np.repeat(np.arange(12), 10))
FRAME = pd.DataFrame(
    {
        "shop": [f"s{group}" for group in GROUPS],
        "said": [f"by {group} in words number {n % 7}" for n, group in enumerate(GROUPS)],
        "size": RNG.normal(size=120),
    }
)
Y = RNG.integers(2, size=120).astype(np.int32)


def rows_of_the_frame(groups):
    roles = {"shop": "categorical", "said": "text"}
    return training_rows(FRAME, Y, True, groups=groups, roles=roles)


def values(text, table, target):
    """What a tree of transformers makes of the training rows."""

    def made(node):
        if node.op == TABLE_NAME:
            return table
        return estimator_for(node).fit_transform(made(node.inputs[0]), target, 0)

    fitted = made(full(text))
    return fitted.numbers if isinstance(fitted, Table) else fitted.values


@pytest.mark.parametrize(
    "text",
    [
        "target_encoding(table)",
        "text_prediction(table)",
        "linear_prediction(impute(codes(table)))",
        "with_features(table, formulas='target_mean(c0)')",
    ],
)
def test_what_is_learned_of_the_target_comes_from_other_groups(text):
    rows = rows_of_the_frame([f"g{group}" for group in GROUPS])
    own = GROUPS == 3
    targets = [
        replace(rows.target, y=np.where(own, code, Y).astype(np.int32)) for code in (0, 1)
    ]
    low, high = (values(text, rows.table, target) for target in targets)
    np.testing.assert_array_equal(low[own], high[own])
    assert (low != high).any()
    low, high = (values(text, rows.table, replace(one, groups=None)) for one in targets)
    assert (low[own] != high[own]).any()


def test_the_folds_of_groups_hold_whole_ones():
    target = Target(TaskKind.BINARY, Y, 2, groups=GROUPS)
    folds = inner_folds(target, 0)
    assert set(folds) == set(range(INNER_FOLDS))
    assert all(len(set(folds[group == GROUPS])) == 1 for group in range(12))
    one = replace(target, groups=np.full(120, 7))  # which cannot be parted
    every_row = replace(target, groups=None)
    np.testing.assert_array_equal(inner_folds(one, 0), inner_folds(every_row, 0))
    assert len(inner_folds(target.take(np.arange(0)), 0)) == 0


def test_an_exported_estimator_keeps_them_together_too(monkeypatch):
    seen = []

    def crossfit_and_tell(tree, table, target, *further):
        seen.append(target.groups)
        return crossfit(tree, table, target, *further)

    monkeypatch.setattr(standalone, "crossfit", crossfit_and_tell)
    tree = str(full("logistic(standard_scaling(impute(target_encoding(table))))"))
    estimator = standalone.Classifier(trees={0: tree}, weights={0: 1.0}, folds=3)
    estimator.fit(FRAME, Y, groups=GROUPS)
    np.testing.assert_array_equal(np.unique(seen[0][GROUPS == 3]).size, 1)
    assert np.unique(seen[0]).size == 12


def test_groups_travel_with_the_run(tmp_path):
    table = Coding.learn(FRAME).encode(FRAME)
    target = Target(TaskKind.BINARY, Y, 2, groups=GROUPS)
    data = RunData(table, target, make_folds(target, 2, Seeds(0)))
    data.save(tmp_path)
    again = RunData.open(tmp_path)
    np.testing.assert_array_equal(again.target.groups, GROUPS)
    assert again.fingerprints == data.fingerprints
    without = replace(data, target=replace(target, groups=None))
    assert without.fingerprints["target"] != data.fingerprints["target"]
