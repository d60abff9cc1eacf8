from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from autopipe import AutoClassifier
from autopipe.arguments import budget_of, options_of
from autopipe.choice import chosen_operators
from autopipe.errors import OptionError
from autopipe.operators.catalogue import catalogue
from autopipe.presets import PRESETS, preset_named
from autopipe.tree import parse

QUICK = {"executor": "inline", "max_trials": 4, "verbose": 0, "random_state": 0}
NOISE = np.random.default_rng(0).normal(size=(60, 3))
X = pd.DataFrame(NOISE, columns=["a", "b", "c"])
y = np.where(X["a"] * X["b"] + 0.3 * X["c"] > 0, "yes", "no")


def arguments(**given):
    return AutoClassifier(**given).get_params(deep=False)


def folds_of(model: AutoClassifier) -> int:
    return len(model._model.trials[0].fold_scores)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_prints_all_that_it_sets(name):
    preset, shown = PRESETS[name], str(PRESETS[name])
    assert shown.startswith(f"{name}: {preset.purpose}\n")
    for value in (preset.time_budget, f"{preset.folds:g}", preset.ensemble):
        assert value in shown
    assert ", ".join(preset.include or ["all learners"]) in shown


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_learners_that_there_are(name):
    left = chosen_operators(PRESETS[name].include, None)
    assert {operator.name for operator in left} <= set(catalogue())


def test_an_unknown_preset_is_told_with_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'balanced'"):
        preset_named("balance")
    with pytest.raises(OptionError, match="Known: balanced, fast, best, interpretable"):
        AutoClassifier(preset=1).fit(X, y)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("fast", 60.0), ("balanced", 600.0), ("best", 3600.0), ("interpretable", 60.0)],
)
def test_a_preset_sets_the_budget_where_none_is_given(name, seconds):
    assert budget_of(arguments(preset=name)) == seconds
    assert budget_of(arguments(preset=name, time_budget="5s")) == 5.0
    assert budget_of(arguments(preset=name, max_trials=3)) is None


@pytest.mark.parametrize(("name", "count"), [("fast", 4), ("balanced", 8), ("best", 10)])
def test_a_preset_sets_the_number_of_folds(name, count):
    model = AutoClassifier(**{**QUICK, "max_trials": 1}, preset=name, include=["logistic"]).fit(
        X, y
    )
    assert folds_of(model) == count


def test_fast_and_interpretable_keep_one_member_of_their_families():
    for name, learners in (
        ("fast", {"logistic", "lightgbm", "xgboost"}),
        ("interpretable", {"logistic"}),
    ):
        model = AutoClassifier(**QUICK, cv=2, preset=name).fit(X, y)
        board = model.leaderboard().iloc[1:]
        used = {node.op for tree in board["tree"] for _, node in parse(tree).walk()}
        assert {op for op, operator in catalogue().items() if operator.is_learner} & used <= (
            learners
        )
        assert sorted(board["weight"]) == [0.0] * (len(board) - 1) + [1.0]


def test_what_is_given_wins_over_the_preset():
    options = options_of(
        arguments(preset="interpretable", include=["forests"], ensemble="greedy", cv=3)
    )
    assert (options.include, options.ensemble, options.cv) == (["forests"], "greedy", 3)
    model = AutoClassifier(**QUICK, preset="fast", cv=3, include=["logistic"]).fit(X, y)
    assert folds_of(model) == 3


def test_what_is_left_at_its_default_is_filled_by_the_preset():
    options = options_of(arguments(preset="interpretable"))
    assert (options.include, options.ensemble) == (("linear",), "none")
    assert options_of(arguments()).include is None


def test_a_preset_is_an_argument_like_others_and_stays_as_given():
    model = AutoClassifier(**{**QUICK, "max_trials": 1}, preset="fast").fit(X, y)
    assert model.get_params()["include"] is None
    assert model.get_params()["preset"] == "fast"
