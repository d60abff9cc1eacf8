"""Screening: many trees on few rows, and the best of them on more, up to all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection

from autopipe.trial import Trial

SHARES = (1 / 16, 1 / 4)
"""Of the training rows of one fold, at the rungs below the complete trial."""

_FACTOR = 4  # one in so many is promoted: as many times as a rung costs more than that below


class Ladder:
    """Which of the screened trees are worth a dearer trial: asynchronous successive halving.

    A tree is promoted once it is in the best quarter of those of its kind on its rung, so
    that nobody waits for a rung to be full. Scores of different rungs are never compared,
    nor those of different learners: few rows favour simple ones.

    Parameters
    ----------
    kind : of a trial's tree, such as its learner
    shares : of the rows, at the rungs; above the last one a trial is complete

    References
    ----------
    Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020: algorithm 2,
    in which promotions are decided when a worker is free.
    """

    def __init__(
        self, kind: Callable[[Trial], str], shares: tuple[float, ...] = SHARES
    ) -> None:
        self._kind = kind
        self.shares = shares
        self._rungs: dict[tuple[float, str], list[Trial]] = defaultdict(list)
        self._promoted: set[int] = set()

    def note(self, trial: Trial) -> None:
        """Take a screened trial in."""
        if trial.train_share in self.shares and trial.fold_scores:
            rung = self._rungs[trial.train_share, self._kind(trial)]
            rung.append(trial)
            rung.sort(key=lambda one: (-one.fold_scores[0], one.number))

    def leave_out(self, numbers: Collection[int]) -> None:
        """Take note of trials that were promoted already."""
        self._promoted.update(numbers)

    def promoted(self) -> tuple[Trial, float] | None:
        """A screened trial, and the share of rows that it is to have next."""
        for place in reversed(range(len(self.shares))):
            above = (*self.shares, 1.0)[place + 1]
            for (share, _), rung in self._rungs.items():
                best = rung[: len(rung) // _FACTOR] if share == self.shares[place] else []
                for trial in best:
                    if trial.number not in self._promoted:
                        self._promoted.add(trial.number)
                        return trial, above
        return None
