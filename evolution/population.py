"""The trees that offspring are made of, and which of them survive."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

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
    seconds, size : what predicting with it costs; smaller is better
    gain : what it adds to an ensemble, zero inside the noise; of equal ones the score decides
    """

    tree: Node
    number: int
    score: float
    seconds: float = 0.0
    size: float = 0.0
    gain: float = 0.0

    @property
    def worth(self) -> tuple[float, float]:
        """By what the best are told: the gain, then the score."""
        return self.gain, self.score


class Population:
    """A few individuals, spread along the front of worth, seconds and size by NSGA-II.

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
        costs = individual.seconds, individual.size
        if not all(map(math.isfinite, (*individual.worth, *costs))):
            return
        self._individuals.append(individual)
        if len(self) > self._capacity:
            worths = sorted({each.worth for each in self})
            ranks = {worth: float(rank) for rank, worth in enumerate(worths)}
            fitness = [(ranks[each.worth], each.seconds, each.size) for each in self]
            places = survivors(fitness, self._capacity)
            self._individuals = [self._individuals[place] for place in places]

    def regain(self, gains: Mapping[int, float]) -> None:
        """Take new gains over, by the number of the trial."""
        self._individuals = [
            replace(each, gain=gains.get(each.number, each.gain)) for each in self
        ]

    def parent(self, rng: np.random.Generator) -> Individual:
        """The worthiest of three, drawn with replacement.

        Unlike in NSGA-II the costs play no part here: most of what is fast and small but
        scores badly is worth keeping, and not worth breeding.
        """
        places = rng.integers(len(self), size=_ENTRANTS)
        drawn = [self._individuals[int(place)] for place in places]
        return max(drawn, key=lambda individual: individual.worth)
