"""The first trees of a run."""

from __future__ import annotations

import pytest

from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.datasets.synthetic import toy_schema
from autopipe.evolution.grammar import Grammar
from autopipe.operators.catalogue import catalogue
from autopipe.roles import Role
from autopipe.table import place_columns
from autopipe.task import TaskKind
from autopipe.tree import parse

NUMBERS = place_columns({"c0": Role.NUMERIC}, {}, {"c0": False}, frozenset())


@pytest.mark.parametrize("core_seconds", [10.0, 1e9])
@pytest.mark.parametrize("rows", [100, 3_000, 10_000, 1_000_000])
@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("schema", [NUMBERS, toy_schema()], ids=["numbers", "mixed"])
def test_every_tree_follows_the_grammar_and_stands_once(schema, kind, rows, core_seconds):
    grammar = Grammar(catalogue().values(), schema, kind)
    situation = Situation(schema, kind, rows, 3, 100 * rows, core_seconds=core_seconds)
    trees = [str(grammar.completed(parse(text))) for text in portfolio(situation)]
    assert len(trees) == len(set(trees))


@pytest.mark.parametrize("kind", TaskKind)
def test_the_first_four_trees_are_of_three_families_at_least(kind):
    families = [parse(text).op for text in portfolio(Situation(NUMBERS, kind, 5_000))[:4]]
    assert len(set(families)) >= 3


@pytest.mark.parametrize("rows", [100, 3_000, 1_000_000])
@pytest.mark.parametrize("kind", TaskKind)
def test_the_first_tree_reads_no_texts(kind, rows):
    first = portfolio(Situation(toy_schema(), kind, rows, text_bytes=100 * rows))[0]
    assert "text" not in first


def test_a_kernel_machine_waits_where_the_budget_is_short():
    places = []
    for core_seconds in (1_000.0, 20.0):
        situation = Situation(NUMBERS, TaskKind.BINARY, 2_000, core_seconds=core_seconds)
        learners = [parse(text).op for text in portfolio(situation)]
        places.append(learners.index("kernel_machine"))
    assert places[0] < places[1]
