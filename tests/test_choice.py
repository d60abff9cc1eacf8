"""Which operators a run may use, and the ranges that a user leaves them."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import TOY_OPERATORS, toy_grammar

from autopipe.choice import narrowed
from autopipe.errors import OptionError
from autopipe.space import Choice, Fixed, Float, Int
from autopipe.tree import parse


def space_of(name, wanted):
    (operator,) = (op for op in narrowed(TOY_OPERATORS, {name: wanted}) if op.name == name)
    return operator.space


def test_a_pair_narrows_a_range_and_draws_its_default_in():
    space = space_of("xgboost", {"learning_rate": (0.1, 0.2), "depth": (3, 4)})
    assert space == {
        "learning_rate": Float(0.1, 0.2, default=0.1, log=True),
        "depth": Int(3, 4, 4),
    }


def test_one_value_is_frozen_and_a_list_is_a_choice():
    space = space_of("lightgbm", {"learning_rate": 0.1, "depth": [8, 3], "extra": True})
    assert space["learning_rate"] == Fixed(0.1)
    assert space["depth"] == Choice((8, 3))
    assert space["extra"] == Fixed(True)


def test_a_default_that_is_among_the_values_stays_it():
    assert space_of("xgboost", {"depth": [3, 6]})["depth"].default == 6


def test_a_whole_number_serves_a_float():
    assert space_of("logistic", {"C": (1, 10)})["C"] == Float(1, 10, default=1, log=True)
    assert repr(space_of("logistic", {"C": 1})["C"].default) == "1.0"


def test_other_operators_and_hyperparameters_stay_as_they_are():
    before = {operator.name: operator for operator in TOY_OPERATORS}
    after = narrowed(TOY_OPERATORS, {"xgboost": {"depth": 3}})
    assert [op for op in after if op.name != "xgboost"] == [
        op for op in TOY_OPERATORS if op.name != "xgboost"
    ]
    assert (
        space_of("xgboost", {"depth": 3})["learning_rate"]
        == (before["xgboost"].space["learning_rate"])
    )


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"xgbost": {"depth": 3}}, r"'xgbost'.* Did you mean 'xgboost'\?"),
        ({"xgboost": {"dept": 3}}, r"'dept'.* Did you mean 'depth'\?"),
        ({"xgboost": {"depth": 99}}, r"xgboost.depth=99: 99 is outside Int\(low=2, high=9"),
        ({"xgboost": {"depth": (3, 99)}}, "99 is outside"),
        ({"xgboost": {"depth": 3.5}}, "3.5 is outside"),
        ({"xgboost": {"depth": []}}, "a list of values"),
        ({"xgboost": {"depth": {"low": 3}}}, "is outside"),
        ({"lightgbm": {"extra": 1}}, "1 is outside"),
        ({"xgboost": 3}, "give a dict"),
        ([("xgboost", 3)], "give a dict"),
    ],
)
def test_what_a_space_cannot_be_is_refused(space, message):
    with pytest.raises(OptionError, match=message):
        narrowed(TOY_OPERATORS, space)


def test_a_tree_outside_a_narrowed_space_is_brought_to_its_edge():
    space = {"xgboost": {"learning_rate": (0.1, 0.2), "depth": 3}}
    grammar = toy_grammar(operators=narrowed(TOY_OPERATORS, space))
    tree = parse("xgboost(codes(table), learning_rate=0.02, depth=8)")
    assert grammar.nearest(tree) == parse("xgboost(codes(table), learning_rate=0.1, depth=3)")


def test_numbers_of_numpy_are_numbers_and_three_are_no_range():
    values = space_of("logistic", {"C": np.logspace(-2, 1, 4)})["C"].options
    assert [type(value) for value in values] == [float] * 4
    assert space_of("logistic", {"C": np.float64(0.1)})["C"] == Fixed(0.1)
    with pytest.raises(OptionError, match="a range is"):
        space_of("logistic", {"C": (0.1, 1.0, 10.0)})
