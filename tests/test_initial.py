"""The trees that a user wants to begin with."""

from __future__ import annotations

import logging

import pytest
from counted_runs import QUICK, fitted, toy
from sklearn.base import clone

from autopipe import AutoClassifier
from autopipe.errors import OptionError, StoreError, TreeError, UnknownOperatorError
from autopipe.initial import best_trees, initial_trees
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

TREE = "logistic(standard_scaling(impute(one_hot(table))), C=0.5)"
OTHER = "extra_trees(impute(codes(table)), min_samples_leaf=3)"


def trial(number, tree, score, source=Source.PORTFOLIO):
    status = Status.ERROR if score is None else Status.COMPLETE
    return Trial(number, parse(tree), source, status, score=score)


def test_text_stands_for_its_tree_and_a_list_for_all_of_them_once():
    assert initial_trees(TREE) == [parse(TREE)]
    assert initial_trees([TREE, [OTHER, TREE]]) == [parse(TREE), parse(OTHER)]
    assert initial_trees(None) == []


def test_a_script_stands_for_its_trees(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text(f"TREES = {{3: {TREE!r}, 5: {OTHER!r}}}\nraise SystemExit\n")
    assert initial_trees(str(path)) == initial_trees(path) == [parse(TREE), parse(OTHER)]


def test_the_best_of_every_learner_comes_before_the_next_best():
    trials = [
        trial(0, "extra_trees(impute(codes(table)))", 0.7),
        trial(1, "lightgbm(codes(table))", 0.9),
        trial(2, "lightgbm(codes(table), num_leaves=7)", 0.8),
        trial(3, "lightgbm(codes(table), num_leaves=9)", None),
        trial(4, "ridge(table)", 0.95, Source.STACK),
        trial(5, "gone(codes(table))", 0.1),
    ]
    assert best_trees(trials) == [trials[place].tree for place in (1, 0, 5, 2)]


def test_a_run_and_a_fitted_model_stand_for_their_best_trees(tmp_path):
    model = fitted(3, path=tmp_path)
    expected = best_trees(model._model.trials)
    assert len(expected) == 3
    assert initial_trees(model) == initial_trees(tmp_path) == initial_trees(str(tmp_path))
    assert initial_trees(model) == expected


@pytest.mark.parametrize(
    ("init", "error"),
    [
        (3, OptionError),
        ("logistic(", TreeError),
        ("lgoistic(table)", UnknownOperatorError),
        ("nowhere", StoreError),
        ("nowhere.py", StoreError),
    ],
)
def test_what_is_no_beginning_is_refused(init, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        initial_trees(init)


def test_a_fit_begins_with_the_trees_of_the_user(caplog):
    wrong = "logistic(codes(table))"
    with caplog.at_level(logging.WARNING):
        model = fitted(2, init=[wrong, TREE])
    assert list(model.history_["source"]) == ["init", "portfolio"]
    assert model.history_["tree"][0].endswith("C=0.5)")
    assert "left out of the first trees" in caplog.text


@pytest.mark.parametrize("search", ["random", "grid", "tpe", "cmaes"])
def test_a_fit_has_the_search_that_it_is_given_and_keeps_its_space(search):
    space = {"logistic": {"C": (0.1, 0.2)}}
    arguments = {"include": ["logistic"], "search": search, "space": space, "max_trials": 4}
    model = AutoClassifier(**{**QUICK, **arguments}).fit(*toy())
    assert set(model.history_["source"][1:]) == {search}
    for tree in map(parse, model.history_["tree"]):
        for _, node in tree.walk():
            if node.op == "logistic":
                assert 0.1 <= node.hyperparameters["C"] <= 0.2


def test_an_unknown_search_is_refused_with_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'random'"):
        fitted(2, search="randm")


def test_a_run_may_begin_with_its_own_best_trees(tmp_path):
    fitted(1, path=tmp_path)
    assert fitted(2, path=tmp_path, init=str(tmp_path)).history_["number"].tolist() == [0, 1]


def test_a_fitted_model_that_was_cloned_is_told() -> None:
    with pytest.raises(OptionError, match="was not fitted, or scikit-learn cloned it"):
        initial_trees([clone(fitted(1))])
