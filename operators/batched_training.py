"""Training the networks of several folds as one batched tensor program.

Every parameter has a leading axis for the folds, so that a step is one product of matrices
for all of them; several configurations of one shape follow each other on that axis. They
share nothing else: each place has its own batches, dropout, validation and best epoch, drawn
from its own seed, so that its weights are those of a training alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.declaration import Limits
from autopipe.operators.layers import FROZEN, Array, Network
from autopipe.operators.recipes import (
    FoldData,
    Recipe,
    Rows,
    Trained,
    flat_then_falling,
    waves,
)
from autopipe.operators.torch_ops import Group, TorchOps
from autopipe.task import FloatArray, IntArray, Loss

if TYPE_CHECKING:
    import torch

_TRAINING_SHARE = 0.9  # of the time that is left; the rest is for the last predictions
_SLACK = 0.05  # of the steps, that may be behind the clock: the first ones are slow
_LEAST_STEPS = 4  # between two validations, which cost as much as a step on few rows
_SOON = 1e-6  # seconds: a deadline that has passed still leaves one step
_CHUNK = 4_096  # rows that are validated at once
_BYTE = 256  # values: dropout is decided by one random byte a number


def train(
    network: Network,
    recipes: Sequence[Recipe],
    folds: Sequence[FoldData],
    limits: Limits,
    device: str = "cpu",
    precision: str = "float32",
) -> list[Trained]:
    """Train the network of every fold.

    Learning rate, weight decay and dropout follow the epochs, or the clock where that is
    further on: the schedule always comes to its end, only earlier where time is short. So
    the result depends on the clock only where not all epochs fit in.

    Parameters
    ----------
    recipes, folds : of every place; all of the same shape, and those of one recipe in a row
    precision : of products, "float32" or "bfloat16", where weights and losses stay in
        float32; or "float64" for everything
    """
    training = _Training(network, recipes, folds, device, precision)
    begin = time.monotonic()
    seconds = _TRAINING_SHARE * max(_SOON, limits.deadline - begin)
    progress = 0.0
    while progress < 1.0 and not training.is_resting.all():
        training.step(progress)
        by_clock = (time.monotonic() - begin) / seconds
        is_behind = by_clock > training.share_done + _SLACK
        progress = by_clock if is_behind else training.share_done
        if training.is_due or progress >= 1.0:
            training.validate()
    return training.result(is_late=training.share_done < 1.0 <= progress)


class _Training:
    """The state of a training: tensors with a leading axis for the folds."""

    def __init__(
        self,
        network: Network,
        recipes: Sequence[Recipe],
        folds: Sequence[FoldData],
        device: str,
        precision: str,
    ) -> None:
        import torch

        self._network = network
        self._recipes = recipes
        self._device = device
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self._reduced = precision == "bfloat16"
        self._ops = TorchOps()
        # An optimizer has one rate for a whole tensor, so each recipe has tensors of its own.
        alike: dict[Recipe, list[FoldData]] = {}
        for recipe, fold in zip(recipes, folds, strict=True):
            alike.setdefault(recipe, []).append(fold)
        self._leaves = {recipe: self._initial(some) for recipe, some in alike.items()}
        self._best = {name: w.detach().clone() for name, w in self._weights().items()}
        self._groups = self._grouped()
        self._train = [self._on_device(fold.train) for fold in folds]
        self._valid = [self._on_device(fold.valid) for fold in folds]
        self._rngs = [np.random.Generator(np.random.SFC64(fold.seed)) for fold in folds]
        self._device_rngs = [
            torch.Generator(device).manual_seed(fold.seed) for fold in folds if device != "cpu"
        ]
        self._rows = [len(fold.train) for fold in folds]
        self._epochs, self._steps = recipes[0].shape(max(self._rows))
        self._batches: Iterator[list[IntArray]] = iter(())
        self._done = 0
        self._loss = np.full(len(folds), np.inf)
        self._epoch = np.zeros(len(folds), np.int64)
        self.is_resting = np.zeros(len(folds), bool)

    @property
    def share_done(self) -> float:
        """Share of all steps that were made."""
        return self._done / (self._steps * self._epochs)

    @property
    def is_due(self) -> bool:
        """Whether the epoch that ends is one to be validated."""
        epochs = math.ceil(_LEAST_STEPS / self._steps)
        return self._done % (self._steps * epochs) == 0

    @property
    def is_between_epochs(self) -> bool:
        """Whether all training rows were seen equally often."""
        return self._done % self._steps == 0

    def step(self, progress: float) -> None:
        """Go down the gradient of one batch of every fold."""
        if self.is_between_epochs:
            self._batches = self._epoch_batches()
        rows = next(self._batches)
        numbers, slots, y, weights = _batch(self._train, rows)
        drop = self._dropout(rows, flat_then_falling(progress))
        losses = self._losses(self._outputs(numbers, slots, drop), y).mean(1)
        counts = self._tensor(np.array([len(each) for each in rows]), self._dtype)
        ((losses * weights).sum(1) / counts).sum().backward()
        for group in self._groups:
            group.step(waves(progress), flat_then_falling(progress))
        self._done += 1

    def validate(self) -> None:
        """Keep the weights of the folds that have never been better."""
        import torch

        loss = self._validation_loss()
        is_better = (loss < self._loss) & ~self.is_resting
        epoch = math.ceil(self._done / self._steps)
        self._loss[is_better] = loss[is_better]
        self._epoch[is_better] = epoch
        folds = torch.from_numpy(np.flatnonzero(is_better)).to(self._device)
        weights = self._weights()
        for name, best in self._best.items():
            best[folds] = weights[name].detach()[folds]
        patience = np.array([recipe.patience for recipe in self._recipes])
        self.is_resting |= epoch - self._epoch > patience * self._epochs

    def result(self, is_late: bool) -> list[Trained]:
        """The best weights of every fold."""
        best = {name: best.cpu().numpy() for name, best in self._best.items()}
        return [
            Trained(
                {name: array[fold] for name, array in best.items()},
                float(loss),
                int(epoch),
                is_late and not bool(rests),
            )
            for fold, (loss, epoch, rests) in enumerate(
                zip(self._loss, self._epoch, self.is_resting, strict=True)
            )
        ]

    def _initial(self, folds: Sequence[FoldData]) -> dict[str, Array]:
        """The first weights of some folds, and which of them are trained."""
        return {
            name: self._tensor(
                np.stack([fold.initial[name] for fold in folds]), self._dtype
            ).requires_grad_(name not in FROZEN)
            for name in folds[0].initial
        }

    def _weights(self) -> dict[str, Array]:
        """The parameters of all places."""
        import torch

        first, *others = self._leaves.values()
        if not others:
            return first
        return {
            name: torch.cat([leaves[name] for leaves in (first, *others)]) for name in first
        }

    def _grouped(self) -> list[Group]:
        """The parameters with the same rate and decay, together."""
        groups: dict[tuple[float, float], list[Array]] = {}
        for recipe, leaves in self._leaves.items():
            for name, weight in leaves.items():
                if name not in FROZEN:
                    decay = 0.0 if "bias" in name else recipe.weight_decay
                    rate = recipe.learning_rate * self._network.rate(name)
                    groups.setdefault((rate, decay), []).append(weight)
        return [Group(weights, *key) for key, weights in groups.items()]

    def _epoch_batches(self) -> Iterator[list[IntArray]]:
        """The rows of every step of an epoch, of each fold in an order of its own."""
        orders = [
            np.array_split(rng.permutation(rows), self._steps)
            for rng, rows in zip(self._rngs, self._rows, strict=True)
        ]
        return iter([list(rows) for rows in zip(*orders, strict=True)])

    def _dropout(
        self, rows: list[IntArray], share: float
    ) -> Callable[[Array, int], Array] | None:
        """Sets a share of a layer's outputs to zero and raises the others.

        Parameters
        ----------
        share : of the dropout that the recipes name
        """
        thresholds = [round(recipe.dropout * share * _BYTE) for recipe in self._recipes]
        if not any(thresholds):
            return None
        threshold = np.array(thresholds).reshape(-1, 1, 1, 1, 1)
        noise = self._noise(rows, np.flatnonzero(thresholds))
        kept = noise >= self._tensor(threshold.astype(np.uint8))
        factor = self._tensor(_BYTE / (_BYTE - threshold[..., 0]))

        def drop(x: Array, layer: int) -> Array:
            return x * (kept[..., layer, :].to(x.dtype) * factor.to(x.dtype)).reshape(x.shape)

        return drop

    def _noise(self, rows: list[IntArray], places: IntArray) -> Array:
        """A random byte for every output of the hidden layers at some places, 0 elsewhere.

        A device draws its own: more bytes than the weights have would go there in each step.

        Returns
        -------
        tensor of shape (places, members, rows, layers, width)
        """
        import torch

        network = self._network
        shape = len(rows), network.members, max(map(len, rows)), network.layers, network.width
        if self._device_rngs:
            noise = torch.zeros(shape, dtype=torch.uint8, device=self._device)
            for place in places:
                noise[place].random_(generator=self._device_rngs[place])
            return noise
        drawn = np.zeros(shape, np.uint8)
        for place in places:
            part = drawn[place, :, : len(rows[place])]
            chosen = np.frombuffer(self._rngs[place].bytes(part.size), np.uint8)
            part[:] = chosen.reshape(part.shape)
        return torch.from_numpy(drawn)

    def _outputs(
        self, numbers: Array, slots: Array, drop: Callable[[Array, int], Array] | None = None
    ) -> Array:
        import torch

        with torch.autocast(self._device, torch.bfloat16, enabled=self._reduced):
            outputs = self._network.forward(self._ops, self._weights(), numbers, slots, drop)
        return outputs.to(self._dtype)

    def _losses(self, outputs: Array, y: Array) -> Array:
        """Loss of every member and row: log loss, or the recipes' loss of numbers."""
        from torch.nn.functional import cross_entropy

        if not y.is_floating_point():
            truth = y[:, None].expand(outputs.shape[:3])
            losses = cross_entropy(outputs.flatten(0, 2), truth.flatten(), reduction="none")
            return losses.reshape(outputs.shape[:3])
        errors = outputs[..., 0] - y[:, None]
        is_absolute = self._recipes[0].loss is Loss.ABSOLUTE
        return errors.abs() if is_absolute else errors.square()

    def _validation_loss(self) -> FloatArray:
        """Loss of what the members say together, of every fold."""
        import torch

        total: Array = 0.0
        weight: Array = 0.0
        most = max(len(y) for _, _, y, _ in self._valid)
        with torch.no_grad():
            for begin in range(0, most, _CHUNK):
                rows = [
                    np.arange(begin, min(begin + _CHUNK, len(y))) for _, _, y, _ in self._valid
                ]
                numbers, slots, y, weights = _batch(self._valid, rows)
                outputs = self._outputs(numbers, slots)
                if y.is_floating_point():
                    together = outputs.mean(1, keepdim=True)
                else:
                    together = torch.log(outputs.softmax(3).mean(1, keepdim=True))
                total = total + (self._losses(together, y)[:, 0] * weights).sum(1)
                weight = weight + weights.sum(1)
        loss: FloatArray = (total / weight).cpu().numpy()
        return loss

    def _tensor(self, array: NDArray[Any], dtype: torch.dtype | None = None) -> Array:
        import torch

        return torch.from_numpy(array).to(self._device, dtype)

    def _on_device(self, rows: Rows) -> _Tensors:
        is_number = rows.y.dtype.kind == "f"
        return (
            self._tensor(rows.numbers, self._dtype),
            self._tensor(rows.slots.astype(np.int64)),
            self._tensor(
                rows.y if is_number else rows.y.astype(np.int64),
                self._dtype if is_number else None,
            ),
            self._tensor(rows.weights, self._dtype),
        )


_Tensors = tuple[Array, Array, Array, Array]
"""Numbers, slots, targets and weights."""


def _batch(folds: Sequence[_Tensors], rows: Sequence[IntArray]) -> _Tensors:
    """Some rows of every fold; where a fold has fewer, rows of weight 0 fill up."""
    import torch

    padded = np.zeros((len(rows), max(map(len, rows))), np.int64)
    is_padding = np.ones(padded.shape, bool)
    for places, is_pad, chosen in zip(padded, is_padding, rows, strict=True):
        places[: len(chosen)] = chosen
        is_pad[: len(chosen)] = False
    device = folds[0][0].device
    index = torch.from_numpy(padded).to(device)
    parts = ([tensor[at] for tensor in each] for each, at in zip(folds, index, strict=True))
    numbers, slots, y, weights = (torch.stack(part) for part in zip(*parts, strict=True))
    weights[torch.from_numpy(is_padding).to(device)] = 0.0
    return numbers, slots, y, weights
