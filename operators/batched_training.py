"""Training the networks of several folds as one batched tensor program.

Every parameter has a leading axis for the folds, so that a step is one product of matrices
for all of them. They share nothing else: each fold has its own batches, dropout, validation
and best epoch, drawn from its own seed, so that its weights are those of a training alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autopipe.operators.declaration import Limits
from autopipe.operators.layers import FROZEN, Array, Network, shrinkage
from autopipe.task import FloatArray, IntArray

if TYPE_CHECKING:
    import torch

_BETAS = (0.9, 0.95)  # RealMLP's
_CYCLES = 4  # of the learning rate, each twice as long as the one before
_TRAINING_SHARE = 0.9  # of the time that is left; the rest is for the last predictions
_LEAST_STEPS = 4  # between two validations, which cost as much as a step on few rows
_SOON = 1e-6  # seconds: a deadline that has passed still leaves one step
_CHUNK = 4_096  # rows that are validated at once
_BYTE = 256  # values: dropout is decided by one random byte a number


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
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    patience: float

    def steps(self, rows: int) -> int:
        """Steps of an epoch."""
        return max(1, math.ceil(rows / self.batch))


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
    """

    weights: Mapping[str, FloatArray]
    loss: float
    epoch: int
    is_late: bool


def train(
    network: Network,
    recipe: Recipe,
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
    folds : all with the same number of steps per epoch
    precision : of products, "float32" or "bfloat16", where weights and losses stay in
        float32; or "float64" for everything
    """
    training = _Training(network, recipe, folds, device, precision)
    begin = time.monotonic()
    seconds = _TRAINING_SHARE * max(_SOON, limits.deadline - begin)
    progress = 0.0
    while progress < 1.0 and not training.is_resting.all():
        training.step(progress)
        by_clock = (time.monotonic() - begin) / seconds
        progress = max(training.share_done, by_clock)
        if training.is_due or progress >= 1.0:
            training.validate()
    return training.result(is_late=training.share_done < 1.0 <= progress)


class _Training:
    """The state of a training: tensors with a leading axis for the folds."""

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        folds: Sequence[FoldData],
        device: str,
        precision: str,
    ) -> None:
        import torch

        self._network = network
        self._recipe = recipe
        self._device = device
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self._reduced = precision == "bfloat16"
        self._ops = _TorchOps()
        self._weights = {
            name: self._tensor(np.stack([fold.initial[name] for fold in folds]), self._dtype)
            for name in folds[0].initial
        }
        self._best = {name: weight.clone() for name, weight in self._weights.items()}
        self._optimizer = torch.optim.AdamW(self._parts(), lr=0.0, betas=_BETAS, fused=True)
        self._train = [self._on_device(fold.train) for fold in folds]
        self._valid = [self._on_device(fold.valid) for fold in folds]
        self._luck = [np.random.Generator(np.random.SFC64(fold.seed)) for fold in folds]
        self._rows = [len(fold.train) for fold in folds]
        self._steps = recipe.steps(max(self._rows))
        self._batches: Iterator[list[IntArray]] = iter(())
        self._done = 0
        self._loss = np.full(len(folds), np.inf)
        self._epoch = np.zeros(len(folds), np.int64)
        self.is_resting = np.zeros(len(folds), bool)

    @property
    def share_done(self) -> float:
        """Share of all steps that were made."""
        return self._done / (self._steps * self._recipe.epochs)

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
        for part in self._optimizer.param_groups:
            part["lr"] = self._recipe.learning_rate * part["rate"] * _waves(progress)
            part["weight_decay"] = part["decay"] * _flat_then_falling(progress)
        rows = next(self._batches)
        numbers, slots, y, weights = _batch(self._train, rows)
        drop = self._dropout(rows, self._recipe.dropout * _flat_then_falling(progress))
        losses = self._losses(self._outputs(numbers, slots, drop), y).mean(1)
        counts = self._tensor(np.array([len(each) for each in rows]), self._dtype)
        self._optimizer.zero_grad()
        ((losses * weights).sum(1) / counts).sum().backward()
        self._optimizer.step()
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
        for name, best in self._best.items():
            best[folds] = self._weights[name].detach()[folds]
        waited = epoch - self._epoch
        self.is_resting |= waited > self._recipe.patience * self._recipe.epochs

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

    def _parts(self) -> list[dict[str, Any]]:
        """Groups of the optimizer: parameters with the same rate and decay."""
        parts: dict[tuple[float, float], list[Array]] = {}
        for name, weight in self._weights.items():
            if name not in FROZEN:
                decay = 0.0 if "bias" in name else self._recipe.weight_decay
                key = self._network.rate(name), decay
                parts.setdefault(key, []).append(weight.requires_grad_())
        return [
            {"params": weights, "rate": rate, "decay": decay}
            for (rate, decay), weights in parts.items()
        ]

    def _epoch_batches(self) -> Iterator[list[IntArray]]:
        """The rows of every step of an epoch, of each fold in an order of its own."""
        orders = [
            np.array_split(luck.permutation(rows), self._steps)
            for luck, rows in zip(self._luck, self._rows, strict=True)
        ]
        return iter([list(rows) for rows in zip(*orders, strict=True)])

    def _dropout(self, rows: list[IntArray], share: float) -> Callable[[Array, int], Array]:
        """Sets a share of a layer's outputs to zero and raises the others."""
        network = self._network
        threshold = round(share * _BYTE)
        shape = (len(rows), network.members, max(map(len, rows)), network.layers, network.width)
        noise = np.zeros(shape, np.uint8)
        if threshold:
            for place, luck, each in zip(noise, self._luck, rows, strict=True):
                drawn = np.frombuffer(luck.bytes(place[:, : len(each)].size), np.uint8)
                place[:, : len(each)] = drawn.reshape(place[:, : len(each)].shape)
        kept = self._tensor(noise >= threshold)
        factor = _BYTE / (_BYTE - threshold)

        def drop(x: Array, layer: int) -> Array:
            if not threshold:
                return x
            return x * (kept[..., layer, :].reshape(x.shape).to(x.dtype) * factor)

        return drop

    def _outputs(
        self, numbers: Array, slots: Array, drop: Callable[[Array, int], Array] | None = None
    ) -> Array:
        import torch

        with torch.autocast(self._device, torch.bfloat16, enabled=self._reduced):
            outputs = self._network.forward(self._ops, self._weights, numbers, slots, drop)
        return outputs.to(self._dtype)

    def _losses(self, outputs: Array, y: Array) -> Array:
        """Loss of every member and row: log loss, or squared error."""
        from torch.nn.functional import cross_entropy

        if not y.is_floating_point():
            truth = y[:, None].expand(outputs.shape[:3])
            losses = cross_entropy(outputs.flatten(0, 2), truth.flatten(), reduction="none")
            return losses.reshape(outputs.shape[:3])
        return (outputs[..., 0] - y[:, None]).square()

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

    most = max(map(len, rows))
    parts = []
    for tensors, chosen in zip(folds, rows, strict=True):
        filled = np.zeros(most, np.int64)
        filled[: len(chosen)] = chosen
        index = torch.from_numpy(filled).to(tensors[0].device)
        numbers, slots, y, weights = (tensor[index] for tensor in tensors)
        weights[len(chosen) :] = 0.0
        parts.append((numbers, slots, y, weights))
    numbers, slots, y, weights = (torch.stack(part) for part in zip(*parts, strict=True))
    return numbers, slots, y, weights


class _TorchOps:
    """The operations of a network in torch."""

    def __init__(self) -> None:
        import torch
        from torch.nn import functional

        self._torch = torch
        self.activation: dict[str, Callable[[Array], Array]] = {
            "selu": functional.selu,
            "mish": functional.mish,
            "relu": functional.relu,
        }

    def linear(self, x: Array, weight: Array, bias: Array) -> Array:
        # One call, since a sum of its own would leave bfloat16.
        return self._torch.baddbmm(bias, x, weight * shrinkage(weight))

    def joined(self, parts: list[Array]) -> Array:
        return self._torch.cat(parts, dim=-1)

    def swapped(self, x: Array) -> Array:
        return x.transpose(-1, -2)

    def cos(self, x: Array) -> Array:
        return x.cos()

    def between_0_and_1(self, x: Array) -> Array:
        return x.clamp(0.0, 1.0)

    def as_numbers(self, x: Array, like: Array) -> Array:
        return x.to(like.dtype)

    def whole(self, numbers: Any, like: Array) -> Array:
        return self._torch.as_tensor(list(numbers), device=like.device)


def _waves(progress: float) -> float:
    """Learning rate over progress: four waves, the last one ends at 0 (RealMLP's coslog4)."""
    wave = math.log2(1.0 + (2.0**_CYCLES - 1.0) * progress)
    return 0.5 * (1.0 - math.cos(2.0 * math.pi * wave))


def _flat_then_falling(progress: float) -> float:
    """1 for the first half, then down to 0 as a cosine (RealMLP's flat_cos)."""
    return 0.5 * (1.0 + math.cos(math.pi * max(0.0, 2.0 * progress - 1.0)))
