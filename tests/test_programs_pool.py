"""Formulas as a hyperparameter: what evolution draws, edits and learns from screens."""

import numpy as np
import pytest
from hypothesis import given
from strategies import LAW, generators, schema_of

from autopipe.datasets.synthetic import toy_schema, toy_table
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.variation import mutate_features
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.metrics import roc_auc
from autopipe.operators.catalogue import catalogue
from autopipe.operators.programs import Synthesized, agreed
from autopipe.operators.programs_domain import Formulas
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind
from autopipe.tree import FORMULAS, WITH_FEATURES, parse

POOL = ["ratio(c0, c1)", "target_mean(cross(c6, c7))"]
PLAIN = parse("lightgbm(codes(table))")


def grammar(*formulas):
    known = [catalogue()[name] for name in ("codes", "lightgbm", "with_features")]
    made = Grammar(known, toy_schema(), TaskKind.BINARY)
    made.take_features(formulas)
    return made


@LAW
@given(rng=generators())
def test_formulas_that_are_drawn_or_edited_can_be_made_of_the_table(rng):
    domain = Formulas(toy_schema(), POOL)
    value = domain.draw(rng)
    for _ in range(10):
        assert value in domain
        value = domain.step(value, rng)


@given(rng=generators())
def test_where_nothing_is_known_of_the_table_the_default_is_drawn(rng):
    assert Formulas().draw(rng) == Formulas().default == Formulas(schema_of()).draw(rng)


@LAW
@given(rng=generators())
def test_a_mutant_has_formulas_of_the_pool_and_its_parent_is_spared(rng):
    known = grammar(*POOL)
    parent = known.completed(PLAIN)
    mutant = mutate_features(parent, known, rng)
    known.check(mutant)
    assert str(parent) == str(known.completed(PLAIN)) != str(mutant)
    assert mutant.at((0, 0)).op == WITH_FEATURES
    edited = mutate_features(mutant, known, rng)
    known.check(edited)
    assert edited.at((0, 0)).hyperparameters.keys() == {FORMULAS}


def test_before_a_screen_was_sure_no_tree_gets_formulas():
    known = grammar()
    tree = known.completed(PLAIN)
    assert mutate_features(tree, known, np.random.default_rng(0)) == tree


def test_a_formula_that_the_table_cannot_have_stays_out_of_the_pool():
    known = grammar("ratio(c0, c6)", "ratio(c0, c1)", "ratio(c0, c1)")
    domain = known.operators[WITH_FEATURES].space[FORMULAS]
    assert domain.pool == ["ratio(c0, c1)"]


def with_sure(*formulas):
    restored = Synthesized(growth=1.0, least=2.0)
    return restored.restore({"formulas": ", ".join(formulas), "sure": len(formulas)})


def test_folds_agree_on_what_the_screens_of_all_are_sure_of():
    first, second = with_sure(*POOL, "log(c0)"), with_sure("log(c1)", *reversed(POOL))
    assert agreed([[first], [second]]) == tuple(POOL)
    assert agreed([[first], [object()]]) == agreed([]) == ()


@pytest.mark.parametrize("seed", range(3))
def test_what_folds_agree_on_leaves_a_target_of_noise_at_chance(seed):
    rows = 600
    table, _ = toy_table(TaskKind.BINARY, rows, seed)
    y = np.random.default_rng(seed).integers(2, size=rows).astype(np.int32)
    target, seeds = Target(TaskKind.BINARY, y, 2), Seeds(seed)
    folds = make_folds(target, 3, seeds)
    known = Grammar(catalogue().values(), table.schema, TaskKind.BINARY, rows)

    def judged(text):
        return crossfit(known.completed(parse(text)), table, target, folds, seeds)

    screen = judged("lightgbm(codes(synthesized(table, least=1.0)), learning_rate=0.2)")
    pool = agreed([model.estimators.values() for model in screen.models])
    formulas = ", ".join(["missing_count()", *pool])
    fitted = judged(f"lightgbm(codes(with_features(table, {formulas})), learning_rate=0.2)")
    assert abs(roc_auc(target, fitted.out_of_fold) - 0.5) < 0.1  # four standard deviations
