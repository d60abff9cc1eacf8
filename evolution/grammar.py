"""Which trees there are for a table and a kind of task, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from autopipe.errors import OptionError, TreeError, UnknownOperatorError
from autopipe.evolution.genome import Genome, Genotype, is_wasted
from autopipe.operators.declaration import Operator, Predictions, Raw
from autopipe.operators.programs_domain import Formulas, bound
from autopipe.space import Float, Value
from autopipe.suggestion import did_you_mean
from autopipe.table import Schema
from autopipe.task import TaskKind
from autopipe.tree import TABLE, TABLE_NAME, Node

MAX_DEPTH = 8
"""Nodes on the longest way of a tree, the table included.

The longest chain without repetition (coding, imputation, scaling, learner, calibration) has
six; the rest is room for what joins branches.
"""


class Grammar:
    """The trees that can be judged for tables of one schema.

    Operators that decline, or that nothing can feed, are left out.

    Parameters
    ----------
    operators : all that might be used, such as `catalogue().values()`
    schema : of the table
    kind : of the task
    rows : of the table, where they are known: some operators serve only so many

    Raises
    ------
    OptionError
        If no learner is left.
    """

    def __init__(
        self,
        operators: Iterable[Operator],
        schema: Schema,
        kind: TaskKind,
        rows: int | None = None,
    ) -> None:
        self._known = {operator.name: operator for operator in operators}
        self._refusals = {
            name: reason
            for name, operator in self._known.items()
            if (reason := operator.declines(schema, kind, rows))
        }
        serving = [
            bound(operator, schema)
            for name, operator in self._known.items()
            if name not in self._refusals
        ]
        self.genome = Genome(serving, MAX_DEPTH)
        if not any(operator.is_learner for operator in self.operators.values()):
            reasons = (
                "; ".join(self._refusals.values()) or "nothing leads from table to learner"
            )
            raise OptionError(
                f"No learner can serve this table for {kind} ({reasons}). "
                f"Allow more operators; given: {', '.join(self._known) or 'none'}."
            )

    @property
    def operators(self) -> Mapping[str, Operator]:
        """The operators that trees are made of, by name."""
        return self.genome.operators

    def random(self, rng: np.random.Generator) -> Node:
        """A tree from all there are; never fails."""
        return self.to_node(self.genome.grow(rng))

    def from_node(self, tree: Node) -> Genotype:
        """The tree in DEAP's form; `to_node` is the way back.

        Raises
        ------
        TreeError, UnknownOperatorError
            As `check` does.
        """
        self.check(tree)
        return self.genome.encoded(tree)

    def to_node(self, genes: Genotype) -> Node:
        """The tree that DEAP's form stands for."""
        return self.genome.decoded(genes)

    def take_features(self, formulas: Iterable[str]) -> None:
        """Remember formulas, the best first, for the trees to come."""
        for operator in self.operators.values():
            for domain in operator.space.values():
                if isinstance(domain, Formulas):
                    known = [*domain.pool, *(each for each in formulas if each in domain)]
                    domain.pool[:] = dict.fromkeys(known)

    def nearest(self, tree: Node) -> Node:
        """The tree with what is outside its space at the nearest value in it."""
        inputs = tuple(self.nearest(node) for node in tree.inputs)
        space = self.operators[tree.op].space if tree.op in self.operators else {}
        params = tuple(
            (name, space[name].nearest(value) if name in space else value)
            for name, value in tree.params
        )
        return Node(tree.op, params, inputs)

    def completed(self, tree: Node) -> Node:
        """The tree with defaults for what its text leaves open, checked.

        Raises
        ------
        TreeError, UnknownOperatorError
            As `check` does.
        """
        full = self._completed(tree)
        self.check(full)
        return full

    def _completed(self, tree: Node) -> Node:
        if tree.op == TABLE_NAME:
            return tree
        space = self._operator(tree).space
        params: dict[str, Value] = {name: domain.default for name, domain in space.items()}
        for name, value in tree.params:
            is_float = isinstance(space.get(name), Float)
            if is_float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)  # 1 and 1.0 would print as two trees
            params[name] = value
        inputs = tuple(self._completed(node) for node in tree.inputs)
        return Node(tree.op, tuple(params.items()), inputs)

    def is_economical(self, tree: Node) -> bool:
        """Whether no operator stands directly on one that has done its work already.

        Trees that are not so are valid; the search does not make them.
        """
        pairs = ((node, below) for _, node in tree.walk() for below in node.inputs)
        return not any(
            is_wasted(self.operators[node.op], self.operators[below.op])
            for node, below in pairs
            if below != TABLE
        )

    def check(self, tree: Node) -> None:
        """Raise where the tree is not one of this grammar.

        Raises
        ------
        UnknownOperatorError
            If a name is that of no operator.
        TreeError
            If an operator declines, an input has the wrong state, a hyperparameter is
            missing, unknown or out of its space, or the tree is too deep.
        """
        if tree.depth > MAX_DEPTH:
            raise TreeError(
                f"{tree}: {tree.depth} nodes deep, and at most {MAX_DEPTH} are allowed. "
                "Take operators out."
            )
        for _, node in tree.walk():
            self._check_node(node)
        given = self._gives(tree)
        if given is not Predictions:
            raise TreeError(
                f"{tree}: a pipeline must end in Predictions, but {tree.op} gives "
                f"{given.__name__}. Put on top: {self._leading(given, Predictions)}."
            )

    def _check_node(self, node: Node) -> None:
        if node.op == TABLE_NAME:
            if node != TABLE:
                raise TreeError(f"{node}: the table takes no inputs and no hyperparameters.")
            return
        operator = self._operator(node)
        wanted = ", ".join(state.__name__ for state in operator.takes)
        if len(node.inputs) != len(operator.takes):
            raise TreeError(
                f"{node}: {node.op} takes {len(operator.takes)} input(s) ({wanted}); "
                f"got {len(node.inputs)}."
            )
        for below, state in zip(node.inputs, operator.takes, strict=True):
            given = self._gives(below)
            if not issubclass(given, state):
                raise TreeError(
                    f"{node}: {node.op} takes {state.__name__}, but {below.op} gives "
                    f"{given.__name__}. Put between them: {self._leading(given, state)}."
                )
        self._check_hyperparameters(node, operator)

    def _check_hyperparameters(self, node: Node, operator: Operator) -> None:
        for name, value in node.params:
            if name not in operator.space:
                known = ", ".join(operator.space) or "none"
                raise TreeError(
                    f"{node.op} has no hyperparameter {name!r}."
                    f"{did_you_mean(name, operator.space)} Known: {known}."
                )
            if value not in operator.space[name]:
                raise TreeError(
                    f"{node.op}: {name}={value!r} is outside its space; "
                    f"wanted a value of {operator.space[name]!r}."
                )
        missing = [name for name in operator.space if name not in node.hyperparameters]
        if missing:
            raise TreeError(
                f"{node}: {node.op} lacks {', '.join(missing)}. "
                "Use `completed` to fill in the defaults."
            )

    def _operator(self, node: Node) -> Operator:
        if node.op in self.operators:
            return self.operators[node.op]
        if node.op in self._refusals:
            raise TreeError(f"{node}: {self._refusals[node.op]}.")
        if node.op in self._known:
            raise TreeError(f"{node}: nothing that serves this table can feed {node.op}.")
        raise UnknownOperatorError(
            f"No operator is called {node.op!r}.{did_you_mean(node.op, self._known)} "
            f"Known: {', '.join(self._known)}."
        )

    def _gives(self, node: Node) -> type:
        return Raw if node.op == TABLE_NAME else self._operator(node).gives

    def _leading(self, given: type, wanted: type) -> str:
        """The operators that lead from one state to the other, at once if any does."""
        fitting = [op for op in self.operators.values() if issubclass(op.gives, wanted)]
        at_once = [op for op in fitting if all(issubclass(given, state) for state in op.takes)]
        return " or ".join(op.name for op in at_once or fitting) or "nothing does here"
