"""Grid search: a few values of every hyperparameter, every combination of them once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

import numpy as np

from autopipe.evolution.steady import Steady
from autopipe.space import Choice, Domain, Float, Int, Value, rounded
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Trial

_LEVELS = 3  # of a range: its ends and its middle
_MOST_SKIPPED = 10_000  # points of learners that are switched off, until the search ends
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

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        for point in islice(self._points, _MOST_SKIPPED):
            yield Proposal(self._next, self._at(point), Source.GRID)

    @cached_property
    def _points(self) -> Iterator[int]:
        """Every point once, in the order in which they come; what was taken is gone."""
        size = self._template.size(lambda domain: len(levels(domain)))
        step = max(1, int(_GOLDEN * size))
        while math.gcd(step, size) > 1:
            step += 1
        return (visit * step % size for visit in range(size))

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
