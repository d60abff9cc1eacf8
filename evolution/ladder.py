"""Screening: many trees on few rows, and the best of them on more, up to all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from itertools import pairwise

from autopipe.trial import Status, Trial

SHARES = (1 / 16, 1 / 4)
"""Of the training rows of one fold, at the rungs below the complete trial."""

_FACTOR = 4  # one in so many is promoted: as many times as a rung costs more than that below


class Ladder:
    """Which of the screened trees are worth a dearer trial: asynchronous successive halving.

    A tree is promoted once it is in the best quarter of those of its kind on its rung, so
    that nobody waits for a rung to be full. Scores of different rungs are never compared,
    nor those of different learners: few rows favour simple ones. A complete trial has all
    folds and all rounds of boosting, and may cost a hundred screens: none is begun while
    those that ended took more seconds than the screens.

    Parameters
    ----------
    kind : of a trial's tree, such as its learner

    References
    ----------
    Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020: algorithm 2,
    in which promotions are decided when a worker is free.
    """

    def __init__(self, kind: Callable[[Trial], str]) -> None:
        self._kind = kind
        self._rungs: dict[tuple[float, str], list[Trial]] = defaultdict(list)
        self._promoted: set[int] = set()
        self._seconds: dict[bool, float] = defaultdict(float)  # of screens, of all rows

    def note(self, trial: Trial) -> None:
        """Take a trial in, screened or complete."""
        is_low = trial.train_share in SHARES and not trial.is_complete
        self._seconds[is_low] += trial.seconds
        is_screen = trial.status is Status.PARTIAL and is_low
        if is_screen and trial.fold_scores:
            rung = self._rungs[trial.train_share, self._kind(trial)]
            rung.append(trial)
            rung.sort(key=lambda one: (-one.fold_scores[0], one.number))

    def leave_out(self, numbers: Collection[int]) -> None:
        """Take note of trials that were promoted already."""
        self._promoted.update(numbers)

    def promoted(self) -> tuple[Trial, float] | None:
        """A screened trial, and the share of rows that it is to have next."""
        is_dear = self._seconds[False] > self._seconds[True]
        for share, above in reversed(tuple(pairwise((*SHARES, 1.0)))):
            if is_dear and above == 1.0:
                continue
            for (at, _), rung in self._rungs.items():
                best = rung[: len(rung) // _FACTOR] if at == share else []
                for trial in best:
                    if trial.number not in self._promoted:
                        self._promoted.add(trial.number)
                        return trial, above
        return None
