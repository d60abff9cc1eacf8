"""Hyperparameters from the history of a learner."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from strategies import LAW, seeds, toy_grammar

from autopipe.evolution.tuning import Tuner
from autopipe.tree import parse

GRAMMAR = toy_grammar()


def tree_of(rate):
    text = f"temperature(xgboost(one_hot(table, most=7), learning_rate={rate:.3g}))"
    return GRAMMAR.completed(parse(text))


def tuner(count=30):
    """Told of so many rates, of which those near 0.1 score best."""
    known = Tuner(GRAMMAR)
    for rate in np.geomspace(0.01, 0.3, count):
        known.learn(tree_of(rate), -abs(np.log(rate / 0.1)))
    return known


@settings(LAW, max_examples=20)
@given(seed=seeds())
def test_only_the_hyperparameters_of_the_learner_change_and_stay_in_their_space(seed):
    known, tree = tuner(), tree_of(0.05)
    tuned = known.tuned(tree, np.random.default_rng(seed))
    GRAMMAR.check(tuned)
    assert tuned.at((0,)).op == "xgboost"
    assert tuned.replaced((0,), tree.at((0,))) == tree
    assert tree == tree_of(0.05)


def test_what_scored_well_is_proposed_more_often():
    rng = np.random.default_rng(0)
    known = tuner()
    rates = [
        known.tuned(tree_of(0.05), rng).at((0,)).hyperparameters["learning_rate"]
        for _ in range(20)
    ]
    assert 0.05 < np.median(rates) < 0.2


def test_a_learner_of_which_too_little_is_known_keeps_its_hyperparameters():
    rng = np.random.default_rng(0)
    other = GRAMMAR.completed(parse("lightgbm(codes(table))"))
    assert tuner().tuned(other, rng) is other
    assert tuner(3).tuned(tree_of(0.1), rng) == tree_of(0.1)
