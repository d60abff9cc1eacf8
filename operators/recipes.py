"""What the training of a network is given, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autopipe.task import FloatArray, IntArray, Loss

BATCH = 256
"""Rows of a step, RealMLP's."""

# More together gained little on a processor; a number that followed the threads would change
# the last digits.
PROGRAMS = 2
"""Programs that train the folds on a processor, which may run side by side."""

_FEW_ROWS = 1_000  # above, epochs are fewer: 0.35 of them for ten times the rows
_FEWER = 0.45
_LEAST_EPOCHS = 16
_CYCLES = 4  # of the learning rate, each twice as long as the one before


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    epochs : at most
    batch : rows of a step, at most
    learning_rate : the highest
    weight_decay : share of a weight that a step at a learning rate of 1 takes off
    dropout : share of a hidden layer's outputs that is set to zero
    patience : share of the epochs without improvement after which a fold rests
    loss : of numbers; classes have the log loss
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    patience: float
    loss: Loss = Loss.SQUARED

    def steps(self, rows: int) -> int:
        """Steps of an epoch."""
        return max(1, math.ceil(rows / self.batch))

    def shape(self, rows: int) -> tuple[int, int]:
        """What recipes must agree in to be followed in one program: epochs and their steps."""
        return self.epochs, self.steps(rows)


@dataclass(frozen=True, eq=False)
class Rows:
    """Training or validation rows of one fold.

    Parameters
    ----------
    numbers, slots : what the network is given
    y : class codes, or standardised numbers
    weights : around 1
    """

    numbers: NDArray[np.float32]
    slots: IntArray
    y: FloatArray | IntArray
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class FoldData:
    """What the network of a fold learns from, and what tells its best epoch.

    Parameters
    ----------
    initial : first weights
    seed : of batches and dropout
    """

    train: Rows
    valid: Rows
    initial: Mapping[str, FloatArray]
    seed: int


@dataclass(frozen=True)
class Trained:
    """The network of a fold after its best epoch.

    Parameters
    ----------
    weights : without the axis of the folds
    loss : of the validation rows
    epoch : the best one
    is_late : whether the deadline ended the training
    note : what went otherwise than it should, though it went well
    """

    weights: Mapping[str, FloatArray]
    loss: float
    epoch: int
    is_late: bool
    note: str = ""


def waves(progress: float) -> float:
    """Learning rate over progress: four waves, the last one ends at 0 (RealMLP's coslog4)."""
    wave = math.log2(1.0 + (2.0**_CYCLES - 1.0) * progress)
    return 0.5 * (1.0 - math.cos(2.0 * math.pi * wave))


def flat_then_falling(progress: float) -> float:
    """1 for the first half, then down to 0 as a cosine (RealMLP's flat_cos)."""
    return 0.5 * (1.0 + math.cos(math.pi * max(0.0, 2.0 * progress - 1.0)))


def batch_of(members: float, rows: int) -> int:
    """Members want smaller batches on few rows, as TabM's authors have found."""
    return 64 if members > 1 and rows < 4_500 else BATCH


def epochs_of(most: int, rows: int) -> int:
    """Epochs for so many rows, where `most` are for few: a step costs the same."""
    fewer: float = min(1.0, _FEW_ROWS / rows) ** _FEWER
    return max(_LEAST_EPOCHS, round(most * fewer))
