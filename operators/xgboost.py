"""XGBoost: gradient boosting with second-order steps, quantile cuts shared by all folds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.boosting import (
    BIN_SECONDS,
    Booster,
    as_outputs,
    bins_for,
    expected_rounds,
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
from autopipe.space import Choice, Float, Int, Value
from autopipe.task import FloatArray, IntArray, Loss, Target, TaskKind

# Sets of many levels are learned by heart, for nothing smooths them: as the numbers of their
# codes, they made the error smaller by 20 to 60 % on four data sets with hundreds of levels.
_MOST_LEVELS = 30

# A round takes some milliseconds on a graphics card, however few the rows; a core takes as many
# for some ten thousand. That this many pay is a judgement, not a measurement.
_ROWS_FOR_CUDA = 100_000


@dataclass(frozen=True)
class _Cut:
    X: Matrix  # in single precision
    single: Single
    target: Target
    cuts: Any  # xgboost.QuantileDMatrix: the library carries no types


class XGBoost(Booster):
    """Depth-wise or loss-guided boosted trees; categories of few levels are split natively."""

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> _Cut:
        """Find the quantile cuts; they see all rows of `X`, and no target."""
        check_deadline(limits)
        single = Single.of(X)
        X = replace(X, values=single.values(X))
        return _Cut(X, single, target, self._quantised(X, target, limits, bins_for(len(X))))

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        """Boost until the validation rows say stop, and give their predictions."""
        import xgboost

        assert isinstance(prepared, _Cut)
        check_deadline(limits)
        X, target, self._single = prepared.X, prepared.target, prepared.single
        self._gaps = Gaps.of(X, train_rows, has_categories=True)
        train_target = target.take(train_rows)
        self._unit, self._floor = Unit.of(train_target), LaplaceFloor.of_absent(train_target)
        target = self._unit.measured(target)
        bins = bins_for(len(X))
        train = self._quantised(
            X.take(train_rows), target.take(train_rows), limits, bins, prepared.cuts
        )
        new, new_target = X.take(valid_rows), target.take(valid_rows)
        new = replace(new, values=self._gaps.filled(new.values))
        valid = self._quantised(new, new_target, limits, bins, train)
        best = self._watch(new_target, limits)
        booster = xgboost.Booster(
            {
                **_objective(target),
                **self.params,
                "tree_method": "hist",
                "max_bin": bins,
                "max_cat_to_onehot": 8,
                "monotone_constraints": f"({','.join(map(str, X.monotone))})",
                "device": limits.device,
                "nthread": limits.threads,
                "seed": seed,
                "verbosity": 0,
            },
            [train, valid],
        )
        # The loop of `xgboost.train` with a metric of ours costs a fifth more on few rows.
        rounds = 0
        while not rounds or not best.is_over(rounds):
            booster.update(train, rounds)
            rounds += 1
            if best.is_due(rounds):
                told = booster.eval_set([(valid, "valid")], rounds)
                best.note(rounds, float(told.rpartition(":")[2]))
        self.is_truncated = best.is_late
        self._model = booster[: best.rounds]
        return self._restored(self._model.predict(valid))

    @property
    def rounds(self) -> int:
        return int(self._model.num_boosted_rounds())

    def predict(self, X: Matrix) -> FloatArray:
        """Probabilities or numbers, shape (rows, outputs)."""
        # For one row half of the time goes into a DMatrix.
        values = self._gaps.filled(self._single.values(X))
        predictions = self._model.inplace_predict(values, validate_features=False)
        return self._restored(predictions)

    def _restored(self, predictions: FloatArray) -> FloatArray:
        return self._floor.mixed(self._unit.restored(as_outputs(predictions, self._outputs)))

    def _quantised(
        self, X: Matrix, target: Target, limits: Limits, bins: int, ref: Any = None
    ) -> Any:
        import xgboost

        return xgboost.QuantileDMatrix(
            X.values,
            target.y,
            weight=target.weights,
            feature_types=_types(X),
            enable_categorical=True,
            max_bin=bins,
            nthread=limits.threads,
            ref=ref,
        )

    def gains(self, columns: int) -> FloatArray:
        told = self._model.get_score(importance_type="total_gain")
        return np.array([told.get(f"f{column}", 0.0) for column in range(columns)])

    def _dumped(self) -> bytes:
        return bytes(self._model.save_raw("ubj"))

    def _loaded(self, model: bytes) -> Any:
        import xgboost

        booster = xgboost.Booster(model_file=bytearray(model))
        booster.set_param({"nthread": 1})  # a loaded booster forgets it
        return booster


def _types(X: Matrix) -> list[str]:
    return ["c" if 0 < levels <= _MOST_LEVELS else "q" for levels in X.levels]


def _objective(target: Target) -> dict[str, Value]:
    if target.kind is TaskKind.REGRESSION:
        if target.loss is not Loss.SQUARED:
            return {"objective": "reg:absoluteerror", "eval_metric": "mae"}
        return {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if target.kind is TaskKind.BINARY:
        return {"objective": "binary:logistic", "eval_metric": "logloss"}
    classes = target.n_classes
    return {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": classes}


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    way = 8.0 * (5 if number(params, "reg_alpha") > 1 else 1)
    rounds = expected_rounds(number(params, "learning_rate"), way, shape)
    depth, leaves = number(params, "max_depth"), number(params, "max_leaves")
    levels = min(depth, 1 + math.log2(leaves)) if leaves else depth  # passes over the rows
    cells = 5e-9 * levels / 6 * shape.cells
    few = 2e-4 + 2.3e-6 * bins_for(shape.rows + shape.held_out)
    tree = few + 6e-8 * shape.rows + cells + 2e-8 * shape.held_out
    bins = BIN_SECONDS * shape.all_cells / 2  # the cuts are there
    return Cost(
        rounds * shape.outputs * tree + bins,
        prepare_seconds=BIN_SECONDS * shape.cells,
        megabytes=8e-6 * shape.all_cells + 2e-5 * shape.rows * shape.outputs,
    )


OPERATORS = (
    Operator(
        name="xgboost",
        family="xgboost",
        build="autopipe.operators.xgboost:XGBoost",
        takes=(Coded,),
        gives=Predictions,
        # Ranges of TabArena's search space; defaults between pytabkit's tuned ones.
        space={
            "learning_rate": Float(0.005, 0.3, default=0.08, log=True),
            "max_depth": Int(3, 11, default=6),
            "min_child_weight": Float(1e-5, 10.0, default=1.0, log=True),
            "subsample": Float(0.5, 1.0, default=0.7),
            "colsample_bylevel": Float(0.3, 1.0, default=0.9),
            "reg_alpha": Float(0.0, 5.0, default=0.0),
            "reg_lambda": Float(0.0, 5.0, default=1.0),
            "grow_policy": Choice(("depthwise", "lossguide")),
            "max_leaves": Choice((0, 10, 20, 40, 80)),  # 0 is no limit
        },
        keeps_monotone=True,
        device_rows=_ROWS_FOR_CUDA,
        cost=_cost,
        source="Chen and Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016",
    ),
)
