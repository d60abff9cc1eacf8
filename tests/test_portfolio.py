"""The first trees of a run."""

from __future__ import annotations

import pytest

from autopipe.datasets.portfolio import portfolio
from autopipe.datasets.synthetic import toy_schema
from autopipe.evolution.grammar import Grammar
from autopipe.operators.catalogue import catalogue
from autopipe.roles import Role
from autopipe.table import place_columns
from autopipe.task import TaskKind
from autopipe.tree import parse

NUMBERS = place_columns({"c0": Role.NUMERIC}, {}, {"c0": False}, frozenset())


@pytest.mark.parametrize("rows", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("schema", [NUMBERS, toy_schema()], ids=["numbers", "mixed"])
def test_every_tree_follows_the_grammar_and_stands_once(schema, kind, rows) -> None:
    grammar = Grammar(catalogue().values(), schema, kind)
    trees = [str(grammar.completed(parse(text))) for text in portfolio(schema, kind, rows)]
    assert len(trees) == len(set(trees))


@pytest.mark.parametrize("kind", TaskKind)
def test_the_first_four_trees_are_of_three_families_at_least(kind) -> None:
    families = [parse(text).op for text in portfolio(NUMBERS, kind, 5_000)[:4]]
    assert len(set(families)) >= 3
