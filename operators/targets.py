"""The unit that learners measure numbers in, and the share that no class falls below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from autopipe.task import FloatArray, Target


@dataclass(frozen=True)
class Unit:
    """What numbers to be predicted are measured in while a learner is fitted.

    Penalties and tolerances then mean the same whatever the scale of the target, and float32
    holds what differs between its rows. Without it, XGBoost found no split at all in targets
    of a thousandth.
    """

    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, target: Target) -> Self:
        """Mean and standard deviation; classes are left as they are."""
        if target.is_classification:
            return cls()
        centre = float(np.average(target.y, weights=target.weights))
        spread = float(np.sqrt(np.average((target.y - centre) ** 2, weights=target.weights)))
        return cls(centre, spread or 1.0)

    def measured(self, target: Target) -> Target:
        """The target in this unit."""
        if target.is_classification:
            return target
        return replace(target, y=(target.y - self.centre) / self.scale)

    def restored(self, predictions: FloatArray) -> FloatArray:
        """Predictions in the unit of the target, from some in this one."""
        if self == Unit():
            return predictions
        wide = predictions.astype(np.float64)
        return np.asarray(self.centre + self.scale * wide, np.float64)


@dataclass(frozen=True)
class LaplaceFloor:
    """What keeps a class from being ruled out: the share that every class has in any case.

    A leaf of one row, and a booster of a class that it was never shown, give others exactly
    nothing, and one such row costs a log loss more than a hundred good ones gain. The share is
    what Laplace's rule of succession gives to what was never seen; of two classes it keeps
    the order of the rows.
    """

    share: float = 0.0

    @classmethod
    def of(cls, train: Target) -> Self:
        """What so many rows leave of it; none about numbers."""
        return cls(1.0 / (len(train.y) + train.n_classes) if train.is_classification else 0.0)

    @classmethod
    def of_absent(cls, train: Target) -> Self:
        """The same where a class has no row, and else none."""
        is_absent = train.is_classification and len(np.unique(train.y)) < train.n_classes
        return cls.of(train) if is_absent else cls()

    def mixed(self, predictions: FloatArray) -> FloatArray:
        """Probabilities of shape (rows, classes) with their share; numbers as they are."""
        if not self.share:
            return predictions
        kept = 1.0 - predictions.shape[1] * self.share
        return np.asarray(predictions * kept + self.share)
