from dataclasses import replace

import pytest
from hypothesis import given
from numpy.random import default_rng
from strategies import LAW, TOY_OPERATORS, generators, grammars, schema_of, toy_grammar

from autopipe.errors import OptionError, TreeError, UnknownOperatorError
from autopipe.evolution.grammar import MAX_DEPTH, Grammar
from autopipe.operators.catalogue import catalogue
from autopipe.roles import Role
from autopipe.task import TaskKind
from autopipe.tree import parse

GRAMMAR = toy_grammar()


@LAW
@given(grammar=grammars(), rng=generators())
def test_every_random_tree_is_valid_and_economical_and_not_too_deep(grammar, rng):
    for _ in range(20):
        tree = grammar.random(rng)
        grammar.check(tree)
        assert grammar.is_economical(tree)
        assert tree.depth <= MAX_DEPTH


@LAW
@given(grammar=grammars(), rng=generators())
def test_a_random_tree_parses_back_from_its_text(grammar, rng):
    tree = grammar.random(rng)
    assert parse(str(tree)) == tree


@LAW
@given(grammar=grammars(), rng=generators())
def test_a_tree_comes_back_from_the_form_of_deap_and_that_form_from_the_tree(grammar, rng):
    tree = grammar.random(rng)
    genes = grammar.from_node(tree)
    assert str(grammar.to_node(genes)) == str(tree)
    assert grammar.from_node(grammar.to_node(genes)) == genes


@LAW
@given(grammar=grammars(), rng=generators())
def test_completing_a_full_tree_changes_nothing(grammar, rng):
    tree = grammar.random(rng)
    assert str(grammar.completed(tree)) == str(tree)


def test_every_operator_that_can_serve_is_drawn_sooner_or_later():
    rng = default_rng(0)
    drawn = {node.op for _ in range(500) for _, node in GRAMMAR.random(rng).walk()}
    assert drawn == {*GRAMMAR.operators, "table"}


def test_operators_that_decline_or_cannot_be_fed_are_left_out():
    names = Grammar(TOY_OPERATORS, schema_of(Role.NUMERIC), TaskKind.REGRESSION).operators
    assert "one_hot" not in names
    assert "logistic" not in names
    assert "absent" not in names
    fed_by_none = [op for op in TOY_OPERATORS if op.name in ("codes", "lightgbm", "logistic")]
    assert list(toy_grammar(operators=fed_by_none).operators) == ["codes", "lightgbm"]


def test_operators_that_serve_few_rows_or_columns_decline_larger_tables():
    few = replace(TOY_OPERATORS[11], name="few_rows", most_rows=100)
    narrow = replace(TOY_OPERATORS[11], name="narrow", most_columns=1)
    operators = [*TOY_OPERATORS, few, narrow]
    small = Grammar(operators, schema_of(Role.NUMERIC), TaskKind.BINARY, rows=100)
    large = Grammar(operators, schema_of(*[Role.NUMERIC] * 2), TaskKind.BINARY, rows=101)
    assert {"few_rows", "narrow"} <= set(small.operators)
    assert not {"few_rows", "narrow"} & set(large.operators)
    with pytest.raises(TreeError, match="few_rows serves up to 100 rows, not 101"):
        large.completed(parse("few_rows(codes(table))"))


def test_a_hand_written_tree_is_completed_with_defaults():
    tree = parse("temperature(lightgbm(codes(table), learning_rate=0.1))")
    assert str(GRAMMAR.completed(tree)) == (
        "temperature(lightgbm(codes(table), depth=6, extra=False, learning_rate=0.1))"
    )


def test_a_whole_number_for_a_float_becomes_one():
    tree = parse("logistic(standard_scaling(impute(codes(table))), C=10)")
    assert "C=10.0" in str(GRAMMAR.completed(tree))


def test_repetition_written_by_hand_is_valid_though_not_economical():
    tree = GRAMMAR.completed(parse("extra_trees(impute(impute(codes(table))))"))
    assert not GRAMMAR.is_economical(tree)


def test_operators_that_add_columns_to_the_table_repeat_only_themselves():
    grammar = Grammar(catalogue().values(), schema_of(Role.TEXT), TaskKind.REGRESSION)
    for below, economical in (("text_prediction", True), ("text_topics", False)):
        tree = parse(f"lightgbm(codes(text_topics({below}(table))))")
        assert grammar.is_economical(grammar.completed(tree)) is economical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "logistic(codes(table))",
            "logistic(codes(table), C=1.0): logistic takes Dense, but codes gives Coded. Put "
            "between them: standard_scaling or quantile_scaling or projection.",
        ),
        (
            "codes(table)",
            "codes(table): a pipeline must end in Predictions, but codes gives Coded. Put on "
            "top: lightgbm or xgboost.",
        ),
        ("xgboost(codes(table), depth=99)", "xgboost: depth=99 is outside its space; "
         "wanted a value of Int(low=2, high=9, default=6, log=False)."),
        ("xgboost(codes(table), depht=3)", "xgboost has no hyperparameter 'depht'. Did you "
         "mean 'depth'? Known: learning_rate, depth."),
        ("temperature(codes(table), heat=3)", "temperature(codes(table), heat=3): temperature "
         "takes Predictions, but codes gives Coded. Put between them: lightgbm or xgboost."),
        ("xgboost", "xgboost(depth=6, learning_rate=0.05): xgboost takes 1 input(s) (Coded); "
         "got 0."),
        ("xgboost(codes(table(table)))", "table(table): the table takes no inputs and no "
         "hyperparameters."),
        ("absent(codes(table))", "absent(codes(table)): absent needs no_such_library: pip "
         "install 'autopipe[none]'."),
        ("ridge(codes(table))", "ridge(codes(table)): ridge serves regression, not binary."),
    ],
)  # fmt: skip
def test_a_tree_against_the_grammar_is_refused_with_what_to_do(text, message):
    with pytest.raises(TreeError) as caught:
        GRAMMAR.completed(parse(text))
    assert str(caught.value) == message


def test_an_unknown_operator_is_refused_with_the_nearest_name():
    with pytest.raises(
        UnknownOperatorError, match=r"'lgoistic'. Did you mean 'logistic'\? Kno"
    ):
        GRAMMAR.completed(parse("lgoistic(codes(table))"))


def test_a_missing_hyperparameter_is_named():
    with pytest.raises(TreeError, match=r"xgboost lacks depth\. Use `completed`"):
        GRAMMAR.check(parse("xgboost(codes(table), learning_rate=0.1)"))


def test_a_tree_that_is_too_deep_is_refused():
    text = "temperature(" * 6 + "xgboost(codes(table))" + ")" * 6
    with pytest.raises(TreeError, match="9 nodes deep, and at most 8 are allowed"):
        GRAMMAR.completed(parse(text))


def test_a_grammar_without_a_learner_is_refused():
    with pytest.raises(OptionError, match="No learner can serve this table for regression"):
        toy_grammar(TaskKind.REGRESSION, [op for op in TOY_OPERATORS if op.name == "logistic"])


@pytest.mark.parametrize("kind", list(TaskKind))
@pytest.mark.parametrize(
    "roles", [(Role.NUMERIC,), (Role.CATEGORICAL, Role.DATETIME), (Role.TEXT, Role.TEXT)]
)
@LAW
@given(rng=generators())
def test_every_tree_of_the_real_operators_is_valid(kind, roles, rng):
    grammar = Grammar(catalogue().values(), schema_of(*roles), kind)
    tree = grammar.random(rng)
    grammar.check(tree)
    assert str(grammar.to_node(grammar.from_node(tree))) == str(tree)
    assert parse(str(tree)) == tree
