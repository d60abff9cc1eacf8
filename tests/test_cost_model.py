"""What trials are predicted to take, and how a run corrects that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.execution.cost_model import CostModel
from autopipe.execution.plan import affordable_fits, plan
from autopipe.folds import Folds, make_folds
from autopipe.operators.catalogue import catalogue
from autopipe.operators.cost import Shape
from autopipe.seeds import Seeds
from autopipe.space import defaults
from autopipe.task import TaskKind
from autopipe.trial import Source, Status, Trial

NUMBERS = Shape(rows=50_000, columns=30, held_out=10_000)
MIXED = Shape(2_000, 40, outputs=4, held_out=500, levels=(3, 40), texts=2, text_bytes=80.0)
LIGHTGBM = full("lightgbm(codes(table))")
LOGISTIC = full("logistic(standard_scaling(impute(codes(table))))")


def model_of(shape: Shape, folds: int = 5, threads: int = 1, **options) -> CostModel:
    parts = np.array_split(np.arange(shape.rows), folds)
    pairs = tuple((np.setdiff1d(np.arange(shape.rows), part), part) for part in parts)
    whole = replace(shape, held_out=0)
    return CostModel(whole, Folds(pairs, shape.rows), threads, **options)


def trial(tree, seconds: float, share: float = 1.0, **changes) -> Trial:
    told = {"status": Status.COMPLETE, "score": 1.0, **changes}
    return Trial(0, tree, Source.PORTFOLIO, seconds=seconds, train_share=share, **told)


@pytest.mark.parametrize("shape", [NUMBERS, MIXED], ids=["numbers", "mixed"])
@pytest.mark.parametrize("operator", catalogue().values(), ids=lambda one: one.name)
def test_every_operator_has_a_price_that_grows_with_the_rows(operator, shape):
    params = defaults(operator.space)
    small = operator.costs(params, replace(shape, rows=shape.rows // 4))
    large = operator.costs(params, shape)
    assert 0 <= small.seconds <= large.seconds < float("inf")
    assert 0 <= small.megabytes <= large.megabytes < float("inf")
    assert (large.gives or shape).columns >= 1


def test_a_tree_for_a_device_takes_less_until_the_run_knows_better():
    costs = model_of(NUMBERS, is_for_device=lambda tree: tree == LIGHTGBM)
    other = model_of(NUMBERS)
    assert costs.predict(LIGHTGBM).seconds < 0.2 * other.predict(LIGHTGBM).seconds
    assert costs.predict(LOGISTIC) == other.predict(LOGISTIC)
    costs.learn(trial(LIGHTGBM, 1_000.0))
    assert costs.predict(LIGHTGBM).seconds > 100.0


def test_the_shape_of_a_table_counts_what_encoders_make_of_it():
    table, target = toy_table(TaskKind.MULTICLASS, rows=50)
    tree = full("codes(table)")
    made = catalogue()["codes"].make({}).transform(table)
    shape = Shape.of(table, target)
    assert shape.columns == made.values.shape[1]
    assert shape.levels == tuple(levels for levels in made.levels if levels)
    assert shape.outputs == target.n_classes
    assert str(tree) == "codes(table)"


def test_a_binary_target_costs_one_tree_a_round():
    assert Shape.of(*toy_table(TaskKind.BINARY)).outputs == 1


def test_fewer_rows_cost_less():
    costs = model_of(NUMBERS)
    seconds = [costs.predict(LIGHTGBM, share).seconds for share in (1.0, 0.5, 0.25)]
    assert seconds == sorted(seconds, reverse=True)


def test_a_machine_that_is_slower_is_found_out_for_all_learners():
    costs = model_of(NUMBERS)
    before = [costs.predict(tree).seconds for tree in (LIGHTGBM, LOGISTIC)]
    for _ in range(50):
        costs.learn(trial(LIGHTGBM, 3 * before[0]))
    after = [costs.predict(tree).seconds for tree in (LIGHTGBM, LOGISTIC)]
    assert after[0] == pytest.approx(3 * before[0], rel=0.05)
    assert 2 * before[1] < after[1] <= 3 * before[1]


def test_a_learner_that_is_slower_than_others_is_found_out_by_itself():
    costs = model_of(NUMBERS)
    before = [costs.predict(tree).seconds for tree in (LIGHTGBM, LOGISTIC)]
    for _ in range(50):
        costs.learn(trial(LIGHTGBM, 4 * before[0]))
        costs.learn(trial(LOGISTIC, before[1]))
    after = [costs.predict(tree).seconds for tree in (LIGHTGBM, LOGISTIC)]
    assert after == pytest.approx([4 * before[0], before[1]], rel=0.1)


def test_what_is_learned_on_a_share_holds_for_all_rows():
    costs = model_of(NUMBERS)
    seconds = costs.predict(LIGHTGBM, 0.25).seconds
    for _ in range(50):
        costs.learn(trial(LIGHTGBM, 2 * seconds, share=0.25))
    expected = 2 * model_of(NUMBERS).predict(LIGHTGBM).seconds
    assert costs.predict(LIGHTGBM).seconds == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    "cut", [{"is_truncated": True}, {"status": Status.TIMEOUT, "score": None}]
)
def test_a_trial_that_was_cut_off_says_no_more_than_that_it_takes_longer(cut):
    costs = model_of(NUMBERS)
    before = costs.predict(LIGHTGBM).seconds
    costs.learn(trial(LIGHTGBM, before / 2, **cut))
    assert costs.predict(LIGHTGBM).seconds == before
    costs.learn(trial(LIGHTGBM, before * 2, **cut))
    assert costs.predict(LIGHTGBM).seconds > before


def test_a_trial_that_failed_says_nothing():
    costs = model_of(NUMBERS)
    before = costs.predict(LIGHTGBM)
    costs.learn(trial(LIGHTGBM, 1e-3, status=Status.ERROR, score=None))
    assert costs.predict(LIGHTGBM) == before


def test_folds_in_threads_take_less_time_and_more_memory():
    alone, together = model_of(NUMBERS, 4), model_of(NUMBERS, 4, threads=2)
    assert together.predict(LIGHTGBM).seconds < alone.predict(LIGHTGBM).seconds
    assert together.predict(LIGHTGBM).megabytes > alone.predict(LIGHTGBM).megabytes


def test_networks_gain_by_no_more_threads_than_they_have_programs():
    network, few, many = (
        full("mlp(codes(table))"),
        model_of(NUMBERS, 8, 2),
        model_of(NUMBERS, 8, 8),
    )
    assert many.predict(network).seconds == few.predict(network).seconds
    assert many.predict(LIGHTGBM).seconds < few.predict(LIGHTGBM).seconds


def test_the_declared_price_does_not_depend_on_the_run():
    costs = model_of(NUMBERS)
    before = costs.core_seconds(LIGHTGBM)
    costs.learn(trial(LIGHTGBM, 1_000.0))
    assert costs.core_seconds(LIGHTGBM) == before


def test_without_a_clock_anything_is_affordable():
    assert affordable_fits(NUMBERS, 2, None) == float("inf")
    assert plan(NUMBERS, 8, 4, None).workers == 4


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("folds", [1, 3, 5, 8])
@pytest.mark.parametrize("budget", [1.0, 1e6])
def test_no_core_is_idle_and_none_is_given_twice(folds, cores, budget):
    shares = plan(NUMBERS, folds, cores, budget)
    assert shares.workers * shares.fold_threads == cores
    assert folds % shares.fold_threads == 0


def test_a_real_table_has_a_price():
    table, target = toy_table(TaskKind.BINARY, rows=60)
    costs = CostModel(Shape.of(table, target), make_folds(target, 3, Seeds(0)))
    tree = full("lightgbm(target_encoding(text_prediction(table)))")
    assert 0 < costs.predict(tree).seconds < 60
