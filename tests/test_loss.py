"""Absolute errors: learners that aim at medians where the metric asks for them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.random import default_rng

from autopipe import AutoRegressor
from autopipe.execution.run_data import RunData
from autopipe.export.standalone import Regressor
from autopipe.folds import make_folds
from autopipe.intake.coding import Coding
from autopipe.matrix import Matrix
from autopipe.metrics import metric_for
from autopipe.operators.boosting import validation_loss
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import Limits
from autopipe.seeds import Seeds
from autopipe.space import defaults
from autopipe.task import Loss, Target, TaskKind

ROWS = 1_200
QUICK = {"executor": "inline", "cv": 2, "verbose": 0, "random_state": 0}


def skewed() -> tuple[Matrix, Target]:
    """Numbers around 1 by the middle and around 3 by the mean, twice as large in one half."""
    rng = default_rng(0)
    values = rng.normal(size=(ROWS, 2)).astype(np.float32)
    y = rng.lognormal(sigma=1.5, size=ROWS) * np.where(values[:, 0] > 0, 2.0, 1.0)
    return Matrix(values, (0, 0), ("a", "b")), Target(TaskKind.REGRESSION, y, 0)


X, TARGET = skewed()
FRAME = pd.DataFrame(X.values, columns=list(X.names))


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "mlp", "tabm"])
def test_half_of_the_rows_are_below_what_an_absolute_loss_predicts(name):
    if name in ("mlp", "tabm"):
        pytest.importorskip("torch")
    operator, below = catalogue()[name], {}
    params = {**defaults(operator.space)} | {
        key: value
        for key, value in {"learning_rate": 0.05, "epochs": 24}.items()
        if key in operator.space
    }
    rows = np.arange(ROWS)
    for loss in Loss:
        target, learner = replace(TARGET, loss=loss), operator.make(params)
        prepared = learner.prepare(X, target, Limits())
        predictions = learner.fit(prepared, rows[:800], rows[800:], 0, Limits())
        below[loss] = float(np.mean(target.y[800:] < predictions[:, 0]))
    assert below[Loss.ABSOLUTE] == pytest.approx(0.5, abs=0.12)
    assert below[Loss.SQUARED] > below[Loss.ABSOLUTE] + 0.1


def test_the_prior_makes_its_loss_small():
    for loss in Loss:
        target = replace(TARGET, loss=loss)
        (prior,) = target.prior()
        at = [
            validation_loss(target, np.full((ROWS, 1), prior + step)) for step in (-0.3, 0, 0.3)
        ]
        assert at[1] == min(at)


def test_a_row_that_weighs_more_counts_as_several_in_the_prior():
    target = Target(TaskKind.REGRESSION, np.array([1.0, 2.0, 9.0]), 0, loss=Loss.ABSOLUTE)
    weighted = replace(target, weights=np.array([1.0, 1.0, 5.0]))
    assert (target.prior(), weighted.prior()) == ([2.0], [9.0])


@pytest.mark.parametrize(
    ("scoring", "loss"),
    [(None, "squared"), ("r2", "squared"), ("mae", "absolute"),
     ("neg_median_absolute_error", "absolute")],
)  # fmt: skip
def test_the_metric_says_which_loss_serves_it(scoring, loss):
    assert metric_for(scoring, TaskKind.REGRESSION, None).loss == loss


def test_an_absolute_loss_travels_with_the_run(tmp_path):
    table = Coding.learn(FRAME).encode(FRAME)
    data = RunData(table, TARGET, make_folds(TARGET, 2, Seeds(0)))
    aimed = replace(data, target=replace(TARGET, loss=Loss.ABSOLUTE))
    aimed.save(tmp_path)
    assert RunData.open(tmp_path).target.loss is Loss.ABSOLUTE
    assert aimed.fingerprints["target"] != data.fingerprints["target"]
    head = json.loads((tmp_path / "task.json").read_text())
    del head["loss"]  # as former versions had it
    (tmp_path / "task.json").write_text(json.dumps(head))
    assert RunData.open(tmp_path).fingerprints == data.fingerprints


@pytest.mark.parametrize("monotone", [None, {"a": 1}], ids=str)
def test_a_fit_by_absolute_errors_predicts_medians_unless_columns_bind_it(monotone, tmp_path):
    model = AutoRegressor(**QUICK, max_trials=1, include=["lightgbm"], scoring="mae")
    model.fit(FRAME, TARGET.y, monotone=monotone)
    share = np.mean(TARGET.y < model.predict(FRAME))
    assert (0.4 < share < 0.6) if monotone is None else share > 0.6
    model.export(tmp_path / "model.py")
    script = (tmp_path / "model.py").read_text()
    assert ("loss='absolute'" in script.replace('"', "'")) == (monotone is None)
    refitted = model.refit(FRAME, TARGET.y).predict(FRAME)
    assert (np.mean(TARGET.y < refitted) < 0.6) == (monotone is None)


def test_an_estimator_of_a_script_fits_by_its_loss():
    model = AutoRegressor(**QUICK, max_trials=1, include=["lightgbm"]).fit(FRAME, TARGET.y)
    trees = {0: model.history_.tree[0]}
    for loss, least, most in (("absolute", 0.4, 0.6), ("squared", 0.6, 1.0)):
        model = Regressor(trees, {0: 1.0}, folds=2, loss=loss).fit(FRAME, TARGET.y)
        assert least < np.mean(TARGET.y < model.predict(FRAME)) < most
