"""Selection and projection: which columns are left, and which are new."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from autopipe.matrix import Matrix
from autopipe.operators.projection import PrincipalComponents
from autopipe.operators.selection import UnivariateSelection
from autopipe.task import Target, TaskKind

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=200)
CONSTANT, NOISE = np.full(200, 7.0), RNG.normal(size=(2, 200))
# The second column says nothing to a straight line, the fifth all that the first does.
COLUMNS = np.column_stack([SIGNAL, np.abs(SIGNAL), CONSTANT, NOISE[0], SIGNAL > 0, NOISE[1]])
MATRIX = Matrix(
    COLUMNS.astype(np.float32), (0, 0, 0, 0, 2, 0), tuple(f"c{index}" for index in range(6))
)
NUMBERS = Target(TaskKind.REGRESSION, SIGNAL, 0)
CLASSES = Target(TaskKind.BINARY, (SIGNAL > 0).astype(np.int32), 2)
SELECTIONS = [
    UnivariateSelection(share=0.4, score="f"),
    UnivariateSelection(share=0.4, score="information"),
]


@pytest.mark.parametrize("target", [NUMBERS, CLASSES], ids=lambda target: target.kind)
@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda each: each.score)
def test_columns_that_tell_the_target_are_left_in_their_order(selection, target):
    chosen = selection.fit_transform(MATRIX, target, seed=0)
    assert set(chosen.names) <= {"c0", "c1", "c4"}
    assert chosen.names == tuple(sorted(chosen.names))
    assert len(chosen.names) == 2


def test_categories_stay_categories():
    chosen = SELECTIONS[0].fit_transform(MATRIX, CLASSES, seed=0)
    assert chosen.levels == tuple(2 * (name == "c4") for name in chosen.names)


def test_information_sees_what_a_straight_line_does_not():
    bent = Target(TaskKind.REGRESSION, SIGNAL**2, 0)
    pair = Matrix(MATRIX.values[:, [0, 3]], (0, 0), ("bent", "noise"))
    chosen = UnivariateSelection(share=0.5, score="information").fit_transform(pair, bent, 0)
    assert chosen.names == ("bent",)


PAIR = np.random.default_rng(1).normal(size=(600, 2))
IS_HEAVY = np.arange(600) < 200
TOLD = np.where(IS_HEAVY, PAIR[:, 0], PAIR[:, 1])  # by one column or by the other


@pytest.mark.parametrize(
    "target",
    [
        Target(TaskKind.REGRESSION, TOLD, 0),
        Target(TaskKind.BINARY, (TOLD > 0).astype(np.int32), 2),
    ],
    ids=lambda target: target.kind,
)
@pytest.mark.parametrize("score", ["f", "information"])
def test_the_column_that_tells_of_heavy_rows_is_left(score, target):
    selection = UnivariateSelection(share=0.5, score=score)
    pair = Matrix(PAIR, (0, 0), ("of heavy rows", "of light rows"))
    assert selection.fit_transform(pair, target, 0).names == ("of light rows",)
    weighted = replace(target, weights=np.where(IS_HEAVY, 30.0, 1.0))
    assert selection.fit_transform(pair, weighted, 0).names == ("of heavy rows",)


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda each: each.score)
def test_one_row_of_all_the_weight_is_not_all_that_columns_are_judged_by(selection):
    weights = np.where(np.arange(200) == 0, 1e9, 1.0)
    chosen = selection.fit_transform(MATRIX, replace(NUMBERS, weights=weights), 0)
    assert set(chosen.names) <= {"c0", "c1", "c4"} and len(chosen.names) == 2


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda each: each.score)
def test_one_column_is_left_where_all_are_constant(selection):
    matrix = Matrix(np.ones((200, 3), np.float32), (0, 0, 0), ("c0", "c1", "c2"))
    assert selection.fit_transform(matrix, NUMBERS, seed=0).names == ("c0",)


@pytest.mark.parametrize("whiten", [False, True])
def test_directions_are_those_of_scikit_learn(whiten):
    numbers = Matrix(RNG.normal(size=(200, 4)), (0,) * 4, ("a", "b", "c", "d"))
    ours = PrincipalComponents(variance=0.8, whiten=whiten, append=False)
    theirs = PCA(0.8, svd_solver="full", whiten=whiten).fit_transform(numbers.values)
    turned = ours.fit_transform(numbers, NUMBERS, seed=0)
    np.testing.assert_allclose(turned.values, theirs, atol=1e-5)


def test_appended_directions_stand_beside_the_columns():
    projection = PrincipalComponents(variance=0.5, whiten=False, append=True)
    turned = projection.fit_transform(MATRIX, NUMBERS, seed=0)
    assert turned.names[:7] == (*MATRIX.names, "direction 0")
    np.testing.assert_array_equal(turned.values[:, :6], MATRIX.values)


def test_constant_columns_have_one_direction_of_zeros():
    matrix = Matrix(np.ones((5, 2), np.float32), (0, 0), ("c0", "c1"))
    projection = PrincipalComponents(variance=0.9, whiten=True, append=False)
    assert projection.fit_transform(matrix, NUMBERS, seed=0).values.tolist() == [[0.0]] * 5
