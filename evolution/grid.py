"""Grid search: a few values of every hyperparameter, every combination of them once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from autopipe.evolution.grammar import Grammar
from autopipe.evolution.ladder import Ladder
from autopipe.evolution.steady import Steady
from autopipe.evolution.template import Template
from autopipe.seeds import Seeds
from autopipe.space import Choice, Domain, Float, Int, Value, rounded
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Trial

_LEVELS = 3  # of a range: its ends and its middle
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0  # of the grid between two neighbours in time


class Grid(Steady):
    """Every combination of learner, preparation and levels of the hyperparameters.

    The whole grid can hardly ever be judged, so its points come in an order that spreads:
    each learner takes its turn, and what was judged at any time covers the grid evenly.
    Our own, for Optuna's grid is one product of all parameters, and this one branches.

    Parameters
    ----------
    portfolio, grammar, seeds, lag, init, ladder : see `Steady`
    """

    def __init__(
        self,
        portfolio: Sequence[Node],
        grammar: Grammar,
        seeds: Seeds,
        lag: int | None = None,
        init: Sequence[Node] = (),
        ladder: Ladder | None = None,
    ) -> None:
        super().__init__(portfolio, grammar, seeds, lag, init, ladder)
        self._template = Template(grammar)
        self._size = self._template.size(lambda domain: len(levels(domain)))
        self._step = max(1, int(_GOLDEN * self._size))
        while math.gcd(self._step, self._size) > 1:
            self._step += 1  # so that every point comes once
        self._visited = 0

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        while self._visited < self._size:
            point = self._visited * self._step % self._size
            self._visited += 1
            yield Proposal(self._next, self._at(point), Source.GRID)

    def _at(self, point: int) -> Node:
        """The tree at a point; those of learners with few combinations stand at several."""
        rest = point

        def choose(name: str, domain: Domain) -> Value:
            nonlocal rest
            values = levels(domain)
            rest, place = divmod(rest, len(values))
            return values[place]

        return self._template.tree(choose)

    def _learn(self, trial: Trial, tree: Node) -> None:
        """A grid is laid out before."""


def levels(domain: Domain) -> list[Value]:
    """The values that a grid has: all of a choice; the ends and the middle of a range."""
    if isinstance(domain, Choice):
        return list(domain.options)
    if not isinstance(domain, (Float, Int)):
        return [domain.default]
    spaced = np.geomspace if domain.log else np.linspace
    values = [
        domain.nearest(rounded(float(v))) for v in spaced(domain.low, domain.high, _LEVELS)
    ]
    return list(dict.fromkeys(values))
