"""The trees that offspring are made of, and which of them survive."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autopipe.evolution.genome import survivors
from autopipe.tree import Node

_ENTRANTS = 3  # of a tournament: with two, a population of 24 forgets its best too easily


@dataclass(frozen=True)
class Individual:
    """A judged tree with its fitness.

    Parameters
    ----------
    number : of its trial
    score : larger is better
    seconds : that judging took; smaller is better
    """

    tree: Node
    number: int
    score: float
    seconds: float

    @property
    def fitness(self) -> tuple[float, float, float]:
        """Score, seconds and size."""
        return self.score, self.seconds, float(self.tree.size)


class Population:
    """A few individuals, spread along the front of score, seconds and size by NSGA-II.

    Parameters
    ----------
    capacity : how many survive
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._individuals: list[Individual] = []

    def __len__(self) -> int:
        return len(self._individuals)

    def __iter__(self) -> Iterator[Individual]:
        return iter(self._individuals)

    def add(self, individual: Individual) -> None:
        """Let an individual compete for a place.

        A fitness that is not finite gets none: NSGA-II takes NaN for a tie, so that a failure
        could dominate.
        """
        if not all(map(math.isfinite, individual.fitness)):
            return
        self._individuals.append(individual)
        if len(self) > self._capacity:
            places = survivors([each.fitness for each in self], self._capacity)
            self._individuals = [self._individuals[place] for place in places]

    def parent(self, rng: np.random.Generator) -> Individual:
        """The best of three by score, drawn with replacement.

        Unlike in NSGA-II the score alone decides here: most of what is fast and small but
        scores badly is worth keeping, and not worth breeding.
        """
        places = rng.integers(len(self), size=_ENTRANTS)
        drawn = [self._individuals[int(place)] for place in places]
        return max(drawn, key=lambda individual: individual.score)
