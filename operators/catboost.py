"""CatBoost: symmetric boosted trees with ordered statistics for categories."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.errors import DeadlineReached
from autopipe.matrix import Matrix
from autopipe.operators.boosting import (
    BIN_SECONDS,
    BestRound,
    Booster,
    bins_for,
    expected_rounds,
    most_rounds,
)
from autopipe.operators.cost import Cost, Shape, number
from autopipe.operators.declaration import (
    Coded,
    Limits,
    Operator,
    Predictions,
    check_deadline,
)
from autopipe.operators.gaps import Gaps
from autopipe.operators.single import Single
from autopipe.operators.targets import LaplaceFloor, Unit
from autopipe.space import Float, Int, Value
from autopipe.task import FloatArray, IntArray, Loss, Target, TaskKind

# Rounds between two looks at the held-out rows. After every round the callback is handed all
# losses so far: with one for each, 800 rounds took a quarter longer, and more rounds much more.
_PERIOD = 5


@dataclass(frozen=True)
class _Pooled:
    pool: Any  # catboost.Pool: the library carries no types
    target: Target
    unit: Unit
    single: Single
    X: Matrix  # in single precision
    constraints: Mapping[str, list[int]]


class CatBoost(Booster):
    """Symmetric trees, the strongest single learner without tuning; slow on few rows."""

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> _Pooled:
        """Read the columns into one pool, quantised where it holds numbers alone.

        A pool's target cannot be changed, so its unit is that of all rows. No number that is
        learned depends on it, but for what float32 rounds.
        """
        check_deadline(limits)
        unit = Unit.of(target)
        target = unit.measured(target)
        single = Single.of(X)
        X = replace(X, values=single.values(X))
        pool = _pool(X, target)
        if not X.categorical:  # a quantised pool would lose the categories' counts
            pool.quantize(border_count=_borders(len(X)))
        return _Pooled(pool, target, unit, single, X, _constraints(X))

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        """Boost until the validation rows say stop, and give their predictions."""
        import catboost

        assert isinstance(prepared, _Pooled)
        check_deadline(limits)
        self._unit, self._single = prepared.unit, prepared.single
        self._gaps = Gaps.of(prepared.X, train_rows)
        self._floor = LaplaceFloor.of_absent(prepared.target.take(train_rows))
        best = self._watch(prepared.target.take(valid_rows), limits)
        stop = _Stop(best)
        self._model = catboost.CatBoost(
            {
                **self.params,
                **_objective(prepared.target),
                **prepared.constraints,
                "border_count": _borders(len(prepared.target.y)),
                "iterations": most_rounds(best.learning_rate),
                "metric_period": _PERIOD,
                "bootstrap_type": "Bernoulli",
                "boosting_type": "Plain",
                "random_seed": seed,
                "thread_count": limits.threads,
                "allow_const_label": True,
                "allow_writing_files": False,
                "verbose": False,
            }
        )
        valid, held_out = prepared.pool.slice(valid_rows), prepared.X.take(valid_rows)
        if self._gaps.matter_in(held_out.values):
            held_out = replace(held_out, values=self._gaps.filled(held_out.values))
            valid = _pool(held_out, prepared.target.take(valid_rows))
        self._model.fit(
            prepared.pool.slice(train_rows),
            eval_set=valid,
            use_best_model=self.fixed_rounds is None,
            callbacks=[stop],
        )
        if self._model.tree_count_ == 0 and best.is_late:
            raise DeadlineReached("The deadline passed within the first round of boosting.")
        self.is_truncated = best.is_late
        raw = np.array(self._model.get_test_eval())
        if raw.ndim == 2 and len(raw) < self._outputs:  # a class is absent from these rows
            raw = self._model.predict(valid, prediction_type="RawFormulaVal").T
        return self._probabilities(raw)

    @property
    def rounds(self) -> int:
        return int(self._model.tree_count_)

    def predict(self, X: Matrix) -> FloatArray:
        """Probabilities or numbers, shape (rows, outputs)."""
        if len(X) == 0:
            return np.empty((0, self._outputs))  # CatBoost refuses
        values = self._gaps.filled(self._single.values(X))
        pool = _pool(replace(X, values=values))
        raw = self._model.predict(pool, prediction_type="RawFormulaVal", thread_count=1)
        return self._probabilities(np.asarray(raw).T)

    def _probabilities(self, raw: FloatArray) -> FloatArray:
        """From raw scores of shape (rows,), or (classes, rows)."""
        if self._outputs == 1:
            return self._unit.restored(raw.reshape(-1, 1))
        if self._outputs == 2:
            positive = 1.0 / (1.0 + np.exp(-raw.ravel()))
            return self._floor.mixed(np.column_stack([1.0 - positive, positive]))
        shifted = np.exp(raw - raw.max(axis=0))
        return self._floor.mixed(np.asarray((shifted / shifted.sum(axis=0)).T))

    def gains(self, columns: int) -> FloatArray:
        told = np.zeros(columns)
        order = [int(name) for name in self._model.feature_names_]  # numbers before categories
        told[order] = self._model.get_feature_importance()
        return told

    def _dumped(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            self._model.save_model(str(path))
            return path.read_bytes()

    def _loaded(self, model: bytes) -> Any:
        import catboost

        return catboost.CatBoost().load_model(blob=model)


class _Stop:
    """CatBoost's callback: after every round, whether to go on."""

    def __init__(self, best: BestRound) -> None:
        self.best = best
        self._seen = 0  # losses

    def after_iteration(self, info: Any) -> bool:
        (losses,) = info.metrics["validation"].values()
        if len(losses) > self._seen:
            self._seen = len(losses)
            self.best.note(info.iteration, losses[-1])
        return not self.best.is_over(info.iteration)


def _borders(rows: float) -> int:
    return bins_for(rows) - 2  # the library's own number is 254


def _pool(X: Matrix, target: Target | None = None) -> Any:
    import catboost

    y = None if target is None else target.y
    weights = None if target is None else target.weights
    if not X.categorical:
        return catboost.Pool(X.values, y, weight=weights, thread_count=1)
    numbers = [index for index, levels in enumerate(X.levels) if not levels]
    codes = np.nan_to_num(X.values[:, list(X.categorical)], nan=-1.0).astype(np.int32)
    data = catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(X.values[:, numbers], dtype=np.float32),
        cat_feature_data=codes.astype("S").astype(object),
        num_feature_names=list(map(str, numbers)),
        cat_feature_names=list(map(str, X.categorical)),
    )
    return catboost.Pool(data, y, weight=weights, thread_count=1)


def _constraints(X: Matrix) -> dict[str, list[int]]:
    """What holds each column, in the order of the pool: numbers before categories."""
    if not any(X.monotone):  # which only some of the losses allow
        return {}
    numbers = [sign for sign, levels in zip(X.monotone, X.levels, strict=True) if not levels]
    return {"monotone_constraints": numbers + [0] * len(X.categorical)}


def _objective(target: Target) -> dict[str, Value | list[int]]:
    if target.kind is TaskKind.REGRESSION:
        return {"loss_function": "RMSE" if target.loss is Loss.SQUARED else "MAE"}
    if target.kind is TaskKind.BINARY:
        # Named, for rows of one class alone are refused otherwise.
        return {"loss_function": "Logloss", "class_names": [0, 1]}
    return {"loss_function": "MultiClass", "classes_count": target.n_classes}


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    rounds = expected_rounds(number(params, "learning_rate"), 40.0, shape)
    # Every leaf of a symmetric tree weighs every border of every column.
    leaves, borders = 2 ** number(params, "depth"), _borders(shape.rows + shape.held_out)
    borders_seconds = 2.8e-9 * leaves * borders * shape.columns
    tree = borders_seconds + 5.8e-9 * shape.cells + 2e-8 * shape.held_out
    texts = (shape.rows + shape.held_out) * len(shape.levels)  # categories are passed as such
    return Cost(
        rounds * (5e-4 + shape.outputs * tree) + 1e-6 * texts,
        prepare_seconds=BIN_SECONDS * shape.cells + 1e-6 * shape.rows * len(shape.levels),
        megabytes=6e-6 * shape.cells + 1.2e-4 * texts + 2e-5 * shape.rows * shape.outputs,
    )


OPERATORS = (
    Operator(
        name="catboost",
        family="catboost",
        build="autopipe.operators.catboost:CatBoost",
        takes=(Coded,),
        gives=Predictions,
        # Defaults between AutoGluon's and pytabkit's tuned ones; tuning buys little here.
        space={
            "learning_rate": Float(0.01, 0.2, default=0.05, log=True),
            "depth": Int(3, 9, default=6),
            "l2_leaf_reg": Float(0.1, 10.0, default=3.0, log=True),
            "subsample": Float(0.6, 1.0, default=0.8),
            "random_strength": Float(0.0, 2.0, default=1.0),
            "leaf_estimation_iterations": Int(1, 10, default=1, log=True),
            "one_hot_max_size": Int(2, 100, default=15, log=True),
            "max_ctr_complexity": Int(1, 3, default=1),
        },
        keeps_monotone=True,
        cost=_cost,
        source="Prokhorenkova et al., CatBoost: Unbiased Boosting, NeurIPS 2018",
        requires="catboost",
        extra="catboost",
    ),
)
