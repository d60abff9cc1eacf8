"""Choosing after fitting: smaller and quicker models out of the one that was found."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from counted_runs import fitted, toy

from autopipe import AutoClassifier, load
from autopipe.deployment import milliseconds, reading_cost
from autopipe.ensembles.front import Cost, Evidence, Front, Point, best_within, points_of
from autopipe.ensembles.predictor import Member
from autopipe.errors import OptionError
from autopipe.task import Target, TaskKind
from autopipe.trial import Status

SCORES = {0: 0.8, 1: 0.7, 2: 0.5}


def points(overhead: float = 0.0) -> tuple[Point, ...]:
    return points_of(
        {0: 0.75, 1: 0.25},
        [2],
        4,
        lambda weights: sum(weight * SCORES[n] for n, weight in weights.items()) + len(weights),
        lambda weights, models: Cost(*[models * len(weights)] * 3),
        Cost(overhead, 0.0, 0.0),
    )


def test_no_point_but_the_whole_is_dominated() -> None:
    found = points()
    assert found[0].weights == {0: 0.75, 1: 0.25}
    for one in found[1:]:
        assert not any(other.dominates(one) for other in found)


def test_a_worse_member_that_is_no_cheaper_is_no_choice() -> None:
    assert all({0} <= set(point.weights) for point in points())


def test_the_best_within_limits_has_the_best_score_then_most_models() -> None:
    best = best_within(points(), 7.0, None)
    assert best is not None
    assert (len(best.weights), best.folds) == (2, 2)
    assert best_within(points(), None, 0.5) is None
    assert best_within(points(overhead=4.0), 6.5, None).folds == 1


def test_the_first_time_is_not_counted(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr("autopipe.deployment.time.perf_counter", lambda: now[0])
    seconds = iter([9.0, 0.002, 0.004, 0.003, 0.002, 0.004])

    def work() -> None:
        now[0] += next(seconds)

    assert milliseconds(work) == pytest.approx(3.0)


def test_what_takes_long_is_not_repeated() -> None:
    calls: list[int] = []
    milliseconds(lambda: calls.append(0), longest=0.0)
    assert len(calls) == 2


def test_other_tables_are_joined_once_to_time_a_row_and_once_for_a_batch() -> None:
    joined, coded = [], []

    def join(few: pd.DataFrame) -> pd.DataFrame:
        joined.append(len(few))
        return few.assign(b=2.0)

    reading_cost(lambda few: coded.append(list(few)), pd.DataFrame({"a": [1.0, 3.0]}), join)
    assert joined == [1, 1_000]
    assert len(coded) > 2 and coded[0] == coded[-1] == ["a", "b"]


@pytest.fixture(scope="module")
def model():
    return fitted(4, cv=4)


def test_the_whole_ensemble_is_on_the_front_and_chosen(model) -> None:
    front = model.front_
    assert front["is_chosen"].sum() == 1
    assert front["log_loss"].is_monotonic_increasing


def test_a_selection_predicts_with_fewer_models_and_can_be_taken_back(model) -> None:
    before = model.predict_proba(toy()[0])
    least = model.front_["megabytes"].min()
    model.select(max_size_mb=least)
    chosen = model.front_[model.front_["is_chosen"]]
    assert chosen["megabytes"].item() == least
    assert not np.array_equal(before, model.predict_proba(toy()[0]))
    assert model.leaderboard()["megabytes"].iloc[0] == pytest.approx(least)
    model.select()
    np.testing.assert_allclose(model.predict_proba(toy()[0]), before, atol=0.05)


def test_what_cannot_be_had_is_told(model) -> None:
    with pytest.raises(OptionError, match="The quickest takes"):
        model.select(max_latency_ms=1e-6)
    with pytest.raises(OptionError, match="positive"):
        model.select(max_size_mb=-1)


def test_a_saved_model_keeps_what_can_be_made_of_it(model, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert len(again.front_) >= 2
    again.select(max_size_mb=again.front_["megabytes"].min())
    assert again.front_["is_chosen"].sum() == 1


def test_a_light_member_with_few_models_is_still_there_after_it_was_selected() -> None:
    heavy, light = Member(0, 0.9, tuple(range(8))), Member(1, 0.1, (3, 4))
    whole, alone = ({0: 0.9, 1: 0.1}, {1: 1.0})
    points = tuple(Point(some, 8, 0.5, 1.0, 1.0, 1.0) for some in (whole, alone))
    nothing = Evidence({}, Target(TaskKind.REGRESSION, np.zeros(1), 0), np.zeros(1, int), 1)
    front = Front(points, {0: heavy, 1: light}, nothing)
    assert front.made_of([heavy, light]).points == points
    selected = front.chosen(points[1])
    assert [one.models for one in selected] == [(3, 4)]
    left = front.made_of(selected)
    assert left.points == points[1:] and left.whole == points[1]
    assert not front.made_of([Member(1, 1.0, (3,))]).points


def test_limits_hold_for_what_is_delivered_and_during_the_search(model) -> None:
    sizes = [trial.megabytes / 4 for trial in model._model.trials]
    limit = float(np.median(sizes))
    small = fitted(4, cv=4, max_size_mb=limit)
    statuses = [trial.status for trial in small._model.trials]
    assert Status.INFEASIBLE in statuses and Status.COMPLETE in statuses
    assert small.front_.query("is_chosen")["megabytes"].item() <= limit


@pytest.mark.parametrize("limit", ["max_size_mb", "max_latency_ms"])
def test_where_no_pipeline_keeps_the_limits_the_prior_is_the_model(limit: str) -> None:
    with pytest.warns(UserWarning, match="model takes"):
        model = fitted(2, **{limit: 1e-6})
    assert len(np.unique(model.predict_proba(toy()[0]), axis=0)) == 1


def test_under_limits_one_model_of_a_member_has_seen_all_rows(model) -> None:
    limit = 1.2 * min(trial.megabytes / 4 for trial in model._model.trials)
    small = fitted(4, cv=4, max_size_mb=limit)
    assert small.front_.query("is_chosen")["models"].item() == 1
    (one,) = small._model.predictor.members
    (same,) = small.select(max_size_mb=limit)._model.predictor.members
    assert same.models == one.models
    small.refit(*toy(), bag=False)
    (again,) = small._model.predictor.members
    table = small._model.coding.encode(toy()[0])
    np.testing.assert_allclose(one.models[0].predict(table), again.models[0].predict(table))


def test_without_limits_the_whole_ensemble_is_selected(model) -> None:
    def held() -> set[tuple[int, int]]:
        return {(one.number, len(one.models)) for one in model._model.predictor.members}

    model.select()
    whole = held()
    model.select(max_size_mb=model.front_["megabytes"].min())
    assert held() != whole
    model.select()
    assert held() == whole and len(whole) == model.front_["members"].max()


@pytest.fixture(scope="module")
def decided() -> AutoClassifier:
    """A model with a threshold, by a metric that needs one: the second class is rare."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(900, 3)), columns=["a", "b", "c"])
    y = (X["a"] + 0.5 * rng.normal(size=900) > 1.3).astype(int)
    arguments = {"executor": "inline", "knowledge": None, "cv": 3, "verbose": 0}
    learners = ["logistic", "extra_trees"]
    return AutoClassifier(
        **arguments, scoring="balanced_accuracy", max_trials=3, include=learners, random_state=0
    ).fit(X, y)


def test_to_select_what_is_held_changes_neither_its_score_nor_its_threshold(decided) -> None:
    before = (repr(decided.score_), decided.score_.interval(), decided.threshold_)
    decided.select()
    assert before == (repr(decided.score_), decided.score_.interval(), decided.threshold_)
    assert decided.threshold_ < 0.5


def test_the_front_tells_the_scores_of_what_its_points_would_predict(decided) -> None:
    front = decided.front_
    name = "balanced_accuracy"
    chosen = front[front["is_chosen"]]
    assert chosen[name].item() == decided.score_
    least = front["megabytes"].min()
    small = pickle.loads(pickle.dumps(decided)).select(max_size_mb=least)
    (member,) = small._model.predictor.members
    assert small.score_ == pytest.approx(front.loc[front["megabytes"].idxmin(), name])
    assert small.front_.query("is_chosen")[name].item() == small.score_
    undecided = small._model.trials[member.number].score
    assert small.threshold_ < 0.5 and small.score_ > undecided + 0.03
    low, high = small.score_.interval()
    assert low < small.score_.corrected < high


def test_the_best_within_limits_is_judged_with_its_own_threshold(decided) -> None:
    model = pickle.loads(pickle.dumps(decided))
    alone = [one for one in model._model.front.points if len(one.weights) == 1]
    points = tuple(
        replace(point, score=0.9 - 0.1 * place, judged=0.7 + 0.1 * place, megabytes=1.0)
        for place, point in enumerate(alone[-1:] + alone[:1])
    )
    assert points[0].weights != points[1].weights
    model._model = replace(model._model, front=replace(model._model.front, points=points))
    model.select(max_size_mb=1.0)
    assert {one.number for one in model._model.predictor.members} == set(points[1].weights)


def test_limits_of_a_fit_choose_by_what_will_be_predicted(monkeypatch) -> None:
    def turned(front, *_, **__):
        points = tuple(replace(point, judged=-point.score) for point in front.points)
        return replace(front, points=points)

    monkeypatch.setattr("autopipe.run.judged_front", turned)
    model = fitted(4, cv=4, max_size_mb=1e3)._model
    worst = min(model.front.points, key=lambda point: point.score)
    assert {one.number for one in model.predictor.members} == set(worst.weights)


def test_the_metric_need_not_be_there_to_look_at_the_front(decided) -> None:
    model = pickle.loads(pickle.dumps(decided)).set_params(scoring="accuracy")
    assert model.front_.query("is_chosen")["balanced_accuracy"].item() == model.score_


def test_all_rows_that_a_threshold_is_chosen_on_are_kept_for_another_choice() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3_000, 2)), rng.integers(2, size=3_000)
    model = AutoClassifier(
        executor="inline", knowledge=None, max_trials=1, cv=2, verbose=0, include=["logistic"]
    ).fit(X, y)
    assert len(model._model.front.evidence.folds) == 3_000


def test_where_limits_left_the_prior_another_model_can_be_selected(monkeypatch) -> None:
    monkeypatch.setattr("autopipe.run.best_within", lambda *_: None)
    with pytest.warns(UserWarning, match="No pipeline keeps within"):
        model = fitted(2, max_size_mb=1e3)
    assert np.isnan(model.score_) and not model.front_["is_chosen"].any()
    told = model.front_["log_loss"].to_numpy()
    model.select()
    assert model.score_ in told and model.score_.corrected >= model.score_
    assert "prior" in model.score_.baselines
    assert model.front_["is_chosen"].sum() == 1


def test_a_file_of_the_prior_tells_that_there_is_nothing_to_select(
    monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("autopipe.run.best_within", lambda *_: None)
    with pytest.warns(UserWarning, match="No pipeline keeps within"):
        fitted(2, max_size_mb=1e3).save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.front_.empty
    for limits in ({}, {"max_latency_ms": 50.0}):
        with pytest.raises(OptionError, match="no model keeps within these"):
            again.select(**limits)
