"""What all searches share: numbers, first trees, no tree twice, runs that can be repeated."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

import numpy as np

from autopipe.errors import OptionError, TreeError, UnknownOperatorError
from autopipe.evolution.breaker import Breaker
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.ladder import SHARES, Ladder
from autopipe.evolution.search import Search
from autopipe.evolution.template import Template
from autopipe.seeds import Seeds
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Status, Trial

log = logging.getLogger(__name__)


class Steady(Search, ABC):
    """First the trees that are given, then what the search makes, one at each ask.

    No tree is proposed twice, and none of a learner that does nothing but crash. There is no
    generation to wait for, so workers never idle.

    Parameters
    ----------
    portfolio : trees to begin with, best first; what the grammar refuses is left out
    grammar : the trees there are
    seeds : every ask draws from a stream of its own
    lag : None, or the number L of the reproducible mode, in which ask number k depends on the
        trials up to k - L alone, taken in the order of their numbers, whenever they are told;
        until those are told, `ask` returns None. Measured seconds play no part in this mode.
        L should be no less than the number of trials that run at the same time.
    init : the user's trees, which come before the portfolio
    ladder : what is made is screened on, on few rows first; None for complete trials alone
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
        if lag is not None and lag < 1:
            raise OptionError(f"lag={lag}: an ask can wait for earlier trials only; give 1 up.")
        self._grammar = grammar
        self._seeds = seeds
        self._ladder = ladder
        self._lag = lag
        self._first = [
            *((tree, Source.INIT) for tree in self._accepted(init, logging.WARNING)),
            *((tree, Source.PORTFOLIO) for tree in self._accepted(portfolio, logging.DEBUG)),
        ]
        learners = {op.name for op in grammar.operators.values() if op.is_learner}
        self._breaker = Breaker(learners)
        self._next = 0
        self._seen: set[str] = set()  # trees of the numbers below, and of all told without lag
        self._told: dict[int, Trial] = {}
        self._learned = 0  # with a lag: trials below this number have been learned from

    def ask(self) -> Proposal | None:
        """The next tree; None while trials are awaited, or once nothing new is found.

        With a lag, what a resumed run was told of is made once more, and not proposed: so all
        that a search keeps in mind is as it would have been without the break.
        """
        while True:
            former = self._told.get(self._next)
            proposal = None
            if former is None or self._lag is not None:
                if self._awaits_trials():
                    return None
                rng = self._seeds.stream("ask", self._next)
                proposal = self._promoted() or self._new(rng)
            if former is None and proposal is None:
                return None
            self._next += 1
            if former is not None:
                self._seen.add(str(former.tree))
            elif proposal is not None:
                self._seen.add(str(proposal.tree))
                return proposal

    def tell(self, trial: Trial) -> None:
        """Take note of a trial, once."""
        if trial.number in self._told:
            return
        self._told[trial.number] = trial
        if self._ladder is not None:
            self._ladder.leave_out(trial.parents)
        if self._lag is None:
            self._seen.add(str(trial.tree))
            self._take(trial)

    @cached_property
    def _template(self) -> Template:
        """The trees as one choice after another, for searches that choose so."""
        return Template(self._grammar)

    @abstractmethod
    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        """Trees in the order in which they are wanted, some of which may be known."""

    @abstractmethod
    def _learn(self, trial: Trial, tree: Node) -> None:
        """Take note of a complete trial.

        Parameters
        ----------
        tree : of the trial, with all its hyperparameters
        """

    def _miss(self, trial: Trial) -> None:
        """Take note of a trial that was given up, or failed."""

    def _accepted(self, trees: Sequence[Node], level: int) -> Iterator[Node]:
        for tree in trees:
            try:
                yield self._grammar.completed(self._grammar.nearest(tree))
            except (TreeError, UnknownOperatorError) as error:
                log.log(level, "left out of the first trees: %s", error)

    def _promoted(self) -> Proposal | None:
        promoted = None if self._ladder is None else self._ladder.promoted()
        if promoted is None:
            return None
        trial, share = promoted
        return Proposal(self._next, trial.tree, trial.source, (trial.number,), share)

    def _new(self, rng: np.random.Generator) -> Proposal | None:
        first = (Proposal(self._next, tree, source) for tree, source in self._first)
        share = 1.0 if self._ladder is None else SHARES[0]
        made = (replace(proposal, share=share) for proposal in self._proposals(rng))
        welcome = (
            proposal
            for proposal in chain(first, made)
            if str(proposal.tree) not in self._seen and self._breaker.allows(proposal.tree)
        )
        return next(welcome, None)

    def _awaits_trials(self) -> bool:
        """Learn, with a lag, what the next tree depends on; true while some is missing."""
        while self._lag is not None and self._learned <= self._next - self._lag:
            if self._learned not in self._told:
                return True
            self._take(self._told[self._learned])
            self._learned += 1
        return False

    def _take(self, trial: Trial) -> None:
        self._breaker.note(trial)
        if self._ladder is not None:
            self._ladder.note(trial)
        if trial.score is None:
            if trial.train_share == 1.0 and trial.status is not Status.CANCELLED:
                self._miss(trial)
            return
        try:
            tree = self._grammar.completed(trial.tree)
        except (TreeError, UnknownOperatorError) as error:  # a tree from elsewhere
            log.debug("trial %d has no offspring: %s", trial.number, error)
            return
        self._learn(trial, tree)
