"""Fold racing: a trial that is clearly worse than its like after some folds is ended."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from autopipe.errors import AutopipeError
from autopipe.folds import Folds
from autopipe.operators.boosting import validation_loss
from autopipe.operators.catalogue import learner_of, operator_named
from autopipe.task import FloatArray, IntArray, Target
from autopipe.tree import Node

_RIVALS = 3  # the trials of a learner that a trial of it has to keep up with


class OutrunError(AutopipeError):
    """A trial is not worth its other folds."""


class Race:
    """Knows from what loss on a trial is not worth its other folds.

    The forgiving rule: its mean so far is worse than the worst fold of the third best trial
    of the same learner. The loss is that which learners stop by, not the metric, so
    that a user's own metric stays with the controller; hence like is compared with like.

    Parameters
    ----------
    target : of all rows
    folds : that every trial is judged on

    References
    ----------
    Bergman, Purucker and Hutter, Don't Waste Your Time: Early Stopping Cross-Validation,
    AutoML 2024, section 3: "forgiving"; there the worst fold is that of the best trial.
    """

    def __init__(self, target: Target, folds: Folds) -> None:
        self._target = target.weighed
        self._folds = folds
        self._worst: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def note(self, tree: Node, predictions: FloatArray) -> None:
        """Take a complete trial in, by its out-of-fold predictions of shape (rows, outputs).

        Not where they are not what its learner said of each fold: calibrated, or averaged.
        """
        if operator_named(tree.op).is_calibrator or self._folds.times_held_out.max() > 1:
            return
        losses = [
            validation_loss(self._target.take(rows), predictions[rows])
            for _, rows in self._folds.pairs
        ]
        best = [*self._worst[learner_of(tree)], (float(np.mean(losses)), max(losses))]
        self._worst[learner_of(tree)] = sorted(best)[:_RIVALS]

    def most_loss(self, tree: Node) -> float:
        """The mean loss beyond which a trial of this tree is ended; infinite while unknown."""
        best = self._worst.get(learner_of(tree), [])
        return best[-1][1] if len(best) == _RIVALS else float("inf")


class Watch:
    """Looks at the predictions of each fold as it ends.

    Parameters
    ----------
    target : of all rows
    folds : how many there are
    most_loss : beyond which the mean may not be
    """

    def __init__(self, target: Target, folds: int, most_loss: float) -> None:
        self._target = target.weighed
        self._folds = folds
        self._most_loss = most_loss
        self._losses: list[float] = []

    def see(self, rows: IntArray, predictions: FloatArray) -> None:
        """Look at the predictions of a fold's held-out rows.

        Raises
        ------
        OutrunError
            If the mean loss is too large, and there is a fold left to be spared.
        """
        self._losses.append(validation_loss(self._target.take(rows), predictions))
        self.check()

    def check(self) -> None:
        """Raise where enough was seen, as `see` does: before a fold is begun by a thread."""
        seen = len(self._losses)
        mean = sum(self._losses) / max(1, seen)
        if 0 < seen < self._folds and mean > self._most_loss:
            raise OutrunError(
                f"outrun after {seen} of {self._folds} folds: a loss of {mean:.4g}, and "
                f"{self._most_loss:.4g} was the most allowed"
            )
