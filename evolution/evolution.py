"""The default search: a portfolio first, then its offspring, steadily."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from autopipe.errors import OptionError
from autopipe.evolution.gain import Gains
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.population import Individual, Population
from autopipe.evolution.shares import Shares
from autopipe.evolution.steady import Steady
from autopipe.evolution.tuning import Tuner
from autopipe.evolution.variation import MUTATIONS, crossover
from autopipe.seeds import Seeds
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Trial

log = logging.getLogger(__name__)

# Mostly tuning at first, for where others measured it, other operators around a learner bought
# little; see TPOT's and GAMA's own comparisons with random search.
_BELIEVED = {
    Source.MUTATION_HYPERPARAMETER: 0.43,
    Source.TPE: 0.15,
    Source.FEATURES: 0.10,
    Source.CROSSOVER: 0.10,
    Source.MUTATION_REPLACE: 0.10,
    Source.MUTATION_SUBTREE: 0.04,
    Source.MUTATION_INSERT: 0.03,
    Source.MUTATION_SHRINK: 0.02,
    Source.RANDOM: 0.03,
}
_TRIES = 30  # offspring, and then random trees, that may all be known before we give up
_NOVEL_TRIES = 4  # random trees among which one with an untried operator is preferred
_LATELY = 200  # offspring, after which the search ends
_BY_CHANCE = 10  # of which no more had a gain: some do that have none; see `gain`


class Evolution(Steady):
    """Steady-state genetic programming: every trial told may be a parent at the next ask.

    Parameters
    ----------
    portfolio, grammar, seeds, lag, init : see `Steady`
    population : how many individuals survive
    gains : measures what trials add to an ensemble, which then is their fitness, and tells
        when to end; where None the score is

    Attributes
    ----------
    ended : why nothing more is proposed; empty while something may be
    """

    def __init__(
        self,
        portfolio: Sequence[Node],
        grammar: Grammar,
        seeds: Seeds,
        population: int = 24,
        lag: int | None = None,
        init: Sequence[Node] = (),
        gains: Gains | None = None,
    ) -> None:
        super().__init__(portfolio, grammar, seeds, lag, init)
        if population < 1:
            raise OptionError(f"population={population}: at least one must survive.")
        self._population = Population(population)
        self._gains = gains
        self._shares = Shares(_BELIEVED)
        self._tuner = Tuner(grammar)
        self._tried: set[str] = set()  # operators that were part of a complete trial
        self._is_stale = False  # whether the ensemble that gains refer to could be better
        self._lately: deque[bool] = deque(maxlen=_LATELY)  # whether offspring paid
        self.ended = ""

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        if self.ended:
            return
        for _ in range(_TRIES if len(self._population) else 0):
            yield self._child(rng)
        for _ in range(_TRIES):
            yield Proposal(self._next, self._random(rng), Source.RANDOM)

    def _child(self, rng: np.random.Generator) -> Proposal:
        source = self._shares.draw(rng)
        if source is Source.RANDOM:
            return Proposal(self._next, self._random(rng), source)
        parent = self._population.parent(rng)
        if source is Source.CROSSOVER:
            other = self._population.parent(rng)
            tree = crossover(parent.tree, other.tree, self._grammar, rng)
            return Proposal(self._next, tree, source, (parent.number, other.number))
        if source is Source.TPE:
            tree = self._tuner.tuned(parent.tree, rng)
        else:
            tree = MUTATIONS[source](parent.tree, self._grammar, rng)
        return Proposal(self._next, tree, source, (parent.number,))

    def _random(self, rng: np.random.Generator) -> Node:
        """A random tree, one with an operator that no complete trial had where it is easy.

        So that a learner which the portfolio lacks, or which failed once, is not forgotten.
        """
        drawn = [self._grammar.random(rng) for _ in range(_NOVEL_TRIES)]
        untried = (t for t in drawn if not self._tried.issuperset(n.op for _, n in t.walk()))
        return next(untried, drawn[0])

    def _learn(self, trial: Trial, tree: Node) -> None:
        assert trial.score is not None
        self._tried.update(node.op for _, node in tree.walk())
        self._tuner.learn(tree, trial.score)
        self._grammar.take_features(trial.features)
        best = max((each.score for each in self._population), default=-np.inf)
        gain = trial.score - best if self._gains is None else self._gains.enter(trial.number)
        is_measured = self._lag is None
        self._population.add(
            Individual(
                tree,
                trial.number,
                trial.score,
                trial.predict_seconds if is_measured else 0.0,
                trial.megabytes if is_measured else float(tree.size),
                0.0 if self._gains is None or gain is None else gain,
            )
        )
        self._is_stale |= gain is not None and gain > 0
        if self._gains is not None and self._is_stale:
            gains = self._gains.chosen([each.number for each in self._population])
            self._population.regain(gains)
            self._is_stale = not gains
        if gain is not None:
            self._note(trial, gain > 0)

    def _miss(self, trial: Trial) -> None:
        self._note(trial, has_paid=False)

    def _note(self, trial: Trial, has_paid: bool) -> None:
        """Judge the source by its trial, and the search by its latest trials.

        But by no trial of a former call: what many of those paid is no longer known.
        """
        if self._lag is None and trial.number >= self._next:
            return
        self._shares.note(trial.source, has_paid)
        if trial.source in _BELIEVED:
            self._lately.append(has_paid)
        few = len(self._lately) == _LATELY and sum(self._lately) <= _BY_CHANCE
        if self._gains is not None and few and not self.ended:
            self.ended = (
                f"the last {_LATELY} trials added no more to the ensemble than chance would"
            )
            log.info("The search ends: %s.", self.ended)
