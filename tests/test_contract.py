"""The estimators among scikit-learn's own: contract, pipelines, searches and routing."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from autopipe import AutoClassifier, AutoRegressor

QUICK = {
    "executor": "inline",
    "max_trials": 2,
    "knowledge": None,
    "cv": 2,
    "verbose": 0,
    "random_state": 0,
}
CLASSIFIER = AutoClassifier(**QUICK, include=["logistic", "extra_trees"])
REGRESSOR = AutoRegressor(**QUICK, include=["ridge", "extra_trees"])

LEARNERS = ["lightgbm", "xgboost", "catboost", "extra_trees", "logistic"]
COPIES = [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]

TWICE_IS_NOT_TWO = (
    "a row that stands there twice may fall on both sides of a fold, and imputation and "
    "scaling count rows: a weight of 2 is not the same"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": TWICE_IS_NOT_TWO,
    "check_sample_weight_equivalence_on_sparse_data": TWICE_IS_NOT_TWO,
}


@parametrize_with_checks(
    [CLASSIFIER, REGRESSOR],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_the_estimators_keep_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def toy(rows: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    size, age = rng.normal(size=(2, rows))
    X = pd.DataFrame({"size": size, "age": age, "colour": rng.choice(["r", "b"], rows)})
    return X, np.where(size + age + (X["colour"] == "r") > 0.5, "yes", "no")


X, y = toy()
NUMBERS = (X["size"] + 2.0 * X["age"]).to_numpy()


# Arguments


def test_arguments_can_be_set_by_name():
    model = clone(CLASSIFIER).set_params(max_trials=1, preset="fast")
    assert model.get_params()["max_trials"] == 1
    assert len(model.fit(X, y).history_) == 1


def test_an_estimator_prints_the_arguments_that_were_given():
    assert repr(AutoClassifier(time_budget="1m")) == "AutoClassifier(time_budget='1m')"


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_an_unfitted_model_fits_the_same(copied):
    model = AutoClassifier(**{**QUICK, "max_trials": 1, "include": ["logistic"]})
    twin = copied(model)
    assert twin.get_params() == model.get_params()
    assert (twin.fit(X, y).predict_proba(X) == model.fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_a_fitted_model_predicts_the_same(learner, copied):
    # The clock stops boosters that would go on for thousands of rounds.
    arguments = {**QUICK, "max_trials": 1, "time_budget": 4.0, "include": [learner]}
    model = AutoClassifier(**arguments).fit(X, y)
    assert model.leaderboard()["weight"].tolist() == [1.0, 1.0]  # ensemble, member
    assert (copied(model).predict_proba(X) == model.predict_proba(X)).all()


# Inside other estimators


def test_a_pipeline_may_end_in_a_search():
    pipeline = make_pipeline(FunctionTransformer(lambda X: X.assign(twice=2 * X["size"])))
    pipeline.steps.append(("auto", clone(CLASSIFIER)))
    assert pipeline.fit(X, y).score(X, y) > 0.7
    assert pipeline["auto"].feature_names_in_.tolist() == ["size", "age", "colour", "twice"]


def test_cross_validation_scores_whole_searches():
    assert cross_val_score(REGRESSOR, X, NUMBERS, cv=2).min() > 0.5


def test_a_grid_search_may_stand_around_ours():
    grid = {"preset": ["fast", "interpretable"], "max_trials": [1]}
    search = GridSearchCV(clone(CLASSIFIER), grid, cv=2).fit(X, y)
    assert search.best_estimator_.predict(X).shape == (60,)


def test_a_pipeline_that_holds_an_estimator_is_shown_as_one():
    shown = make_pipeline(FunctionTransformer(), clone(CLASSIFIER))._repr_html_()
    assert "AutoClassifier" in shown


# Groups and weights on their way through other estimators


class Recording(AutoRegressor):
    """Notes what `fit` was given; a class attribute, as clones share nothing else."""

    seen: list[tuple[np.ndarray, np.ndarray]]

    def fit(self, X, y=None, *, groups=None, sample_weight=None, **others):
        type(self).seen.append((np.asarray(groups), np.asarray(sample_weight)))
        return super().fit(X, y, groups=groups, sample_weight=sample_weight, **others)


@pytest.fixture
def recording():
    Recording.seen = []
    return Recording(**{**QUICK, "max_trials": 1, "include": ["ridge"]})


GROUPS = np.arange(60) // 10
WEIGHTS = np.linspace(1.0, 2.0, 60)


def test_without_routing_a_pipeline_passes_groups_and_weights_by_prefix():
    X_numbers = X[["size", "age"]]
    pipeline = make_pipeline(FunctionTransformer(), clone(REGRESSOR))
    pipeline.fit(
        X_numbers,
        NUMBERS,
        autoregressor__groups=GROUPS,
        autoregressor__sample_weight=WEIGHTS,
    )
    assert np.isfinite(pipeline["autoregressor"].score_)


def test_without_routing_cross_validation_cuts_groups_and_weights(recording):
    params = {"groups": GROUPS, "sample_weight": WEIGHTS}
    cross_validate(recording, X, NUMBERS, cv=KFold(2), params=params, error_score="raise")
    assert [groups.tolist() for groups, _ in Recording.seen] == [
        GROUPS[30:].tolist(),
        GROUPS[:30].tolist(),
    ]


def test_with_routing_groups_reach_the_splitter_and_the_fit_and_weights_the_score():
    # `AutoRegressor` itself: what a subclass asks for is its own affair.
    params = {"groups": GROUPS, "sample_weight": WEIGHTS}
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_validate(
            clone(REGRESSOR), X, NUMBERS, cv=GroupKFold(2), params=params, error_score="raise"
        )
        assert np.isfinite(scores["test_score"]).all()


def test_with_routing_a_pipeline_passes_groups_and_weights_on():
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(FunctionTransformer(), clone(REGRESSOR))
        pipeline.fit(X, NUMBERS, groups=GROUPS, sample_weight=WEIGHTS)
        requests = REGRESSOR.get_metadata_routing()
        assert requests.fit.requests["groups"] is True
        assert requests.score.requests["sample_weight"] is True
    assert np.isfinite(pipeline[-1].score_)
