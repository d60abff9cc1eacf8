"""Trees in DEAP's form, and what DEAP does to them: the one door to DEAP.

Every sort is the slot of an input, not the output of an operator: an operator is registered
once for every slot that it may fill, and `node.ret` tells where it stands. So variation may
put back an encoder where an imputer stood, and DEAP's exact comparison of sorts is right.

No set of sorts is ever walked: its order would follow memory addresses, and the same seed
would give other trees in another process.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from deap import base, gp, tools

from autopipe.operators.declaration import Operator, Predictions, Raw
from autopipe.space import Value, defaults, draw
from autopipe.tree import TABLE, TABLE_NAME, Node

Params = tuple[tuple[str, Value], ...]
Genotype = Any  # a gp.PrimitiveTree; DEAP carries no types
Genes = list[Any]  # primitives and terminals in depth-first order

_REGROWN = 2  # nodes that a regrown branch may be higher than the smallest possible
_DEFAULT_SHARE = 0.5  # of a new operator's hyperparameters; defaults are good on their own
_LENT = threading.Lock()


@contextmanager
def lent_random(rng: np.random.Generator) -> Iterator[None]:
    """Let DEAP's genetic programming draw from `rng`, and give its old source back.

    DEAP draws from the global `random`; that one is neither read nor moved. The reference is
    the process's, so threads take turns.
    """
    with _LENT:
        own = gp.random
        gp.random = random.Random(int(rng.integers(2**63)))
        try:
            yield
        finally:
            gp.random = own


def is_wasted(upper: Operator, lower: Operator) -> bool:
    """Whether `upper`, standing directly on `lower`, would repeat what is done already.

    That is an operator on one of its own stage, or one whose output is no other state than
    what it is given, unless staying within a state is its business, as for a calibrator.
    Operators that add columns to the table do different work, and repeat only themselves.
    """
    if (upper.takes, upper.gives) == (lower.takes, lower.gives):
        return upper.gives is not Raw or upper.name == lower.name
    refines = any(issubclass(state, upper.gives) for state in upper.takes)
    return issubclass(lower.gives, upper.gives) and not refines


def floors(operators: Sequence[Operator]) -> dict[str, int]:
    """Depth of the smallest tree under every operator; those without any are left out.

    A fixpoint from the table upwards, in which no operator is wasted.
    """
    low: dict[str, int] = {}
    while True:
        new = {}
        for operator in operators:
            inputs = [_lowest(operator, state, operators, low) for state in operator.takes]
            if None not in inputs:
                new[operator.name] = 1 + max((depth for depth in inputs if depth), default=0)
        if new == low:
            return low
        low = new


def _lowest(
    upper: Operator, state: type, operators: Sequence[Operator], low: Mapping[str, int]
) -> int | None:
    if state is Raw:
        return 1
    fillers = (
        low[lower.name]
        for lower in operators
        if lower.name in low and issubclass(lower.gives, state) and not is_wasted(upper, lower)
    )
    return min(fillers, default=None)


class Genome:
    """The operators as a typed primitive set, with a generator for every sort.

    All hyperparameters of an operator are one leaf, of a sort of its own: crossover exchanges
    whole settings between like operators, never single numbers between unlike ones.

    Parameters
    ----------
    operators : those that a table allows; what cannot be derived from the table is left out
    max_depth : of the trees that are grown

    References
    ----------
    Koza, Genetic Programming, 1992. Montana, Strongly Typed Genetic Programming, Evolutionary
    Computation 3(2), 1995: generation and variation that keep to the types.
    """

    def __init__(self, operators: Sequence[Operator], max_depth: int) -> None:
        self._low = floors(operators)
        self._operators = {op.name: op for op in operators if op.name in self._low}
        self._max_depth = max_depth
        self._primitives: dict[tuple[str, type], Any] = {}
        self._bare_primitives: dict[tuple[str, type], Any] = {}
        self._settings: dict[str, type] = {}
        states = [Raw, Predictions, *(s for op in self.operators.values() for s in op.takes)]
        self._slots = {state: type(state.__name__, (), {}) for state in dict.fromkeys(states)}
        whole = type("Whole", (), {})
        self._growers: dict[type, Callable[[np.random.Generator], Genes]] = {
            whole: self.grow,
            **{slot: partial(self._regrow, state) for state, slot in self._slots.items()},
        }
        self._full = gp.PrimitiveSetTyped("full", [self._slots[Raw]], whole)
        # Without the hyperparameters, operators of the same inputs can take each other's place.
        self._bare = gp.PrimitiveSetTyped("bare", [self._slots[Raw]], whole)
        self._table = self._full.terminals[self._slots[Raw]][0]
        # DEAP neither shrinks nor replaces a root: the learner must not be it.
        self._root = gp.Primitive("whole", [self._slots[Predictions]], whole)
        for operator in self.operators.values():
            self._register(operator)

    @property
    def operators(self) -> Mapping[str, Operator]:
        """The operators that a tree can be grown with."""
        return self._operators

    def _register(self, operator: Operator) -> None:
        inputs = [self._slots[state] for state in operator.takes]
        extended = inputs
        if operator.space:
            settings = self._settings[operator.name] = type(operator.name, (), {})
            extended = [*inputs, settings]
            self._growers[settings] = partial(self._grow_settings, operator)
            self._full.addTerminal(
                self._leaf(operator, defaults(operator.space)).value, settings
            )
        for state, slot in self._slots.items():
            if issubclass(operator.gives, state):
                self._full.addPrimitive(operator, extended, slot, operator.name)
                self._bare.addPrimitive(operator, inputs, slot, operator.name)
                self._primitives[operator.name, slot] = self._full.primitives[slot][-1]
                self._bare_primitives[operator.name, slot] = self._bare.primitives[slot][-1]

    def encoded(self, tree: Node) -> Genotype:
        """The tree in DEAP's form. It must be complete and valid."""
        return gp.PrimitiveTree([self._root, *self._genes(tree, Predictions)])

    def _genes(self, tree: Node, state: type) -> Genes:
        if tree.op == TABLE_NAME:
            return [self._table]
        operator = self.operators[tree.op]
        genes = [self._primitives[tree.op, self._slots[state]]]
        for node, taken in zip(tree.inputs, operator.takes, strict=True):
            genes += self._genes(node, taken)
        return genes + ([self._leaf(operator, tree.hyperparameters)] if operator.space else [])

    def decoded(self, genes: Genotype) -> Node:
        """The tree of DEAP's form."""
        rest = iter(genes)
        assert next(rest) is self._root
        return self._node(rest)

    def _node(self, rest: Iterator[Any]) -> Node:
        gene = next(rest)
        if gene is self._table:
            return TABLE
        operator = self.operators[gene.name]
        inputs = tuple(self._node(rest) for _ in operator.takes)
        params: Params = next(rest).value if operator.space else ()
        return Node(operator.name, params, inputs)

    def _leaf(self, operator: Operator, params: Mapping[str, Value]) -> Any:
        return gp.Terminal(tuple(sorted(params.items())), False, self._settings[operator.name])

    def _grow_settings(self, operator: Operator, rng: np.random.Generator) -> Genes:
        drawn, usual = draw(operator.space, rng), defaults(operator.space)
        params = {k: usual[k] if rng.random() < _DEFAULT_SHARE else drawn[k] for k in usual}
        return [self._leaf(operator, params)]

    def grow(self, rng: np.random.Generator) -> Genes:
        """A random tree of a random depth; never fails, and wastes no operator."""
        return [self._root, *self._grow(Predictions, rng, self._max_depth)]

    def _regrow(self, state: type, rng: np.random.Generator) -> Genes:
        return self._grow(state, rng, self._floor(state) + _REGROWN)

    def _floor(self, state: type) -> int:
        depths = (self._low[op.name] for op in self.operators.values() if _fits(op, state))
        return 1 if state is Raw else min(depths)

    def _grow(self, state: type, rng: np.random.Generator, deepest: int) -> Genes:
        room = int(rng.integers(self._floor(state), deepest + 1))
        return self._grow_within(state, rng, room, None)

    def _grow_within(
        self, state: type, rng: np.random.Generator, room: int, above: Operator | None
    ) -> Genes:
        options: list[Operator | None] = [
            operator
            for operator in self.operators.values()
            if _fits(operator, state) and self._low[operator.name] <= room
            if above is None or not is_wasted(above, operator)
        ]
        if state is Raw:
            options.append(None)
        operator = options[int(rng.integers(len(options)))]
        if operator is None:
            return [self._table]
        genes = [self._primitives[operator.name, self._slots[state]]]
        for taken in operator.takes:
            genes += self._grow_within(taken, rng, room - 1, operator)
        return genes + (self._grow_settings(operator, rng) if operator.space else [])

    def crossed(self, genes: Genotype, other: Genotype, rng: np.random.Generator) -> Genotype:
        """A copy with one branch taken from the other tree, slot for like slot.

        Our own, because DEAP's `cxOnePoint` picks from a set of classes.
        """
        mine, theirs = _branches(genes), _branches(other)
        shared = [slot for slot in mine if slot in theirs and slot is not self._table.ret]
        slot = shared[int(rng.integers(len(shared)))]
        start = mine[slot][int(rng.integers(len(mine[slot])))]
        source = theirs[slot][int(rng.integers(len(theirs[slot])))]
        child = gp.PrimitiveTree(genes)
        child[child.searchSubtree(start)] = other[other.searchSubtree(source)]
        return child

    def regrown(self, genes: Genotype, rng: np.random.Generator) -> Genotype:
        """A copy with one branch grown anew."""

        def expression(pset: gp.PrimitiveSetTyped, type_: type) -> Genes:
            return self._growers[type_](rng)

        with lent_random(rng):
            return gp.mutUniform(gp.PrimitiveTree(genes), expression, self._full)[0]

    def inserted(self, genes: Genotype, rng: np.random.Generator) -> Genotype:
        """A copy with an operator, at its defaults, put between two; or an equal copy."""
        child = gp.PrimitiveTree(genes)
        try:
            with lent_random(rng):
                return gp.mutInsert(child, self._full)[0]
        except IndexError:  # drew an operator with another input that no leaf can fill
            return child

    def shrunk(self, genes: Genotype, rng: np.random.Generator) -> Genotype:
        """A copy with one operator taken out; or an equal copy."""
        with lent_random(rng):
            return gp.mutShrink(gp.PrimitiveTree(genes))[0]

    def replaced(self, genes: Genotype, rng: np.random.Generator) -> Genotype:
        """A copy with one operator replaced by another of the same inputs; or an equal copy.

        Hyperparameters that both have are kept where they are allowed, others are defaults.
        """
        bare = gp.PrimitiveTree(
            self._bare_primitives.get((gene.name, gene.ret), gene)
            for gene in genes
            if gene.ret not in self._settings.values()
        )
        with lent_random(rng):
            bare = gp.mutNodeReplacement(bare, self._bare)[0]
        params = [node.hyperparameters for _, node in self.decoded(genes).walk()]
        rest = zip(iter(bare[1:]), params, strict=True)
        return self.encoded(self._dressed(rest))

    def _dressed(self, rest: Iterator[tuple[Any, dict[str, Value]]]) -> Node:
        gene, kept = next(rest)
        if gene == self._table:
            return TABLE
        operator = self.operators[gene.name]
        params = {
            name: kept[name] if name in kept and kept[name] in domain else domain.default
            for name, domain in operator.space.items()
        }
        inputs = tuple(self._dressed(rest) for _ in operator.takes)
        return Node(operator.name, tuple(params.items()), inputs)


def _fits(operator: Operator, state: type) -> bool:
    return issubclass(operator.gives, state)


def _branches(genes: Genotype) -> dict[type, list[int]]:
    """Where the branches of every slot begin, the whole left out; in order of first sight."""
    found: dict[type, list[int]] = {}
    for index, gene in enumerate(genes[1:], 1):
        found.setdefault(gene.ret, []).append(index)
    return found


class _Fitness(base.Fitness):
    weights = (1.0, -1.0, -1.0)


class _Point:
    def __init__(self, index: int, objectives: tuple[float, float, float]) -> None:
        self.index = index
        self.fitness = _Fitness(objectives)


def survivors(objectives: Sequence[tuple[float, float, float]], keep: int) -> list[int]:
    """Which candidates survive, by non-domination and then by crowding distance.

    Parameters
    ----------
    objectives : (score, seconds, size) of every candidate, all finite
        Scores are better when larger, the other two when smaller.
    keep : how many survive

    Returns
    -------
    list of int
        Their places, in the order of the candidates.

    References
    ----------
    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE
    Transactions on Evolutionary Computation 6(2), 2002: sections III.A and III.B.
    """
    points = [_Point(index, values) for index, values in enumerate(objectives)]
    chosen = tools.selNSGA2(points, keep, nd="log")  # "standard" gives the same, slower
    return sorted(point.index for point in chosen)
