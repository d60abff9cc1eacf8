"""What a hyperparameter may be: the domains that operators declare.

Every draw is rounded to three significant digits; otherwise no two trees were ever equal,
and duplicates could not be told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autopipe.errors import OptionError

Value = bool | int | float | str | None
"""What a hyperparameter can hold."""

_JITTER = 0.2  # standard deviation of a step, as a share of the (log) range


def rounded(value: float) -> float:
    """The value with three significant digits."""
    return float(f"{value:.3g}")


class Domain(Protocol):
    """The values that one hyperparameter may take."""

    @property
    def default(self) -> Value:
        """A value that is good on its own."""
        ...

    def __contains__(self, value: object) -> bool: ...

    def draw(self, rng: np.random.Generator) -> Value:
        """A value from the whole domain."""
        ...

    def step(self, value: Value, rng: np.random.Generator) -> Value:
        """A value near the given one, and another one where there is another."""
        ...

    def nearest(self, value: Value) -> Value:
        """The value itself where it is in the domain, or else the one that is nearest."""
        ...


Space = Mapping[str, Domain]


@dataclass(frozen=True)
class Float:
    """A number between two bounds, both included; `log` draws evenly in the logarithm."""

    low: float
    high: float
    default: float
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high", "default"):  # 1 and 1.0 would print as two trees
            object.__setattr__(self, name, float(getattr(self, name)))
        _check_range(self, self.low, self.high, self.default, self.log)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def draw(self, rng: np.random.Generator) -> float:
        return self._at(rng.random())

    def step(self, value: Value, rng: np.random.Generator) -> float:
        assert isinstance(value, (int, float))
        place = _place(value, self.low, self.high, self.log)
        for _ in range(8):
            stepped = self._at(_reflected(place + rng.normal(0.0, _JITTER)))
            if stepped != value:
                return stepped
        return self.draw(rng)

    def nearest(self, value: Value) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return self.default
        return min(max(float(value), self.low), self.high)

    def _at(self, place: float) -> float:
        value = rounded(_value_at(place, self.low, self.high, self.log))
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Int:
    """A whole number between two bounds, both included; `log` draws evenly in the logarithm."""

    low: int
    high: int
    default: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self, self.low, self.high, self.default, self.log)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def draw(self, rng: np.random.Generator) -> int:
        return self._at(rng.random())

    def step(self, value: Value, rng: np.random.Generator) -> int:
        assert isinstance(value, int)
        place = _place(value, self.low, self.high, self.log)
        for _ in range(8):
            stepped = self._at(_reflected(place + rng.normal(0.0, _JITTER)))
            if stepped != value:
                return stepped
        return min(value + 1, self.high) if value < self.high else max(value - 1, self.low)

    def nearest(self, value: Value) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return self.default
        return min(max(int(value), self.low), self.high)

    def _at(self, place: float) -> int:
        value = round(rounded(_value_at(place, self.low, self.high, self.log)))
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of a few values; the first is the default unless another is named."""

    options: tuple[Value, ...]
    default: Value = None

    def __post_init__(self) -> None:
        if len(self.options) < 2 or len(set(map(repr, self.options))) < len(self.options):
            raise OptionError(f"{self!r}: a choice needs two options or more, all different.")
        if self.default is None:
            object.__setattr__(self, "default", self.options[0])
        if self.default not in self:
            raise OptionError(f"{self!r}: the default is none of the options.")

    def __contains__(self, value: object) -> bool:
        return any(value == option and type(value) is type(option) for option in self.options)

    def draw(self, rng: np.random.Generator) -> Value:
        return self.options[int(rng.integers(len(self.options)))]

    def step(self, value: Value, rng: np.random.Generator) -> Value:
        others = [option for option in self.options if repr(option) != repr(value)]
        return others[int(rng.integers(len(others)))]

    def nearest(self, value: Value) -> Value:
        return value if value in self else self.default


@dataclass(frozen=True)
class Fixed:
    """One value and no other."""

    default: Value

    def __contains__(self, value: object) -> bool:
        return value == self.default and type(value) is type(self.default)

    def draw(self, rng: np.random.Generator) -> Value:
        return self.default

    def step(self, value: Value, rng: np.random.Generator) -> Value:
        return self.default

    def nearest(self, value: Value) -> Value:
        return self.default


def defaults(space: Space) -> dict[str, Value]:
    """The default of every hyperparameter."""
    return {name: domain.default for name, domain in space.items()}


def draw(space: Space, rng: np.random.Generator) -> dict[str, Value]:
    """A value for every hyperparameter, in the order of the space."""
    return {name: domain.draw(rng) for name, domain in space.items()}


def _check_range(domain: object, low: float, high: float, default: float, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise OptionError(f"{domain!r}: needs finite bounds with low < high.")
    if log and low <= 0:
        raise OptionError(f"{domain!r}: a log scale needs low > 0; got low={low}.")
    if not low <= default <= high:
        raise OptionError(f"{domain!r}: the default lies outside the bounds.")


def _place(value: float, low: float, high: float, log: bool) -> float:
    """Where the value lies between the bounds, from 0 to 1."""
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _value_at(place: float, low: float, high: float, log: bool) -> float:
    return low * (high / low) ** place if log else low + place * (high - low)


def _reflected(place: float) -> float:
    """The place folded back into [0, 1] at the bounds."""
    place = abs(place) % 2.0
    return 2.0 - place if place > 1.0 else place
