"""Forests: the mean of many trees that are grown apart."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from autopipe.matrix import Matrix
from autopipe.operators.cost import Cost, CostRule, Shape, number
from autopipe.operators.declaration import (
    Complete,
    Limits,
    Operator,
    Predictions,
    State,
    check_deadline,
)
from autopipe.operators.single import Single
from autopipe.operators.targets import LaplaceFloor, Unit
from autopipe.space import Choice, Int, Value
from autopipe.task import FloatArray, IntArray, Target

_TREES = 150  # more help little: the error falls with the root of their number
_SLICE = 10  # trees between two looks at the clock
_MOST_LEAVES = 15_000  # of one tree; keeps a forest within about 50 MB for any number of rows
_CHUNK = 200_000  # pairs of row and tree that descend together: they stay in the cache


class _Forest:
    """What both forests share: grown by scikit-learn, kept as a few arrays, read by numpy.

    Parameters
    ----------
    max_features : share of the columns that is tried at each split, or "sqrt"
    min_samples_split : rows that a node needs to be split
    min_samples_leaf : rows on either side of a split
    """

    _names = ("", "")
    """scikit-learn's classes for classes and for numbers."""

    is_truncated = False
    prepared_by = ()

    def __init__(
        self, *, max_features: float | str, min_samples_split: int, min_samples_leaf: int
    ) -> None:
        self.max_features = max_features
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self._arrays: dict[str, NDArray[Any]] = {}  # whole numbers and others
        self._n_outputs = 0
        self._single = Single()
        self._unit = Unit()
        self._floor = LaplaceFloor()

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> object:
        single = Single.of(X)  # of all rows, but not of their target
        return single, single.values(X), target

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
        self._single, values, target = prepared
        train = target.take(train_rows).weighed
        # scikit-learn splits no node whose variance is 2e-16, and our leaves are float32.
        self._unit, self._floor = Unit.of(train), LaplaceFloor.of(train)
        train = self._unit.measured(train)
        forest = self._unfitted(train, seed, limits)
        X = values[train_rows]
        self.is_truncated = False
        seconds = 0.0
        for trees in range(_SLICE, _TREES + 1, _SLICE):
            begin = time.monotonic()
            if trees > _SLICE and begin + seconds >= limits.deadline:
                self.is_truncated = True
                break
            forest.set_params(n_estimators=trees).fit(X, train.y, train.weights)
            seconds = time.monotonic() - begin
        self._n_outputs = target.outputs
        classes = forest.classes_ if train.is_classification else [0]
        self._arrays = {
            **_flattened([tree.tree_ for tree in forest.estimators_]),
            "outputs": np.asarray(classes, np.int64),
        }
        return self._predictions(values[valid_rows])

    def _unfitted(self, train: Target, seed: int, limits: Limits) -> Any:  # untyped library
        from sklearn import ensemble

        of_classes, of_numbers = self._names
        build = getattr(ensemble, of_classes if train.is_classification else of_numbers)
        return build(
            warm_start=True,  # slices give the trees that one fit would
            max_features=self.max_features,
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            # Without the cap trees grow depth first, which is faster.
            max_leaf_nodes=_MOST_LEAVES if len(train.y) > _MOST_LEAVES else None,
            random_state=seed,
            n_jobs=limits.threads,
        )

    def predict(self, X: Matrix) -> FloatArray:
        return self._predictions(self._single.values(X))

    def _predictions(self, values: NDArray[np.float32]) -> FloatArray:
        arrays = self._arrays
        predictions = np.zeros((len(values), self._n_outputs))
        step = max(1, _CHUNK // len(arrays["roots"]))
        for start in range(0, len(values), step):
            rows = slice(start, start + step)
            leaves = _leaves(values[rows], arrays)
            means = arrays["leaf_values"][leaves].mean(axis=0, dtype=np.float64)
            predictions[rows, arrays["outputs"]] = means
        return self._floor.mixed(self._unit.restored(predictions))

    def state(self) -> State:
        outcome = {"n_outputs": self._n_outputs, **asdict(self._unit)}
        numbers = {**outcome, "doubt": self._floor.share}
        return {**self._arrays, **self._single.state(), **numbers}

    def restore(self, state: State) -> Self:
        arrays = {name: np.asarray(value) for name, value in state.items()}
        self._n_outputs = arrays.pop("n_outputs").item()
        # Former versions have learned around the mean, in the unit of the target.
        centre, scale = arrays.pop("centre"), arrays.pop("scale", np.ones(1))
        self._unit = Unit(centre.item(), scale.item())
        self._floor = LaplaceFloor(arrays.pop("doubt", np.zeros(1)).item())
        self._single = Single.restored(state)
        self._arrays = arrays
        return self


class ExtraTrees(_Forest):
    """Extremely randomised trees: thresholds drawn at random, every tree sees all rows.

    Smoother than boosted trees and different in kind, hence a good partner in an ensemble.

    References
    ----------
    Geurts et al., Extremely Randomized Trees, Machine Learning 63, 2006.
    """

    _names = ("ExtraTreesClassifier", "ExtraTreesRegressor")


class RandomForest(_Forest):
    """Trees with the best thresholds, each grown on rows drawn with replacement.

    References
    ----------
    Breiman, Random Forests, Machine Learning 45, 2001.
    """

    _names = ("RandomForestClassifier", "RandomForestRegressor")


def _flattened(trees: list[Any]) -> dict[str, NDArray[np.number]]:
    """All trees in a few arrays: nodes that split in one row of numbers, leaves in another.

    A node is named by its place among those that split, a leaf by the complement (~) of its
    place among the leaves. A row goes to the left child where its value is at most the
    threshold.
    """
    roots, features, thresholds, children, leaf_values = [], [], [], [], []
    n_splits = n_leaves = 0
    for tree in trees:
        is_leaf = tree.children_left < 0
        names = np.where(is_leaf, ~(n_leaves - 1 + np.cumsum(is_leaf)), 0)
        names += np.where(is_leaf, 0, n_splits - 1 + np.cumsum(~is_leaf))
        roots.append(names[0])
        features.append(tree.feature[~is_leaf])
        thresholds.append(_rounded_down(tree.threshold[~is_leaf]))
        left, right = tree.children_left[~is_leaf], tree.children_right[~is_leaf]
        children.append(np.column_stack([names[left], names[right]]))
        leaf_values.append(tree.value[is_leaf, 0, :])
        n_splits += len(left)
        n_leaves += int(is_leaf.sum())
    return {
        "roots": np.array(roots, np.int32),
        "features": np.concatenate(features).astype(np.int32),
        "thresholds": np.concatenate(thresholds),
        "children": np.concatenate(children).astype(np.int32),
        "leaf_values": np.concatenate(leaf_values).astype(np.float32),
    }


def _leaves(values: NDArray[np.float32], arrays: dict[str, NDArray[np.number]]) -> IntArray:
    """The place of the leaf that each row reaches in each tree, shape (trees, rows)."""
    n_rows, width = values.shape
    flat, children = values.ravel(), arrays["children"].ravel()
    features, thresholds = arrays["features"], arrays["thresholds"]
    nodes = np.repeat(arrays["roots"], n_rows)
    reached = nodes.copy()
    walking = np.flatnonzero(nodes >= 0)
    nodes, offsets = nodes[walking], walking % n_rows * width
    while len(walking):
        goes_right = flat[offsets + features[nodes]] > thresholds[nodes]
        nodes = children[2 * nodes + goes_right]
        reached[walking] = nodes
        walks_on = nodes >= 0
        walking, nodes, offsets = walking[walks_on], nodes[walks_on], offsets[walks_on]
    return np.asarray(~reached.reshape(-1, n_rows))


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: it parts float32 values just the same."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _costing(seconds: float) -> CostRule:
    """So many seconds for every tree, row, column that is tried, and level."""

    def rule(params: Mapping[str, Value], shape: Shape) -> Cost:
        is_root = params["max_features"] == "sqrt"
        share = shape.columns**-0.5 if is_root else number(params, "max_features")
        levels = float(np.log2(max(2, shape.rows)))
        leaves = min(_MOST_LEAVES, shape.rows / 3)
        grown = seconds * share * shape.cells + 1e-8 * shape.held_out
        values = 2e-8 * shape.outputs * (leaves + shape.held_out)
        return Cost(
            0.05 + _TREES * (levels * grown + values),
            megabytes=4e-6 * (shape.all_cells + _TREES * leaves * (8 + 4 * shape.outputs)),
        )

    return rule


OPERATORS = (
    Operator(
        name="extra_trees",
        family="forests",
        build="autopipe.operators.forests:ExtraTrees",
        takes=(Complete,),
        gives=Predictions,
        space={
            "max_features": Choice((0.75, "sqrt", 0.25, 0.5, 1.0)),
            "min_samples_split": Int(2, 20, default=4, log=True),
            "min_samples_leaf": Int(1, 16, default=1, log=True),
        },
        cost=_costing(6e-9),
        source="Geurts et al., Extremely Randomized Trees, Machine Learning 63, 2006",
    ),
    Operator(
        name="random_forest",
        family="forests",
        build="autopipe.operators.forests:RandomForest",
        takes=(Complete,),
        gives=Predictions,
        space={
            "max_features": Choice((0.5, "sqrt", 0.25, 0.75, 1.0)),
            "min_samples_split": Int(2, 20, default=2, log=True),
            "min_samples_leaf": Int(1, 16, default=2, log=True),
        },
        cost=_costing(1.5e-8),
        source="Breiman, Random Forests, Machine Learning 45, 2001",
    ),
)
