from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.model_selection import ShuffleSplit, TimeSeriesSplit
from strategies import LAW, seeds

from autopipe import folds
from autopipe.errors import OptionError
from autopipe.folds import Folds, default_count, holdout, make_folds
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind


def numbers(rows):
    return Target(TaskKind.REGRESSION, np.arange(rows, dtype=float), 0)


def coded(y):
    y = np.asarray(y, dtype=np.int32)
    return Target(TaskKind.MULTICLASS, y, int(y.max(initial=0)) + 1)


CODES = arrays(np.int32, st.integers(4, 60), elements=st.integers(0, 4))
TARGETS = st.integers(2, 60).map(numbers) | CODES.filter(
    lambda y: np.bincount(y).max() > 1
).map(coded)


@LAW
@given(target=TARGETS, count=st.integers(2, 9), seed=seeds())
def test_no_row_is_on_both_sides_of_a_fold(target, count, seed):
    for train, held_out in make_folds(target, count, Seeds(seed)).pairs:
        assert len(held_out) > 0
        assert np.array_equal(np.sort([*train, *held_out]), np.arange(len(target.y)))


@LAW
@given(target=TARGETS, count=st.integers(2, 9), seed=seeds())
def test_every_row_is_held_out_once_but_the_only_row_of_a_class(target, count, seed):
    _, code, size = np.unique(target.y, return_inverse=True, return_counts=True)
    is_alone = target.is_classification & (size[code] == 1)
    times = make_folds(target, count, Seeds(seed)).times_held_out
    assert np.array_equal(times, np.where(is_alone, 0, 1))


@LAW
@given(target=CODES.map(coded), count=st.integers(2, 9), seed=seeds())
def test_every_class_is_in_every_training_part(target, count, seed):
    for train, _ in make_folds(target, count, Seeds(seed)).pairs:
        assert set(target.y[train]) == set(target.y)


@LAW
@given(data=st.data(), target=TARGETS, count=st.integers(2, 9), seed=seeds())
def test_no_group_is_on_both_sides(data, target, count, seed):
    rows = len(target.y)
    drawn = data.draw(arrays(np.int64, rows, elements=st.integers(0, 6)))
    groups = np.append([0, 7], drawn)[:rows]
    folds = make_folds(replace(target, groups=groups), count, Seeds(seed))
    assert (folds.times_held_out == 1).all()
    for train, held_out in folds.pairs:
        assert len(train) and len(held_out)
        assert not set(groups[train]) & set(groups[held_out])


@LAW
@given(target=TARGETS, count=st.integers(2, 9), seed=seeds())
def test_the_same_seed_gives_the_same_folds(target, count, seed):
    one, other = (make_folds(target, count, Seeds(seed)) for _ in range(2))
    assert [held_out.tolist() for _, held_out in one.pairs] == [
        held_out.tolist() for _, held_out in other.pairs
    ]


def test_folds_of_a_numeric_target_each_see_its_whole_range():
    folds = make_folds(numbers(1_000), 5, Seeds(0))
    assert [np.mean(held_out) for _, held_out in folds.pairs] == pytest.approx(
        [499.5] * 5, abs=10
    )


def test_there_are_no_more_folds_than_rows_or_groups():
    assert len(make_folds(numbers(3), 8, Seeds(0))) == 3
    grouped = replace(numbers(9), groups=np.arange(9) % 4)
    assert len(make_folds(grouped, 8, Seeds(0))) == 4


def test_a_splitter_may_hold_rows_out_never_or_twice():
    folds = make_folds(numbers(20), ShuffleSplit(5, random_state=0), Seeds(0))
    assert folds.times_held_out.sum() == 5 * 2
    ordered = make_folds(numbers(20), TimeSeriesSplit(3), Seeds(0))
    assert ordered.times_held_out[:5].tolist() == [0] * 5


def test_a_splitter_is_shown_the_users_table_and_groups():
    class Splitter:
        def split(self, X, y, groups):
            seen.append((X, groups))
            yield [0, 1], [2]

    seen = []
    make_folds(numbers(3), Splitter(), Seeds(0), groups="the groups", X="the table")
    assert seen == [("the table", "the groups")]


@pytest.mark.parametrize(
    "pair",
    [
        ([0, 1, 2], [3]),
        (np.array([0, 1, 2], np.uint8), (3,)),
        ([True, True, True, False], np.array([False, False, False, True])),
    ],
)
def test_pairs_are_numbers_or_masks(pair):
    folds = make_folds(numbers(4), iter([pair]), Seeds(0))
    assert [part.tolist() for part in folds.pairs[0]] == [[0, 1, 2], [3]]


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1, "cv=1 with 4 rows: cross-validation needs two folds"),
        (True, "cv=True: give a number of folds"),
        ("five", "cv='five': give a number of folds"),
        (2.5, "cv=2.5: give a number"),
        ([], r"cv=\[\] gave no folds at all"),
        ([([0, 1],)], "a pair of row indices was wanted"),
        ([([0, 1], [2, 4])], "lie in 0 .. 3"),
        ([([0, 1], [-1])], "lie in 0 .. 3"),
        ([([0, 1], [0.5])], "a pair of row indices was wanted"),
        ([([0, 1], [True, False])], r"a mask of shape \(2,\) for 4 rows"),
        ([([0, 1], [1, 2])], "also trains on"),
        ([([0, 1], [])], "without held-out rows"),
        ([([], [1])], "without training rows"),
    ],
)
def test_what_is_no_cross_validation_is_refused(cv, message):
    with pytest.raises(OptionError, match=message):
        make_folds(numbers(4), cv, Seeds(0))


def test_one_group_cannot_be_split():
    with pytest.raises(OptionError, match="cv=5 with 1 groups"):
        make_folds(replace(numbers(4), groups=np.zeros(4, int)), 5, Seeds(0))


def test_classes_of_one_row_each_cannot_be_split():
    with pytest.raises(OptionError, match="Each of the 6 classes has a single row"):
        make_folds(coded(range(6)), 3, Seeds(0))


def test_rows_held_out_twice_are_averaged_and_rows_never_held_out_are_nan():
    pairs = (
        (np.array([0]), np.array([1, 2])),
        (np.array([0]), np.array([2, 3])),
    )
    parts = [np.array([[1.0], [2.0]]), np.array([[4.0], [5.0]])]
    averaged = Folds(pairs, rows=4).averaged(parts)
    np.testing.assert_array_equal(averaged, np.float32([[np.nan], [1.0], [3.0], [5.0]]))


def test_large_tables_and_short_budgets_get_fewer_folds():
    asked = ((1_000, 10), (20_000, 10), (50_000, 60), (50_000, 10), (1_000_000, 9_999))
    assert [default_count(rows, seconds) for rows, seconds in asked] == [8, 5, 5, 3, 3]


def test_tables_that_are_dear_to_fit_get_fewer_folds():
    assert [default_count(5_000, 60, fits) for fits in (1_000, 40, 2)] == [8, 5, 3]


def test_only_a_large_table_that_is_dear_to_fit_is_held_out_from_once():
    asked = ((500_000, 5.0), (500_000, 100.0), (50_000, 5.0))
    assert [default_count(rows, 60, fits) for rows, fits in asked] == [1, 3, 3]


def test_a_holdout_is_one_fold_with_the_shares_of_the_classes():
    target = coded([0] * 50 + [1] * 25)
    ((train, held_out),) = holdout(target, Seeds(0)).pairs
    assert np.bincount(target.y[held_out]).tolist() == [10, 5]
    assert np.array_equal(np.sort([*train, *held_out]), np.arange(75))


@LAW
@given(target=TARGETS, seed=seeds())
def test_smaller_shares_of_the_rows_are_part_of_larger_ones(target, seed):
    folds = make_folds(target, 3, Seeds(seed))
    thinned = [folds.thinned(target, share, Seeds(seed)) for share in (0.25, 0.5, 1.0)]
    for few, half, (train, held_out) in zip(*(part.pairs for part in thinned), strict=True):
        assert set(few[0]) <= set(half[0]) <= set(train)
        assert np.array_equal(few[1], held_out)
        assert len(half[0]) == -(-len(train) // 2)


def test_a_share_of_the_rows_keeps_the_shares_of_the_classes_and_rare_ones():
    target = coded([0] * 600 + [1] * 300 + [2] * 2)
    folds = Folds(((np.arange(902), np.arange(0)),), 902)
    ((train, _),) = folds.thinned(target, 0.1, Seeds(0)).pairs
    many, some, rare = np.bincount(target.y[train])
    assert abs(many - 2 * some) <= 2
    assert rare == 1


def test_folds_in_time_are_early_and_no_others_are():
    y, seeds = numbers(60), Seeds(0)
    order = np.random.default_rng(0).permutation(60)  # of rows that are not sorted by time
    turned = [(order[a], order[b]) for a, b in TimeSeriesSplit(4).split(order)]
    groups = np.minimum(np.arange(60) // 10, 2)  # of 10, 10 and 40 rows
    single = [(np.arange(40), np.arange(40, 60))]
    shuffled = [(order[:40], order[40:])]
    for cv in (TimeSeriesSplit(4), TimeSeriesSplit(4, max_train_size=12), turned, single):
        assert make_folds(y, cv, seeds).are_early
    for cv, of in ((5, None), (ShuffleSplit(5), None), (3, groups), (shuffled, None)):
        assert not make_folds(replace(y, groups=of), cv, seeds).are_early
    assert not holdout(y, seeds).are_early


def test_a_holdout_that_happens_to_be_the_last_rows_is_not_early():
    y, groups = numbers(60), np.arange(60) // 12
    drawn = [holdout(replace(y, groups=groups), Seeds(seed)) for seed in range(20)]
    last = [folds for folds in drawn if folds.pairs[0][1].min() == 48]
    assert last and not any(folds.are_early for folds in last)


def test_very_many_groups_are_dealt_out_evenly(monkeypatch):
    rng = np.random.default_rng(0)
    sizes = np.append(rng.integers(1, 9, 397), [150, 150, 150])
    groups = rng.permutation(np.repeat(np.arange(400), sizes))
    target = replace(coded((rng.random(len(groups)) < 0.1).astype(np.int32)), groups=groups)
    monkeypatch.setattr(folds, "_MOST_STRATIFIED", 300)
    parts = [held_out for _, held_out in make_folds(target, 5, Seeds(0)).pairs]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    assert sum(len(set(groups[part])) for part in parts) == 400
    counts, positives = zip(*((len(part), target.y[part].sum()) for part in parts), strict=True)
    assert max(counts) - min(counts) <= 0.02 * len(groups)
    assert max(positives) <= 1.4 * min(positives)
    other = [held_out for _, held_out in make_folds(target, 5, Seeds(1)).pairs]
    assert any(not np.array_equal(*pair) for pair in zip(parts, other, strict=True))
