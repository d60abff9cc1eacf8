"""Which rows judge a tree, and which ones it is fitted to: the same for all trials."""

from __future__ import annotations

import heapq
import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autopipe.errors import OptionError
from autopipe.seeds import Seeds
from autopipe.task import FloatArray, IntArray, Target

Pair = tuple[IntArray, IntArray]
"""Training rows and held-out rows."""

_EVEN = 0.7  # of the rows that the largest fold trains on, the smallest has as many or more
_MANY_ROWS = 100_000  # of which a fifth tells scores apart
_FEWEST_FITS = 12  # on so many rows; below, even three folds leave hardly four trees
_FEWEST_TRIALS = 6  # that as many folds have to leave time for
_QUANTILE_BINS = 50  # of a numeric target, so that every fold sees its whole range
_MOST_STRATIFIED = 2_000  # groups; scikit-learn's way takes 0.3 ms for each
_GLIMPSED = 1_000  # held-out rows: the best quarter of many trees can be told on them


@dataclass(frozen=True, eq=False)
class Folds:
    """Which rows every fold trains on and holds out.

    Parameters
    ----------
    pairs : for every fold the training rows and the held-out rows, disjoint
    rows : rows of the table
    are_drawn : whether the pairs were drawn by lot, so that their order says nothing
    """

    pairs: tuple[Pair, ...]
    rows: int
    are_drawn: bool = False

    def __len__(self) -> int:
        return len(self.pairs)

    def thinned(self, target: Target, share: float, seeds: Seeds) -> Folds:
        """The folds with a share of the training rows, the held-out rows being the same.

        A smaller share is part of a larger one. Classes keep their shares, and each at least
        one row.

        Parameters
        ----------
        target : of all rows
        share : of each fold's training rows; 1 is all
        """
        if share == 1.0:
            return self
        pairs = []
        for fold, (train, held_out) in enumerate(self.pairs):
            order = spread(target.take(train), seeds.stream("rows", fold))
            kept = order[: math.ceil(share * len(order))]
            pairs.append((train[np.sort(kept)], held_out))
        return replace(self, pairs=tuple(pairs))

    def glimpse(self, target: Target, seeds: Seeds) -> Folds:
        """The first fold alone, with 1,000 of its held-out rows at most: to screen by."""
        train, held_out = self.pairs[0]
        order = spread(target.take(held_out), seeds.stream("glimpse"))[:_GLIMPSED]
        return replace(self, pairs=((train, held_out[np.sort(order)]),))

    @property
    def times_held_out(self) -> IntArray:
        """How often each row is held out, shape (rows,)."""
        times = np.zeros(self.rows, dtype=np.int64)
        for _, held_out in self.pairs:
            times[held_out] += 1
        return times

    @property
    def are_early(self) -> bool:
        """Whether models know less than all rows can teach, as in splits by time.

        Each is trained on rows before those it is judged by, be it a single one; or, the
        first of them never judged, some on far fewer rows than others. So their average is
        no model for the rows that come after. Folds that were drawn by lot never are.
        """
        if self.are_drawn:
            return False
        sizes = [len(train) for train, _ in self.pairs]
        looks_ahead = all(train.max() < held_out.min() for train, held_out in self.pairs)
        grows = not self.times_held_out.all() and min(sizes) < _EVEN * max(sizes)
        return looks_ahead or grows

    @property
    def largest_first(self) -> list[int]:
        """The folds by how many rows they train on, the last first of those alike."""
        sizes = [len(train) for train, _ in self.pairs]
        return sorted(range(len(sizes)), key=lambda fold: (sizes[fold], fold), reverse=True)

    def averaged(self, parts: Iterable[FloatArray]) -> FloatArray:
        """Out-of-fold predictions from those of each fold's held-out rows.

        Rows that were held out more than once are averaged; rows that never were are NaN.

        Parameters
        ----------
        parts : for every fold an array of shape (held-out rows, outputs)

        Returns
        -------
        array of shape (rows, outputs)
            Probabilities in float32. Numbers in float64: those of a target far from 0 differ
            where float32 ends.
        """
        total: FloatArray | None = None
        for (_, held_out), part in zip(self.pairs, parts, strict=True):
            if total is None:
                total = np.zeros((self.rows, part.shape[1]))
            total[held_out] += part
        assert total is not None
        with np.errstate(invalid="ignore"):
            mean = total / self.times_held_out[:, None]
        return np.asarray(mean, dtype=np.float32 if mean.shape[1] > 1 else np.float64)


def default_count(rows: int, seconds: float, fits: float = math.inf) -> int:
    """How many folds a table of this size and a budget of so many seconds deserve.

    More folds train on more rows and smooth the bag; large tables cannot pay for them, and
    those that are dear to fit for other reasons neither. 1 stands for a `holdout`.

    Parameters
    ----------
    fits : of a typical learner on all rows, that the budget can pay for
    """
    if rows > _MANY_ROWS and fits < _FEWEST_FITS:
        return 1
    if rows <= 30_000:
        count = 8 if seconds >= 20 or rows <= 3_000 else 5
    elif rows <= _MANY_ROWS:
        count = 8 if seconds >= 600 else 5 if seconds >= 60 else 3
    else:
        count = 5 if seconds >= 3_600 and rows <= 300_000 else 3
    affordable = (many for many in (8, 5, 3) if many * _FEWEST_TRIALS <= fits)
    return min(count, next(affordable, 3))


def holdout(target: Target, seeds: Seeds) -> Folds:
    """A single fold, for tables that are too large for more.

    A fifth of the rows is held out, stratified; of very many a tenth.
    """
    parts = 5 if len(target.y) <= 2 * _MANY_ROWS else 10
    every = make_folds(target, parts, seeds)
    return replace(every, pairs=every.pairs[:1])


def splitter_name(cv: object) -> str:
    """What stands for the folds in words; empty where a number says it all."""
    if cv is None or isinstance(cv, (int, np.integer)):
        return ""
    return type(cv).__name__ if hasattr(cv, "split") else "pairs of rows"


def make_folds(
    target: Target,
    cv: Any,  # a number, a scikit-learn splitter, or index pairs
    seeds: Seeds,
    groups: Any = None,  # the user's, and
    X: Any = None,  # the user's table: both are only shown to a splitter
) -> Folds:
    """The folds that `cv` describes.

    A number gives shuffled folds, stratified by class or by quantile of the target; no group
    of the target is on both sides. The only row of a class is never held out, and there
    are no more folds than the largest class has rows, or than there are groups.
    Rows without weight are in no fold at all, as if they were not there.

    Raises
    ------
    OptionError
        If `cv` is none of these, or its pairs do not fit the table.
    """
    rows = len(target.y)
    counted = np.arange(rows) if target.weights is None else np.flatnonzero(target.weights)
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        numbered = _numbered(target.take(counted), int(cv), seeds.number("folds"))
        drawn = tuple((counted[a], counted[b]) for a, b in numbered.pairs)
        return Folds(drawn, rows, are_drawn=True)
    is_text = isinstance(cv, (str, bytes))  # has a method `split`, and can be iterated
    if hasattr(cv, "split") and not is_text:
        pairs = list(cv.split(np.zeros(rows) if X is None else X, target.y, groups))
    elif isinstance(cv, Iterable) and not is_text:
        pairs = list(cv)
    else:
        raise OptionError(
            f"cv={cv!r}: give a number of folds, a scikit-learn splitter, "
            "or pairs of row indices."
        )
    if not pairs:
        raise OptionError(f"cv={cv!r} gave no folds at all; at least one is needed.")
    checked = [_checked(pair, rows) for pair in pairs]
    if len(counted) < rows:
        both = [tuple(part[np.isin(part, counted)] for part in pair) for pair in checked]
        checked = [
            (train, held_out) for train, held_out in both if len(train) and len(held_out)
        ]
        if not checked:
            raise OptionError("cv gave no fold with weight in training and in held-out rows.")
    return Folds(tuple(checked), rows)


def _numbered(target: Target, count: int, seed: int) -> Folds:
    rows, groups = len(target.y), target.groups
    available = rows if groups is None else len(np.unique(groups))
    if count < 2 or available < 2:
        raise OptionError(
            f"cv={count} with {available} {'rows' if groups is None else 'groups'}: "
            "cross-validation needs two folds or more, and as many rows or groups."
        )
    count = min(count, available)
    if groups is not None:
        return Folds(_grouped(target, count, seed, groups), rows)
    return Folds(_stratified(target, count, seed), rows)


def _grouped(target: Target, count: int, seed: int, groups: IntArray) -> tuple[Pair, ...]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    strata = _strata(target, count)
    groups = np.unique(groups, return_inverse=True)[1]
    if target.is_classification and groups.max() >= _MOST_STRATIFIED:
        return _dealt(strata, count, seed, groups)
    if target.is_classification and np.bincount(strata).max() >= count:
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        pairs = _quietly(splitter, strata, groups)
        # With a few groups of unlike sizes, a fold may be left with nothing to hold out.
        if all(len(train) and len(held_out) for train, held_out in pairs):
            return tuple(pairs)
    return tuple(_quietly(GroupKFold(count, shuffle=True, random_state=seed), strata, groups))


def _dealt(strata: IntArray, count: int, seed: int, groups: IntArray) -> tuple[Pair, ...]:
    """Groups dealt out: each to the fold of the fewest rows.

    Those with the rarest class come first, and of these the larger ones. With very many of
    them, that is about as even as scikit-learn's look at all classes of each fold.
    """
    rarest = np.full(groups.max() + 1, len(strata))  # rows of the rarest class of a group
    np.minimum.at(rarest, groups, np.bincount(strata)[strata])
    chance = np.random.default_rng(seed).permutation(len(rarest))
    sizes = np.bincount(groups)
    fold_of = np.empty(len(sizes), np.int64)
    filled = [(0, fold) for fold in range(count)]
    for group in np.lexsort((chance, -sizes, rarest)).tolist():
        rows, fold = heapq.heappop(filled)
        fold_of[group] = fold
        heapq.heappush(filled, (rows + int(sizes[group]), fold))
    folds = fold_of[groups]
    return tuple((np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(count))


def _stratified(target: Target, count: int, seed: int) -> tuple[Pair, ...]:
    from sklearn.model_selection import StratifiedKFold

    strata = _strata(target, count)
    sizes = np.bincount(strata)
    if sizes.max() < 2:
        raise OptionError(
            f"Each of the {len(strata)} classes has a single row: none can be held out. "
            "Is the target a column of names or numbers of rows?"
        )
    # With no more folds than the largest class has rows, every class is spread so evenly
    # that a fold never holds out all of it.
    splitter = StratifiedKFold(min(count, sizes.max()), shuffle=True, random_state=seed)
    movable = np.flatnonzero(sizes[strata] > 1)
    kept = np.flatnonzero(sizes[strata] == 1)
    return tuple(
        (np.sort(np.concatenate([movable[train], kept])), movable[held_out])
        for train, held_out in _quietly(splitter, strata[movable])
    )


def _strata(target: Target, count: int) -> IntArray:
    """Class codes, or bins of equal size of a numeric target."""
    if target.is_classification:
        return np.asarray(target.y, dtype=np.int64)
    bins = max(1, min(_QUANTILE_BINS, len(target.y) // (2 * count)))
    ranks = np.argsort(np.argsort(target.y, kind="stable"), kind="stable")
    return np.asarray(ranks * bins // len(target.y), dtype=np.int64)


def spread(target: Target, rng: np.random.Generator) -> IntArray:
    """All rows in an order of which every beginning has the shares of the classes."""
    order = rng.permutation(len(target.y))
    if not target.is_classification:
        return order
    classes = np.asarray(target.y)[order]
    by_class = np.argsort(classes, kind="stable")
    counts = np.bincount(classes)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    places = np.empty(len(order))  # of a row among those of its class, from 0 to 1
    places[by_class] = (np.arange(len(order)) - starts) / np.repeat(counts, counts)
    return np.asarray(order[np.argsort(places, kind="stable")])


def _quietly(splitter: Any, strata: IntArray, groups: IntArray | None = None) -> list[Pair]:
    """The splits, without the warning that some class is rarer than the folds."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(splitter.split(strata, strata, groups))


def _checked(pair: Any, rows: int) -> Pair:
    """A pair of index arrays from whatever the user's splitter gave."""
    try:
        train, held_out = (_as_rows(part, rows) for part in pair)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"cv gave {type(pair).__name__} where a pair of row indices was wanted: {error}"
        ) from error
    if len(np.intersect1d(train, held_out)):
        raise OptionError(
            "cv holds out rows that it also trains on; the score would be a lie. Give pairs of "
            "training rows and other rows."
        )
    if not len(train) or not len(held_out):
        raise OptionError("cv gave a fold without training rows or without held-out rows.")
    return train, held_out


def _as_rows(part: Any, rows: int) -> IntArray:
    array = np.asarray(part)
    if array.dtype == bool:
        if array.shape != (rows,):
            raise ValueError(f"a mask of shape {array.shape} for {rows} rows")
        return np.flatnonzero(array)
    if not array.size:
        return np.empty(0, dtype=np.int64)  # a plain [] would be of floats
    array = array.astype(np.int64, casting="same_kind")
    if array.ndim != 1 or array.min() < 0 or array.max() >= rows:
        raise ValueError(f"row indices must be one-dimensional and lie in 0 .. {rows - 1}")
    return array
