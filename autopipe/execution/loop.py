"""The run: what the search proposes is judged, recorded and told, until time is up."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autopipe.clock import Clock
from autopipe.execution.executor import Executor, Job, Outcome
from autopipe.execution.store import Store
from autopipe.task import FloatArray
from autopipe.trial import Proposal, Status, Trial

log = logging.getLogger(__name__)

_LONGEST_SHARE = 0.35  # of the budget, that one trial may take: then learners stop
_FIRST_SHARE = 0.05  # of the budget for the first trial, so that a model is there early
_FIRST_SECONDS = (1.0, 2.0)  # and its bounds
_WORTH_STARTING = 0.3  # of the median trial's time must be left
_START_SECONDS = 5.0  # that the first worker may take for its imports
_GRACE_SECONDS = 1.0  # between a learner's deadline and the kill
_STALL_SECONDS = 3_600.0  # without a clock, a trial that takes longer hangs


@dataclass
class Loop:
    """Runs proposals until the clock, the number of trials or the user ends it.

    Parameters
    ----------
    ask, tell : of the search
    executor : runs the trials
    store : keeps every finished trial
    clock : of the whole fit
    score : from out-of-fold predictions of shape (rows, outputs) to one score per fold
    observe : called with every finished trial and its predictions; true ends the run
    seed : the root seed of the run
    search_end : time on the clock's axis when learners have to stop
    max_trials : stop after so many; None for no such limit
    fold_threads : folds that a trial fits at the same time
    """

    ask: Callable[[], Proposal | None]
    tell: Callable[[Trial], None]
    executor: Executor
    store: Store
    clock: Clock
    score: Callable[[FloatArray], tuple[float, ...]]
    observe: Callable[[Trial, FloatArray | None], bool]
    seed: int
    search_end: float
    max_trials: int | None = None
    fold_threads: int = 1
    _pending: dict[int, Proposal] = field(default_factory=dict)
    _seconds: list[float] = field(default_factory=list)
    _started: int = 0
    _is_over: bool = False

    def run(self) -> None:
        """Return when everything that was started has ended, or was cancelled."""
        try:
            while not self._is_over:
                self._start_some()
                if not self._pending:
                    return
                self._finish(self.executor.finished(self._patience()))
                if self.clock.now() > self.search_end + _GRACE_SECONDS:
                    break
        finally:  # whatever ends the run: what had finished is kept
            self._finish(self.executor.cancel())

    def _start_some(self) -> None:
        while self._may_start() and self.executor.has_room():
            proposal = self.ask()
            if proposal is None:
                return
            self._pending[proposal.number] = proposal
            self.executor.submit(self._job(proposal))
            self._started += 1

    def _may_start(self) -> bool:
        if self.max_trials is not None and self._started >= self.max_trials:
            return False
        typical = statistics.median(self._seconds) if self._seconds else 0.0
        return self.clock.now() + _WORTH_STARTING * typical < self.search_end

    def _job(self, proposal: Proposal) -> Job:
        now = self.clock.now()
        seconds, limit = float("inf"), now + _STALL_SECONDS
        if self.clock.budget is not None:
            seconds = _LONGEST_SHARE * self.clock.budget
            if self._started == 0:
                least, most = _FIRST_SECONDS
                seconds = min(seconds, max(least, min(most, _FIRST_SHARE * self.clock.budget)))
            limit = min(now + 1.5 * seconds + _START_SECONDS, self.search_end) + _GRACE_SECONDS
        return Job(
            number=proposal.number,
            tree=str(proposal.tree),
            seed=self.seed,
            seconds=seconds,
            deadline=self.search_end,
            limit=limit,
            fold_threads=self.fold_threads,
        )

    def _patience(self) -> float:
        return min(1.0, max(0.01, self.search_end + _GRACE_SECONDS - self.clock.now()))

    def _finish(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            proposal = self._pending.pop(outcome.number, None)
            if proposal is None or outcome.status is Status.CANCELLED:
                continue
            trial, predictions = self._judged(proposal, outcome)
            self.store.add(trial)
            self.tell(trial)
            if trial.is_complete:
                self._seconds.append(trial.seconds)
            log.debug("%s %s in %.1f s", trial.tree, trial.status, trial.seconds)
            self._is_over |= self.observe(trial, predictions)

    def _judged(self, proposal: Proposal, outcome: Outcome) -> tuple[Trial, FloatArray | None]:
        status, failure = outcome.status, outcome.failure
        predictions: FloatArray | None = None
        scores: tuple[float, ...] = ()
        if status is Status.COMPLETE:
            predictions = self.store.oof(outcome.number)
            scores = self.score(predictions)
            if not np.isfinite(scores).all():
                status, failure = Status.NONFINITE, f"scores of the folds: {scores}"
                predictions, scores = None, ()
        trial = Trial(
            number=outcome.number,
            tree=proposal.tree,
            source=proposal.source,
            parents=proposal.parents,
            status=status,
            score=float(np.mean(scores)) if scores else None,
            fold_scores=scores,
            seconds=outcome.seconds,
            predict_seconds=outcome.predict_seconds,
            megabytes=outcome.megabytes,
            is_truncated=outcome.is_truncated,
            failure=failure,
            traceback=outcome.traceback,
            peak_megabytes=outcome.peak_megabytes,
        )
        return trial, predictions
