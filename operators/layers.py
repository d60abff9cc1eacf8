"""The layers of a network: shapes, first weights, and the way of a batch through them.

The way is written once. Training walks it with torch tensors of several folds, predicting
with numpy arrays of one; all have a leading axis for the folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autopipe.task import FloatArray

Array = Any  # of numpy or of torch, which share their operators but no type
Parameters = Mapping[str, Array]

_MOST_ONE_HOT = 9  # levels, as RealMLP; more get an embedding
_EMBEDDING = 8  # numbers for each level of a column with many
_MOST_EMBEDDED = 100  # columns of numbers; with more, embeddings cost more than they bring

# What a weight's rate is multiplied with, after RealMLP; a member's own scales are kept near
# the random signs that make the members differ.
_RATES = {
    "scale": 6.0,
    "bias": 0.1,
    "frequency": 0.1,
    "phase": 0.1,
    "mix": 0.1,
    "mix_bias": 0.1,
}
_MEMBER_RATE = 0.1
# Klambauer et al., Self-Normalizing Neural Networks, NeurIPS 2017, equation (2).
_SELU, _SELU_NEGATIVE = np.float32(1.0507009873554805), np.float32(1.6732632423543772)

FROZEN = ("edge_factor", "edge_shift")
"""Parameters that follow from the training rows and are not trained."""


@dataclass(frozen=True)
class Network:
    """The shape of a network.

    Numbers are embedded, levels become one-hot columns or embeddings, and all is scaled,
    once for every member. Hidden layers are shared by the members; each has its own head.

    Parameters
    ----------
    numeric : columns of numbers
    flags : columns that tell gaps
    slots : of every column of categories; the first has neither column nor first embedding
    outputs : of a member
    width, layers : of the hidden layers
    activation : "selu", "mish" or "relu"
    embedding : of numbers: "periodic", "piecewise" or "none"
    waves : periods or bins of an embedding
    embedding_size : numbers that they are mixed to
    sigma : spread of the first frequencies
    members : networks that share the hidden layers, whose predictions are averaged

    References
    ----------
    Holzmüller et al., Better by Default, NeurIPS 2024: RealMLP, appendix A. Gorishniy et
    al., On Embeddings for Numerical Features in Tabular Deep Learning, NeurIPS 2022.
    Gorishniy et al., TabM, ICLR 2025: the "mini" form, with scales before the first layer.
    """

    numeric: int
    flags: int
    slots: tuple[int, ...]
    outputs: int
    width: int
    layers: int
    activation: str
    embedding: str
    waves: int
    embedding_size: int
    sigma: float
    members: int

    @property
    def embeds_numbers(self) -> bool:
        """Whether there are embeddings of numbers."""
        return self.embedding != "none" and 0 < self.numeric <= _MOST_EMBEDDED

    @property
    def is_piecewise(self) -> bool:
        """Whether numbers are embedded by the bins that they lie in."""
        return self.embeds_numbers and self.embedding == "piecewise"

    @property
    def one_hot(self) -> tuple[int, ...]:
        """Places of the categories that become a column for every slot but the first."""
        return tuple(i for i, slots in enumerate(self.slots) if slots - 2 <= _MOST_ONE_HOT)

    @property
    def embedded(self) -> tuple[int, ...]:
        """Places of the other categories."""
        return tuple(i for i in range(len(self.slots)) if i not in self.one_hot)

    @property
    def inputs(self) -> int:
        """Columns before the first hidden layer."""
        mixed = self.numeric * self.embedding_size if self.embeds_numbers else 0
        levels = sum(self.slots[i] - 1 for i in self.one_hot) + _EMBEDDING * len(self.embedded)
        return self.numeric + self.flags + mixed + levels

    def initial(self, rng: np.random.Generator, prior: FloatArray) -> dict[str, FloatArray]:
        """First weights, of standard size: layers divide by the root of their inputs.

        Parameters
        ----------
        prior : array of shape (outputs,), what the network says at first
        """
        weights: dict[str, FloatArray] = {}
        if self.embeds_numbers:
            shape = (self.numeric, self.waves, self.embedding_size)
            if self.embedding == "periodic":
                weights["frequency"] = self.sigma * rng.normal(
                    size=(self.numeric, 1, self.waves)
                )
                weights["phase"] = rng.uniform(-np.pi, np.pi, (self.numeric, 1, self.waves))
            weights["mix"] = rng.normal(size=shape)
            weights["mix_bias"] = rng.normal(size=(self.numeric, 1, self.embedding_size))
        if self.embedded:
            weights["table"] = rng.normal(
                size=(sum(self.slots[i] for i in self.embedded), _EMBEDDING)
            )
            weights["table"][_begins(self)] = 0.0
        scale: FloatArray = np.ones((self.members, 1, self.inputs))
        if self.members > 1:
            scale = rng.choice((-1.0, 1.0), scale.shape)
        weights["scale"] = scale
        inputs = self.inputs
        for layer in range(self.layers):
            weights[f"weight{layer}"] = rng.normal(size=(inputs, self.width))
            weights[f"bias{layer}"] = rng.normal(size=(1, self.width))
            inputs = self.width
        weights["weight_head"] = np.zeros((self.members, self.width, self.outputs))
        weights["bias_head"] = np.tile(prior, (self.members, 1, 1))
        return weights

    def rate(self, name: str) -> float:
        """What the learning rate of a parameter is multiplied with."""
        if name == "scale" and self.members > 1:
            return _MEMBER_RATE
        if name.startswith("mix") and self.is_piecewise:
            return 1.0
        return _RATES.get("bias" if name.startswith("bias") else name, 1.0)

    def forward(
        self,
        ops: Ops,
        weights: Parameters,
        numbers: Array,
        slots: Array,
        drop: Callable[[Array, int], Array] | None = None,
    ) -> Array:
        """What every member says, shape (folds, members, rows, outputs).

        Parameters
        ----------
        numbers : array of shape (folds, rows, numeric + flags)
        slots : array of shape (folds, rows, categories)
        drop : given the output of a hidden layer and its number, sets some of it to zero
        """
        folds, rows = numbers.shape[:2]
        x = ops.joined(self._columns(ops, weights, numbers, slots))
        x = x[:, None] * weights["scale"]
        x = x.reshape(folds, self.members * rows, self.inputs)
        for layer in range(self.layers):
            x = ops.linear(x, weights[f"weight{layer}"], weights[f"bias{layer}"])
            x = ops.activation[self.activation](x)
            if drop is not None:
                x = drop(x, layer)
        x = x.reshape(folds * self.members, rows, self.width)
        head, bias = weights["weight_head"], weights["bias_head"]
        x = ops.linear(
            x,
            head.reshape(folds * self.members, self.width, self.outputs),
            bias.reshape(folds * self.members, 1, self.outputs),
        )
        return x.reshape(folds, self.members, rows, self.outputs)

    def _columns(
        self, ops: Ops, weights: Parameters, numbers: Array, slots: Array
    ) -> list[Array]:
        folds, rows = numbers.shape[:2]
        columns = [numbers]
        if self.embeds_numbers:
            columns.append(self._embedded_numbers(ops, weights, numbers[..., : self.numeric]))
        if self.one_hot:
            place = [i for i in self.one_hot for _ in range(1, self.slots[i])]
            slot = [s for i in self.one_hot for s in range(1, self.slots[i])]
            is_in = slots[..., ops.whole(place, slots)] == ops.whole(slot, slots)
            columns.append(ops.as_numbers(is_in, numbers))
        if self.embedded:
            found = slots[..., ops.whole(self.embedded, slots)]
            found = found + ops.whole(_begins(self), slots)
            fold = ops.whole(range(folds), slots)[:, None, None]
            width = _EMBEDDING * len(self.embedded)
            columns.append(weights["table"][fold, found].reshape(folds, rows, width))
        return columns

    def _embedded_numbers(self, ops: Ops, weights: Parameters, numbers: Array) -> Array:
        folds, rows = numbers.shape[:2]
        x = ops.swapped(numbers)[..., None]
        if self.embedding == "periodic":
            x = ops.cos(2.0 * np.pi * x * weights["frequency"] + weights["phase"])
        else:
            x = ops.between_0_and_1(x * weights["edge_factor"] + weights["edge_shift"])
        x = ops.linear(
            x.reshape(folds * self.numeric, rows, self.waves),
            weights["mix"].reshape(folds * self.numeric, self.waves, self.embedding_size),
            weights["mix_bias"].reshape(folds * self.numeric, 1, self.embedding_size),
        )
        x = ops.swapped(x.reshape(folds, self.numeric, rows * self.embedding_size))
        return x.reshape(folds, rows, self.embedding_size * self.numeric)


class Ops(Protocol):
    """The few operations that numpy and torch spell differently."""

    activation: dict[str, Callable[[Array], Array]]

    def linear(self, x: Array, weight: Array, bias: Array) -> Array:
        """x @ weight / sqrt(inputs) + bias, for every leading place."""
        ...

    def joined(self, parts: list[Array]) -> Array:
        """Columns side by side."""
        ...

    def swapped(self, x: Array) -> Array:
        """The last two axes exchanged."""
        ...

    def cos(self, x: Array) -> Array: ...

    def between_0_and_1(self, x: Array) -> Array: ...

    def as_numbers(self, x: Array, like: Array) -> Array:
        """Truth values as 0.0 and 1.0 of the type of `like`."""
        ...

    def whole(self, numbers: Any, like: Array) -> Array:
        """An array of whole numbers, where `like` is."""
        ...


class NumpyOps:
    """The operations in numpy."""

    def __init__(self) -> None:
        self.activation: dict[str, Callable[[Array], Array]] = {
            "selu": _selu,
            "mish": _mish,
            "relu": _relu,
        }

    def linear(self, x: Array, weight: Array, bias: Array) -> Array:
        return x @ (weight * np.float32(shrinkage(weight))) + bias

    def joined(self, parts: list[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    def swapped(self, x: Array) -> Array:
        return np.swapaxes(x, -1, -2)

    def cos(self, x: Array) -> Array:
        return np.cos(x)

    def between_0_and_1(self, x: Array) -> Array:
        return np.clip(x, 0.0, 1.0)

    def as_numbers(self, x: Array, like: Array) -> Array:
        return x.astype(like.dtype)

    def whole(self, numbers: Any, like: Array) -> Array:
        return np.asarray(numbers, np.int64)


def shrinkage(weight: Array) -> float:
    """What keeps the sums of a layer at the size of its inputs."""
    return float(max(1, weight.shape[1]) ** -0.5)


def _selu(x: Array) -> Array:
    return _SELU * (np.maximum(x, 0.0) + _SELU_NEGATIVE * np.expm1(np.minimum(x, 0.0)))


def _mish(x: Array) -> Array:
    return x * np.tanh(np.logaddexp(x, np.float32(0.0)))


def _relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


def _begins(network: Network) -> list[int]:
    """The first row of each embedded category in the table."""
    sizes = [network.slots[i] for i in network.embedded]
    return np.cumsum([0, *sizes])[:-1].tolist() if sizes else []
