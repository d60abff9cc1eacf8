"""What is kept current while trials come in: the candidates, their ensemble, the model."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autopipe.clock import Clock
from autopipe.conclusion import Conclusion, conclude
from autopipe.datasets.knowledge import Knowledge
from autopipe.deployment import Demands, front_of
from autopipe.ensembles.bags import thinned
from autopipe.ensembles.front import Front, best_within
from autopipe.ensembles.members import STACK, Candidates, Selection
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError
from autopipe.execution.executor import Outcome
from autopipe.execution.files import oof_path
from autopipe.execution.store import Store
from autopipe.folds import Folds
from autopipe.learning.remembering import remember
from autopipe.metrics import Metric
from autopipe.moving import judged_front, judged_score
from autopipe.operators.catalogue import learner_of, operator_named
from autopipe.refitting import Rows
from autopipe.reports.progress import Progress
from autopipe.second_level import Stacking
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import Node
from autopipe.trial import Proposal, Trial

log = logging.getLogger(__name__)

_SELECT_SHARE = 0.03  # of the controller's time, that keeping the ensemble current may take
_SELECT_LEFT = 0.3  # of the time that is left, for one choice
_LEAST_LEFT = 0.3  # s, to keep what was found for later runs
_FRONT_LEFT = 0.3  # of it, for what else could be delivered, and for reading that
_JUDGE_LEFT = 0.1  # of it, for what temperature and threshold make of each of these
_REFIT_LEFT = 0.5  # of it, for fitting the chosen members to all rows
_MOST_SPARE = 4  # candidates beside the members, to choose from after the fit,
_QUICKER = 0.7  # of the time for a row that the next better one takes

Callback = Callable[[Trial], object]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit found.

    Parameters
    ----------
    predictor : the model
    conclusion : the honest number, decisions and errors
    trials : every finished trial
    ledger : seconds of every stage
    was_interrupted : whether the user ended it
    ending : why it ended before its time by itself; empty where it did not
    front : the models that could be delivered instead; None without members
    """

    predictor: Predictor
    conclusion: Conclusion
    trials: tuple[Trial, ...]
    ledger: dict[str, float]
    was_interrupted: bool
    ending: str
    front: Front | None = None


@dataclass
class Run:
    """What is kept current while trials come in.

    Parameters
    ----------
    single : keep the best trial alone
    max_megabytes : on the disk, beyond which trials that are no members are removed
    keeps_predictions : also of trials that are removed, so that a resumed search knows what
        they were worth
    stacking : judges a second level over the members; None for no such level
    demands : what the delivered model may cost
    rows : fits members to all rows, where the demands allow no more than one model of each;
        None for never
    """

    table: Table
    target: Target
    folds: Folds
    metric: Metric
    store: Store
    clock: Clock
    progress: Progress
    single: bool = False
    max_megabytes: float = float("inf")
    keeps_predictions: bool = False
    callbacks: Sequence[Callback] = ()
    stacking: Stacking | None = None
    demands: Demands = field(default_factory=Demands)
    rows: Rows | None = None
    was_interrupted: bool = False

    def __post_init__(self) -> None:
        self.trials: list[Trial] = []
        self.selection: Selection | None = None
        self.members: list[Member] = []
        self._candidates = Candidates(self.target, self.folds, self.metric, self.single)
        self._megabytes: dict[int, float] = {}  # of the files of the candidates
        self._stacked: dict[int, Member] = {}  # by number
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
        return any([self._is_ended_by(callback, trial) for callback in self.callbacks])

    def _is_ended_by(self, callback: Callback, trial: Trial) -> bool:
        """Call a callback; one that raises is not called again, and costs no trial.

        Only a true boolean, NumPy's too, ends the run: a callback may return anything else.
        """
        try:
            answer = callback(trial)
            return isinstance(answer, (bool, np.bool_)) and bool(answer)
        except Exception as error:
            self.callbacks = [each for each in self.callbacks if each is not callback]
            warnings.warn(
                f"A callback raised {type(error).__name__}: {error}. It is not called again.",
                stacklevel=2,
            )
            return False

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
            self.store.discard(number, self.keeps_predictions)
            del self._megabytes[number]
        self._is_current = self._is_current and trial.number not in kept

    def _kept_megabytes(self) -> float:
        return sum(self._megabytes[number] for number in self._candidates.numbers)

    def refresh(self) -> None:
        """Choose the ensemble anew where that is due."""
        if self.clock.now() >= self._next_selection:
            self._select(_SELECT_SHARE * self.clock.elapsed)
            score = None if self.selection is None else self.selection.score
            self.progress.ensemble_score = score

    def _select(self, seconds: float = float("inf")) -> None:
        """Choose the ensemble and read its members, so that there is a model at any moment.

        What had too few seconds is a model too, and chosen anew when that is due.
        """
        if self._is_current:
            return
        begin = self.clock.now()
        until = begin + min(seconds, _SELECT_LEFT * self.clock.left)
        selection = self._candidates.select(until, self.clock.now)
        is_whole = self.clock.now() < until
        while (members := self._loaded(selection)) is None:
            selection = self._candidates.select(until, self.clock.now)
        self.selection, self.members, self._is_current = selection, members, is_whole
        now = self.clock.now()
        self._next_selection = now + (now - begin) / _SELECT_SHARE

    def _bag(self) -> None:
        """Weigh the members by several choices, where rows are few and there is time for it."""
        until = self.clock.now() + _SELECT_LEFT * self.clock.left
        while selection := self._candidates.bagged(until, self.clock.now):
            members = self._loaded(selection)
            if members is not None:
                self.selection, self.members = selection, members
                return

    def _loaded(self, selection: Selection | None) -> list[Member] | None:
        """The members of a selection; None if one could not be read, which is dropped."""
        known = {member.number: member for member in self.members} | self._stacked
        members = []
        for number, weight in ({} if selection is None else selection.weights).items():
            if number not in known:
                try:
                    known[number] = Member(number, weight, tuple(self.store.fitted(number)))
                except StoreError as error:
                    _warn_of_loss(number, error)
                    self._candidates.drop(number)
                    return None
            members.append(replace(known[number], weight=weight))
        return members

    def _stack(self, stacking: Stacking) -> float:
        """Judge a second level over the members, and let what wins compete for a place.

        Returns
        -------
        float
            What the score of the ensemble then promises beyond what unseen rows showed.
        """
        before = self.selection
        if before is None:
            return 0.0
        every, stacked = self._candidates.stacked()
        numbers = [number for number in every if number in before.weights]
        trees = {trial.number: trial.tree for trial in self.trials}
        learners = stacking.judged(
            [trees[number] for number in numbers],
            stacked[[every.index(number) for number in numbers]],
            np.array([before.weights[number] for number in numbers]),
        )
        members = {member.number: replace(member, weight=1.0) for member in self.members}
        inputs = tuple(members[number] for number in numbers)
        first = 1 + max(trees)
        for number, learner in enumerate(learners, first):
            trial = learner.trial(number, numbers)
            self.trials.append(trial)
            if learner.wins:
                assert trial.score is not None
                self._stacked[number] = Member(number, 1.0, learner.fit.models, inputs)
                self._candidates.add(number, STACK, trial.score, learner.fit.out_of_fold)
                self._is_current = False
        self._select()
        assert self.selection is not None
        gains = [one.unseen for one in learners if one.wins and one.unseen is not None]
        return max(0.0, self.selection.score - before.score - max(gains, default=0.0))

    def result(self, seeds: Seeds, costs: FloatArray | None = None) -> Fitted:
        """The model of the best ensemble.

        Parameters
        ----------
        costs : of every mistake, of shape (classes, classes), where the user gave them
        """
        self._select()
        excess = 0.0 if self.stacking is None else self._stack(self.stacking)
        self._bag()
        if self.rows is not None and self.folds.are_early:
            self.members = self._of_all_rows(self.rows)
        else:
            self.members = thinned(self.members)
        front = self._front(costs)
        conclusion = conclude(
            self._candidates, self.selection, self.trials, self.target, self.folds,
            self.metric, seeds, self.clock, costs, excess,
        )  # fmt: skip
        estimate = conclusion.estimate
        self.progress.ensemble_score = None if estimate is None else estimate.score
        predictor = Predictor(tuple(self.members), self.target.prior(), conclusion.temperature)
        trials = tuple(sorted(self.trials, key=lambda trial: trial.number))
        return Fitted(
            predictor,
            conclusion,
            trials,
            self.clock.ledger,
            self.was_interrupted,
            self.progress.ending,
            front,
        )

    def remember(self, knowledge: Knowledge) -> None:
        """Keep what was found for later runs, where there is a moment left."""
        if len(self._candidates) and self.clock.left > _LEAST_LEFT:
            numbers, predictions = self._candidates.stacked()
            rows = self._candidates.rows
            remember(
                knowledge, self.metric, self.table, self.target, self.trials, numbers, rows,
                predictions,
            )  # fmt: skip

    def _front(self, costs: FloatArray | None) -> Front | None:
        """The models to choose from; the best that keeps the limits is taken."""
        if not self.members:
            return None
        spare = {} if self.folds.are_early else self._spare()
        front = front_of(
            self.members, spare, self._candidates, self.trials, self.table, self.target,
            self.folds, self.demands, _FRONT_LEFT * self.clock.left,
        )  # fmt: skip
        if self.demands.are_any:
            limits = self.demands.max_latency_ms, self.demands.max_size_mb
            seconds = _JUDGE_LEFT * self.clock.left
            judged = judged_front(front, self.metric, costs, seconds=seconds)  # in a hurry
            point = best_within(judged.points, *limits, judged_score)
            if point is None:
                warnings.warn(
                    "No pipeline keeps within max_latency_ms and max_size_mb: the model "
                    "predicts the same for every row. Raise them, or the budget.",
                    stacklevel=2,
                )
            self.members = [] if point is None else list(front.chosen(point))
            self.selection = None if point is None else Selection(point.weights, point.score)
            if self.rows is not None and point is not None and point.folds == 1:
                until = time.monotonic() + _REFIT_LEFT * self.clock.left
                singles = self.rows.singles(
                    self.members, front.members, until, self._train_shares
                )
                if self.demands.are_kept(singles, self.target.prior(), self.table):
                    self.members = list(singles)
                    front = front.with_firsts(singles)
        return front

    @property
    def _train_shares(self) -> dict[int, float]:
        return {trial.number: trial.train_share for trial in self.trials}

    def _of_all_rows(self, rows: Rows) -> list[Member]:
        """The members with one model each; where time is too short, that of the most rows."""
        order = self.folds.largest_first
        bags = {
            one.number: replace(one, models=tuple(one.models[fold] for fold in order))
            for one in self.members
        }
        largest = [replace(one, models=one.models[:1]) for one in bags.values()]
        until = time.monotonic() + _REFIT_LEFT * self.clock.left
        return list(rows.singles(largest, bags, until, self._train_shares))

    def _spare(self) -> dict[int, Member]:
        """Some candidates beside the members, each quicker than those that score better."""
        seconds = {trial.number: trial.predict_seconds for trial in self.trials}
        least = min(seconds[member.number] for member in self.members)
        spare: dict[int, Member] = {}
        until = self.clock.now() + _FRONT_LEFT * self.clock.left
        for candidate in self._candidates.ranked():
            number = candidate.number
            is_quicker = seconds[number] < _QUICKER * least
            if is_quicker and len(spare) < _MOST_SPARE and self.clock.now() < until:
                loaded = self._loaded(Selection({number: 1.0}, candidate.score))
                if loaded:
                    spare[number] = loaded[0]
                    least = seconds[number]
        return spare

    def objection(self, outcome: Outcome) -> str:
        """Why a complete trial cannot be in the delivered model; empty where it can."""
        if not self.demands.are_any:
            return ""
        return self.demands.objection(
            outcome.megabytes / len(self.folds),
            lambda: self.store.fitted(outcome.number)[0],
            self.table,
        )


def _family(tree: Node) -> str:
    """The family of the learner that makes the tree's predictions."""
    return operator_named(learner_of(tree)).family


def _warn_of_loss(number: int, error: Exception) -> None:
    log.warning("Trial %d is left out of the ensemble: %s", number, error)
