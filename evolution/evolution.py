"""The default search: a portfolio first, then its offspring, steadily."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from autopipe.errors import OptionError, TreeError, UnknownOperatorError
from autopipe.evolution.breaker import Breaker
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.population import Individual, Population
from autopipe.evolution.search import Search
from autopipe.evolution.variation import MUTATIONS, crossover
from autopipe.seeds import Seeds
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Trial

log = logging.getLogger(__name__)

# Half of the work is tuning, the rest is spread with a floor under every source: a judgement,
# not a measurement.
_WEIGHTS = {
    Source.MUTATION_HYPERPARAMETER: 0.50,
    Source.CROSSOVER: 0.15,
    Source.MUTATION_SUBTREE: 0.10,
    Source.MUTATION_REPLACE: 0.10,
    Source.MUTATION_INSERT: 0.05,
    Source.MUTATION_SHRINK: 0.05,
    Source.RANDOM: 0.05,
}
_TRIES = 30  # offspring, and then random trees, that may all be known before we give up
_NOVEL_TRIES = 4  # random trees among which one with an untried operator is preferred


class Evolution(Search):
    """Steady-state genetic programming: every trial told may be a parent at the next ask.

    No tree is proposed twice, and none of a learner that does nothing but crash. There is no
    generation to wait for, so workers never idle.

    Parameters
    ----------
    portfolio : trees to begin with, best first; what the grammar refuses is left out
    grammar : the trees there are
    seeds : every ask draws from a stream of its own
    population : how many individuals survive
    lag : None, or the number L of the reproducible mode, in which ask number k depends on the
        trials up to k - L alone, taken in the order of their numbers, whenever they are told;
        until those are told, `ask` returns None. Measured seconds play no part in this mode.
        L should be no less than the number of trials that run at the same time.
    """

    def __init__(
        self,
        portfolio: Sequence[Node],
        grammar: Grammar,
        seeds: Seeds,
        population: int = 24,
        lag: int | None = None,
    ) -> None:
        if population < 1:
            raise OptionError(f"population={population}: at least one must survive.")
        if lag is not None and lag < 1:
            raise OptionError(f"lag={lag}: an ask can wait for earlier trials only; give 1 up.")
        self._grammar = grammar
        self._seeds = seeds
        self._lag = lag
        self._portfolio = list(self._accepted(portfolio))
        self._population = Population(population)
        learners = {op.name for op in grammar.operators.values() if op.is_learner}
        self._breaker = Breaker(learners)
        self._next = 0
        self._taken: set[int] = set()  # numbers proposed or told
        self._seen: set[str] = set()  # trees proposed or told
        self._told: dict[int, Trial] = {}
        self._learned = 0  # with a lag: trials below this number have been learned from
        self._tried: set[str] = set()  # operators that were part of a complete trial

    def ask(self) -> Proposal | None:
        """The next tree; None while trials are awaited, or once nothing new is found."""
        while self._next in self._taken:
            self._next += 1
        if self._awaits_trials():
            return None
        rng = self._seeds.stream("ask", self._next)
        proposal = self._from_portfolio() or self._offspring(rng)
        if proposal is not None:
            self._taken.add(proposal.number)
            self._seen.add(str(proposal.tree))
        return proposal

    def tell(self, trial: Trial) -> None:
        """Take note of a trial, once."""
        if trial.number in self._told:
            return
        self._told[trial.number] = trial
        self._taken.add(trial.number)
        self._seen.add(str(trial.tree))
        if self._lag is None:
            self._learn(trial)

    def _accepted(self, portfolio: Sequence[Node]) -> Iterator[Node]:
        for tree in portfolio:
            try:
                yield self._grammar.completed(tree)
            except (TreeError, UnknownOperatorError) as error:
                log.debug("left out of the portfolio: %s", error)

    def _from_portfolio(self) -> Proposal | None:
        for tree in self._portfolio:
            if self._is_welcome(tree):
                return Proposal(self._next, tree, Source.PORTFOLIO)
        return None

    def _awaits_trials(self) -> bool:
        """Learn, with a lag, what the next tree depends on; true while some is missing."""
        while self._lag is not None and self._learned <= self._next - self._lag:
            if self._learned not in self._told:
                return True
            self._learn(self._told[self._learned])
            self._learned += 1
        return False

    def _is_welcome(self, tree: Node) -> bool:
        return str(tree) not in self._seen and self._breaker.allows(tree)

    def _offspring(self, rng: np.random.Generator) -> Proposal | None:
        for _ in range(_TRIES if len(self._population) else 0):
            proposal = self._child(rng)
            if self._is_welcome(proposal.tree):
                return proposal
        for _ in range(_TRIES):
            tree = self._random(rng)
            if self._is_welcome(tree):
                return Proposal(self._next, tree, Source.RANDOM)
        return None

    def _child(self, rng: np.random.Generator) -> Proposal:
        source = list(_WEIGHTS)[int(rng.choice(len(_WEIGHTS), p=list(_WEIGHTS.values())))]
        if source is Source.RANDOM:
            return Proposal(self._next, self._random(rng), source)
        parent = self._population.parent(rng)
        if source is Source.CROSSOVER:
            other = self._population.parent(rng)
            tree = crossover(parent.tree, other.tree, self._grammar, rng)
            return Proposal(self._next, tree, source, (parent.number, other.number))
        tree = MUTATIONS[source](parent.tree, self._grammar, rng)
        return Proposal(self._next, tree, source, (parent.number,))

    def _random(self, rng: np.random.Generator) -> Node:
        """A random tree, one with an operator that no complete trial had where it is easy.

        So that a learner which the portfolio lacks, or which failed once, is not forgotten.
        """
        drawn = [self._grammar.random(rng) for _ in range(_NOVEL_TRIES)]
        untried = (t for t in drawn if not self._tried.issuperset(n.op for _, n in t.walk()))
        return next(untried, drawn[0])

    def _learn(self, trial: Trial) -> None:
        self._breaker.note(trial)
        if trial.score is None:
            return
        try:
            tree = self._grammar.completed(trial.tree)
        except (TreeError, UnknownOperatorError) as error:  # a tree from elsewhere
            log.debug("trial %d has no offspring: %s", trial.number, error)
            return
        self._tried.update(node.op for _, node in tree.walk())
        seconds = trial.seconds if self._lag is None else 0.0
        self._population.add(Individual(tree, trial.number, trial.score, seconds))
