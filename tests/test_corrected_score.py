"""The honest number, and the floor that it stands on."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from autopipe.ensembles.baselines import blind_baselines
from autopipe.ensembles.corrected_score import (
    Estimate,
    Score,
    deviations,
    optimism,
    stretch_of,
)
from autopipe.ensembles.greedy import greedy_weights
from autopipe.errors import OptionError
from autopipe.folds import Folds
from autopipe.metrics import metric_for
from autopipe.task import Target, TaskKind

AUC = metric_for("roc_auc", TaskKind.BINARY, np.arange(2))
RMSE = metric_for(None, TaskKind.REGRESSION, None)
ESTIMATE = Estimate(-2.0, -2.1, 400, (-0.2, -0.1, 0.0, 0.1, 0.2), 0.0, {"prior": -4.0})


def noise(rng: np.random.Generator, rows: int, members: int) -> tuple[np.ndarray, Target]:
    """Predictions that know nothing of the target."""
    positive = rng.random((members, rows)).astype(np.float32)
    y = (np.arange(rows) % 2).astype(np.int32)
    return np.stack([1 - positive, positive], axis=2), Target(TaskKind.BINARY, y, 2)


@pytest.mark.parametrize("is_single", [False, True])
def test_on_noise_the_corrected_score_is_that_of_chance_and_the_plain_one_is_not(is_single):
    plain, corrected = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        candidates, target = noise(rng, 120, 10)
        weights = greedy_weights(candidates, target, AUC, 1 if is_single else 40)
        score = AUC.score(target, np.tensordot(weights, candidates, axes=1))
        gain = optimism(
            candidates, weights, target, AUC, rng, is_single=is_single, resamples=20
        )
        plain.append(score)
        corrected.append(score - gain)
    assert (np.array(corrected) <= plain).all()
    assert np.mean(plain) > 0.56
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.03)


def test_without_a_choice_there_is_nothing_to_correct():
    rng = np.random.default_rng(0)
    candidates, target = noise(rng, 50, 1)
    assert optimism(candidates, np.ones(1), target, AUC, rng) == 0.0


def test_time_ends_the_correction_with_what_there_is():
    rng = np.random.default_rng(0)
    candidates, target = noise(rng, 50, 3)
    weights = np.ones(3) / 3
    tick = iter(range(1_000)).__next__
    # One round takes a tick, so that a choice of fifteen will take as many.
    assert optimism(candidates, weights, target, AUC, rng, 10.0, tick) is None
    assert optimism(candidates, weights, target, AUC, rng, 60.0, tick) >= 0.0
    assert deviations(candidates[0], target, AUC, rng, 0.0, tick) == ()


@pytest.mark.parametrize("rows", [2_000, 20_000])
def test_deviations_spread_as_the_score_of_so_many_rows_does(rows):
    rng = np.random.default_rng(0)
    y = rng.normal(size=rows)
    spread = deviations(np.zeros((rows, 1)), Target(TaskKind.REGRESSION, y, 0), RMSE, rng)
    # The spread of the root of a mean square of n normal errors is 1 / sqrt(2 n).
    assert np.std(spread) == pytest.approx(np.sqrt(0.5 / rows), rel=0.25)
    assert list(spread) == sorted(spread) and np.mean(spread) == pytest.approx(0.0, abs=1e-9)


def test_the_interval_holds_the_score_on_fresh_rows_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(150):
        old, new = rng.normal(size=100), rng.normal(size=50)
        target = Target(TaskKind.REGRESSION, old, 0)
        score = RMSE.score(target, np.zeros((100, 1)))
        spread = deviations(np.zeros((100, 1)), target, RMSE, rng)
        low, high = Estimate(score, score, 100, spread, 0.0).interval(50, 0.9)
        hits.append(low <= -np.sqrt(np.mean(new**2)) <= high)
    assert np.mean(hits) == pytest.approx(0.9, abs=0.06)


def test_a_score_is_a_number_that_prints_as_a_report():
    score = Score(2.0, "root_mean_squared_error", ESTIMATE, -1)
    assert score == 2.0 and score < 3 and json.dumps(score) == "2.0"
    assert f"{score} {score:.2f}" == "2.0 2.00"
    assert score.corrected == 2.1 and score.baselines == {"prior": 4.0}
    told = str(score).splitlines()
    assert told[0] == "root_mean_squared_error 2, cross-validated"
    assert told[1].startswith("2.1 corrected for selection, 90 % interval")
    assert told[2] == "baselines on the same folds: prior 4"


def test_fewer_fresh_rows_and_more_coverage_make_the_interval_wider():
    score = Score(2.0, "rmse", ESTIMATE, -1)
    always, many, few = (score.interval(rows) for rows in (None, 1_000, 50))
    assert few[0] < many[0] < always[0] < 2.1 < always[1] < many[1] < few[1]
    assert score.interval(coverage=0.5)[1] < always[1]


def test_no_interval_reaches_beyond_the_score_of_the_truth():
    assert (
        Score(0.1, "rmse", Estimate(-0.1, -0.1, 9, (-0.5, 0.0, 0.5), 0.0), -1).interval()[0]
        == 0.0
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: one])
def test_a_score_survives_copies_pickle_and_json(copied):
    score = copied(pickle.loads(pickle.dumps(Score(2.0, "rmse", ESTIMATE, -1))))
    assert score == 2.0 and repr(score) == repr(Score(2.0, "rmse", ESTIMATE, -1))
    assert Estimate.restore(json.loads(json.dumps(ESTIMATE.state()))) == ESTIMATE


def test_where_nothing_is_known_nothing_is_claimed():
    score = Score(float("nan"))
    assert np.isnan([score.corrected, *score.interval()]).all() and score.baselines == {}
    unknown = Estimate(0.5, None, 10, (), 1.0)
    assert np.isnan(Score(0.5, "auc", unknown).interval()).all()
    assert repr(Score(0.5, "auc", unknown)) == "auc 0.5, cross-validated"
    perfect = Estimate(1.0, 0.999, 10, (0.0,) * 50, 1.0)  # which tells nothing of the spread
    assert np.isnan(Score(1.0, "auc", perfect).interval()).all()
    assert "interval" not in repr(Score(1.0, "auc", perfect))


def test_the_luck_of_folds_is_not_independent():
    # Two halves: 1 + 2 * (2 + 2) / (2 + 2) = 3, the square of the stretch.
    assert stretch_of(halves(4)) == pytest.approx(np.sqrt(3))
    # The same folds again and again tell no more of the rows, only of the splits.
    often = Folds(4 * halves(4).pairs, 4)
    assert stretch_of(often) == pytest.approx(np.sqrt(1 / 4 + 2))
    plain, stretched = (replace(ESTIMATE, stretch=s).interval(None, 0.9) for s in (1.0, 2.0))
    assert plain[1] - plain[0] == pytest.approx((stretched[1] - stretched[0]) / 2)


@pytest.mark.parametrize("rows", [0, -5])
def test_no_fresh_rows_have_no_score(rows):
    with pytest.raises(OptionError, match="how many fresh rows"):
        Score(2.0, "rmse", ESTIMATE, -1).interval(rows)


def halves(rows: int) -> Folds:
    even, odd = np.arange(0, rows, 2), np.arange(1, rows, 2)
    return Folds(((even, odd), (odd, even)), rows)


def test_the_prior_of_numbers_is_the_mean_of_the_other_folds():
    y = np.array([0.0, 1.0, 2.0, 5.0])  # means 1 and 3
    found = blind_baselines(
        Target(TaskKind.REGRESSION, y, 0), halves(4), RMSE, False, np.random.default_rng(0)
    )
    errors = [np.sqrt((0 + 16) / 2), np.sqrt((9 + 1) / 2)]
    assert found == {"prior": pytest.approx(-np.mean(errors))}


def test_labels_are_drawn_where_labels_count():
    y = (np.arange(4_000) % 10 == 0).astype(np.int32)
    accuracy = metric_for("accuracy", TaskKind.BINARY, np.arange(2))
    target, rng = Target(TaskKind.BINARY, y, 2), np.random.default_rng(0)
    folds = Folds(((np.arange(2_000), np.arange(2_000, 4_000)),), 4_000)
    found = blind_baselines(target, folds, accuracy, True, rng)
    assert found["prior"] == pytest.approx(0.9, abs=1e-9)
    assert found["uniform"] == pytest.approx(0.5, abs=0.05)
    assert found["shares"] == pytest.approx(0.82, abs=0.03)
    told = blind_baselines(target, folds, AUC, False, rng)
    assert told == {"prior": 0.5, "uniform": 0.5}


def test_a_resample_without_a_class_costs_that_resample_alone():
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(197) % 2, 2, 2, 2].astype(np.int32)  # often none of three is drawn
    members = rng.dirichlet(np.ones(3), (4, 200)) + np.eye(3)[y]
    members /= members.sum(axis=2, keepdims=True)
    target = Target(TaskKind.MULTICLASS, y, 3)
    metric = metric_for("roc_auc_ovo", target.kind, np.arange(3))
    assert len(deviations(members[0], target, metric, rng)) > 30
    luck = optimism(members, np.full(4, 0.25), target, metric, rng, resamples=20)
    assert luck is not None and np.isfinite(luck)
