"""Formulas: their text, and what they can be of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW, schema_of

from autopipe.errors import TreeError
from autopipe.operators.outcomes import MOST_CLASSES
from autopipe.operators.programs_domain import Formulas
from autopipe.operators.programs_formulas import (
    FUNCTIONS,
    KEY,
    Formula,
    column,
    fault,
    of,
    parse_formulas,
)
from autopipe.roles import Role
from autopipe.tree import parse

ROLES = (Role.NUMERIC, Role.NUMERIC, Role.CATEGORICAL, Role.DATETIME, Role.DATETIME, Role.TEXT)
SCHEMA = schema_of(*ROLES)
COLUMNS = {"number": ("c0", "c1"), "key": ("c0", "c2"), "time": ("c3", "c4"), "text": ("c5",)}


@st.composite
def formulas(draw, wanted="number", room=3, is_in_key=False):
    """Formulas over the columns of `SCHEMA`."""
    is_in_key = is_in_key or wanted == KEY
    if wanted in ("time", "text") or (room < 3 and draw(st.booleans())) or not room:
        return column(draw(st.sampled_from(COLUMNS[wanted])))
    names = {name for name, each in FUNCTIONS.items() if wanted in (KEY, each.gives)}
    name = draw(st.sampled_from(sorted(names - ({"target_mean"} if is_in_key else set()))))
    function = FUNCTIONS[name]
    word = draw(st.sampled_from(function.words[:MOST_CLASSES])) if function.words else None
    inputs = tuple(draw(formulas(taken, room - 1, is_in_key)) for taken in function.takes)
    return Formula(name, inputs, word)


@LAW
@given(many=st.lists(formulas(), min_size=1, max_size=3))
def test_formulas_parse_back_from_their_text(many):
    assert list(parse_formulas(", ".join(map(str, many)))) == many


@LAW
@given(formula=formulas())
def test_a_drawn_formula_can_be_made_of_its_table_and_of_no_empty_one(formula):
    assert not fault(formula, SCHEMA)
    assert bool(fault(formula, schema_of())) == bool(formula.columns)


@LAW
@given(many=st.lists(formulas(), min_size=1, max_size=3))
def test_a_tree_with_formulas_parses_back_from_its_text(many):
    text = f"lightgbm(codes(with_features(table, {', '.join(map(str, many))})), max_bin=63)"
    tree = parse(text)
    assert str(tree) == text and parse(str(tree)) == tree
    assert tree.at((0, 0)).params[0][1] in Formulas()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ratio(c1)", "ratio takes 2 arguments"),
        ("rattio(c1, c2)", "no function is called 'rattio'"),
        ("part(c3, 'minute')", "part does not know 'minute'"),
        ("target_mean(c2, True)", "does not know True"),
        ("c0.real", "where a formula was wanted"),
        ("__import__('os')", "no function is called"),
        ("ratio(c1, 2 + 3)", "where a formula was wanted"),
        ("log(log(log(log(log(log(log(c0)))))))", "at most 6 deep"),
        ("ratio(c1, c2", "holds no formulas"),
        ("sum(c0, c1), " * 500, "at most 5000 letters"),
    ],
)
def test_a_text_that_is_no_formula_is_refused_with_what_was_met(text, message):
    with pytest.raises(TreeError, match=message):
        parse_formulas(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ratio(c0, c2)", "c2 is a key, and ratio takes a number"),
        ("ratio(c0, c9)", "no column c9"),
        ("elapsed(c3, c0)", "c0 is a number, and elapsed takes a time"),
        ("cross(c0, c2)", "no feature by itself"),
        ("c0", "no feature by itself"),
        ("part(c3)", "name one of year"),
        ("count(cross(c2, c7))", "no column c7"),
        ("target_mean(c2, 999)", "of 10 classes at most"),
        ("group_mean(c0, target_mean(c2))", "target_mean(c2) is no key"),
        ("count(log(target_mean(c2)))", "is no key"),
    ],
)
def test_a_formula_that_a_table_cannot_have_says_why(text, message):
    (formula,) = parse_formulas(text)
    assert message in fault(formula, SCHEMA)


def test_arguments_that_may_be_exchanged_stand_in_one_order():
    first, second = column("c9"), column("c10")
    assert of("product", second, first) == of("product", first, second)
    assert of("ratio", second, first) != of("ratio", first, second)


def test_a_formula_is_shown_with_the_names_of_the_user():
    (formula,) = parse_formulas("ratio(c1, group_mean(c1, c2))")
    shown = formula.shown({"c1": "income", "c2": "town"})
    assert shown == "ratio(income, group_mean(income, town))"
