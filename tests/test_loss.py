"""Metrics that want other learners than those of squared errors: medians and logarithms."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.random import default_rng
from sklearn.metrics import (
    get_scorer,
    mean_absolute_percentage_error,
    mean_squared_log_error,
    root_mean_squared_log_error,
)

from autopipe import AutoRegressor, load
from autopipe.errors import InputError, OptionError
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
    if name in ("mlp", "tabm"):  # boosters learn worse from rows of unlike weights
        assert below[Loss.PERCENTAGE] < below[Loss.ABSOLUTE] - 0.1
    else:
        assert below[Loss.PERCENTAGE] == below[Loss.ABSOLUTE]


@pytest.mark.parametrize("name", ["extra_trees", "random_forest", "kernel_machine", "ridge"])
def test_learners_of_squares_weigh_rows_for_percentages(name):
    operator, errors = catalogue()[name], {}
    rows = np.arange(ROWS)
    for loss in Loss:
        learner = operator.make(defaults(operator.space))
        prepared = learner.prepare(X, replace(TARGET, loss=loss), Limits())
        predictions = learner.fit(prepared, rows[:800], rows[800:], 0, Limits())
        errors[loss] = mean_absolute_percentage_error(TARGET.y[800:], predictions)
    assert errors[Loss.PERCENTAGE] < 0.8 * errors[Loss.SQUARED]
    assert errors[Loss.ABSOLUTE] == errors[Loss.SQUARED]


def test_the_prior_makes_its_loss_small():
    for loss in Loss:
        target = replace(TARGET, loss=loss)
        (prior,) = target.prior()
        at = [
            validation_loss(target.weighed, np.full((ROWS, 1), prior + step))
            for step in (-0.3, 0, 0.3)
        ]
        assert at[1] == min(at)


def test_a_percentage_is_learned_as_an_absolute_error_of_weighted_rows():
    weights = default_rng(2).integers(0, 3, ROWS).astype(float)
    for y in (TARGET.y, -TARGET.y):
        target = replace(TARGET, y=y, weights=weights, loss=Loss.PERCENTAGE)
        guesses = np.quantile(y, [0.1, 0.2, 0.5])
        shares = [np.average(abs(1 - guess / y), weights=weights) for guess in guesses]
        losses = [
            validation_loss(target.weighed, np.full((ROWS, 1), guess)) for guess in guesses
        ]
        np.testing.assert_allclose(np.divide(losses, losses[0]), np.divide(shares, shares[0]))


@pytest.mark.parametrize("y", [[0.0, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0, 1e-300, 1e300]])
def test_a_percentage_of_nothing_weighs_no_row_without_end(y):
    target = Target(TaskKind.REGRESSION, np.array(y), 0, loss=Loss.PERCENTAGE)
    weights = target.weighed.row_weights
    assert weights.mean() == pytest.approx(1.0) and weights.min() > 0
    assert target.prior() in target.y


def test_a_row_that_weighs_more_counts_as_several_in_the_prior():
    target = Target(TaskKind.REGRESSION, np.array([1.0, 2.0, 9.0]), 0, loss=Loss.ABSOLUTE)
    weighted = replace(target, weights=np.array([1.0, 1.0, 5.0]))
    assert (target.prior(), weighted.prior()) == ([2.0], [9.0])


@pytest.mark.parametrize(
    ("scoring", "loss"),
    [(None, "squared"), ("r2", "squared"), ("mae", "absolute"),
     ("neg_median_absolute_error", "absolute"),
     ("neg_mean_absolute_percentage_error", "percentage")],
)  # fmt: skip
def test_the_metric_says_which_loss_serves_it(scoring, loss):
    assert metric_for(scoring, TaskKind.REGRESSION, None).loss == loss


@pytest.mark.parametrize("loss", [Loss.ABSOLUTE, Loss.PERCENTAGE])
def test_another_loss_travels_with_the_run(loss, tmp_path):
    table = Coding.learn(FRAME).encode(FRAME)
    data = RunData(table, TARGET, make_folds(TARGET, 2, Seeds(0)))
    aimed = replace(data, target=replace(TARGET, loss=loss))
    aimed.save(tmp_path)
    assert RunData.open(tmp_path).target.loss is loss
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


def test_a_fit_by_percentages_has_smaller_ones_wherever_it_goes(tmp_path):
    errors = {}
    for scoring in ("mae", "mape"):
        model = AutoRegressor(**QUICK, max_trials=2, include=["linear"], scoring=scoring)
        model.fit(FRAME, TARGET.y)
        fits = {
            "fit": model.predict(FRAME),
            "refit": model.refit(FRAME, TARGET.y).predict(FRAME),
        }
        model.export(tmp_path / scoring, fitted=True)
        model.export(script := tmp_path / f"{scoring}.py")
        loss = {"mae": "absolute", "mape": "percentage"}[scoring]
        assert f"loss='{loss}'" in script.read_text().replace('"', "'")
        errors[scoring] = {
            how: mean_absolute_percentage_error(TARGET.y, said) for how, said in fits.items()
        }
    for how, error in errors["mape"].items():
        assert error < 0.8 * errors["mae"][how]


def test_an_estimator_of_a_script_fits_by_its_loss():
    model = AutoRegressor(**QUICK, max_trials=1, include=["lightgbm"]).fit(FRAME, TARGET.y)
    trees = {0: model.history_.tree[0]}
    for loss, least, most in (("absolute", 0.4, 0.6), ("squared", 0.6, 1.0)):
        model = Regressor(trees, {0: 1.0}, folds=2, loss=loss).fit(FRAME, TARGET.y)
        assert least < np.mean(TARGET.y < model.predict(FRAME)) < most


@pytest.fixture(scope="module")
def of_counts() -> tuple[AutoRegressor, np.ndarray]:
    """A model by errors of logarithms, and the counts that it was fitted to."""
    y = default_rng(1).poisson(0.3 * TARGET.y).astype(float)
    model = AutoRegressor(
        **QUICK, max_trials=4, include=["lightgbm", "linear"], scoring="rmsle"
    )
    return model.fit(FRAME, y), y


def test_no_pipeline_is_lost_to_a_metric_of_logarithms(of_counts):
    model, y = of_counts
    assert set(model.history_.status) == {"complete"}
    predicted = model.predict(FRAME)
    assert predicted.min() > -1.0
    mean, judged = np.full(ROWS, y.mean()), root_mean_squared_log_error
    assert judged(y, predicted) < 0.9 * judged(y, mean)


def test_errors_of_logarithms_are_those_of_scikit_learn(of_counts):
    model, y = of_counts
    board = model.leaderboard(FRAME, y, baseline=np.full(ROWS, y.mean()))
    told = board.set_index("learner")["root_mean_squared_log_error_new"]
    wanted = root_mean_squared_log_error(y, model.predict(FRAME))
    assert told["ensemble"] == pytest.approx(wanted)
    wanted = root_mean_squared_log_error(y, np.full(ROWS, y.mean()))
    assert told["baseline"] == pytest.approx(wanted)
    with pytest.raises(InputError, match="baseline holds"):
        model.leaderboard(FRAME, y, baseline=np.full(ROWS, -1.5))
    metric = metric_for("neg_mean_squared_log_error", TaskKind.REGRESSION, None)
    coded = replace(TARGET, y=np.log1p(y))
    ones = metric.score(coded, np.log1p(np.ones((ROWS, 1))))
    assert ones == pytest.approx(-mean_squared_log_error(y, np.ones(ROWS)))


def test_intervals_of_logarithms_are_in_the_unit_of_the_target(of_counts):
    model, y = of_counts
    low, high = model.predict_interval(FRAME, coverage=0.8).T
    predicted = model.predict(FRAME)
    assert (low <= predicted).all() and (predicted <= high).all()
    assert np.mean((low <= y) & (y <= high)) > 0.7


def test_logarithms_are_turned_back_wherever_a_model_goes(of_counts, tmp_path):
    model, y = of_counts
    model.save(tmp_path / "kept")
    again = load(tmp_path / "kept")
    np.testing.assert_allclose(again.predict(FRAME), model.predict(FRAME))
    model.export(tmp_path / "fitted", fitted=True)  # proves that it predicts the same
    model.export(tmp_path / "script.py")
    assert "logarithmic=True" in (tmp_path / "script.py").read_text()
    wide = AutoRegressor(**QUICK, max_trials=1, include=["linear"], scoring="rmsle")
    wide.fit(default_rng(0).normal(size=(200, 400)), np.arange(200.0))
    wide.export(tmp_path / "wide.py")  # made-up targets stay within what has a logarithm
    refitted = again.refit(FRAME, y)
    np.testing.assert_allclose(refitted.predict(FRAME), model.predict(FRAME), rtol=0.2)


def test_a_target_without_logarithms_is_refused():
    with pytest.raises(InputError, match=r"y holds -3.*above -1"):
        AutoRegressor(**QUICK, scoring="rmsle").fit(FRAME, np.where(X.values[:, 0] > 0, 5, -3))


@pytest.mark.parametrize(
    ("scoring", "lowest"),
    [("neg_mean_poisson_deviance", 0.0), ("neg_mean_gamma_deviance", 0.1)],
)
def test_a_metric_of_positive_numbers_gets_positive_predictions(scoring, lowest, tmp_path):
    slope = 3.0 * X.values[:, 0] + X.values[:, 1]  # a line that leaves the positive numbers
    y = np.maximum(slope, lowest)
    model = AutoRegressor(**QUICK, max_trials=3, include=["linear"], scoring=scoring)
    model.fit(FRAME, y)
    assert set(model.history_.status) == {"complete"}
    predicted = model.predict(FRAME)
    assert predicted.min() == pytest.approx(1e-3 * y.mean())
    board = model.leaderboard(FRAME, y).set_index("learner")
    judged = -get_scorer(scoring)(model, FRAME, y)
    assert board[f"{scoring.removeprefix('neg_')}_new"]["ensemble"] == pytest.approx(judged)
    model.save(tmp_path / "kept")
    np.testing.assert_array_equal(load(tmp_path / "kept").predict(FRAME), predicted)
    model.export(tmp_path / "script.py")
    assert "least=0.0" in (tmp_path / "script.py").read_text()


def test_a_fold_without_any_count_is_judged_by_the_floor_of_all():
    groups = np.arange(ROWS) % 3
    y = np.where(groups == 0, 0.0, np.maximum(X.values[:, 0] + 1.0, 0.0))
    scoring = "neg_mean_poisson_deviance"
    model = AutoRegressor(**QUICK, max_trials=2, include=["linear"], scoring=scoring)
    model.fit(FRAME, y, groups=groups)
    assert set(model.history_.status) == {"complete"}
    nothing = np.zeros(5)
    told = model.leaderboard(FRAME[:5], nothing)["mean_poisson_deviance_new"][0]
    assert told == pytest.approx(-get_scorer(scoring)(model, FRAME[:5], nothing))


def test_a_model_of_former_versions_without_logarithms_says_so(of_counts):
    model, y = of_counts
    former = copy.copy(model)
    plain = replace(model._model.target_coding, is_logarithmic=False)
    former._model = replace(model._model, target_coding=plain)
    with pytest.raises(OptionError, match="without logarithms"):
        former.leaderboard(FRAME, y)
    again = former.refit(FRAME, y)
    assert again.leaderboard(FRAME, y)["root_mean_squared_log_error_new"].notna().any()


def test_a_target_that_the_metric_cannot_judge_is_refused_before_the_search():
    with pytest.raises(InputError, match=r"neg_mean_gamma_deviance.*strictly positive"):
        AutoRegressor(**QUICK, scoring="neg_mean_gamma_deviance").fit(FRAME, TARGET.y - 2.0)
