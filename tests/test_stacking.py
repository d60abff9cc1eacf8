"""The second level: what it reads, and how a stacked member predicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counted_runs import fitted, toy
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.ensembles.stacking import table_of
from autopipe.execution.crossfit import CrossFit, crossfit
from autopipe.folds import make_folds
from autopipe.persistence import read_model, write_model
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import Target, TaskKind

LEARNERS = {
    TaskKind.BINARY: "logistic",
    TaskKind.MULTICLASS: "logistic",
    TaskKind.REGRESSION: "ridge",
}


def stacked_member(table: Table, target: Target) -> tuple[list[CrossFit], Member]:
    """Two plain fits, and the second-level member that reads both."""
    folds, learner = make_folds(target, 3, Seeds(0)), LEARNERS[target.kind]
    below = [
        crossfit(full(f"{learner}({data})"), table, target, folds, Seeds(0))
        for data in (
            "standard_scaling(impute(codes(table)))",
            "robust_scaling(impute(codes(table)))",
        )
    ]
    meta = table_of(np.stack([one.out_of_fold for one in below]))
    tree = full(f"{learner}(standard_scaling(impute(codes(table))))")
    above = crossfit(tree, meta, target, folds, Seeds(0))
    inputs = tuple(Member(number, 1.0, one.models) for number, one in enumerate(below))
    return below, Member(7, 1.0, above.models, inputs)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_stacked_member_reads_the_mean_predictions_of_its_inputs(kind: TaskKind) -> None:
    table, target = toy_table(kind)
    below, member = stacked_member(table, target)
    means = [np.mean([m.predict(table) for m in one.models], axis=0) for one in below]
    meta = table_of(np.stack(means))
    expected = np.mean([model.predict(meta) for model in member.models], axis=0)
    predicted = Predictor((member,), target.prior()).predict(table)
    np.testing.assert_allclose(predicted, expected, atol=1e-9)


def test_a_member_may_stand_beside_the_one_that_reads_it() -> None:
    table, target = toy_table(TaskKind.BINARY)
    _, member = stacked_member(table, target)
    plain = replace(member.inputs[0], weight=0.25)
    both = (replace(member, weight=0.75), plain)
    alone = [Predictor((replace(one, weight=1.0),), target.prior()) for one in both]
    expected = 0.75 * alone[0].predict(table) + 0.25 * alone[1].predict(table)
    predicted = Predictor(both, target.prior()).predict(table)
    np.testing.assert_allclose(predicted, expected, atol=1e-9)


def test_two_classes_make_one_column_and_more_make_one_each() -> None:
    rng = np.random.default_rng(0)
    widths = {
        outputs: len(table_of(rng.dirichlet(np.ones(outputs), (3, 5))).schema.columns)
        for outputs in (2, 4)
    }
    assert widths == {2: 3, 4: 12}


def test_numbers_stay_as_they_are() -> None:
    predictions = np.arange(6.0).reshape(2, 3, 1)
    told = table_of(predictions + 1.7e9).precise - 1.7e9
    assert told.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


def test_a_certain_prediction_has_a_finite_logit() -> None:
    assert np.isfinite(table_of(np.array([[[0.0, 1.0], [1.0, 0.0]]])).numbers).all()


def test_a_stacked_model_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    model = fitted(1)._model
    frame, y = toy()
    table = model.coding.encode(frame)
    _, member = stacked_member(table, model.target_coding.target(y))
    members = (replace(member, weight=0.5), replace(member.inputs[1], weight=0.5))
    stacked = replace(model, predictor=Predictor(members, np.array([0.5, 0.5])), front=None)
    write_model(stacked, tmp_path / "model")
    again = read_model(tmp_path / "model").predictor
    assert [one.number for one in again.members] == [one.number for one in members]
    np.testing.assert_array_equal(again.predict(table), stacked.predictor.predict(table))
