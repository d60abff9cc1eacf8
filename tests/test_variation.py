import pytest
from hypothesis import given
from numpy.random import default_rng
from strategies import LAW, generators, grammars, toy_grammar

from autopipe.evolution.grammar import MAX_DEPTH
from autopipe.evolution.variation import (
    MUTATIONS,
    crossover,
    mutate_hyperparameter,
    mutate_insert,
    mutate_replace,
    mutate_shrink,
)
from autopipe.tree import parse

GRAMMAR = toy_grammar()


def is_sound(tree, grammar):
    grammar.check(tree)
    return grammar.is_economical(tree) and tree.depth <= MAX_DEPTH


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=lambda mutate: mutate.__name__)
@LAW
@given(grammar=grammars(), rng=generators())
def test_a_mutant_follows_the_grammar_and_spares_its_parent(mutate, grammar, rng):
    tree = grammar.random(rng)
    before = str(tree)
    for _ in range(5):
        assert is_sound(mutate(tree, grammar, rng), grammar)
    assert str(tree) == before


@LAW
@given(grammar=grammars(), rng=generators())
def test_a_crossed_tree_follows_the_grammar_and_spares_its_parents(grammar, rng):
    tree, other = grammar.random(rng), grammar.random(rng)
    before = str(tree), str(other)
    for _ in range(5):
        assert is_sound(crossover(tree, other, grammar, rng), grammar)
    assert (str(tree), str(other)) == before


@LAW
@given(grammar=grammars(), rng=generators())
def test_generations_of_every_variation_stay_in_the_grammar(grammar, rng):
    tree = grammar.random(rng)
    for _ in range(3):
        for mutate in MUTATIONS.values():
            tree = crossover(mutate(tree, grammar, rng), grammar.random(rng), grammar, rng)
            assert is_sound(tree, grammar)


@LAW
@given(grammar=grammars(), rng=generators())
def test_a_hyperparameter_step_changes_one_operator_in_three_values_at_most(grammar, rng):
    tree = grammar.random(rng)
    mutant = mutate_hyperparameter(tree, grammar, rng)
    pairs = [(old, mutant.at(path)) for path, old in tree.walk()]
    changed = [(old, new) for old, new in pairs if old.params != new.params]
    assert len(changed) == any(node.params for _, node in tree.walk())
    assert all(old.op == new.op for old, new in pairs)
    assert all(len(set(new.params) - set(old.params)) <= 3 for old, new in changed)


@LAW
@given(rng=generators())
def test_a_replaced_operator_keeps_what_the_other_has_too(rng):
    tree = parse("xgboost(codes(table), learning_rate=0.123, depth=3)")
    mutant = mutate_replace(tree, GRAMMAR, rng)
    assert [node.op for _, node in mutant.walk()] != [node.op for _, node in tree.walk()]
    assert mutant.hyperparameters.items() >= {"learning_rate": 0.123, "depth": 3}.items()


@LAW
@given(rng=generators())
def test_an_insertion_adds_one_operator_and_shrinking_takes_one_out(rng):
    tree = parse("xgboost(codes(table), learning_rate=0.123, depth=3)")
    grown = mutate_insert(tree, GRAMMAR, rng)
    assert grown.size == tree.size + 1
    assert mutate_shrink(grown, GRAMMAR, rng) == tree


def test_what_cannot_be_varied_comes_back_itself():
    tree = GRAMMAR.completed(parse("lightgbm(codes(table))"))
    assert mutate_shrink(tree, GRAMMAR, default_rng(0)) is tree
    assert crossover(tree, tree, GRAMMAR, default_rng(0)) is tree
