"""What a trial is given, and what is not worth starting."""

from __future__ import annotations

import numpy as np
import pytest
from trees import full

from autopipe.clock import Clock
from autopipe.execution.cost_model import CostModel
from autopipe.execution.pacing import Pace, Terms
from autopipe.folds import Folds
from autopipe.operators.cost import Shape

TREE = full("lightgbm(codes(table), learning_rate=0.1)")


def pace_of(rows: int, budget: float | None, **options) -> Pace:
    rows_of = np.arange(rows)
    folds = Folds(((rows_of[rows // 10 :], rows_of[: rows // 10]),), rows)
    clock = Clock(budget, lambda: 0.0)
    costs = CostModel(Shape(rows, 30), folds)
    return Pace(costs, clock, search_end=options.pop("search_end", clock.end), **options)


@pytest.mark.parametrize("is_first", [True, False])
def test_without_a_clock_every_trial_has_all_rows_and_no_end(is_first):
    assert pace_of(10**7, None).terms(TREE, is_first) == Terms(float("inf"), 1.0)


def test_a_small_table_is_never_thinned():
    for budget in (1.0, 10.0, 100.0):
        terms = pace_of(5_000, budget).terms(TREE, is_first=True)
        assert terms.train_share == 1.0


def test_a_shorter_budget_gives_no_more_rows():
    shares = [pace_of(10**6, s).terms(TREE, is_first=True).train_share for s in (1e4, 200, 30)]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 1.0


def test_the_first_trial_has_less_time_than_the_others():
    pace = pace_of(1_000, 20.0)
    assert pace.terms(TREE, is_first=True).seconds < pace.terms(TREE, is_first=False).seconds


def test_what_cannot_end_in_time_is_declined_unless_there_is_no_model():
    pace, slow = pace_of(10**6, 30.0), full("catboost(codes(table))")
    assert pace.terms(slow, is_first=False) is None
    assert pace.terms(slow, is_first=True).train_share == 1 / 64


def test_what_is_hopeless_is_declined_even_as_the_first():
    assert pace_of(10**7, 1.0).terms(TREE, is_first=True) is None


def test_a_lesser_share_is_taken_where_the_end_is_near():
    early, late = (pace_of(10**6, 600.0, search_end=end) for end in (600.0, 5.0))
    assert early.terms(TREE, False).train_share > late.terms(TREE, False).train_share


def test_what_has_no_room_in_memory_is_thinned_or_declined():
    half = pace_of(10**6, 600.0).costs.predict(TREE, 0.5).megabytes
    tight = pace_of(10**6, 600.0, max_megabytes=half)
    assert tight.terms(TREE, is_first=False).train_share == 0.5
    assert pace_of(10**6, 600.0, max_megabytes=1.0).terms(TREE, is_first=False) is None


def test_one_of_many_workers_has_more_of_the_clock():
    alone, beside = (pace_of(1_000, 100.0, cores_share=share) for share in (1.0, 0.5))
    assert alone.terms(TREE, False).seconds < beside.terms(TREE, False).seconds
