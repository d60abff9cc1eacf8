"""What is to be predicted, in codes and numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]


class TaskKind(StrEnum):
    """The kind of prediction."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Loss(StrEnum):
    """What learners make small where numbers are predicted."""

    SQUARED = "squared"  # least at the mean
    ABSOLUTE = "absolute"  # least at the median


@dataclass(frozen=True, eq=False)
class Target:
    """What learners are fitted to, for some rows.

    Parameters
    ----------
    kind : the kind of prediction
    y : array of shape (rows,)
        Class codes 0 .. n_classes - 1 as int32, or numbers as float64.
    n_classes : number of classes of the whole task, 0 for regression; some may be
        absent from these rows.
    weights : array of shape (rows,), or None where all rows weigh the same
    loss : of numbers, for learners that can choose
    """

    kind: TaskKind
    y: FloatArray | IntArray
    n_classes: int
    weights: FloatArray | None = None
    loss: Loss = Loss.SQUARED

    @property
    def is_classification(self) -> bool:
        """Whether classes are to be predicted."""
        return self.kind is not TaskKind.REGRESSION

    @property
    def outputs(self) -> int:
        """Columns of a prediction: a probability for every class, or one number."""
        return self.n_classes if self.is_classification else 1

    @property
    def row_weights(self) -> FloatArray:
        """The weights, ones where all rows weigh the same."""
        return np.ones(len(self.y)) if self.weights is None else self.weights

    def take(self, rows: IntArray) -> Target:
        """The target of some rows, in the order given."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, y=self.y[rows], weights=weights)

    def prior(self) -> FloatArray:
        """The prediction of shape (outputs,) that ignores the features.

        Class shares with a row added to every class, or the mean, or the median where the
        loss is absolute; all weighted.
        """
        if self.is_classification:
            counts = np.bincount(self.y, self.weights, minlength=self.n_classes) + 1.0
            return np.asarray(counts / counts.sum())
        if self.loss is Loss.ABSOLUTE:
            middle = np.quantile(self.y, 0.5, weights=self.weights, method="inverted_cdf")
            return np.array([middle], np.float64)
        return np.array([np.average(self.y, weights=self.weights)])
