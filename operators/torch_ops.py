"""What the training of networks asks of torch: the operations of layers, and an optimiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autopipe.operators.layers import Array, shrinkage

_BETAS = (0.9, 0.95)  # RealMLP's
_EPSILON = 1e-8


class TorchOps:
    """The operations of a network in torch."""

    def __init__(self) -> None:
        import torch
        from torch.nn import functional

        self._torch = torch
        self._whole: dict[tuple[int, ...], Array] = {}
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
        key = tuple(numbers)
        if key not in self._whole:  # the way to a device is long
            self._whole[key] = self._torch.tensor(key, device=like.device)
        return self._whole[key]


@dataclass(eq=False)
class Group:
    """Parameters that are trained at one rate.

    Parameters
    ----------
    rate : of learning, times what the schedule says
    decay : likewise, share of a weight that a step at a rate of 1 takes off
    """

    weights: Sequence[Array]
    rate: float
    decay: float
    _means: list[Array] = field(init=False)
    _squares: list[Array] = field(init=False)
    _steps: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        import torch

        self._means = [torch.zeros_like(weight) for weight in self.weights]
        self._squares = [torch.zeros_like(weight) for weight in self.weights]
        self._steps = [torch.zeros((), device=weight.device) for weight in self.weights]

    def step(self, rate: float, decay: float) -> None:
        """Go down the gradients with AdamW, and forget them.

        In torch's functional form: its class loads a compiler, which takes a second.

        Parameters
        ----------
        rate, decay : of the schedule, at most 1

        References
        ----------
        Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
        """
        import torch
        from torch.optim.adamw import adamw

        with torch.no_grad():
            adamw(
                list(self.weights),
                [weight.grad for weight in self.weights],
                self._means,
                self._squares,
                [],
                self._steps,
                fused=True,
                amsgrad=False,
                maximize=False,
                lr=self.rate * rate,
                weight_decay=self.decay * decay,
                beta1=_BETAS[0],
                beta2=_BETAS[1],
                eps=_EPSILON,
            )
        for weight in self.weights:
            weight.grad = None
