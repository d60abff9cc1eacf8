"""How a fit judges its rows: metrics that refuse, rare classes, splits of the user's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from counted_runs import QUICK, toy
from sklearn.model_selection import LeaveOneOut, TimeSeriesSplit

from autopipe import AutoClassifier, AutoRegressor, load
from autopipe.errors import InputError

CHEAP = {**QUICK, "scoring": None, "max_trials": 1}
RIDGE = {**CHEAP, "include": ["ridge"], "exclude": None}


def numbers() -> tuple[pd.DataFrame, np.ndarray]:
    """Columns, and a number that they tell with some noise."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "c"])
    return X, X["a"].to_numpy() + 0.3 * rng.normal(size=90)


def picky(estimator, X, y):
    """A metric that refuses what some pipelines predict."""
    predicted = estimator.predict(X)
    if np.std(predicted) < 0.1 * np.std(y):
        raise ValueError("too much alike")
    return -float(np.mean((predicted - y) ** 2))


def test_a_metric_that_refuses_some_predictions_costs_only_these_trials():
    ridge = "ridge(standard_scaling(impute(codes(table))), alpha={})"
    arguments = {**RIDGE, "init": [ridge.format(1e3), ridge.format(1.0)], "max_trials": 3}
    model = AutoRegressor(**{**arguments, "scoring": picky}).fit(*numbers())
    refused = model.history_["failure"].str.contains("too much alike")
    assert refused.any() and not refused.all() and np.isfinite(model.score_)


@pytest.mark.parametrize("scoring", ["roc_auc_ovo", "average_precision", "neg_brier_score"])
def test_a_class_that_some_folds_lack_can_be_scored(scoring):
    y = np.array(["a", "b", "c"])[np.r_[np.arange(87) % 2, 2, 2, 2]]
    model = AutoClassifier(**{**CHEAP, "cv": 8, "scoring": scoring})
    assert np.isfinite(model.fit(toy()[0], y).score_)


def test_the_score_of_numbers_far_from_zero_is_that_of_numbers_near_it():
    X, y = numbers()
    near, far = (AutoRegressor(**RIDGE).fit(X, y + origin).score_ for origin in (0, 1.7e9))
    assert far == pytest.approx(near, rel=1e-3)


def test_a_splitter_sees_the_columns():
    class ByColumn:
        def split(self, X, y=None, groups=None):
            old = X["size"].to_numpy() > 0
            yield np.flatnonzero(old), np.flatnonzero(~old)
            yield np.flatnonzero(~old), np.flatnonzero(old)

    model = AutoClassifier(**{**CHEAP, "cv": ByColumn()}).fit(*toy())
    assert len(model._model.trials[0].fold_scores) == 2


def test_after_splits_in_time_every_member_has_seen_all_rows():
    X = pd.DataFrame({"day": np.arange(120.0)})
    y = 3 * X["day"] + 10 * np.random.default_rng(0).normal(size=120)
    init = "ridge(standard_scaling(impute(codes(table))))"
    model = AutoRegressor(**{**RIDGE, "cv": TimeSeriesSplit(5), "init": init}).fit(X, y)
    assert all(len(member.models) == 1 for member in model._model.predictor.members)
    later = pd.DataFrame({"day": np.arange(120.0, 160)})
    assert np.abs(model.predict(later) - 3 * later["day"]).max() < 20


def test_after_a_single_split_in_time_the_newest_rows_are_learned():
    X = pd.DataFrame({"day": np.arange(120.0)})
    y = np.where(X["day"] < 80, 0.0, 100.0)
    pair = [(np.arange(80), np.arange(80, 120))]
    model = AutoRegressor(**{**RIDGE, "cv": pair}).fit(X, y)
    assert np.mean(model.predict(X)) == pytest.approx(np.mean(y), rel=0.05)


def test_weights_and_groups_in_another_order_are_refused():
    X, y = toy()
    turned = pd.Series(1.0, X.index[::-1])
    for given in ({"sample_weight": turned}, {"groups": turned}):
        with pytest.raises(InputError, match="another order"):
            AutoClassifier(**CHEAP).fit(X, y, **given)


def test_folds_without_a_positive_row_spoil_no_score():
    X = pd.DataFrame({"a": np.arange(120.0) % 60, "b": np.arange(120.0) % 7})
    y = np.where(np.arange(120) % 60 > 57, "pos", "neg")  # four rows for eight folds
    model = AutoClassifier(**{**CHEAP, "include": ["extra_trees"], "cv": 8}).fit(X, y)
    assert model.score_ > 0.9


def test_folds_of_single_rows_are_judged_together():
    X, y = numbers()
    model = AutoRegressor(**{**RIDGE, "cv": LeaveOneOut(), "scoring": "r2"})
    assert model.fit(X[:12], y[:12]).score_ > 0.5


def test_marks_of_numpy_are_saved(tmp_path):
    model = AutoRegressor(**{**CHEAP, "include": ["lightgbm"], "exclude": None})
    model.fit(*numbers(), monotone={"a": np.int64(1)}).save(tmp_path / "model")
    assert load(tmp_path / "model")._model.facts["monotone"] == [["a", 1]]
