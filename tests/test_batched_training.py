"""Networks of several folds trained as one program are those of trainings alone."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from autopipe.operators import batched_training
from autopipe.operators.declaration import Limits
from autopipe.operators.layers import Network, NumpyOps
from autopipe.operators.recipes import FoldData, Recipe, Rows, flat_then_falling, waves

torch = pytest.importorskip("torch")

NETWORK = Network(
    numeric=3,
    flags=1,
    slots=(4, 14),
    outputs=3,
    width=16,
    layers=2,
    activation="selu",
    embedding="periodic",
    waves=4,
    embedding_size=2,
    sigma=0.5,
    members=2,
)
RECIPE = Recipe(
    epochs=10, batch=24, learning_rate=0.05, weight_decay=0.02, dropout=0.2, patience=1.0
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows_of(count, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, 4)).astype(np.float32)
    slots = np.column_stack([rng.integers(4, size=count), rng.integers(14, size=count)])
    y = (numbers[:, 0] > 0).astype(np.int32) + (slots[:, 0] > 1)
    return Rows(numbers, slots, y, rng.uniform(0.5, 1.5, count))


def fold(seed, rows=72, network=NETWORK):
    initial = network.initial(np.random.default_rng(seed), np.zeros(3))
    return FoldData(rows_of(rows, seed), rows_of(30, seed + 100), initial, seed)


FOLDS = [fold(0), fold(1, rows=71), fold(2, rows=70)]  # three steps an epoch each


def train(folds, recipes=RECIPE, limits=None, precision="float64"):
    recipes = recipes if isinstance(recipes, list) else [recipes] * len(folds)
    return batched_training.train(NETWORK, recipes, folds, limits or Limits(), "cpu", precision)


def assert_close(one, other, most=1e-6):
    assert one.epoch == other.epoch
    for name, weight in one.weights.items():
        assert np.allclose(weight, other.weights[name], rtol=0.0, atol=most), name


def log_loss(trained, rows):
    weights = {name: weight[None] for name, weight in trained.weights.items()}
    outputs = NETWORK.forward(NumpyOps(), weights, rows.numbers[None], rows.slots[None])[0]
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    true = shares.mean(axis=0)[np.arange(len(rows)), rows.y]
    return np.average(-np.log(true), weights=rows.weights)


def ticking(monkeypatch, ticks):
    """A clock that is past the deadline of 1 after so many looks."""
    seconds = iter(np.arange(1000) / ticks)
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(batched_training, "time", clock)


def test_folds_trained_together_are_folds_trained_alone():
    for each, together in zip(FOLDS, train(FOLDS), strict=True):
        assert_close(together, train([each])[0])


def test_a_fold_does_not_see_the_rows_of_another():
    other = replace(FOLDS[1], train=rows_of(71, seed=7), valid=rows_of(30, seed=8))
    assert_close(train(FOLDS)[0], train([FOLDS[0], other, FOLDS[2]])[0], most=0.0)


def test_a_fold_that_rests_does_not_depend_on_those_that_go_on():
    recipe = replace(RECIPE, learning_rate=0.3, patience=0.1)
    for each, together in zip(FOLDS, train(FOLDS, recipe), strict=True):
        assert_close(together, train([each], recipe)[0])


def test_configurations_trained_together_are_those_trained_alone():
    other = replace(RECIPE, learning_rate=0.2, weight_decay=0.1, dropout=0.4, patience=0.2)
    recipes = [RECIPE, RECIPE, other, replace(other, dropout=0.0)]
    folds = [*FOLDS[:2], *FOLDS[:2]]
    for data, recipe, together in zip(folds, recipes, train(folds, recipes), strict=True):
        assert_close(together, train([data], recipe)[0])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_weights(precision):
    first, second = (train(FOLDS[:1], precision=precision)[0] for _ in range(2))
    assert_close(first, second, most=0.0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_shorter_numbers_learn_as_well(precision):
    exact, short = train(FOLDS)[0], train(FOLDS, precision=precision)[0]
    assert exact.loss < 0.95 * np.log(3)
    assert short.loss == pytest.approx(exact.loss, rel=0.1)


def test_the_weights_are_those_of_the_best_epoch():
    trained = train(FOLDS, replace(RECIPE, learning_rate=0.3, epochs=20))
    assert min(each.epoch for each in trained) < 20
    for each, data in zip(trained, FOLDS, strict=True):
        assert log_loss(each, data.valid) == pytest.approx(each.loss)


def test_a_device_draws_for_every_fold_by_its_own_seed():
    training = batched_training._Training(NETWORK, [RECIPE] * 3, FOLDS, "cpu", "float32")
    training._device_rngs = [torch.Generator().manual_seed(seed) for seed in (0, 1, 0)]
    noise = training._noise([np.arange(24)] * 3, np.arange(3))
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])


def test_weights_of_rows_are_heeded():
    weights = np.where(FOLDS[0].train.y == 2, 5.0, 0.5)
    heavy = replace(FOLDS[0], train=replace(FOLDS[0].train, weights=weights))
    plain, drawn = (train([each])[0].weights["bias_head"] for each in (FOLDS[0], heavy))
    assert (drawn - drawn.mean(axis=2, keepdims=True))[..., 2].mean() > (
        plain - plain.mean(axis=2, keepdims=True)
    )[..., 2].mean()


def test_a_deadline_in_the_middle_gives_the_best_so_far(monkeypatch):
    ticking(monkeypatch, ticks=24)
    trained = train(FOLDS, limits=Limits(deadline=1.0))
    for each, data in zip(trained, FOLDS, strict=True):
        assert each.is_late and 1 <= each.epoch < RECIPE.epochs
        assert log_loss(each, data.valid) == pytest.approx(each.loss)
        assert not np.array_equal(each.weights["bias_head"], data.initial["bias_head"])


def test_a_deadline_that_is_far_changes_nothing(monkeypatch):
    expected = train(FOLDS)
    ticking(monkeypatch, ticks=500)
    for one, other in zip(expected, train(FOLDS, limits=Limits(deadline=1.0)), strict=True):
        assert not other.is_late
        assert_close(one, other, most=0.0)


def test_a_slow_start_changes_nothing(monkeypatch):
    expected = train(FOLDS)
    seconds = iter([0.0, *np.linspace(0.04, 0.9, 1000)])
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(batched_training, "time", clock)
    for one, other in zip(expected, train(FOLDS, limits=Limits(deadline=1.0)), strict=True):
        assert not other.is_late
        assert_close(one, other, most=0.0)


def test_the_schedule_ends_at_rest():
    progress = np.linspace(0.0, 1.0, 50)
    rates = [waves(each) for each in progress]
    assert rates[0] == rates[-1] == pytest.approx(0.0)
    assert max(rates) <= 1.0
    assert flat_then_falling(1.0) == pytest.approx(0.0)


def test_a_deadline_that_has_passed_leaves_one_step():
    trained = train(FOLDS, limits=Limits(deadline=-1.0))
    assert all(each.is_late and each.epoch <= 1 for each in trained)
