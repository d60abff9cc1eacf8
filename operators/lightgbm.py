"""LightGBM: gradient boosting on histograms, binned once for all folds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.matrix import Matrix
from autopipe.operators.boosting import (
    BIN_SECONDS,
    BestRound,
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
from autopipe.operators.gaps import Gaps
from autopipe.operators.targets import LaplaceFloor, Unit
from autopipe.space import Choice, Float, Int, Value
from autopipe.task import FloatArray, IntArray, Loss, Target, TaskKind

# that one tree sees: with thousands, a round takes a second, and says little
_MOST_COLUMNS = 500


@dataclass(frozen=True)
class _Binned:
    dataset: Any  # lightgbm.Dataset: the library carries no types
    target: Target
    X: Matrix


class LightGBM(Booster):
    """Leaf-wise boosted trees; categories are split natively, missing values too.

    Of thousands of columns each tree sees 500 at most.
    """

    prepared_by = ("max_bin",)

    def prepare(self, X: Matrix, target: Target, limits: Limits) -> _Binned:
        """Bin the columns; the edges see all rows of `X`, and no target."""
        import lightgbm

        check_deadline(limits)
        dataset = lightgbm.Dataset(
            X.values,
            target.y,
            weight=target.weights,
            categorical_feature=list(X.categorical),
            params={
                "feature_pre_filter": False,  # or rare columns were gone for other trees
                "num_threads": limits.threads,
                "verbosity": -1,
                **{key: self.params[key] for key in self.prepared_by},
            },
            free_raw_data=True,
        )
        return _Binned(dataset.construct(), target, X)

    def fit(
        self,
        prepared: object,
        train_rows: IntArray,
        valid_rows: IntArray,
        seed: int,
        limits: Limits,
    ) -> FloatArray:
        """Boost until the validation rows say stop, and give their predictions."""
        import lightgbm

        assert isinstance(prepared, _Binned)
        check_deadline(limits)
        # A subset sorts the rows it is given; so are the predictions that come back.
        train_rows, order = np.sort(train_rows), np.argsort(valid_rows)
        train_target = prepared.target.take(train_rows)
        self._unit, self._floor = Unit.of(train_target), LaplaceFloor.of_absent(train_target)
        train = prepared.dataset.subset(train_rows).construct()
        train.set_label(self._unit.measured(train_target).y)
        valid = prepared.dataset.subset(valid_rows[order])
        valid_target = self._unit.measured(prepared.target.take(valid_rows[order]))
        self._gaps = Gaps.of(prepared.X, train_rows)
        held_out = prepared.X.values[valid_rows[order]]
        if self._gaps.matter_in(held_out):
            values, whole = self._gaps.filled(held_out), prepared.dataset
            valid = lightgbm.Dataset(values, reference=whole, params=whole.get_params())
        best = self._watch(valid_target, limits)
        booster = self._booster(train, prepared, seed, limits.threads)
        booster.add_valid(valid, "valid")
        self._boost(booster, best)
        self.is_truncated = best.is_late
        self._model = booster.free_dataset()
        self._model.best_iteration = best.rounds
        unsorted = np.empty_like(best.predictions)
        unsorted[order] = best.predictions
        return self._floor.mixed(self._unit.restored(unsorted))

    def _booster(self, train: Any, prepared: _Binned, seed: int, threads: int) -> Any:
        """A booster of no trees yet, for a part of what was prepared."""
        import lightgbm

        return lightgbm.Booster(
            {
                **_objective(prepared.target),
                **{key: v for key, v in self.params.items() if key not in self.prepared_by},
                "feature_fraction": _fraction(self.params, prepared.dataset.num_feature()),
                "bagging_freq": 1,
                "monotone_constraints": list(prepared.X.monotone),
                "metric": "None",
                "num_threads": threads,
                "seed": seed,
                "deterministic": True,
                "force_col_wise": True,  # the choice by stopwatch would differ between runs
                "verbosity": -1,
            },
            train,
        )

    def _boost(self, booster: Any, best: BestRound) -> None:
        """Add rounds while they gain on the validation rows."""

        def watch(predictions: FloatArray, _: object) -> tuple[str, float, bool]:
            best.see(booster.current_iteration(), as_outputs(predictions, self._outputs))
            return "loss", best.loss, False

        # The loop of `lightgbm.train` with its callbacks costs a fifth more on few rows.
        idle = 0  # rounds at a stretch that split nothing: other columns and rows may do better
        while idle <= best.patience:
            idle = idle + 1 if booster.update() else 0
            rounds = booster.current_iteration()
            if idle == 1 or (not idle and best.is_due(rounds)):
                booster.eval_valid(watch)
            if best.is_over(rounds):
                break

    @property
    def rounds(self) -> int:
        best: int = self._model.best_iteration
        return best if best > 0 else int(self._model.current_iteration())

    def predict(self, X: Matrix) -> FloatArray:
        """Probabilities or numbers, shape (rows, outputs)."""
        if len(X) == 0:
            return np.empty((0, self._outputs))  # LightGBM refuses
        values = self._gaps.filled(X.values)
        found = as_outputs(self._model.predict(values, num_threads=1), self._outputs)
        return self._floor.mixed(self._unit.restored(found))

    def gains(self, columns: int) -> FloatArray:
        return np.asarray(self._model.feature_importance("gain"), np.float64)

    def _dumped(self) -> bytes:
        # `model_to_string` writes a large model twice: the first time to know its length.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.txt"
            self._model.save_model(str(path), num_iteration=self._model.best_iteration)
            return path.read_bytes()

    def _loaded(self, model: bytes) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=model.decode())


def _objective(target: Target) -> dict[str, Value]:
    if target.kind is TaskKind.REGRESSION:
        is_absolute = target.loss is not Loss.SQUARED
        return {"objective": "regression_l1" if is_absolute else "regression"}
    if target.kind is TaskKind.BINARY:
        return {"objective": "binary"}
    return {"objective": "multiclass", "num_class": target.n_classes}


def _fraction(params: Mapping[str, Value], columns: int) -> float:
    """The share of the columns that a tree sees."""
    return min(number(params, "feature_fraction"), _MOST_COLUMNS / max(1, columns))


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    leaves = number(params, "num_leaves")
    way = 9.0 * (4 if params["extra_trees"] else 1)  # random thresholds learn little a round
    rounds = expected_rounds(number(params, "learning_rate"), way, shape)
    deeper = (leaves / 31) ** 0.4  # 15 leaves take 0.8 of the time, 127 take 1.85
    cell = 5.1e-9 * _fraction(params, shape.columns) * deeper
    tree = 4e-5 + 3.5e-6 * leaves + cell * shape.cells + 2e-8 * shape.held_out
    return Cost(
        rounds * shape.outputs * tree,
        prepare_seconds=BIN_SECONDS * shape.cells,
        megabytes=2e-6 * shape.cells + 2e-5 * shape.rows * shape.outputs,
    )


OPERATORS = (
    Operator(
        name="lightgbm",
        family="lightgbm",
        build="autopipe.operators.lightgbm:LightGBM",
        takes=(Coded,),
        gives=Predictions,
        # Ranges of TabArena's search space, with AutoGluon's best configurations inside.
        space={
            "learning_rate": Float(0.005, 0.2, default=0.03, log=True),
            "num_leaves": Int(2, 256, default=31, log=True),
            "min_data_in_leaf": Int(1, 100, default=10, log=True),
            "feature_fraction": Float(0.3, 1.0, default=0.6),
            "bagging_fraction": Float(0.6, 1.0, default=0.9),
            "extra_trees": Choice((False, True)),
            "lambda_l1": Float(0.0, 5.0, default=0.0),
            "lambda_l2": Float(0.0, 10.0, default=1.0),
            "cat_smooth": Float(1.0, 100.0, default=10.0, log=True),
            "cat_l2": Float(0.1, 100.0, default=10.0, log=True),
            "max_cat_to_onehot": Int(4, 100, default=8, log=True),
            "max_bin": Choice((63, 127, 255), default=255),
        },
        keeps_monotone=True,
        cost=_cost,
        source="Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree, 2017",
    ),
)
