"""Kernel machines: predictions from the likeness to every training row."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, Shape
from autopipe.operators.declaration import (
    Dense,
    Limits,
    Operator,
    Predictions,
    State,
    check_deadline,
)
from autopipe.operators.linear import Logistic
from autopipe.operators.targets import Unit
from autopipe.space import Choice, Int, Value
from autopipe.task import FloatArray, IntArray, Target

_MOST_ROWS = 5_000  # a fit on 4,000 of them takes some 15 s and half a gigabyte
_SAMPLE = 1_000  # rows that width and relevance are found on
_WIDTHS = {"gaussian": (0.1, 0.3, 1.0, 3.0), "laplace": (0.03, 0.1, 0.3, 1.0)}
_RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # all for the price of one decomposition
_CHUNK = 2_000_000  # pairs of rows whose distances are held at once
_LINK_C = 10.0  # a few coefficients on thousands of decisions hardly need a penalty


@dataclass(frozen=True, eq=False)
class _Part:
    """Some training rows, their outcomes around 0 and weights around 1.

    Outcomes are (y - centre) / scale, a column of zeros and ones per class or the number.
    """

    X: FloatArray
    outcomes: FloatArray
    weights: FloatArray
    centre: FloatArray
    scale: float

    @classmethod
    def of(cls, values: FloatArray, target: Target, rows: IntArray) -> _Part:
        train = target.take(rows).weighed
        weights = np.ones(len(rows))
        if train.weights is not None:
            weights = train.weights / train.weights.mean()
        y = train.truth
        centre = np.average(y, axis=0, weights=weights)
        scale = Unit.of(train).scale
        return cls(values[rows], (y - centre) / scale, weights, centre, scale)


@dataclass(frozen=True, eq=False)
class _Solution:
    """Coefficients of the rows, and what each row would be told without itself."""

    width: float
    coef: FloatArray
    left_out: FloatArray
    loss: float
    kernel: FloatArray


class KernelMachine:
    """Kernel ridge regression that finds out which columns matter.

    A row is as like another as their distance is short; a ridge keeps the weighted sum of
    likenesses smooth. The target of a classification is one column of zeros and ones per
    class, and a logistic regression on the sums tells probabilities. Strongest on small
    tables of numbers whose target is smooth in them, where trees are at their weakest.

    The width of the kernel, the ridge and the relevance of the columns are chosen by the
    leave-one-out error, which one decomposition gives in closed form for all ridges. The
    logistic regression, too, learns from sums that left the row out. Costs O(rows ** 3).

    Parameters
    ----------
    kernel : "laplace" follows kinks and steps, "gaussian" is smoother
    refinements : how often at most the columns are weighed by the root mean square of the
        gradient along them, the kernel being fitted anew each time

    References
    ----------
    Rifkin and Lippert, Notes on Regularized Least Squares, MIT-CSAIL-TR-2007-025: leaving
    one out, and least squares on classes. Radhakrishnan et al., Mechanism for Feature
    Learning in Neural Networks and Backpropagation-free Machine Learning Models, Science
    383, 2024: recursive feature machines; of their matrix of gradients only the diagonal is
    used, so that columns without a say fade and no others are mixed.
    """

    is_truncated = False
    prepared_by = ()

    def __init__(self, *, kernel: str, refinements: int) -> None:
        self.kernel = kernel
        self.refinements = refinements
        self._width = 1.0
        self._relevance: FloatArray = np.empty(0)
        self._rows: FloatArray = np.empty((0, 0))
        """Training rows, their columns weighed by relevance."""
        self._coef: FloatArray = np.empty((0, 0))
        self._centre: FloatArray = np.empty(0)
        self._link: Logistic | None = None

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        return X.values.astype(np.float64), target

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        check_deadline(limits)
        assert isinstance(prepared, tuple)
        values, target = prepared
        rows = np.asarray(train_rows)
        sample = rows
        if len(rows) > _SAMPLE:
            sample = np.random.default_rng(seed).choice(rows, _SAMPLE, replace=False)
        begin = time.monotonic()
        decomposed = self._learn_relevance(_Part.of(values, target, sample), limits)
        each = (time.monotonic() - begin) / decomposed
        seconds = each * (len(rows) / len(sample)) ** 3
        if len(rows) > len(sample) and time.monotonic() + seconds >= limits.deadline:
            self.is_truncated = True
            rows = sample
        part = _Part.of(values, target, rows)
        self._centre = part.centre
        self._rows = part.X * self._relevance
        solved = self._solved(self._rows, part, (self._width,))
        self._coef = solved.coef * part.scale
        if target.is_classification:
            self._link = Logistic(C=_LINK_C)
            sums = solved.left_out + part.centre
            every, none = np.arange(len(rows)), np.arange(0)
            self._link.fit((sums, target.take(rows)), every, none, seed, Limits())
        return self._predictions(values[valid_rows])

    def _learn_relevance(self, part: _Part, limits: Limits) -> int:
        """Find width and relevance; how many kernels were decomposed for it.

        Ends where a refinement no longer lowers the leave-one-out error.
        """
        relevance: FloatArray = np.ones(part.X.shape[1])
        widths: tuple[float, ...] = _WIDTHS[self.kernel]
        self.is_truncated = False
        best, decomposed = np.inf, 0
        for _ in range(self.refinements + 1):
            begin = time.monotonic()
            X = part.X * relevance
            solved = self._solved(X, part, widths)
            decomposed += len(widths)
            if solved.loss >= best:
                break
            best, self._width, self._relevance = solved.loss, solved.width, relevance
            widths = (solved.width,)
            if 2.0 * time.monotonic() - begin >= limits.deadline:
                self.is_truncated = True
                break
            slopes = relevance * self._slopes(X, solved)
            if not slopes.any():
                break
            relevance = slopes / np.sqrt(np.mean(slopes**2))
        return decomposed

    def _solved(self, X: FloatArray, part: _Part, widths: tuple[float, ...]) -> _Solution:
        """The solution of the width and ridge with the smallest leave-one-out error."""
        distances = _squared_distances(X, X)
        outcomes, weights = part.outcomes, part.weights
        root = np.sqrt(weights)[:, None]
        best: _Solution | None = None
        for width in widths:
            kernel = self._likeness(distances, width)
            # Weighted least squares, brought to the form without weights.
            values, vectors = np.linalg.eigh(root * kernel * root.T)
            turned = vectors.T @ (root * outcomes)
            squares = vectors**2
            for ridge in _RIDGES:
                shrunk = 1.0 / (np.maximum(values, 0.0) + ridge)
                coef = vectors @ (shrunk[:, None] * turned)
                # Rifkin and Lippert, section 4.2: the residual of a row that was left out.
                residuals = coef / (squares @ shrunk)[:, None] / root
                loss = float(np.average(residuals**2, axis=0, weights=weights).sum())
                if best is None or loss < best.loss:
                    best = _Solution(width, root * coef, outcomes - residuals, loss, kernel)
        assert best is not None
        return best

    def _slopes(self, X: FloatArray, solved: _Solution) -> FloatArray:
        """Root mean square of the gradient at the training rows along each column."""
        pull = solved.kernel
        if self.kernel == "laplace":  # its slope is its value over the distance
            distances = -np.log(np.maximum(solved.kernel, np.finfo(np.float64).tiny))
            pull = np.divide(pull, distances, out=np.zeros_like(pull), where=distances > 1e-9)
        total = np.zeros(X.shape[1])
        for coef in solved.coef.T:
            pulls = pull * coef
            total += np.mean((X * pulls.sum(axis=1, keepdims=True) - pulls @ X) ** 2, axis=0)
        return np.asarray(np.sqrt(total))

    def _likeness(self, squared_distances: FloatArray, width: float) -> FloatArray:
        scaled = width * squared_distances
        return np.asarray(np.exp(-(np.sqrt(scaled) if self.kernel == "laplace" else scaled)))

    def predict(self, X: Matrix) -> FloatArray:
        return self._predictions(X.values.astype(np.float64))

    def _predictions(self, values: FloatArray) -> FloatArray:
        sums = np.tile(self._centre, (len(values), 1))
        step = max(1, _CHUNK // len(self._rows))
        for start in range(0, len(values), step):
            rows = slice(start, start + step)
            distances = _squared_distances(values[rows] * self._relevance, self._rows)
            sums[rows] += self._likeness(distances, self._width) @ self._coef
        return sums if self._link is None else self._link.predict(_columns(sums))

    def state(self) -> State:
        link = {} if self._link is None else self._link.state()
        return {
            "width": self._width,
            "relevance": self._relevance,
            "rows": self._rows,
            "kernel_coef": self._coef,
            "centre": self._centre,
            **link,
        }

    def restore(self, state: State) -> Self:
        self._width = float(state["width"])  # type: ignore[arg-type]  # a number
        self._relevance = np.asarray(state["relevance"])
        self._rows = np.asarray(state["rows"])
        self._coef = np.asarray(state["kernel_coef"])
        self._centre = np.asarray(state["centre"])
        self._link = Logistic(C=_LINK_C).restore(state) if "classes" in state else None
        return self


def _squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    """Mean over the columns of the squared differences, shape (rows, other rows)."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(first, second, "sqeuclidean") / max(1, first.shape[1]))


def _columns(values: FloatArray) -> Matrix:
    width = values.shape[1]
    return Matrix(values, (0,) * width, tuple(map(str, range(width))))


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    # About seven decompositions on the sample and one on all rows, and their distances.
    pairs = 7 * min(shape.rows, _SAMPLE) ** 2 + shape.rows**2
    cubes = 7 * min(shape.rows, _SAMPLE) ** 3 + shape.rows**3
    seconds = 2e-10 * cubes + 1e-9 * pairs * shape.columns
    return Cost(seconds, megabytes=3.2e-5 * shape.rows**2 + 1.6e-5 * shape.all_cells)


OPERATORS = (
    Operator(
        name="kernel_machine",
        family="kernels",
        build="autopipe.operators.kernels:KernelMachine",
        takes=(Dense,),
        gives=Predictions,
        space={
            "kernel": Choice(("laplace", "gaussian")),
            "refinements": Int(0, 4, default=2),
        },
        cost=_cost,
        source="Radhakrishnan et al., Science 383, 2024; Rifkin and Lippert, 2007",
        most_rows=_MOST_ROWS,
    ),
)
