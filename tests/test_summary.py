from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import sklearn
from strategies import NoIdeas

from autopipe import AutoClassifier
from autopipe.reports.summary import summary_html
from autopipe.tree import Node
from autopipe.trial import Source

QUICK = {"executor": "inline", "max_trials": 2, "cv": 2, "verbose": 0, "random_state": 0}
X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["<b>a</b>", "b&b"])
y = np.where(X.sum(axis=1) > 0, "yes", "no")


@pytest.fixture(scope="module")
def model() -> AutoClassifier:
    return AutoClassifier(**QUICK, include=["logistic", "extra_trees"]).fit(X, y)


class Balanced(HTMLParser):
    """Follows tags; every one that is opened has to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_card_tells_score_pipeline_members_and_seconds(model):
    told = " ".join(Balanced(model._repr_html_()).words)
    board = model.leaderboard().iloc[1:]
    assert told.startswith("AutoClassifier")
    assert f"roc_auc {model.score_:.5g}, cross-validated" in told
    assert "corrected for selection, 90 % interval" in told and "baselines" in told
    assert "2 pipelines tried, 2 complete" in told and "ms per row" in told
    assert f"Best pipeline:  {board['tree'].iloc[0]}" in told
    for tree in board["tree"][board["weight"] > 0]:
        assert tree in told
    assert re.search(r"s in fit: .*intake \d.*search \d", told)


def test_the_card_tells_what_the_model_takes_that_was_selected_last():
    model = AutoClassifier(**QUICK, include=["logistic", "extra_trees"]).fit(X, y)
    model.select(max_latency_ms=model.front_["row_ms"].min())
    row_ms = model.leaderboard()["row_ms"].iloc[0]
    assert f"{row_ms:.3g} ms per row" in model._repr_html_()


def test_a_second_level_that_is_not_used_is_not_the_best_pipeline(model):
    inner = model._model
    best = max(inner.trials, key=lambda trial: trial.score)
    unused = replace(
        best, number=9, tree=Node("ridge"), source=Source.STACK, score=9.0, failure="no gain"
    )
    shown = summary_html("It", replace(inner, trials=(*inner.trials, unused)))
    assert f"Best pipeline: <code>{escape(str(best.tree))}</code>" in shown


def test_a_notebook_is_given_the_card_and_the_plain_text(model):
    bundle = model._repr_mimebundle_()
    assert bundle["text/html"] == model._repr_html_()
    assert bundle["text/plain"].startswith("AutoClassifier(")


def test_a_model_that_was_not_fitted_is_shown_as_scikit_learn_shows_it():
    shown = AutoClassifier(**QUICK)._repr_html_()
    assert "sk-estimator" in shown and "AutoClassifier" in shown


def test_whoever_asked_scikit_learn_for_text_gets_text(model):
    with sklearn.config_context(display="text"):
        assert "text/html" not in model._repr_mimebundle_()


def test_whatever_a_user_names_is_escaped():
    def scorer(estimator, X, y):
        return 0.5

    scorer.__name__ = "<script>alert(1)</script>"
    model = AutoClassifier(**QUICK, include=["logistic"], scoring=scorer)
    shown = model.fit(X, y)._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown
    Balanced(shown)


def test_a_model_that_knows_the_prior_alone_says_so():
    model = AutoClassifier(**QUICK, search=NoIdeas()).fit(X, y)
    shown = model._repr_html_()
    assert "the same for every row" in shown and "ended early: there were no ideas" in shown
