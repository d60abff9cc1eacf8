"""What a worker remembers of earlier trials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.execution.cache import Cache
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.seeds import Seeds
from autopipe.task import TaskKind


def test_a_value_is_made_once() -> None:
    cache, made = Cache(100), []
    for _ in range(3):
        assert cache.get("key", lambda: made.append(1) or len(made), lambda _: 1) == 1
    assert made == [1]


def test_the_least_recently_used_value_is_given_up() -> None:
    cache = Cache(2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda key=key: key, lambda _: 1)
    kept = [key for key in "abc" if cache.get(key, lambda: "new", lambda _: 9) == key]
    assert kept == ["a", "c"]


def test_a_value_that_is_too_large_is_not_kept() -> None:
    cache = Cache(10)
    cache.get("large", lambda: 1, lambda _: 11)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_no_more_is_kept_than_allowed(uses: list[tuple[int, int]]) -> None:
    cache, sizes = Cache(100), {}
    for key, size in uses:
        sizes.setdefault(key, size)
        assert cache.get(key, lambda key=key: key, lambda _, key=key: sizes[key]) == key
    assert cache._bytes == sum(size for _, size in cache._values.values()) <= 100


@pytest.mark.parametrize("threads", [1, 3])
def test_a_hit_changes_no_result(threads: int) -> None:
    table, target = toy_table(TaskKind.BINARY)
    folds = make_folds(target, 3, Seeds(0))
    trees = [
        "lightgbm(codes(table), learning_rate=0.2)",
        "lightgbm(codes(table), learning_rate=0.1, num_leaves=4)",
        "lightgbm(codes(table), learning_rate=0.2, max_bin=63)",
        "xgboost(impute(target_encoding(table)), learning_rate=0.2)",
        "logistic(standard_scaling(impute(target_encoding(table))))",
        "logistic(standard_scaling(impute(target_encoding(table))), C=0.1)",
    ]
    cache = Cache(10**9)
    for text in trees:
        alone = crossfit(full(text), table, target, folds, Seeds(1))
        shared = crossfit(
            full(text), table, target, folds, Seeds(1), fold_threads=threads, cache=cache
        )
        np.testing.assert_array_equal(alone.out_of_fold, shared.out_of_fold)
    assert len(cache) > 0
