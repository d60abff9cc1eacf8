"""Features made by formulas: values worked by hand, and awkward input."""

import numpy as np
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.errors import TreeError
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.metrics import roc_auc
from autopipe.operators.programs import WithFeatures
from autopipe.operators.programs_formulas import parse_formulas
from autopipe.roles import Role
from autopipe.seeds import Seeds
from autopipe.table import Table, Texts, place_columns
from autopipe.task import Target, TaskKind

DAY = 86_400.0


def table_of(**columns):
    """A table of numbers n*, keys k* and times t*, by their names."""
    role_of = {"n": Role.NUMERIC, "k": Role.CATEGORICAL, "t": Role.DATETIME, "s": Role.TEXT}
    roles = {name: role_of[name[0]] for name in columns}
    levels = {name: 9 for name in columns if name[0] == "k"}
    schema = place_columns(roles, levels, dict.fromkeys(columns, True), frozenset())
    rows = len(next(iter(columns.values())))

    def block(letter, kind):
        chosen = [values for name, values in columns.items() if name[0] == letter]
        return np.array(chosen, kind).T.reshape(rows, len(chosen))

    texts = tuple(Texts.of(values) for name, values in columns.items() if name[0] == "s")
    numbers, times = block("n", np.float32), block("t", np.float64)
    return Table(schema, numbers, times, block("k", np.int32), texts)


def fitted(formulas, table, y=None, seed=0):
    """The operator, and what it adds to the training rows."""
    y = np.arange(len(table)) % 2 if y is None else np.asarray(y)
    operator = WithFeatures(formulas=formulas)
    target = Target(TaskKind.BINARY, y.astype(np.int32), 2)
    return operator, added(operator.fit_transform(table, target, seed), table)


def added(extended, table):
    """The columns that were added, one after the other."""
    return extended.numbers[:, table.numbers.shape[1] :].T.tolist()


def made(formula, **columns):
    """The values of a feature for the rows it was fitted to."""
    return fitted(formula, table_of(**columns))[1][0]


def test_columns_are_added_under_the_text_of_their_formula():
    table = table_of(n0=[6.0], n1=[3.0])
    operator = WithFeatures(formulas="ratio(n0, n1), sum(n0, n1)")
    extended = operator.fit_transform(table, Target(TaskKind.BINARY, np.array([1]), 2), 0)
    names = [column.name for column in extended.schema.columns]
    assert names == ["n0", "n1", "ratio(n0, n1)", "sum(n0, n1)"]
    assert extended.numbers.tolist() == [[6.0, 3.0, 2.0, 9.0]]


def test_arithmetic_survives_zeros_and_negative_numbers_and_what_is_missing():
    columns = {"n0": [1.0, -6.0, 0.0, np.nan], "n1": [0.0, 3.0, 0.0, 1.0]}
    nan = np.nan
    np.testing.assert_equal(made("ratio(n0, n1)", **columns), [nan, -2.0, nan, nan])
    np.testing.assert_equal(made("product(n0, n1)", **columns), [0.0, -18.0, 0.0, nan])
    np.testing.assert_equal(made("difference(n0, n1)", **columns), [1.0, -9.0, 0.0, nan])
    np.testing.assert_allclose(
        made("log(n0)", **columns), [np.log(2), -np.log(7), 0.0, nan], rtol=1e-6
    )


@pytest.mark.parametrize("formula", ["product(n0, n0)", "ratio(n0, n1)", "sum(n0, n0)"])
def test_an_overflow_ends_at_a_finite_bound(formula):
    values = made(formula, n0=[3e38, -3e38], n1=[1e-30, 1e-30])
    assert np.isfinite(values).all()


def test_an_unseen_group_counts_nothing_and_has_the_mean_of_all_rows():
    table = table_of(n0=[1.0, 3.0, 8.0], k0=[0, 0, 1])
    operator, _ = fitted("count(k0), group_mean(n0, k0), group_rank(n0, k0)", table)
    new = table_of(n0=[4.0, 4.0], k0=[5, -1])
    count, mean, rank = added(operator.transform(new), new)
    assert count == [0.0, 0.0] and mean == [4.0, 4.0]
    assert rank[0] == rank[1] and 0.0 < rank[0] < 1.0


def test_a_group_mean_is_drawn_towards_that_of_all_rows():
    # Three rows of weight at the mean of all, 4: (1 + 3 + 3 * 4) / 5 and (8 + 3 * 4) / 4.
    means = made("group_mean(n0, k0)", n0=[1.0, 3.0, 8.0], k0=[0, 0, 1])
    np.testing.assert_allclose(means, [3.2, 3.2, 5.0], rtol=1e-6)


def test_a_constant_group_makes_a_constant_feature():
    values = made("group_rank(n0, k0)", n0=[2.0] * 6, k0=[0, 0, 0, 1, 1, 1])
    assert len(set(values)) == 1


def test_a_rank_rises_with_the_number_within_its_group():
    numbers = np.arange(40.0)
    ranks = np.array(made("group_rank(n0, k0)", n0=numbers, k0=(numbers < 20).astype(int)))
    assert (np.diff(ranks[:20]) >= 0).all() and (np.diff(ranks[20:]) >= 0).all()
    assert ranks[19] > ranks[20]


def test_the_target_mean_of_a_group_of_one_row_tells_nothing_of_its_target():
    rows = 200
    y = np.random.default_rng(0).integers(2, size=rows)
    values = fitted("target_mean(n0)", table_of(n0=np.arange(rows)), y)[1][0]
    assert np.corrcoef(values, y)[0, 1] < 0.05  # each is the mean of other rows


def test_the_target_mean_of_new_rows_is_that_of_all_training_rows():
    table = table_of(k0=[0] * 10 + [1] * 10)
    operator, _ = fitted("target_mean(k0)", table, [1] * 10 + [0] * 10)
    new = table_of(k0=[0, 1, 7])
    # Ten rows of weight at the mean of all, 0.5.
    np.testing.assert_allclose(added(operator.transform(new), new), [[0.75, 0.25, 0.5]])


def test_a_target_mean_may_be_that_of_a_later_class():
    y = np.array([0, 1, 2, 2], np.int32)
    table = table_of(k0=[0, 0, 1, 1])
    operator = WithFeatures(formulas="target_mean(k0, 2)")
    operator.fit_transform(table, Target(TaskKind.MULTICLASS, y, 3), 0)
    values = added(operator.transform(table), table)[0]
    assert values[0] < 0.5 < values[2]


def test_a_target_mean_of_a_class_that_there_is_not_is_refused():
    with pytest.raises(TreeError, match="wanted one of the 1 from 0 on"):
        fitted("target_mean(k0, 1)", table_of(k0=[0, 0, 1, 1]))


def test_a_cross_tells_pairs_apart():
    counts = made("count(cross(k0, k1))", k0=[0, 0, 1, 1, 0], k1=[0, 1, 0, 0, 0])
    assert counts == [2.0, 1.0, 2.0, 2.0, 2.0]


def test_a_number_serves_as_a_key_by_its_values():
    assert made("count(n0)", n0=[1.5, 2.0, 1.5, np.nan]) == [2.0, 1.0, 2.0, 1.0]


def test_what_learns_may_be_a_key():
    columns = {"n0": [1.0, 1.0, 3.0, 3.0, 8.0], "k0": [0, 0, 1, 1, 2]}
    assert made("count(count(k0))", **columns) == [4.0, 4.0, 4.0, 4.0, 1.0]
    assert made("count(group_mean(n0, k0))", **columns) == [2.0, 2.0, 2.0, 2.0, 1.0]
    table = table_of(**columns)
    formulas = "count(count(k0)), group_mean(n0, count(k0)), target_mean(count(k0)), count(k0)"
    operator, _ = fitted(formulas, table)
    restored = WithFeatures(formulas="").restore(operator.state())
    assert added(restored.transform(table), table) == added(operator.transform(table), table)


def test_dates_give_parts_and_cycles_and_the_days_between_them():
    times = {"t0": [0.0, 36 * 3600.0, np.nan], "t1": [DAY, 0.0, 0.0]}
    np.testing.assert_equal(made("part(t0, 'hour')", **times), [0.0, 12.0, np.nan])
    np.testing.assert_equal(made("part(t0, 'year')", **times), [1970.0, 1970.0, np.nan])
    np.testing.assert_equal(made("elapsed(t0, t1)", **times), [1.0, -1.5, np.nan])
    np.testing.assert_allclose(
        made("cycle_cosine(t0, 'hour')", **times), [1.0, -1.0, np.nan], atol=1e-6
    )
    np.testing.assert_allclose(
        made("cycle_sine(t0, 'hour')", **times), [0.0, 0.0, np.nan], atol=1e-6
    )


def test_texts_give_their_length_and_rows_what_they_miss():
    columns = {"s0": ["tea", ""], "n0": [np.nan, 1.0], "k0": [-1, 2], "t0": [np.nan, 0.0]}
    assert made("length(s0)", **columns) == [3.0, 0.0]
    assert made("missing_count()", **columns) == [3.0, 0.0]


EVERY = (
    "ratio(c0, c1), product(c0, c2), difference(c2, c0), sum(c0, c5), log(c1), count(c7), "
    "count(cross(c6, c7)), group_mean(c0, c7), group_rank(c1, c6), target_mean(c7), "
    "ratio(c0, group_mean(c0, cross(c6, c7))), target_mean(cross(c6, part(c8, 'month'))), "
    "part(c8, 'hour'), cycle_sine(c8, 'month'), elapsed(c8, c8), length(c9), missing_count(), "
    "count(c4), group_mean(c4, c3), group_rank(c4, c4), target_mean(c3)"
)


@pytest.mark.parametrize("kind", list(TaskKind))
def test_a_row_has_the_same_features_alone_and_in_company(kind):
    table, target = toy_table(kind)
    operator = WithFeatures(formulas=EVERY)
    operator.fit_transform(table, target, 0)
    whole = operator.transform(table).numbers
    alone = [operator.transform(table.take(np.array([row]))).numbers[0] for row in range(60)]
    np.testing.assert_array_equal(whole, np.stack(alone))


def test_columns_that_become_constant_or_missing_break_nothing():
    table, target = toy_table(TaskKind.BINARY)
    operator = WithFeatures(formulas=EVERY)
    operator.fit_transform(table, target, 0)
    for value in (np.nan, 0.0, 7.0):
        numbers = np.full_like(table.numbers, value)
        times = np.full_like(table.precise, value)
        codes = np.full_like(table.codes, -1 if np.isnan(value) else 0)
        new = Table(table.schema, numbers, times, codes, table.texts)
        assert not np.isinf(operator.transform(new).numbers).any()


FUNCTIONS_OF_ALL = [str(formula) for formula in parse_formulas(EVERY)]


@pytest.mark.parametrize("formula", FUNCTIONS_OF_ALL)
def test_no_feature_gives_a_target_of_noise_away(formula):
    """Held-out rows are predicted at chance: four standard deviations of luck are 0.1."""
    rows = 600
    rng = np.random.default_rng(0)
    table, _ = toy_table(TaskKind.BINARY, rows)
    target = Target(TaskKind.BINARY, rng.integers(2, size=rows).astype(np.int32), 2)
    tree = full(f"lightgbm(codes(with_features(table, {formula})), learning_rate=0.2)")
    folds = make_folds(target, 3, Seeds(0))
    fitted = crossfit(tree, table, target, folds, Seeds(0))
    assert abs(roc_auc(target, fitted.out_of_fold) - 0.5) < 0.1
