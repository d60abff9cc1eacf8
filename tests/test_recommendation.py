"""Which trees are recommended, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from experiences import OTHER, STRONG, TWIN, WEAK, made_up

from autopipe.datasets.experience import joint_errors
from autopipe.datasets.recommendation import Subject, Trust, adapted, recommended, weights_of
from autopipe.datasets.synthetic import toy_table
from autopipe.task import TaskKind
from autopipe.tree import parse

EVERY = {text: parse(text) for text in (WEAK, OTHER, TWIN, STRONG)}
BY_GAIN = Trust(thrift=0.0)


def subject_like(one) -> Subject:
    return Subject(one.kind, one.metafeatures, (), one.has_categories, one.has_texts)


def order_of(experiences, seconds_of=lambda tree: 1.0, trust=BY_GAIN, trees=EVERY) -> list[str]:
    subject = subject_like(experiences[0])
    found = [replace(one, name=f"{one.name}{i}") for i in range(10) for one in experiences]
    return recommended(subject, found, trees, seconds_of, 10, trust)


@pytest.mark.parametrize("kind", TaskKind)
def test_joint_errors_give_the_square_error_of_any_average(kind):
    _, target = toy_table(kind, rows=200)
    rng = np.random.default_rng(0)
    predictions = rng.random((3, 200, target.outputs))
    weights = np.array([0.5, 0.3, 0.2])
    errors = joint_errors(predictions, target)
    average = np.tensordot(weights, predictions, axes=1)
    truth = np.eye(target.n_classes)[target.y] if target.n_classes else target.y[:, None]
    prior = np.square(truth - truth.mean(axis=0)).mean(axis=0).sum()
    wanted = np.square(average - truth).sum(axis=1).mean() / prior
    assert weights @ errors @ weights == pytest.approx(wanted, rel=1e-5)


def test_rows_that_were_never_held_out_do_not_count():
    _, target = toy_table(TaskKind.REGRESSION, rows=100)
    predictions = np.random.default_rng(0).random((2, 100, 1))
    predictions[:, 50:] = np.nan
    first = np.arange(50)
    assert joint_errors(predictions, target) == pytest.approx(
        joint_errors(predictions[:, first], target.take(first))
    )


def test_the_best_tree_comes_first_and_then_what_differs_from_it():
    order = order_of([made_up()])
    assert order[:2] == [STRONG, OTHER]


def test_a_dear_tree_waits_where_seconds_count():
    order = order_of(
        [made_up()],
        seconds_of=lambda tree: 1_000.0 if tree.op == "lightgbm" else 0.1,
        trust=Trust(thrift=1.0),
    )
    assert order[0] == OTHER


def test_no_tree_is_recommended_twice_and_none_that_adds_nothing():
    order = order_of([made_up(), made_up("others", seed=1)])
    assert len(order) == len(set(order))
    assert set(order_of([made_up()], trees={WEAK: EVERY[WEAK]})) == {WEAK}


def test_what_is_judged_before_is_not_recommended_and_neither_is_its_like_soon():
    one = made_up()
    found = [replace(one, name=f"{one.name}{i}") for i in range(10)]
    given = (subject_like(one), found, EVERY, lambda tree: 1.0, 10, BY_GAIN)
    order = recommended(*given, before=[STRONG, "a tree that nobody knows"])
    assert STRONG not in order
    assert order[0] == OTHER


def test_what_was_tried_on_few_data_sets_is_believed_less():
    many = [made_up(f"set{seed}", trees=(OTHER, WEAK), seed=seed) for seed in range(5)]
    order = order_of([*many, made_up("one", seed=9)], trust=replace(BY_GAIN, unknown=10.0))
    assert order[0] == OTHER


@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_few_data_sets_decide_nothing(count):
    one = made_up()
    found = [one] * count
    assert recommended(subject_like(one), found, EVERY, lambda tree: 1.0, 10, BY_GAIN) == []


def test_a_part_of_the_same_data_set_is_enough():
    one = made_up()
    subject = replace(subject_like(one), fingerprint=one.fingerprint)
    order = recommended(subject, [one], EVERY, lambda tree: 1.0, 10, BY_GAIN)
    assert order[0] == STRONG


def test_the_weights_are_shares_and_favour_what_is_alike():
    kinds = (TaskKind.REGRESSION, TaskKind.BINARY, TaskKind.REGRESSION)
    found = [made_up(f"set{i}", kind, rows=50 * 4**i) for i, kind in enumerate(kinds)]
    weights = weights_of(subject_like(found[0]), found, Trust(similarity=0.5))
    assert weights.sum() == pytest.approx(1.0)
    assert (weights > 0).all()
    assert weights.argmax() == 0
    assert weights.argmin() == 1


def test_a_table_that_is_like_no_other_has_weights_too():
    found = [made_up(f"set{rows}", rows=rows) for rows in (50, 200)]
    far = {name: 1e6 * value + 1e6 for name, value in found[0].metafeatures.items()}
    subject = replace(subject_like(found[0]), metafeatures=far)
    weights = weights_of(subject, found, Trust(similarity=1.0, nearness=0.01))
    assert weights.sum() == pytest.approx(1.0)


def test_without_similarity_all_data_sets_of_a_kind_count_the_same():
    found = [made_up(f"set{rows}", rows=rows) for rows in (50, 200, 1_000)]
    weights = weights_of(subject_like(found[0]), found, Trust(similarity=0.0))
    assert weights == pytest.approx(np.full(3, 1 / 3))


def test_a_part_of_the_same_data_set_counts_most():
    found = [made_up(f"set{rows}", rows=rows) for rows in (50, 200, 1_000)]
    one = replace(subject_like(found[0]), fingerprint=found[0].fingerprint)
    assert weights_of(one, found[:1] * 1 + [made_up("far", TaskKind.BINARY)], Trust())[0] > 0.7


@pytest.mark.parametrize(
    ("has_categories", "has_texts", "wanted"),
    [
        (True, True, "one_hot(text_prediction(table))"),
        (True, False, "one_hot(table)"),
        (False, True, "codes(text_prediction(table))"),
        (False, False, "codes(table)"),
    ],
)
def test_a_tree_is_adapted_to_the_columns_there_are(has_categories, has_texts, wanted):
    tree = parse("ridge(standard_scaling(impute(one_hot(text_prediction(table)))))")
    found = adapted(tree, has_categories, has_texts)
    assert str(found.at((0, 0, 0))) == wanted
