"""New trees from old ones: crossover and mutations, all closed over the grammar.

Every function takes valid trees, leaves them as they are, and returns a valid one that no
operator is wasted in: another one, or `tree` itself where nothing of the kind can be done.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autopipe.evolution.genome import Genotype
from autopipe.evolution.grammar import MAX_DEPTH, Grammar
from autopipe.operators.programs_domain import Formulas
from autopipe.space import Fixed
from autopipe.tree import FORMULAS, TABLE, WITH_FEATURES, Node
from autopipe.trial import Source

_TRIES = 30  # DEAP's mutations draw a place before they know whether it can be changed there
_MOST_STEPS = 3  # hyperparameters stepped at once

Mutation = Callable[[Node, Grammar, np.random.Generator], Node]


def crossover(tree: Node, other: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one branch, or the hyperparameters of one operator, of the other."""
    genes, others = grammar.from_node(tree), grammar.from_node(other)
    return _first_other(tree, lambda: grammar.genome.crossed(genes, others, rng), grammar)


def mutate_subtree(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one branch, or the hyperparameters of one operator, grown anew."""
    genes = grammar.from_node(tree)
    return _first_other(tree, lambda: grammar.genome.regrown(genes, rng), grammar)


def mutate_insert(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one operator more, at its defaults."""
    genes = grammar.from_node(tree)
    return _first_other(tree, lambda: grammar.genome.inserted(genes, rng), grammar)


def mutate_shrink(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one operator taken out."""
    genes = grammar.from_node(tree)
    return _first_other(tree, lambda: grammar.genome.shrunk(genes, rng), grammar)


def mutate_replace(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one operator replaced by another that takes the same inputs."""
    genes = grammar.from_node(tree)
    return _first_other(tree, lambda: grammar.genome.replaced(genes, rng), grammar)


def mutate_hyperparameter(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one to three hyperparameters of one operator stepped.

    An operator is chosen as often as it has hyperparameters, so mostly the learner.
    """
    free = {
        op.name: [name for name, domain in op.space.items() if not isinstance(domain, Fixed)]
        for op in grammar.operators.values()
    }
    stepped = [(path, node) for path, node in tree.walk() if node.params for _ in free[node.op]]
    if not stepped:
        return tree
    path, node = stepped[int(rng.integers(len(stepped)))]
    space, names = grammar.operators[node.op].space, free[node.op]
    most = min(_MOST_STEPS, len(names))
    chosen = rng.choice(len(names), size=int(rng.integers(1, most + 1)), replace=False)
    params = node.hyperparameters
    for name in (names[index] for index in chosen):
        params[name] = space[name].step(params[name], rng)
    return tree.replaced(path, node.with_params(params))


def mutate_features(tree: Node, grammar: Grammar, rng: np.random.Generator) -> Node:
    """The tree with one formula more, one dropped, or one of another column.

    Formulas are those that screens were sure of; before there are any, the tree is left alone.
    """
    operator = grammar.operators.get(WITH_FEATURES)
    domain = None if operator is None else operator.space.get(FORMULAS)
    if not isinstance(domain, Formulas) or not domain.pool:
        return tree
    for path, node in tree.walk():
        if node.op == WITH_FEATURES:
            stepped = domain.step(node.hyperparameters[FORMULAS], rng)
            return tree.replaced(path, node.with_params({FORMULAS: stepped}))
    path = next(path for path, node in tree.walk() if node == TABLE)
    added = Node(WITH_FEATURES, ((FORMULAS, domain.draw(rng)),), (TABLE,))
    child = tree.replaced(path, added)
    return child if child.depth <= MAX_DEPTH else tree


MUTATIONS: dict[Source, Mutation] = {
    Source.MUTATION_SUBTREE: mutate_subtree,
    Source.MUTATION_INSERT: mutate_insert,
    Source.MUTATION_SHRINK: mutate_shrink,
    Source.MUTATION_REPLACE: mutate_replace,
    Source.MUTATION_HYPERPARAMETER: mutate_hyperparameter,
    Source.FEATURES: mutate_features,
}
"""Every mutation under the name that its offspring carry."""


def _first_other(tree: Node, vary: Callable[[], Genotype], grammar: Grammar) -> Node:
    for _ in range(_TRIES):
        child = grammar.to_node(vary())
        is_other = str(child) != str(tree)
        if is_other and child.depth <= MAX_DEPTH and grammar.is_economical(child):
            return child
    return tree
