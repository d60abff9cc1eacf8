"""Which trees pay on a table, by what they did on others: an order of expected gain per second.

Greedily, each tree is chosen for what it would add to the ensembles of those before it, on
average over the data sets that are known. Those that are like the table count more, but not
much: the nearest neighbours alone are a worse guide than all data sets together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autopipe.datasets.experience import Experience
from autopipe.datasets.fingerprint import SAME, Fingerprint, similarity
from autopipe.datasets.metafeatures import METAFEATURES
from autopipe.task import FloatArray, TaskKind
from autopipe.tree import TABLE_NAME, Node

_OF_CATEGORIES = ("one_hot", "target_encoding")
_OF_TEXTS = ("text_prediction", "text_topics")
_LEAST_SECONDS = 0.05  # that any trial takes
_ROUNDS = 40  # of the greedy ensemble of all trees that a list is measured by
_LEAST_DISTANCE = 0.1  # standard deviations of a metafeature, that is typical
_FEWEST_SETS = 10  # for this kind of task; fewer say less than the built-in list


@dataclass(frozen=True)
class Trust:
    """How much what was learned elsewhere says about a table.

    Parameters
    ----------
    similarity : share of the weight that data sets get for being like the table; the rest
        is the same for all
    nearness : how fast it falls with the distance of the metafeatures, in units of the median
        distance of two data sets
    other_kinds : weight of a data set whose task is of another kind
    same : share of the weight that parts of the same data set get together
    unknown : weight of a data set, on which everything adds nothing, beside those on which a
        tree was tried; so that few trials do not decide
    thrift : 0 orders by gain, 1 by gain per second
    """

    similarity: float = 0.5
    nearness: float = 0.5
    other_kinds: float = 0.1
    same: float = 0.7
    unknown: float = 0.1
    thrift: float = 0.5


@dataclass(frozen=True, eq=False)
class Subject:
    """The table that trees are recommended for."""

    kind: TaskKind
    metafeatures: Mapping[str, float]
    fingerprint: Fingerprint
    has_categories: bool
    has_texts: bool


def recommended(
    subject: Subject,
    experiences: Sequence[Experience],
    trees: Mapping[str, Node],
    seconds_of: Callable[[Node], float],
    count: int,
    trust: Trust,
    before: Sequence[str] = (),
) -> list[str]:
    """The trees to judge, at most `count`, in the order in which they should be judged.

    None where too little is known: few data sets, and no part of this one.

    Parameters
    ----------
    trees : those to choose from, by a name of each; they suit the table
    seconds_of : predicts the core-seconds of a tree on the table
    before : names of those that are judged earlier in any case
    """
    is_kind = [one.kind is subject.kind for one in experiences]
    if not trees or (sum(is_kind) < _FEWEST_SETS and not is_among(subject, experiences)):
        return []
    names = list(trees)
    forms: dict[tuple[bool, bool], list[str]] = {}
    banks = []
    for one in experiences:
        columns = (one.has_categories, one.has_texts)
        if columns not in forms:
            forms[columns] = [str(adapted(tree, *columns)) for tree in trees.values()]
        banks.append(_Bank.of(one, forms[columns]))
    weights = weights_of(subject, experiences, trust)
    seconds = np.array([max(_LEAST_SECONDS, seconds_of(trees[name])) for name in names])
    known = np.array([bank.is_known for bank in banks])
    heard = weights @ known + trust.unknown * weights.sum()
    chosen = [names.index(name) for name in before if name in trees]
    for bank in banks:
        for index in chosen:
            bank.take(index)
    given = len(chosen)
    for _ in range(min(count, len(names) - given)):
        gains = np.array([bank.gains() for bank in banks])
        values = (weights @ gains) / heard / seconds**trust.thrift
        values[chosen] = -np.inf
        best = int(values.argmax())
        if values[best] <= 0:
            break
        chosen.append(best)
        for bank in banks:
            bank.take(best)
    return [names[index] for index in chosen[given:]]


def weights_of(subject: Subject, experiences: Sequence[Experience], trust: Trust) -> FloatArray:
    """How much each data set counts, shape (data sets,); the sum is 1."""
    is_kind = np.array([one.kind is subject.kind for one in experiences])
    whole = np.where(is_kind, 1.0, trust.other_kinds)
    squares = np.square(_distances(subject, experiences) / trust.nearness)
    near = whole * np.exp(squares.min() - squares)  # the nearest one always counts
    weights = (1 - trust.similarity) * whole / whole.sum()
    weights = weights + trust.similarity * near / near.sum()
    is_same = _same(subject, experiences)
    if is_same.any():
        weights = (1 - trust.same) * weights + trust.same * is_same / is_same.sum()
    return np.asarray(weights / weights.sum())


def is_among(subject: Subject, experiences: Sequence[Experience]) -> bool:
    """Whether a part of the same data set is among them."""
    return bool(_same(subject, experiences).any())


def _same(subject: Subject, experiences: Sequence[Experience]) -> NDArray[np.bool_]:
    """Which of them are of a part of the same data set, for the same kind of task."""
    return np.array(
        [
            one.kind is subject.kind
            and similarity(one.fingerprint, subject.fingerprint) >= SAME
            for one in experiences
        ],
        dtype=bool,
    )


def _distances(subject: Subject, experiences: Sequence[Experience]) -> FloatArray:
    """Of the metafeatures, in units of the median distance of two data sets."""
    known = [subject.metafeatures, *(one.metafeatures for one in experiences)]
    every = np.array([_coordinates(each) for each in known])
    spread = every.std(axis=0)
    scaled = (every - every.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    apart = np.sqrt(np.square(scaled[:, None] - scaled).mean(axis=2))
    typical = np.median(apart[np.triu_indices(len(apart), 1)])
    return np.asarray(apart[0, 1:] / max(float(typical), _LEAST_DISTANCE))


def _coordinates(metafeatures: Mapping[str, float]) -> list[float]:
    return [
        float(np.log1p(metafeatures[name])) if told.is_log else metafeatures[name]
        for name, told in METAFEATURES.items()
    ]


@dataclass(eq=False)
class _Bank:
    """The trees of one data set, and the ensemble of those that were chosen so far.

    Parameters
    ----------
    places : of every tree to choose from, its row in `errors`; -1 where it was not tried or
        came to nothing
    is_known : whether it was tried
    errors : of the experience
    attainable : how far all trees together bring the error down from the prior's 1
    """

    places: np.ndarray
    is_known: np.ndarray
    errors: FloatArray
    attainable: float
    error: float = 1.0
    shared: FloatArray | None = None  # mean product of the ensemble's error and each tree's

    @classmethod
    def of(cls, one: Experience, texts: Sequence[str]) -> _Bank:
        place_of = {result.tree: place for place, result in enumerate(one.complete)}
        tried = {result.tree for result in one.results}
        bank = cls(
            np.array([place_of.get(text, -1) for text in texts]),
            np.array([text in tried for text in texts]),
            one.errors.astype(np.float64),
            attainable=1.0,
        )
        bank.attainable = max(1e-3, 1.0 - _least_error(bank.errors))
        return bank

    def gains(self) -> FloatArray:
        """What each tree would add, as a share of what is attainable."""
        gains = np.zeros(len(self.places))
        tried = self.places >= 0
        if tried.any():
            errors, _ = self._with(self.places[tried])
            gains[tried] = np.maximum(self.error - errors, 0.0) / self.attainable
        return gains

    def take(self, index: int) -> None:
        """Let the ensemble have a tree, with the weight that is best for it."""
        place = self.places[index]
        if place < 0:
            return
        (error,), (step,) = self._with(self.places[[index]])
        if error < self.error:
            before = 0.0 if self.shared is None else self.shared
            self.shared = (1 - step) * before + step * self.errors[place]
            self.error = float(error)

    def _with(self, places: np.ndarray) -> tuple[FloatArray, FloatArray]:
        """The error with each tree added, and the weight that it should have."""
        alone = self.errors[places, places]
        if self.shared is None:  # the first one replaces the prior
            return alone, np.ones(len(places))
        both = self.shared[places]
        # The minimum of (1-s)² error + 2 s (1-s) both + s² alone.
        step = (self.error - both) / np.maximum(self.error - 2 * both + alone, 1e-12)
        step = np.clip(step, 0.0, 1.0)
        with_it = (1 - step) ** 2 * self.error + 2 * step * (1 - step) * both + step**2 * alone
        return with_it, step


def _least_error(errors: FloatArray) -> float:
    """The square error of a greedy ensemble of all trees."""
    if not len(errors):
        return 1.0
    total = np.zeros(len(errors))
    least = np.inf
    error = 0.0
    for size in range(1, _ROUNDS + 1):
        sums = error + 2 * total + errors.diagonal()
        best = int(sums.argmin())
        error = float(sums[best])
        total = total + errors[best]
        least = min(least, error / size**2)
    return least


def adapted(tree: Node, has_categories: bool, has_texts: bool) -> Node:
    """The tree without what a table has no columns for.

    Examples
    --------
    >>> from autopipe.tree import parse
    >>> tree = parse("ridge(standard_scaling(impute(one_hot(text_prediction(table)))))")
    >>> str(adapted(tree, has_categories=False, has_texts=False))
    'ridge(standard_scaling(impute(codes(table))))'
    """
    if tree.op == TABLE_NAME:
        return tree
    inputs = tuple(adapted(node, has_categories, has_texts) for node in tree.inputs)
    if tree.op in _OF_TEXTS and not has_texts:
        return inputs[0]
    if tree.op in _OF_CATEGORIES and not has_categories:
        return Node("codes", (), inputs)
    return Node(tree.op, tree.params, inputs)
