"""Neural networks, all folds of one trained together; numpy alone predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.declaration import Learner, Limits, State, check_deadline
from autopipe.operators.fold_programs import train_folds
from autopipe.operators.layers import Network, NumpyOps
from autopipe.operators.network_inputs import Inputs, Layout, edges_of
from autopipe.operators.recipes import FoldData, Recipe, Rows, batch_of, epochs_of
from autopipe.operators.targets import Unit
from autopipe.task import FloatArray, IntArray, Target

_PATIENCE = 0.3  # of the epochs: from the end of one wave of the rate to the end of the next
_CHUNK = 1_024  # rows that are predicted at once, so that layers stay in the cache
_SMALLEST_BIN = 1e-6

_WEIGHT = "net_"  # before the names of weights, in a state


@dataclass(frozen=True, eq=False)
class _Prepared:
    X: Matrix
    target: Target
    layout: Layout


@dataclass(frozen=True)
class _Outcome:
    """What a number to be predicted was measured in, and between which it lies."""

    unit: Unit = field(default_factory=Unit)
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def of(cls, train: Target) -> _Outcome:
        return cls(Unit.of(train), float(train.y.min()), float(train.y.max()))


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold before its training."""

    inputs: Inputs
    outcome: _Outcome
    network: Network
    recipe: Recipe
    data: FoldData


class NeuralNetwork:
    """Hidden layers over embedded numbers and categories, for one member or several.

    Prepares its columns itself. The best epoch is found on the held-out rows of the fold,
    and a regression never leaves the range of its training rows.

    Parameters
    ----------
    layers, width, activation, embedding, waves, embedding_size, sigma, members :
        of `Network`; activation "auto" is SELU for classes and Mish for numbers
    learning_rate, weight_decay, dropout : of `Recipe`
    epochs : up to 1,000 rows; more rows take fewer
    precision : of training; "auto" is bfloat16 where the hardware multiplies in it
    """

    prepared_by: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        layers: int,
        width: int,
        activation: str,
        embedding: str,
        waves: int,
        embedding_size: int,
        dropout: float,
        learning_rate: float,
        weight_decay: float,
        epochs: int,
        sigma: float = 0.1,
        members: int = 1,
        precision: str = "auto",
    ) -> None:
        self.layers = layers
        self.width = width
        self.activation = activation
        self.embedding = embedding
        self.waves = waves
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.sigma = sigma
        self.members = members
        self.precision = precision
        self.is_truncated = False
        self.note = ""
        self._inputs: Inputs
        self._outcome: _Outcome
        self._network: Network
        self._weights: Mapping[str, FloatArray]

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> _Prepared:
        return _Prepared(X, target, Layout.of(X))

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        """As `fit_folds` with one fold."""
        pair = train_rows, valid_rows
        ((fitted, predictions),) = self.fit_folds([prepared], [pair], [seed], limits)
        vars(self).update(vars(fitted))
        return predictions

    def fit_folds(
        self,
        prepared: Sequence[object],
        pairs: Sequence[tuple[IntArray, IntArray]],
        seeds: Sequence[int],
        limits: Limits,
    ) -> list[tuple[Learner, FloatArray]]:
        """Train the networks of all folds together."""
        (fitted,) = fit_together([self], prepared, pairs, seeds, limits)
        return fitted

    def predict(self, X: Matrix) -> FloatArray:
        return self._predicted(self._inputs.numbers(X.values), self._inputs.slots(X.values))

    def state(self) -> State:
        inputs, outcome = self._inputs, self._outcome
        return {
            "levels": list(inputs.layout.levels),
            "is_gappy": list(inputs.layout.is_gappy),
            "centre": inputs.centre,
            "factor": inputs.factor,
            "slot_of": inputs.slot_of,
            "outcome": [outcome.unit.centre, outcome.unit.scale, outcome.low, outcome.high],
            "outputs": self._network.outputs,
            **{_WEIGHT + name: weight[0] for name, weight in self._weights.items()},
        }

    def restore(self, state: State) -> Self:
        values: Mapping[str, Any] = state  # the lists and numbers that `state` gave
        layout = Layout(tuple(values["levels"]), tuple(values["is_gappy"]))
        arrays = {name: np.asarray(state[name]) for name in ("centre", "factor", "slot_of")}
        weights = {
            name.removeprefix(_WEIGHT): np.asarray(value)
            for name, value in state.items()
            if name.startswith(_WEIGHT)
        }
        network = self._shaped(layout, values["outputs"])
        centre, scale, low, high = values["outcome"]
        outcome = _Outcome(Unit(centre, scale), low, high)
        return self._take(Inputs(layout, **arrays), outcome, network, weights)

    def _take(
        self,
        inputs: Inputs,
        outcome: _Outcome,
        network: Network,
        weights: Mapping[str, FloatArray],
    ) -> Self:
        self._inputs, self._outcome, self._network = inputs, outcome, network
        self._weights = {name: weight[None] for name, weight in weights.items()}
        return self

    def _shaped(self, layout: Layout, outputs: int) -> Network:
        activation = self.activation
        if activation == "auto":
            activation = "mish" if outputs == 1 else "selu"
        return Network(
            numeric=len(layout.numeric),
            flags=len(layout.flagged),
            slots=layout.slots,
            outputs=outputs,
            width=self.width,
            layers=self.layers,
            activation=activation,
            embedding=self.embedding,
            waves=self.waves,
            embedding_size=self.embedding_size,
            sigma=self.sigma,
            members=self.members,
        )

    def _fold(self, prepared: object, pair: tuple[IntArray, IntArray], seed: int) -> _Fold:
        assert isinstance(prepared, _Prepared)
        X, layout, target = prepared.X, prepared.layout, prepared.target
        train_target, valid_target = (target.take(rows).weighed for rows in pair)
        network = self._shaped(layout, target.outputs)
        inputs = Inputs.fitted(X.values[pair[0]], layout)
        outcome = _Outcome()
        prior = np.zeros(1)
        if target.is_classification:
            prior = np.log(train_target.prior())
        else:
            outcome = _Outcome.of(train_target)
        train_part, valid_part = (
            _rows(X.values[rows], part, inputs, outcome)
            for rows, part in zip(pair, (train_target, valid_target), strict=True)
        )
        initial = network.initial(np.random.default_rng(seed), prior)
        if network.is_piecewise:
            edges = edges_of(train_part.numbers[:, : network.numeric], network.waves)
            wide = np.diff(edges)
            factor = np.where(wide > _SMALLEST_BIN, 1.0 / np.maximum(wide, _SMALLEST_BIN), 0.0)
            initial["edge_factor"] = factor[:, None]
            initial["edge_shift"] = (-edges[:, :-1] * factor)[:, None]
        recipe = Recipe(
            epochs=epochs_of(self.epochs, len(train_part)),
            batch=batch_of(self.members, len(train_part)),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            dropout=self.dropout,
            patience=_PATIENCE,
            loss=train_target.loss,
        )
        data = FoldData(train_part, valid_part, initial, seed)
        return _Fold(inputs, outcome, network, recipe, data)

    def _predicted(self, numbers: FloatArray, slots: IntArray) -> FloatArray:
        chunks = range(0, max(1, len(numbers)), _CHUNK)
        parts = [
            self._network.forward(
                NumpyOps(),
                self._weights,
                numbers[None, begin : begin + _CHUNK],
                slots[None, begin : begin + _CHUNK],
            )[0]
            for begin in chunks
        ]
        outputs = np.concatenate(parts, axis=1).astype(np.float64)
        if self._network.outputs == 1:
            outcome = self._outcome
            predictions = outcome.unit.restored(outputs.mean(axis=0))
            return np.asarray(np.clip(predictions, outcome.low, outcome.high))
        shares = np.exp(outputs - outputs.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return np.asarray(shares.mean(axis=0))


def fit_together(
    learners: Sequence[NeuralNetwork],
    prepared: Sequence[object],
    pairs: Sequence[tuple[IntArray, IntArray]],
    seeds: Sequence[int],
    limits: Limits,
) -> list[list[tuple[Learner, FloatArray]]]:
    """As `fit_folds` of every learner, which a graphics card trains together.

    That saves time where they differ in their rates, weight decay and dropout alone.
    """
    check_deadline(limits)
    folds = [
        (learner, learner._fold(*each))
        for learner in learners
        for each in zip(prepared, pairs, seeds, strict=True)
    ]
    jobs = [(fold.network, fold.recipe, fold.data) for _, fold in folds]
    results: list[tuple[Learner, FloatArray]] = []
    trained = train_folds(jobs, limits, learners[0].precision)
    for (learner, fold), one in zip(folds, trained, strict=True):
        fitted = copy(learner)._take(fold.inputs, fold.outcome, fold.network, one.weights)
        fitted.is_truncated, fitted.note = one.is_late, one.note
        valid = fold.data.valid
        results.append((fitted, fitted._predicted(valid.numbers, valid.slots)))
    count = len(pairs)
    return [results[begin : begin + count] for begin in range(0, len(results), count)]


def _rows(values: FloatArray, target: Target, inputs: Inputs, outcome: _Outcome) -> Rows:
    y = outcome.unit.measured(target).y
    weights = np.ones(len(y))
    if target.weights is not None:
        weights = target.weights / target.weights.mean()
    return Rows(inputs.numbers(values), inputs.slots(values), y, weights)
