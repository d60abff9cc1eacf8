"""The trees of a grammar as a sequence of named choices, one depending on those before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from autopipe.evolution.genome import floors, is_wasted
from autopipe.evolution.grammar import Grammar
from autopipe.operators.declaration import Predictions, Raw
from autopipe.operators.programs_domain import Formulas
from autopipe.space import Choice, Domain, Fixed, Value
from autopipe.tree import TABLE, TABLE_NAME, Node

Choose = Callable[[str, Domain], Value]
"""From the name of a choice and what it may be to a value."""

ROOT = "root"
"""The name of the first choice."""

_MORE = 1  # operators beyond the fewest that lead from the table to a learner


class Template:
    """What a sampler chooses from: a learner, what feeds it, and so on down to the table.

    Formulas of features are left to the evolution: no distribution can tell of them.
    A choice is named by the operators above it, so that a name has one meaning and one domain
    in all trees. A chain has at most one operator more than it needs, and none twice.

    Parameters
    ----------
    grammar : the trees there are
    """

    def __init__(self, grammar: Grammar) -> None:
        self._operators = {
            name: operator
            for name, operator in grammar.operators.items()
            if not any(isinstance(domain, Formulas) for domain in operator.space.values())
        }
        self._low = floors(list(self._operators.values()))

    def tree(self, choose: Choose) -> Node:
        """The tree of the choices, which are made from the root down."""
        name = str(choose(ROOT, self.roots()))
        return self._grown(name, (), self._low[name] + _MORE, choose)

    def size(self, levels: Callable[[Domain], int]) -> int:
        """The most trees that follow from one first choice, times the first choices.

        Parameters
        ----------
        levels : how many values of a domain are looked at
        """
        roots = self.roots()
        largest = max(self._size(n, (), self._low[n] + _MORE, levels) for n in _names(roots))
        return levels(roots) * largest

    def _size(
        self, name: str, above: tuple[str, ...], room: int, levels: Callable[[Domain], int]
    ) -> int:
        if name == TABLE_NAME:
            return 1
        operator = self._operators[name]
        size = math.prod(map(levels, operator.space.values()))
        for place, state in enumerate(operator.takes):
            here = _slot(above, name, place)
            below = self._fillers(state, here, room - 1)
            largest = max(self._size(n, here, room - 1, levels) for n in _names(below))
            size *= levels(below) * largest
        return size

    def choices(self, tree: Node) -> Mapping[str, tuple[Domain, Value]]:
        """Domain and value of every choice that leads to a tree; empty where none do."""
        nodes = (node for _, node in tree.walk())
        node = tree
        found: dict[str, tuple[Domain, Value]] = {}

        def choose(name: str, domain: Domain) -> Value:
            nonlocal node
            _, _, key = name.partition(".")
            if not key:
                node = next(nodes)
            value = node.hyperparameters[key] if key else node.op
            if value not in domain:
                raise LookupError(name)
            found[name] = domain, value
            return value

        try:
            self.tree(choose)
        except LookupError:
            return {}
        return found

    def _grown(self, name: str, above: tuple[str, ...], room: int, choose: Choose) -> Node:
        if name == TABLE_NAME:
            return TABLE
        operator = self._operators[name]
        path = "/".join((*above, name))
        params = [
            (key, choose(f"{path}.{key}", domain)) for key, domain in operator.space.items()
        ]
        inputs = []
        for place, state in enumerate(operator.takes):
            here = _slot(above, name, place)
            below = choose("/".join(here), self._fillers(state, here, room - 1))
            inputs.append(self._grown(str(below), here, room - 1, choose))
        return Node(name, tuple(params), tuple(inputs))

    def roots(self) -> Domain:
        """What may stand at the root of a tree."""
        return self._fillers(Predictions, (), max(self._low.values()))

    def _fillers(self, state: type, above: tuple[str, ...], room: int) -> Domain:
        """What may stand in a slot of this state."""
        upper = [self._operators[name] for name in above if name in self._operators]
        names = [
            operator.name
            for operator in self._operators.values()
            if issubclass(operator.gives, state) and self._low[operator.name] <= room
            if operator.name not in above and not (upper and is_wasted(upper[-1], operator))
        ]
        names += [TABLE_NAME] * (state is Raw)
        return Choice(tuple(names)) if len(names) > 1 else Fixed(names[0])


def _slot(above: tuple[str, ...], name: str, place: int) -> tuple[str, ...]:
    """The operators above an input; a number tells the second input from the first."""
    return (*above, name, str(place)) if place else (*above, name)


def _names(domain: Domain) -> list[str]:
    return [
        str(name)
        for name in (domain.options if isinstance(domain, Choice) else [domain.default])
    ]
