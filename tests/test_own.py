"""Operators of a user's own: what they are given, and how a model with them is loaded."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from autopipe import AutoClassifier, AutoRegressor, learner, load
from autopipe.errors import OptionError, StoreError
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import Coded, Complete, Dense
from autopipe.operators.own import default_tree
from autopipe.space import Float
from autopipe.table import Schema
from autopipe.task import TaskKind

OPTIONS = {"cv": 2, "executor": "inline", "random_state": 0, "verbose": 0}


class Mean(RegressorMixin, BaseEstimator):
    """Predicts a share of the weighted mean."""

    def __init__(self, share=1.0, random_state=None):
        self.share = share
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        assert self.random_state is not None
        self.mean = np.average(y, weights=sample_weight)

    def predict(self, X):
        return np.full(len(X), self.share * self.mean)


class Sign(ClassifierMixin, BaseEstimator):
    """Names classes, and knows no probabilities."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return (X[:, 0] > 0).astype(int)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(60, 2))


def test_a_learner_of_ones_own_is_given_weights_and_a_seed(X):
    mine = learner(Mean, {"share": Float(0.5, 1.0, default=1.0)}, name="mean")
    weights = np.where(np.arange(60) % 3, 1.0, 10.0)
    y = np.where(np.arange(60) % 3, 0.0, 1.0)
    model = AutoRegressor(max_trials=1, include=[mine], **OPTIONS)
    model.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(model.predict(X), 10 / 12, atol=0.02)


def test_a_classifier_without_probabilities_names_classes(X):
    y = np.where(X[:, 0] > 0, "b", "a")
    model = AutoClassifier(
        max_trials=1, include=[learner(Sign)], ensemble="none", scoring="accuracy", **OPTIONS
    ).fit(X, y)
    assert model.history_.status.tolist() == ["complete"]
    assert (model.predict(X) == y).mean() > 0.9


def test_all_stands_for_the_learners_of_the_catalogue(X):
    include = ["all", learner(Sign)]
    model = AutoClassifier(max_trials=2, include=include, **OPTIONS).fit(X, X[:, 0] > 0)
    first, second = (tree.split("(")[0] for tree in model.history_.tree)
    assert first in catalogue()
    assert second == "sign"


def test_a_model_with_an_operator_of_ones_own_is_loaded_when_that_is_given(X, tmp_path):
    mine = learner(Sign)
    model = AutoClassifier(max_trials=1, include=[mine], **OPTIONS).fit(X, X[:, 0] > 0)
    model.save(tmp_path / "model")
    with pytest.raises(StoreError, match=r"sign.*operators=\[\.\.\.\]"):
        load(tmp_path / "model")
    again = load(tmp_path / "model", operators=[mine])
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("name", ["lightgbm", "table", "two words", "class"])
def test_an_operator_of_ones_own_has_a_name_of_its_own(X, name):
    model = AutoClassifier(max_trials=1, include=[learner(Sign, name=name)], **OPTIONS)
    with pytest.raises(OptionError, match=name):
        model.fit(X, X[:, 0] > 0)


@pytest.mark.parametrize(
    ("takes", "text"),
    [
        (Coded, "sign(codes(table))"),
        (Complete, "sign(impute(codes(table)))"),
        (Dense, "sign(standard_scaling(impute(codes(table))))"),
    ],
)
def test_a_learner_is_first_tried_in_the_plainest_tree(takes, text):
    assert default_tree(learner(Sign, takes=takes), Schema(())) == text


def test_a_run_goes_on_without_an_operator_that_is_gone(X, tmp_path, monkeypatch):
    y, given = X[:, 0] > 0, {**OPTIONS, "path": tmp_path / "run"}
    include = ["logistic", learner(Sign)]
    AutoClassifier(max_trials=2, include=include, **given).fit(X, y)
    monkeypatch.setattr("autopipe.operators.catalogue._own", {})
    model = AutoClassifier(max_trials=3, include=["logistic"], **given).fit(X, y)
    assert model.history_.status.tolist() == ["complete"] * 3
    gone = model.history_.number[model.history_.tree.str.startswith("sign")]
    assert not {*gone} & {member.number for member in model._model.predictor.members}


def test_a_function_that_makes_a_classifier_serves_classes(X):
    made = {
        kind: learner(make, {"share": Float(0.0, 1.0, default=1.0)}).kinds
        for kind, make in (
            ("names", lambda share: Sign()),
            ("shares", lambda share: DecisionTreeClassifier()),
            ("numbers", lambda share: Mean(share)),
            ("steps", lambda share: make_pipeline(StandardScaler(), Mean(share))),
            ("seeded", lambda share, random_state: DecisionTreeClassifier()),
        )
    }
    classes = {TaskKind.BINARY, TaskKind.MULTICLASS}
    numbers = {TaskKind.REGRESSION}
    assert (made["names"], made["shares"], made["seeded"]) == (classes, classes, classes)
    assert (made["numbers"], made["steps"]) == (numbers, numbers)


def test_an_object_in_the_place_of_its_class_is_told():
    with pytest.raises(OptionError, match=r"give the class, learner\(Sign\)"):
        learner(Sign())
