"""The trees that are tried on every data set, so that what they are worth can be compared.

First the built-in lists for tables of this kind of any size, then every learner with
hyperparameters near its defaults and far from them. The same trees stand in the design of
every table of a kind, adapted to the columns that it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.datasets.recommendation import adapted
from autopipe.errors import TreeError, UnknownOperatorError
from autopipe.evolution.grammar import Grammar
from autopipe.operators.declaration import Coded, Complete, Dense, Operator
from autopipe.seeds import Seeds
from autopipe.space import Value, defaults
from autopipe.tree import TABLE, Node, parse
from autopipe.trial import Source

_ROWS = (3_000, 700, 10_000, 200_000)  # for which the built-in lists differ
_ROUNDS = 14  # random trees of every learner
_ONE_STEP = 0.6  # how often a hyperparameter is a step from its default,
_ANYWHERE = 0.2  # and how often it is drawn from all there is
_READS_TEXTS = 0.7  # how often texts are read first


def designed(
    situation: Situation, grammar: Grammar, operators: Mapping[str, Operator], seeds: Seeds
) -> list[tuple[Node, Source]]:
    """The trees for a table in the order in which they are to be tried, and their sources.

    Parameters
    ----------
    situation : of the table, without a clock
    grammar : of the table
    operators : those that random trees are drawn from
    seeds : decide the random trees, whatever the table
    """
    lists = [portfolio(replace(situation, rows=rows)) for rows in (situation.rows, *_ROWS)]
    first = ((parse(text), Source.PORTFOLIO) for texts in lists for text in texts)
    random = ((tree, Source.RANDOM) for tree in _random_trees(operators, seeds))
    found: dict[str, tuple[Node, Source]] = {}
    for tree, source in (*first, *random):
        try:
            tree = grammar.completed(
                adapted(tree, situation.has_categories, situation.has_texts)
            )
        except (TreeError, UnknownOperatorError):  # a learner that declines this table
            continue
        found.setdefault(str(tree), (tree, source))
    return list(found.values())


def _random_trees(operators: Mapping[str, Operator], seeds: Seeds) -> Iterator[Node]:
    learners = [operator for operator in operators.values() if operator.is_learner]
    scalings = [op.name for op in operators.values() if op.family == "scaling"]
    for count in range(_ROUNDS):
        for learner in learners:
            rng = seeds.stream("design", learner.name, count)
            below = _matrix(learner, scalings, rng)
            yield Node(learner.name, tuple(_near(learner, rng).items()), (below,))


def _matrix(learner: Operator, scalings: list[str], rng: np.random.Generator) -> Node:
    """What the learner is fitted to, with and without what it could do without."""
    table = Node("text_prediction", (), (TABLE,)) if rng.random() < _READS_TEXTS else TABLE
    (wanted,) = learner.takes
    encoders = (
        ["codes", "target_encoding"] if wanted is Coded else ["one_hot", "target_encoding"]
    )
    matrix = Node(str(rng.choice(encoders)), (), (table,))
    if issubclass(wanted, Complete):
        matrix = Node("impute", (), (matrix,))
    if issubclass(wanted, Dense):
        matrix = Node(str(rng.choice(scalings)), (), (matrix,))
    return matrix


def _near(learner: Operator, rng: np.random.Generator) -> dict[str, Value]:
    params = defaults(learner.space)
    for name, domain in learner.space.items():
        draw = rng.random()
        if draw < _ANYWHERE:
            params[name] = domain.draw(rng)
        elif draw < _ANYWHERE + _ONE_STEP:
            params[name] = domain.step(params[name], rng)
    return params
