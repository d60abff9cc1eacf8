"""The kernel machine against leaving rows out by hand, and what it makes of columns."""

import time

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from autopipe.matrix import Matrix
from autopipe.operators import kernels
from autopipe.operators.declaration import Limits
from autopipe.operators.kernels import KernelMachine
from autopipe.task import Target, TaskKind

RNG = np.random.default_rng(0)
ROWS = np.arange(80)
VALUES = RNG.normal(size=(80, 4))
SIGNAL = np.sin(2.0 * VALUES[:, 0]) + VALUES[:, 1] + 0.1 * RNG.normal(size=80)
WEIGHTS = RNG.uniform(0.5, 2.0, size=80)
MATRIX = Matrix(VALUES, (0,) * 4, ("c0", "c1", "c2", "c3"))
NUMBERS = Target(TaskKind.REGRESSION, SIGNAL, 0)


def fitted(target, kernel="laplace", refinements=2, limits=None):
    learner = KernelMachine(kernel=kernel, refinements=refinements)
    limits = limits or Limits()
    learner.fit(learner.prepare(MATRIX, target, limits), ROWS[:60], ROWS[60:], 0, limits)
    return learner


@pytest.mark.parametrize(("kernel", "theirs"), [("gaussian", "rbf"), ("laplace", "laplacian")])
def test_the_residual_of_a_row_left_out_is_that_of_a_fit_without_it(
    kernel, theirs, monkeypatch
):
    monkeypatch.setattr(kernels, "_RIDGES", (0.1,))
    X = VALUES[:, :1]  # in one column both libraries mean the same by a distance
    learner = KernelMachine(kernel=kernel, refinements=0)
    target = Target(TaskKind.REGRESSION, SIGNAL, 0, WEIGHTS / WEIGHTS.mean())
    part = kernels._Part.of(X, target, ROWS)
    solved = learner._solved(X, part, (1.0,))
    others = np.arange(1, 80)
    ridge = KernelRidge(alpha=0.1, kernel=theirs, gamma=1.0)
    ridge.fit(X[others], part.outcomes[others, 0], part.weights[others])
    assert solved.left_out[0, 0] == pytest.approx(ridge.predict(X[:1])[0])


def test_a_smooth_function_is_found():
    predictions = fitted(NUMBERS, "gaussian").predict(MATRIX)[60:, 0]
    assert np.corrcoef(predictions, SIGNAL[60:])[0, 1] > 0.95


@pytest.mark.parametrize("kernel", ["laplace", "gaussian"])
def test_columns_without_a_say_fade(kernel):
    relevance = fitted(NUMBERS, kernel).state()["relevance"]
    assert relevance[:2].min() > 3.0 * relevance[2:].max()


def test_without_refinement_all_columns_count_the_same():
    assert fitted(NUMBERS, refinements=0).state()["relevance"].tolist() == [1.0] * 4


def test_a_large_offset_of_the_target_costs_no_digits():
    plain = fitted(NUMBERS).predict(MATRIX)
    shifted = fitted(Target(TaskKind.REGRESSION, 1e6 * SIGNAL - 1e9, 0)).predict(MATRIX)
    np.testing.assert_allclose((shifted + 1e9) / 1e6, plain, atol=1e-5)


def test_a_constant_target_is_predicted():
    constant = Target(TaskKind.REGRESSION, np.full(80, 3.5), 0)
    assert fitted(constant).predict(MATRIX).ravel().tolist() == [3.5] * 80


def test_the_relevance_of_many_rows_is_found_on_a_sample_of_them(monkeypatch):
    monkeypatch.setattr(kernels, "_SAMPLE", 30)
    learner = fitted(NUMBERS)
    assert len(learner.state()["rows"]) == 60
    assert learner.state()["relevance"][:2].min() > learner.state()["relevance"][2:].max()


def test_a_machine_with_no_time_for_all_rows_keeps_the_sample(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(kernels, "_SAMPLE", 30)
    learner = fitted(NUMBERS, limits=Limits(deadline=12.0))
    assert learner.is_truncated
    assert len(learner.state()["rows"]) == 30


def test_many_new_rows_are_predicted_in_parts(monkeypatch):
    learner = fitted(NUMBERS)
    whole = learner.predict(MATRIX)
    monkeypatch.setattr(kernels, "_CHUNK", 600)
    np.testing.assert_allclose(learner.predict(MATRIX), whole)


def test_a_late_machine_is_refined_no_further(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    learner = fitted(NUMBERS, limits=Limits(deadline=2.0))
    assert learner.is_truncated
    assert learner.state()["relevance"].tolist() == [1.0] * 4
