"""The run: what the search proposes is judged, recorded and told, until time is up."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autopipe.clock import Clock
from autopipe.errors import StoreError
from autopipe.execution.executor import Executor, Job, Outcome
from autopipe.execution.pacing import Pace, Terms
from autopipe.execution.racing import Race
from autopipe.execution.store import Store
from autopipe.task import FloatArray
from autopipe.trial import Proposal, Source, Status, Trial

log = logging.getLogger(__name__)

_MOST_DECLINED = 30  # trees in a row, after which nothing is thought to fit any more
_START_SECONDS = 5.0  # that the first worker may take for its imports
_GRACE_SECONDS = 1.0  # between a learner's deadline and the kill,
_GRACE_SHARE = 0.25  # but no more of a short budget
_STALL_SECONDS = 3_600.0  # without a clock, a trial that takes longer hangs


@dataclass
class Loop:
    """Runs proposals until the clock, the number of trials or the user ends it.

    Parameters
    ----------
    ask, tell : of the search
    announce : called with every proposal that is started
    pace : what each trial is given, and whether it is worth starting
    executor : runs the trials
    store : keeps every finished trial
    clock : of the whole fit
    score : from out-of-fold predictions of shape (rows, outputs) to one score per fold
    race : says from what loss on a trial is ended; None where all are to be completed
    screen : from those of a screened trial, most of them missing, to its one score
    observe : called with every finished trial and its predictions; true ends the run
    seed : the root seed of the run
    search_end : time on the clock's axis when learners have to stop
    max_trials : stop after so many; None for no such limit
    fold_threads : folds that a trial fits at the same time
    former : trials of an earlier call on the same run, which `max_trials` counts too
    objection : says of a complete outcome why it is of no use; empty where it is
    refresh : called when the workers are busy again, for what need not keep them waiting

    Attributes
    ----------
    unsaved : why the run could not be kept on the disk, which ended it; None if it could
    """

    ask: Callable[[], Proposal | None]
    tell: Callable[[Trial], None]
    announce: Callable[[Proposal], object]
    pace: Pace
    executor: Executor
    store: Store
    clock: Clock
    score: Callable[[FloatArray], tuple[float, ...]]
    observe: Callable[[Trial, FloatArray | None], bool]
    seed: int
    search_end: float
    max_trials: int | None = None
    fold_threads: int = 1
    former: Sequence[Trial] = ()
    objection: Callable[[Outcome], str] = lambda _: ""
    screen: Callable[[FloatArray], tuple[float, ...]] = lambda _: ()
    race: Race | None = None
    refresh: Callable[[], object] = lambda: None
    unsaved: str | None = field(default=None, init=False)
    _pending: dict[int, tuple[Proposal, Job]] = field(default_factory=dict)
    _arrived: deque[Outcome] = field(default_factory=deque)
    _started: int = 0
    _has_model: bool = False
    _is_full: bool = False
    _is_over: bool = False

    def __post_init__(self) -> None:
        self._started = len(self.former)
        for trial in self.former:
            self._learn(trial)

    def run(self) -> None:
        """Return when everything that was started has ended, or was cancelled."""
        try:
            while not self._is_over:
                self._start_some()
                self.refresh()
                if not self._pending:
                    return
                self._finish(self.executor.finished(self._patience()))
                if self.clock.now() > self.search_end + self._grace:
                    break
        finally:  # whatever ends the run: what had finished is kept
            self._finish(self.executor.cancel())

    def _start_some(self) -> None:
        declined = 0
        while self._may_start() and self.executor.has_room():
            proposal = self.ask()
            if proposal is None:
                return
            is_first = not self._has_model and not self._pending
            terms = self.pace.terms(proposal.tree, is_first)
            if terms is not None and proposal.is_screen and self._has_model:
                terms = self.pace.glimpse(proposal.share)
            if terms is not None:
                self._start(proposal, terms)
                declined = 0
                continue
            self._decline(proposal)
            declined += 1
            self._is_full = declined == _MOST_DECLINED

    def _start(self, proposal: Proposal, terms: Terms) -> None:
        job = self._job(proposal, terms)
        self._pending[proposal.number] = proposal, job
        self.announce(proposal)
        self.executor.submit(job)
        self._started += 1

    def _decline(self, proposal: Proposal) -> None:
        """Let the search know that a tree will not be run; the store need not."""
        log.debug("%s is not started: there is no time or room for it", proposal.tree)
        self.tell(
            Trial(
                number=proposal.number,
                tree=proposal.tree,
                source=proposal.source,
                parents=proposal.parents,
                status=Status.CANCELLED,
                failure="not started: there is no time or room for it",
            )
        )

    def _may_start(self) -> bool:
        if self.max_trials is not None and self._started >= self.max_trials:
            return False
        return not self._is_full and self.clock.now() < self.search_end

    def _job(self, proposal: Proposal, terms: Terms) -> Job:
        now = self.clock.now()
        limit = now + _STALL_SECONDS
        if self.clock.budget is not None:
            latest = now + 1.5 * terms.seconds + _START_SECONDS
            limit = min(latest, self.search_end) + self._grace
        return Job(
            number=proposal.number,
            tree=str(proposal.tree),
            seed=self.seed,
            seconds=terms.seconds,
            train_share=terms.train_share,
            deadline=self.search_end,
            limit=limit,
            fold_threads=self.fold_threads,
            most_loss=self._most_loss(proposal, terms),
            is_screen=terms.is_screen,
            is_lasting=self.store.is_lasting,
        )

    def _most_loss(self, proposal: Proposal, terms: Terms) -> float:
        """What is made of others has to keep up with them, given all rows as they were."""
        is_first = proposal.source in (Source.INIT, Source.PORTFOLIO)
        if self.race is None or is_first or terms.train_share < 1.0:
            return float("inf")
        return self.race.most_loss(proposal.tree)

    def _patience(self) -> float:
        return min(1.0, max(0.01, self.search_end + self._grace - self.clock.now()))

    @property
    def _grace(self) -> float:
        """Seconds between a learner's deadline and the kill."""
        budget = self.clock.budget
        return _GRACE_SECONDS if budget is None else min(_GRACE_SECONDS, _GRACE_SHARE * budget)

    def _finish(self, outcomes: Sequence[Outcome]) -> None:
        self._arrived.extend(outcomes)
        while self._arrived:  # an interrupt leaves the others for the next call
            outcome = self._arrived[0]
            started = self._pending.get(outcome.number)
            if started is None or outcome.status is Status.CANCELLED:
                self._arrived.popleft()
                self._pending.pop(outcome.number, None)
                continue
            trial, predictions = self._judged(started[0], outcome, started[1])
            self._record(trial)
            self.tell(trial)
            self._learn(trial)
            log.debug("%s %s in %.1f s", trial.tree, trial.status, trial.seconds)
            if self.race is not None and predictions is not None and trial.train_share == 1.0:
                self.race.note(trial.tree, predictions)
            del self._pending[self._arrived.popleft().number]
            self._is_over |= self.observe(trial, predictions)

    def _learn(self, trial: Trial) -> None:
        self._has_model |= trial.is_complete
        self._is_full = False  # the predictions are others now
        self.pace.costs.learn(trial)

    def _record(self, trial: Trial) -> None:
        """Put a trial on the disk; where that fails, what is in memory ends the run well."""
        try:
            if trial.status is Status.UNSAVED:  # a resumed run judges it again
                raise StoreError(trial.failure)
            if not self.store.holds(trial.number):  # an interrupt may have come right after
                self.store.add(trial)
        except StoreError as error:
            if self.unsaved is None:
                self.unsaved = str(error)
            self._is_over = True

    def _judged(
        self, proposal: Proposal, outcome: Outcome, job: Job
    ) -> tuple[Trial, FloatArray | None]:
        status, failure = outcome.status, outcome.failure
        predictions: FloatArray | None = None
        scores: tuple[float, ...] = ()
        if status is Status.COMPLETE:
            try:
                objection = "" if job.is_screen else self.objection(outcome)
                if objection:
                    status, failure = Status.INFEASIBLE, objection
                else:
                    predictions = self.store.oof(outcome.number)
                    judge = self.screen if job.is_screen else self.score
                    scores = judge(predictions)
            except StoreError as error:
                status, failure = Status.UNSAVED, str(error)
            except Exception as error:  # a metric may refuse some predictions
                status, failure = Status.ERROR, f"The metric refused its predictions: {error}"
                predictions = None
        if predictions is not None and not np.isfinite(scores).all():
            status, failure = Status.NONFINITE, f"scores of the folds: {scores}"
            predictions, scores = None, ()
        if status is Status.COMPLETE and job.is_screen:
            status, predictions = Status.PARTIAL, None  # they are of too few rows for more
        trial = Trial(
            number=outcome.number,
            tree=proposal.tree,
            source=proposal.source,
            parents=proposal.parents,
            status=status,
            score=float(np.mean(scores)) if status is Status.COMPLETE else None,
            fold_scores=scores,
            seconds=outcome.seconds,
            predict_seconds=outcome.predict_seconds,
            megabytes=outcome.megabytes,
            train_share=job.train_share,
            is_truncated=outcome.is_truncated,
            failure=failure,
            traceback=outcome.traceback,
            peak_megabytes=outcome.peak_megabytes,
            features=outcome.features,
        )
        return trial, predictions
