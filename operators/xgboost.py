"""XGBoost: gradient boosting with second-order steps, quantile cuts shared by all folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autopipe.matrix import Matrix
from autopipe.operators.boosting import (
    BIN_SECONDS,
    MAX_ROUNDS,
    Booster,
    as_outputs,
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
from autopipe.space import Choice, Float, Int, Value
from autopipe.task import FloatArray, IntArray, Target, TaskKind


@dataclass(frozen=True)
class _Cut:
    X: Matrix
    target: Target
    cuts: Any  # xgboost.QuantileDMatrix: the library carries no types


class XGBoost(Booster):
    """Depth-wise or loss-guided boosted trees; categories are split natively."""

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> _Cut:
        """Find the quantile cuts; they see all rows of `X`, and no target."""
        check_deadline(limits)
        return _Cut(X, target, self._quantised(X, target, limits, None))

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
        X, target = prepared.X, prepared.target
        valid_target = target.take(valid_rows)
        train = self._quantised(
            X.take(train_rows), target.take(train_rows), limits, prepared.cuts
        )
        valid = self._quantised(X.take(valid_rows), valid_target, limits, train)
        best = self._watch(valid_target, limits)

        class Stop(xgboost.callback.TrainingCallback):
            rounds = 0

            def after_iteration(self, model: Any, epoch: int, log: Any) -> bool:
                self.rounds = epoch + 1
                return best.is_over(self.rounds)

        def watch(predictions: FloatArray, _: object) -> tuple[str, float]:
            best.see(stop.rounds + 1, as_outputs(predictions, self._outputs))
            return "loss", best.loss

        stop = Stop()
        booster = xgboost.train(
            {
                **_objective(target),
                **self.params,
                "tree_method": "hist",
                "disable_default_eval_metric": True,
                "max_cat_to_onehot": 8,
                "nthread": limits.threads,
                "seed": seed,
                "verbosity": 0,
            },
            train,
            MAX_ROUNDS,
            evals=[(valid, "valid")],
            custom_metric=watch,
            callbacks=[stop],
            verbose_eval=False,
        )
        self.is_truncated = best.is_late
        self._model = booster[: best.rounds]
        return best.predictions

    def predict(self, X: Matrix) -> FloatArray:
        """Probabilities or numbers, shape (rows, outputs)."""
        import xgboost

        data = xgboost.DMatrix(
            X.values, feature_types=_types(X), enable_categorical=True, nthread=1
        )
        return as_outputs(self._model.predict(data), self._outputs)

    def _quantised(self, X: Matrix, target: Target, limits: Limits, ref: Any) -> Any:
        import xgboost

        return xgboost.QuantileDMatrix(
            X.values,
            target.y,
            weight=target.weights,
            feature_types=_types(X),
            enable_categorical=True,
            nthread=limits.threads,
            ref=ref,
        )

    def _dumped(self) -> bytes:
        return bytes(self._model.save_raw("ubj"))

    def _loaded(self, model: bytes) -> Any:
        import xgboost

        booster = xgboost.Booster(model_file=bytearray(model))
        booster.set_param({"nthread": 1})  # a loaded booster forgets it
        return booster


def _types(X: Matrix) -> list[str]:
    return ["c" if levels else "q" for levels in X.levels]


def _objective(target: Target) -> dict[str, Value]:
    if target.kind is TaskKind.REGRESSION:
        return {"objective": "reg:squarederror"}
    if target.kind is TaskKind.BINARY:
        return {"objective": "binary:logistic"}
    return {"objective": "multi:softprob", "num_class": target.n_classes}


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    way = 8.0 * (5 if number(params, "reg_alpha") > 1 else 1)
    rounds = expected_rounds(number(params, "learning_rate"), way, shape)
    cells = 5e-9 * number(params, "max_depth") / 6 * shape.cells
    tree = 8e-4 + 6e-8 * shape.rows + cells + 2e-8 * shape.held_out
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
        },
        cost=_cost,
        source="Chen and Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016",
    ),
)
