"""What the three boosting libraries share: when to stop, what is kept of a fit."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from autopipe.operators.cost import Shape
from autopipe.operators.declaration import Limits, State
from autopipe.operators.gaps import Gaps
from autopipe.operators.single import Single
from autopipe.operators.targets import LaplaceFloor, Unit
from autopipe.space import Value
from autopipe.task import FloatArray, Loss, Target

_LONGEST_WAY = 400.0  # learning rate times rounds, far beyond what early stopping lets pass
_SMALLEST = 1e-15
_TYPICAL_ROWS = 5_000
_GROWTH = 0.2  # more rows bear more rounds before they are learned by heart
_LOOKED_AT = 0.1  # learning rate times rounds between two looks at the held-out rows
BIN_SECONDS = 1.5e-7  # for every value that is put into its bin
_ROWS_PER_BIN = 16
_FEWEST_BINS, _MOST_BINS = 32, 256


def validation_loss(target: Target, predictions: FloatArray) -> float:
    """Log loss, squared or absolute error: what early stopping watches.

    Not the metric itself: that of ranks is too noisy on one fold to stop by.
    """
    if target.is_classification:
        true = predictions[np.arange(len(target.y)), target.y]
        losses = -np.log(np.maximum(true, _SMALLEST))
    else:
        losses = np.abs(predictions[:, 0] - target.y)
        if target.loss is Loss.SQUARED:
            losses = np.square(losses)
    return float(np.average(losses, weights=target.weights))


@dataclass
class BestRound:
    """Remembers the best round of a boosting run and says when to stop.

    Parameters
    ----------
    target : of the validation rows
    learning_rate : slow learners are given more rounds to improve
    limits : of the fit
    fixed_rounds : to stop after, whatever the validation rows say; None to let them decide

    Attributes
    ----------
    rounds : number of rounds up to the best one
    predictions : array of shape (validation rows, outputs) after that round
    is_late : whether the deadline ended the run
    """

    target: Target
    learning_rate: float
    limits: Limits
    fixed_rounds: int | None = None
    rounds: int = 0
    loss: float = float("inf")
    predictions: FloatArray = field(default_factory=lambda: np.empty(0))
    is_late: bool = False

    def see(self, rounds: int, predictions: FloatArray) -> None:
        """Look at the predictions after so many rounds; they are copied where they are best."""
        if self.note(rounds, validation_loss(self.target, predictions)):
            self.predictions = predictions.copy()

    def note(self, rounds: int, loss: float) -> bool:
        """Remember the loss after so many rounds; whether it is the smallest yet."""
        is_best = loss < self.loss or self.fixed_rounds is not None
        if is_best:
            self.loss, self.rounds = loss, rounds
        return is_best

    def is_due(self, rounds: int) -> bool:
        """Whether to look after so many rounds: rarely where each brings little.

        Looking takes as long as a tenth of a round.
        """
        stride = max(1, round(_LOOKED_AT / self.learning_rate))
        return not self.rounds or rounds % stride == 0 or rounds == self.fixed_rounds

    def is_over(self, rounds: int) -> bool:
        """Whether to stop after so many rounds."""
        self.is_late = time.monotonic() >= self.limits.deadline
        if self.fixed_rounds is not None:
            return self.is_late or rounds >= self.fixed_rounds
        is_long = rounds >= most_rounds(self.learning_rate)
        return self.is_late or rounds - self.rounds >= self.patience or is_long

    @property
    def patience(self) -> int:
        """Rounds without improvement that are waited for: 35 at a rate of 0.1, 95 at 0.02.

        Grows with the best round, as AutoGluon's does, and with the inverse of the learning
        rate. Twice as much waiting bettered scores by 0.6 % at most on four data sets (mostly
        not at all), and cost CatBoost a third more time. Half as much, or counting as better
        only what is so by 0.1 %, saved up to a third of the rounds, and lost 0.1 to 0.8 % where
        it stopped earlier.
        """
        return round(_patience(self.learning_rate, self.rounds))


def bins_for(rows: float) -> int:
    """Bins of a numeric column, where the learner has no hyperparameter for them.

    On few rows a round costs by bins rather than by rows. On fourteen data sets of at most
    1,000 rows, 64 bins took XGBoost a third less time than 256 and CatBoost two fifths less;
    errors were 0.6 % smaller and 0.4 % larger, each with a standard error as large.
    """
    return round(min(max(rows / _ROWS_PER_BIN, _FEWEST_BINS), _MOST_BINS))


def rounds_for_all(rounds: Sequence[int], more: float) -> int:
    """Rounds for a fit on all rows, without any to stop by.

    Parameters
    ----------
    rounds : that the fits on the folds took
    more : times as many rows as they had
    """
    growth: float = more**_GROWTH
    return max(1, round(sum(rounds) / len(rounds) * growth))


def expected_rounds(learning_rate: float, way: float, shape: Shape) -> float:
    """Rounds that a fit takes until it stops by itself.

    Parameters
    ----------
    way : best round times learning rate on a few thousand rows, a number of the kind of
        trees; medians over eleven data sets, of which one in ten needs five times as many
    """
    growth: float = (shape.rows / _TYPICAL_ROWS) ** _GROWTH
    best = way / learning_rate * growth
    return min(most_rounds(learning_rate), best + _patience(learning_rate, best))


def most_rounds(learning_rate: float) -> int:
    """Rounds at which a fit ends in any case."""
    return round(_LONGEST_WAY / learning_rate)


def _patience(learning_rate: float, rounds: float) -> float:
    return 20 + 1.5 / learning_rate + 0.1 * rounds


class Booster(ABC):
    """A learner of one of the libraries: its parameters are the library's, by their names.

    The number of rounds is no parameter: early stopping on the held-out rows of the fold
    finds it, unless `fixed_rounds` is set.
    """

    prepared_by: tuple[str, ...] = ()

    def __init__(self, **params: Value) -> None:
        self.params = params
        self.fixed_rounds: int | None = None
        self.is_truncated = False
        self._outputs = 1
        self._unit = Unit()
        self._single = Single()
        self._gaps = Gaps()
        self._floor = LaplaceFloor()
        self._model: Any = None  # of the library, which carries no types

    def _watch(self, target: Target, limits: Limits) -> BestRound:
        """The rounds of a fit, watched on the rows of `target`."""
        self._outputs = target.outputs
        return BestRound(target, self.rate, limits, self.fixed_rounds)

    @property
    def rate(self) -> float:
        """The learning rate."""
        rate = self.params["learning_rate"]
        assert isinstance(rate, float)
        return rate

    @property
    @abstractmethod
    def rounds(self) -> int:
        """Rounds of the fitted model."""

    @abstractmethod
    def _dumped(self) -> bytes:
        """The model up to the best round, in the library's own format."""

    @abstractmethod
    def _loaded(self, model: bytes) -> Any:
        """The model that `_dumped` gave."""

    @abstractmethod
    def gains(self, columns: int) -> FloatArray:
        """What the splits on each of so many columns have gained, in units of the library."""

    def state(self) -> State:
        """The library's own format, up to the best round."""
        model = np.frombuffer(self._dumped(), dtype=np.uint8)
        columns = {**self._single.state(), **self._gaps.state()}
        outcome = {"outputs": self._outputs, **asdict(self._unit), "doubt": self._floor.share}
        return {**outcome, **columns, "model": model}

    def restore(self, state: State) -> Self:
        """Take back what `state` gave."""
        model, outputs = state["model"], state["outputs"]
        assert isinstance(model, np.ndarray) and isinstance(outputs, int)
        # Models of former versions have learned in the unit of their target.
        centre, scale = state.get("centre", 0.0), state.get("scale", 1.0)
        floor = state.get("doubt", 0.0)
        assert isinstance(centre, float) and isinstance(scale, float)
        assert isinstance(floor, float)
        self._outputs, self._unit = outputs, Unit(centre, scale)
        self._floor = LaplaceFloor(floor)
        self._single, self._gaps = Single.restored(state), Gaps.restored(state)
        self._model = self._loaded(model.tobytes())
        return self


def as_outputs(predictions: FloatArray, outputs: int) -> FloatArray:
    """Predictions of shape (rows, outputs) from what a booster gives.

    Numbers become one column, the probability of the positive class two.
    """
    if outputs == 2 and predictions.ndim == 1:
        return np.column_stack([1.0 - predictions, predictions])
    return predictions.reshape(-1, outputs)
