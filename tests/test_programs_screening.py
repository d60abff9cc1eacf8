"""The screen of features: what it finds, and that it finds nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.metrics import roc_auc
from autopipe.operators import programs_screening
from autopipe.operators.programs import Synthesized
from autopipe.operators.programs_screening import screened
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.table import Table, place_columns
from autopipe.task import Target, TaskKind

ROWS = 1_000
RNG = np.random.default_rng(0)
NUMBERS = RNG.uniform(1.0, 9.0, (ROWS, 3))
CODES = RNG.integers(6, size=(ROWS, 3))


def table_of(numbers, codes):
    roles = {f"c{i}": Role.NUMERIC for i in range(numbers.shape[1])}
    roles |= {f"k{i}": Role.CATEGORICAL for i in range(codes.shape[1])}
    levels = {name: 6 for name in roles if name[0] == "k"}
    schema = place_columns(roles, levels, dict.fromkeys(roles, False), frozenset())
    times = np.empty((len(numbers), 0))
    return Table(schema, np.asfortranarray(numbers, np.float32), times, codes.astype(np.int32))


TABLE = table_of(NUMBERS, CODES)


def numbers_to_predict(y):
    noise = 0.1 * np.random.default_rng(1).normal(size=ROWS) * np.std(y)
    return Target(TaskKind.REGRESSION, y + noise, 0)


@pytest.mark.parametrize(
    ("y", "formulas"),
    [
        (NUMBERS[:, 0] / NUMBERS[:, 1], {"ratio(c0, c1)", "ratio(c1, c0)"}),
        (np.sin(3 * (NUMBERS[:, 0] - NUMBERS[:, 2])), {"difference(c0, c2)"}),
        (RNG.normal(size=36)[6 * CODES[:, 0] + CODES[:, 1]], {"target_mean(cross(k0, k1))"}),
    ],
)
def test_what_the_target_was_made_of_is_found_first(y, formulas):
    best = screened(TABLE, numbers_to_predict(y), 0, most=5, least=2.0)[0]
    assert str(best.formula) in formulas


def test_the_best_come_first_and_no_two_say_the_same():
    y = NUMBERS[:, 0] * NUMBERS[:, 1] + NUMBERS[:, 1] - NUMBERS[:, 2]
    kept = screened(TABLE, numbers_to_predict(y), 0, most=9, least=1.0)
    assert [one.excess for one in kept] == sorted((one.excess for one in kept), reverse=True)
    names = {str(one.formula) for one in kept}
    assert len(names) == len(kept) and not {"product(c0, c1)", "product(c1, c0)"} <= names


def test_columns_that_tell_of_heavy_rows_are_promising(monkeypatch):
    monkeypatch.setattr(programs_screening, "MOST_COLUMNS", 2)
    is_heavy = np.arange(ROWS) < 500
    product = NUMBERS[:, 0] * NUMBERS[:, 1]
    y = np.where(is_heavy, product, 27.0 * (CODES[:, 0] > 2))
    heavy = replace(numbers_to_predict(y), weights=np.where(is_heavy, 100.0, 1.0))
    best = screened(TABLE, heavy, 0, most=1, least=2.0)[0]
    assert str(best.formula) == "product(c0, c1)"


def test_a_number_of_its_own_is_worth_no_feature():
    kept = screened(TABLE, numbers_to_predict(NUMBERS[:, 0]), 0, most=9, least=4.0)
    assert len(kept) <= 1


@pytest.mark.parametrize("kind", list(TaskKind))
def test_in_noise_nothing_is_found_that_is_far_beyond_luck(kind):
    classes = {TaskKind.BINARY: 2, TaskKind.MULTICLASS: 3, TaskKind.REGRESSION: 0}[kind]
    rng = np.random.default_rng(2)
    y = rng.integers(classes, size=ROWS) if classes else rng.normal(size=ROWS)
    assert not screened(TABLE, Target(kind, y, classes), 0, most=9, least=6.0)


@pytest.mark.parametrize("seed", range(3))
def test_screened_features_leave_a_target_of_noise_at_chance(seed):
    y = np.random.default_rng(seed).integers(2, size=ROWS).astype(np.int32)
    target = Target(TaskKind.BINARY, y, 2)
    tree = full("lightgbm(codes(synthesized(table, least=1.0)), learning_rate=0.2)")
    fitted = crossfit(tree, TABLE, target, make_folds(target, 3, Seeds(seed)), Seeds(seed))
    assert abs(roc_auc(target, fitted.out_of_fold) - 0.5) < 0.08  # four standard deviations


def test_no_more_features_are_added_than_growth_allows():
    y = NUMBERS[:, 0] * NUMBERS[:, 1] / NUMBERS[:, 2]
    screen = Synthesized(growth=0.5, least=1.0)
    extended = screen.fit_transform(TABLE, numbers_to_predict(y), 0)
    assert len(extended.schema.columns) == 6 + 3 == 6 + len(screen.formulas)


def test_a_restored_screen_keeps_its_formulas_and_what_they_learned():
    y = NUMBERS[:, 0] / NUMBERS[:, 1]
    screen = Synthesized(growth=1.0, least=1.0)
    screen.fit_transform(TABLE, numbers_to_predict(y), 0)
    restored = Synthesized(growth=1.0, least=1.0).restore(screen.state())
    assert restored.formulas == screen.formulas
    new, again = screen.transform(TABLE), restored.transform(TABLE)
    np.testing.assert_array_equal(new.numbers, again.numbers)


def test_of_a_thousand_numbers_the_ones_that_matter_are_found():
    rng = np.random.default_rng(3)
    numbers = rng.uniform(1.0, 9.0, (400, 1_000))
    table = table_of(numbers, np.empty((400, 0)))
    y = 3 * np.log(numbers[:, 700] / numbers[:, 900]) + 0.1 * rng.normal(size=400)
    best = screened(table, Target(TaskKind.REGRESSION, y, 0), 0, most=5, least=2.0)[0]
    assert str(best.formula) in ("ratio(c700, c900)", "ratio(c900, c700)")


@pytest.mark.parametrize("below", ["text_topics(table)", "with_features(table, log(c0))"])
def test_a_screen_may_stand_on_columns_that_were_added(below):
    table, target = toy_table(TaskKind.BINARY, 200)
    tree = full(f"lightgbm(codes(synthesized({below}, least=1.0)), learning_rate=0.2)")
    fitted = crossfit(tree, table, target, make_folds(target, 2, Seeds(0)), Seeds(0))
    assert np.isfinite(fitted.out_of_fold).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_very_few_rows_are_enough_to_be_screened(rows):
    table, target = toy_table(TaskKind.BINARY, 60)
    some = np.arange(rows)
    extended = Synthesized(growth=2.0, least=1.0).fit_transform(
        table.take(some), target.take(some), 0
    )
    assert len(extended) == rows
