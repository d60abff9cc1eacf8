"""What is kept current while trials come in: the candidates, their ensemble, the model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autopipe.clock import Clock
from autopipe.conclusion import Conclusion, conclude
from autopipe.ensembles.members import Candidates, Selection
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError
from autopipe.execution.files import oof_path
from autopipe.execution.store import Store
from autopipe.folds import Folds
from autopipe.metrics import Metric
from autopipe.operators.catalogue import operator_named
from autopipe.progress import Progress
from autopipe.seeds import Seeds
from autopipe.task import FloatArray, Target
from autopipe.tree import Node
from autopipe.trial import Proposal, Trial

log = logging.getLogger(__name__)

_SELECT_SHARE = 0.05  # of the controller's time, that keeping the ensemble current may take
_SELECT_LEFT = 0.3  # of the time that is left, for one choice

Callback = Callable[[Trial], object]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit found.

    Parameters
    ----------
    predictor : the model
    selection : its members and score; None where no trial was completed
    conclusion : the honest number, decisions and errors
    trials : every finished trial
    ledger : seconds of every stage
    was_interrupted : whether the user ended it
    """

    predictor: Predictor
    selection: Selection | None
    conclusion: Conclusion
    trials: tuple[Trial, ...]
    ledger: dict[str, float]
    was_interrupted: bool


@dataclass
class Run:
    """What is kept current while trials come in.

    Parameters
    ----------
    single : keep the best trial alone
    max_megabytes : on the disk, beyond which trials that are no members are removed
    """

    target: Target
    folds: Folds
    metric: Metric
    store: Store
    clock: Clock
    progress: Progress
    single: bool = False
    max_megabytes: float = float("inf")
    callbacks: Sequence[Callback] = ()
    was_interrupted: bool = False

    def __post_init__(self) -> None:
        self.trials: list[Trial] = []
        self.selection: Selection | None = None
        self.members: list[Member] = []
        self._candidates = Candidates(self.target, self.folds, self.metric, self.single)
        self._megabytes: dict[int, float] = {}  # of the files of the candidates
        self._is_current = True
        self._next_selection = 0.0

    def announce(self, proposal: Proposal) -> None:
        """Tell the user of a trial that is about to run."""
        self.progress.start(proposal.number, _family(proposal.tree))

    def take_up(self, trials: Sequence[Trial]) -> None:
        """Take in the trials of an earlier call, and of their files what is left and whole."""
        for trial in trials:
            self.trials.append(trial)
            if oof_path(self.store.folder, trial.number).exists():
                try:
                    self._enter(trial, self.store.oof(trial.number))
                except (StoreError, KeyError) as error:  # or by an operator that is gone
                    _warn_of_loss(trial.number, error)
            self.progress.update(trial, None)

    def observe(self, trial: Trial, predictions: FloatArray | None) -> bool:
        """Take a finished trial in; true where a callback wants the run to end."""
        self.trials.append(trial)
        if predictions is None:
            self.store.discard(trial.number)
        else:
            self._enter(trial, predictions)
        self.progress.update(trial, None if self.selection is None else self.selection.score)
        return any([callback(trial) is True for callback in self.callbacks])

    def _enter(self, trial: Trial, predictions: FloatArray) -> None:
        """Let a complete trial compete for a place among the candidates, and on the disk."""
        assert trial.score is not None
        self._candidates.add(trial.number, _family(trial.tree), trial.score, predictions)
        self._megabytes[trial.number] = trial.megabytes + predictions.nbytes / 1e6
        members = {} if self.selection is None else self.selection.weights
        while self._kept_megabytes() > self.max_megabytes:
            if not self._candidates.drop_weakest(spared=members):
                break
        kept = self._candidates.numbers
        for number in self._megabytes.keys() - kept:
            self.store.discard(number)
            del self._megabytes[number]
        self._is_current = self._is_current and trial.number not in kept

    def _kept_megabytes(self) -> float:
        return sum(self._megabytes[number] for number in self._candidates.numbers)

    def refresh(self) -> None:
        """Choose the ensemble anew where that is due."""
        if self.clock.now() >= self._next_selection:
            self._select()
            score = None if self.selection is None else self.selection.score
            self.progress.ensemble_score = score

    def _select(self) -> None:
        """Choose the ensemble and read its members, so that there is a model at any moment."""
        if self._is_current:
            return
        begin = self.clock.now()
        until = begin + _SELECT_LEFT * self.clock.left
        selection = self._candidates.select(until, self.clock.now)
        while (members := self._loaded(selection)) is None:
            selection = self._candidates.select(until, self.clock.now)
        self.selection, self.members, self._is_current = selection, members, True
        now = self.clock.now()
        self._next_selection = now + (now - begin) / _SELECT_SHARE

    def _loaded(self, selection: Selection | None) -> list[Member] | None:
        """The members of a selection; None if one could not be read, which is dropped."""
        known = {member.number: member.models for member in self.members}
        members = []
        for number, weight in ({} if selection is None else selection.weights).items():
            try:
                models = known.get(number) or tuple(self.store.fitted(number))
            except StoreError as error:
                _warn_of_loss(number, error)
                self._candidates.drop(number)
                return None
            members.append(Member(number, weight, models))
        return members

    def result(self, seeds: Seeds, costs: FloatArray | None = None) -> Fitted:
        """The model of the best ensemble.

        Parameters
        ----------
        costs : of every mistake, of shape (classes, classes), where the user gave them
        """
        self._select()
        conclusion = conclude(
            self._candidates, self.selection, self.trials, self.target, self.folds,
            self.metric, seeds, self.clock, costs,
        )  # fmt: skip
        estimate = conclusion.estimate
        self.progress.ensemble_score = None if estimate is None else estimate.score
        predictor = Predictor(tuple(self.members), self.target.prior(), conclusion.temperature)
        trials = tuple(sorted(self.trials, key=lambda trial: trial.number))
        return Fitted(
            predictor,
            self.selection,
            conclusion,
            trials,
            self.clock.ledger,
            self.was_interrupted,
        )


def _family(tree: Node) -> str:
    """The family of the learner that makes the tree's predictions."""
    operators = (operator_named(node.op) for _, node in tree.walk())
    return next(operator.family for operator in operators if operator.is_learner)


def _warn_of_loss(number: int, error: Exception) -> None:
    log.warning("Trial %d is left out of the ensemble: %s", number, error)
