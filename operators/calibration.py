"""Probabilities made as sure as they deserve to be."""

from __future__ import annotations

from typing import Self

import numpy as np

from autopipe.operators.declaration import Operator, Predictions, State
from autopipe.task import FloatArray, Target, TaskKind

_FLOOR = 1e-7  # of a probability: below float32's rounding, and log 0 would decide all
_COLDEST, _HOTTEST = 0.05, 20.0  # far beyond the 0.5 to 5 that networks and trees need


class Temperature:
    """Divides all logits by one number, chosen to minimise log loss.

    The order of the classes never changes, so accuracy does not either. One parameter hardly
    overfits: a few hundred rows are enough.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """

    def __init__(self) -> None:
        self.temperature = 1.0

    def fit(self, predictions: FloatArray, target: Target) -> Self:
        from scipy.optimize import minimize_scalar

        rows = np.arange(len(predictions))

        def log_loss(log_temperature: float) -> float:
            corrected = _softened(predictions, np.exp(log_temperature))
            return -float(np.average(np.log(corrected[rows, target.y]), weights=target.weights))

        found = minimize_scalar(
            log_loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
        )
        self.temperature = float(np.exp(found.x))
        return self

    def transform(self, predictions: FloatArray) -> FloatArray:
        return _softened(predictions, self.temperature)

    def state(self) -> State:
        return {"temperature": self.temperature}

    def restore(self, state: State) -> Self:
        self.temperature = float(state["temperature"])  # type: ignore[arg-type]  # a number
        return self


def _softened(predictions: FloatArray, temperature: float) -> FloatArray:
    logits = np.log(np.maximum(predictions.astype(np.float64), _FLOOR)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


OPERATORS = (
    Operator(
        name="temperature",
        family="calibration",
        build="autopipe.operators.calibration:Temperature",
        takes=(Predictions,),
        gives=Predictions,
        source="Guo et al., On Calibration of Modern Neural Networks, ICML 2017",
        kinds=frozenset({TaskKind.BINARY, TaskKind.MULTICLASS}),
    ),
)
