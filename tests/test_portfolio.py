"""The first trees of a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.datasets.synthetic import toy_schema
from autopipe.evolution.grammar import Grammar
from autopipe.execution.cost_model import CostModel
from autopipe.folds import Folds
from autopipe.operators.catalogue import catalogue
from autopipe.operators.cost import Shape
from autopipe.roles import Role
from autopipe.table import Schema, place_columns
from autopipe.task import TaskKind
from autopipe.tree import parse

NUMBERS = place_columns({"c0": Role.NUMERIC}, {}, {"c0": False}, frozenset())
MANY = tuple(f"c{index}" for index in range(2_000))
WIDE = place_columns(
    dict.fromkeys(MANY, Role.NUMERIC), {}, dict.fromkeys(MANY, False), frozenset()
)


def situation_of(schema, kind, rows, core_seconds, n_classes=3, folds=5) -> Situation:
    outputs = n_classes if kind is TaskKind.MULTICLASS else 1
    texts = len(schema.having(Role.TEXT))
    levels = tuple(column.levels for column in schema.having(Role.CATEGORICAL))
    shape = Shape(rows, len(schema.columns), outputs, 0, levels, texts, 100.0 * texts)
    pairs = ((np.arange(rows * 4 // 5), np.arange(rows // 5)),) * folds
    seconds_of = CostModel(shape, Folds(pairs, rows)).core_seconds
    return Situation(schema, kind, rows, n_classes, folds, core_seconds, seconds_of)


@pytest.mark.parametrize(
    ("rows", "monotone", "pays"), [(999, 0, 0), (1_000, 0, 1), (1_000, 1, 0)]
)
def test_features_are_synthesized_where_that_pays(rows, monotone, pays):
    schema = Schema((replace(NUMBERS.columns[0], monotone=monotone),))
    trees = portfolio(situation_of(schema, TaskKind.BINARY, rows, float("inf")))
    assert any("synthesized" in tree for tree in trees) == pays
    assert any("synthesized" not in tree for tree in trees)


@pytest.mark.parametrize("core_seconds", [10.0, float("inf")])
@pytest.mark.parametrize("n_classes", [3, 100])
@pytest.mark.parametrize("rows", [100, 3_000, 20_000, 1_000_000])
@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("schema", [NUMBERS, toy_schema()], ids=["numbers", "mixed"])
def test_every_tree_follows_the_grammar_and_stands_once(
    schema, kind, rows, n_classes, core_seconds
):
    grammar = Grammar(catalogue().values(), schema, kind)
    situation = situation_of(schema, kind, rows, core_seconds, n_classes)
    trees = [str(grammar.completed(parse(text))) for text in portfolio(situation)]
    assert len(trees) == len(set(trees))


@pytest.mark.parametrize("kind", TaskKind)
def test_trees_over_thousands_of_columns_follow_the_grammar_too(kind):
    grammar = Grammar(catalogue().values(), WIDE, kind)
    trees = [parse(text) for text in portfolio(situation_of(WIDE, kind, 500, 120.0))]
    assert len({str(grammar.completed(tree)) for tree in trees}) == len(trees)
    assert "univariate_selection" in str(trees[0])


@pytest.mark.parametrize("kind", TaskKind)
def test_the_first_four_trees_are_of_three_families_at_least(kind):
    families = [parse(text).op for text in portfolio(Situation(NUMBERS, kind, 5_000))[:4]]
    assert len(set(families)) >= 3


@pytest.mark.parametrize("rows", [100, 3_000, 20_000, 1_000_000])
@pytest.mark.parametrize("kind", TaskKind)
def test_the_first_tree_reads_no_texts(kind, rows):
    assert "text" not in portfolio(situation_of(toy_schema(), kind, rows, 120.0))[0]


def test_a_kernel_machine_waits_where_the_budget_is_short():
    places = []
    for core_seconds in (1_000.0, 20.0):
        situation = situation_of(NUMBERS, TaskKind.BINARY, 2_000, core_seconds)
        learners = [parse(text).op for text in portfolio(situation)]
        places.append(learners.index("kernel_machine"))
    assert places[0] < places[1]


def test_without_a_clock_no_tree_learns_faster_than_it_would():
    paced, free = (
        portfolio(situation_of(NUMBERS, TaskKind.BINARY, 200_000, core_seconds))
        for core_seconds in (60.0, float("inf"))
    )
    rates = [
        sorted(parse(tree).hyperparameters.get("learning_rate", 0.0) for tree in trees)
        for trees in (paced, free)
    ]
    assert rates[0] > rates[1]
    assert free == portfolio(Situation(NUMBERS, TaskKind.BINARY, 200_000, 3, 5))


@pytest.mark.parametrize("kind", TaskKind)
def test_where_a_clock_ends_the_run_no_boosting_is_very_slow(kind):
    slowest = [
        min(
            parse(tree).hyperparameters["learning_rate"]
            for tree in portfolio(situation_of(NUMBERS, kind, 900, core_seconds))
            if tree.startswith(("lightgbm", "xgboost", "catboost"))
        )
        for core_seconds in (1e9, float("inf"))
    ]
    assert slowest == [0.025, 0.0114]


def test_networks_come_last_where_the_budget_is_short():
    long, short = (
        [parse(text).op for text in portfolio(situation_of(NUMBERS, TaskKind.BINARY, *size))]
        for size in ((20_000, float("inf")), (20_000, 60.0))
    )
    assert long.index("mlp") < 8
    assert set(short[-2:]) == {"mlp", "tabm"}


def test_a_single_fold_leaves_nothing_to_calibrate_on():
    situation = situation_of(NUMBERS, TaskKind.MULTICLASS, 5_000, 120.0, folds=1)
    learners = [parse(tree) for tree in portfolio(situation)]
    assert any(tree.op == "extra_trees" for tree in learners)
