"""What networks make of columns, and that training and predicting are of one mind."""

import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from trees import full

from autopipe.datasets.synthetic import toy_table
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.matrix import Matrix
from autopipe.operators import fold_programs
from autopipe.operators.catalogue import catalogue
from autopipe.operators.declaration import FoldsLearner, Limits
from autopipe.operators.layers import NumpyOps
from autopipe.operators.network_inputs import Inputs, Layout, edges_of
from autopipe.operators.networks import NeuralNetwork, fit_together
from autopipe.operators.torch_ops import TorchOps
from autopipe.seeds import Seeds
from autopipe.task import Target, TaskKind

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
ROWS = 120
VALUES = RNG.normal(size=(ROWS, 3))
VALUES[:, 1] = RNG.integers(3, size=ROWS)
VALUES[RNG.random(ROWS) < 0.2, 2] = np.nan
MATRIX = Matrix(VALUES.astype(np.float32), (0, 3, 0), ("c0", "c1", "c2"))
NUMBERS = Target(TaskKind.REGRESSION, 50.0 + 5.0 * VALUES[:, 0] + VALUES[:, 1], 0)
CLASSES = Target(TaskKind.BINARY, (VALUES[:, 0] > 0).astype(np.int32), 2)
SMALL = {
    "layers": 2, "width": 32, "activation": "selu", "embedding": "periodic", "waves": 4,
    "embedding_size": 2, "dropout": 0.1, "learning_rate": 0.1, "weight_decay": 0.01,
    "epochs": 32,
}  # fmt: skip
PAIRS = make_folds(CLASSES, 3, Seeds(0)).pairs


def fitted(target, pairs=PAIRS, threads=1, device="cpu", **params):
    learner = NeuralNetwork(**{**SMALL, **params})
    prepared = learner.prepare(MATRIX, target, Limits())
    seeds = range(len(pairs))
    limits = Limits(threads=threads, device=device)
    return learner.fit_folds([prepared] * len(pairs), pairs, seeds, limits)


def weights_of(learner):
    return {name: value for name, value in learner.state().items() if name.startswith("net_")}


def assert_same(one, other, most=0.0):
    for name, weight in weights_of(one).items():
        assert np.allclose(weight, weights_of(other)[name], rtol=0.0, atol=most), name


@pytest.mark.parametrize("activation", ["selu", "mish", "relu"])
@pytest.mark.parametrize("embedding", ["periodic", "piecewise", "none"])
@pytest.mark.parametrize("members", [1, 4])
def test_numpy_and_torch_go_the_same_way(activation, embedding, members):
    learner = NeuralNetwork(
        **{**SMALL, "activation": activation, "embedding": embedding, "members": members}
    )
    prepared = learner.prepare(MATRIX, CLASSES, Limits())
    fold = learner._fold(prepared, PAIRS[0], 0)
    weights = {name: weight[None] for name, weight in fold.data.initial.items()}
    weights["weight_head"] = RNG.normal(size=weights["weight_head"].shape)
    numbers = fold.data.train.numbers[None].astype(np.float64)
    slots = fold.data.train.slots[None]
    ours = fold.network.forward(NumpyOps(), weights, numbers, slots)
    theirs = fold.network.forward(
        TorchOps(),
        {name: torch.from_numpy(weight) for name, weight in weights.items()},
        torch.from_numpy(numbers),
        torch.from_numpy(slots.astype(np.int64)),
    )
    assert np.allclose(ours, theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("target", [NUMBERS, CLASSES], ids=lambda target: target.kind)
def test_all_folds_at_once_are_the_folds_one_by_one(target):
    for fold, (learner, predictions) in enumerate(fitted(target, precision="float64")):
        alone = NeuralNetwork(**SMALL, precision="float64")
        prepared = alone.prepare(MATRIX, target, Limits())
        expected = alone.fit(prepared, *PAIRS[fold], fold, Limits())
        assert_same(learner, alone, most=1e-6)
        assert np.allclose(predictions, expected, atol=1e-5)


def test_the_number_of_threads_changes_no_bit():
    for (one, _), (other, _) in zip(fitted(CLASSES), fitted(CLASSES, threads=2), strict=True):
        assert_same(one, other)


def test_fits_that_overlap_leave_torch_the_threads_that_it_had():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    one, other = ExitStack(), ExitStack()
    one.enter_context(fold_programs._one_torch_thread)
    other.enter_context(fold_programs._one_torch_thread)
    one.close()
    during = torch.get_num_threads()
    other.close()
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert (during, after) == (1, 2)


def test_noise_is_predicted_no_better_than_by_chance():
    noise = Target(TaskKind.BINARY, RNG.permutation(CLASSES.y), 2)
    out = np.full(ROWS, np.nan)
    for (_, held_out), (_, predictions) in zip(PAIRS, fitted(noise), strict=True):
        out[held_out] = predictions[:, 1]
    ranks = out.argsort().argsort()
    assert abs(ranks[noise.y == 1].mean() - ranks[noise.y == 0].mean()) < ROWS / 5


def test_a_simple_target_is_learned():
    for target, least in ((NUMBERS, 0.9), (CLASSES, 0.8)):
        for (_, held_out), (_, predictions) in zip(PAIRS, fitted(target), strict=True):
            truth = target.y[held_out]
            assert np.corrcoef(predictions[:, -1], truth)[0, 1] > least


def test_numbers_stay_within_those_that_were_learned_from():
    learner, _ = fitted(NUMBERS)[0]
    far = Matrix(MATRIX.values * np.float32(1e20), MATRIX.levels, MATRIX.names)
    far.values[:, 1] = MATRIX.values[:, 1]
    y = NUMBERS.y[PAIRS[0][0]]
    assert learner.predict(far).min() >= y.min()
    assert learner.predict(far).max() <= y.max()


def test_a_network_predicts_without_torch(tmp_path):
    learner, _ = fitted(CLASSES)[0]
    np.savez(tmp_path / "values.npz", values=MATRIX.values, **weights_of(learner))
    plain = {
        name: value if isinstance(value, (list, int)) else value.tolist()
        for name, value in learner.state().items()
        if not name.startswith("net_")
    }
    program = f"""
import sys, numpy as np
sys.modules["torch"] = None
from autopipe.matrix import Matrix
from autopipe.operators.networks import NeuralNetwork
stored = dict(np.load({str(tmp_path / "values.npz")!r}))
X = Matrix(stored.pop("values"), {MATRIX.levels}, {MATRIX.names})
learner = NeuralNetwork(**{SMALL}).restore({{**{plain}, **stored}})
np.save({str(tmp_path / "out.npy")!r}, learner.predict(X))
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert np.array_equal(np.load(tmp_path / "out.npy"), learner.predict(MATRIX))


@pytest.fixture
def small_card(monkeypatch):
    """A graphics card that holds one network, and no more after the first one."""
    really_train, tried = fold_programs.train, []

    def train(network, recipes, folds, limits, device, precision):
        tried.append((device, len(folds)))
        if device != "cpu" and (len(folds) > 1 or len(tried) > 4):
            raise torch.OutOfMemoryError
        return really_train(network, recipes, folds, limits, "cpu", "float64")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(fold_programs, "train", train)
    return tried


def test_folds_that_a_device_cannot_hold_are_trained_in_halves_or_on_the_cpu(small_card):
    got = fitted(CLASSES, device="cuda", precision="float64")
    halves = [("cuda", 3), ("cuda", 1), ("cuda", 2), ("cuda", 1), ("cuda", 1)]
    assert small_card == [*halves, ("cpu", 1)]
    for (one, _), (other, _) in zip(fitted(CLASSES, precision="float64"), got, strict=True):
        assert_same(one, other, most=1e-6)


def test_what_a_device_could_not_hold_is_told(small_card):
    table, target = toy_table(TaskKind.BINARY)
    folds = make_folds(target, 2, Seeds(0))
    tree = full("mlp(codes(table), width=64, epochs=32, embedding='none')")
    fit = crossfit(tree, table, target, folds, Seeds(0), device="cuda")
    assert fit.note == "cuda had no memory for 2 networks at once"


def test_without_a_card_that_torch_can_use_the_cpu_trains():
    (one, _), *_ = fitted(CLASSES, device="cuda")
    (other, _), *_ = fitted(CLASSES)
    assert_same(one, other)
    assert one.note.endswith("sees no graphics card")


def test_networks_trained_together_are_those_trained_alone():
    settings = {"learning_rate": 0.05, "dropout": 0.3, "weight_decay": 0.0}, {}
    learners = [NeuralNetwork(**SMALL | some, precision="float64") for some in settings]
    prepared = [learners[0].prepare(MATRIX, CLASSES, Limits())] * len(PAIRS)
    rest = prepared, PAIRS, range(len(PAIRS)), Limits()
    for learner, together in zip(learners, fit_together(learners, *rest), strict=True):
        for (one, _), (other, _) in zip(learner.fit_folds(*rest), together, strict=True):
            assert_same(one, other, most=1e-6)


@pytest.mark.parametrize("below", ["codes(table)", "one_hot(table)"])
def test_crossfit_gives_every_fold_its_network(below):
    table, target = toy_table(TaskKind.MULTICLASS)
    folds = make_folds(target, 3, Seeds(0))
    settings = "width=64, epochs=32, embedding='none'"
    fit = crossfit(full(f"mlp({below}, {settings})"), table, target, folds, Seeds(1))
    for model, (train, held_out) in zip(fit.models, folds.pairs, strict=True):
        codes = table.codes[held_out]
        known = [np.isin(codes[:, i], table.codes[train, i]) for i in range(codes.shape[1])]
        rows = held_out[np.all(known, axis=0)]
        expected = model.predict(table.take(rows))
        np.testing.assert_allclose(fit.out_of_fold[rows], expected, atol=1e-6)


def test_networks_fit_all_folds_at_once():
    assert isinstance(NeuralNetwork(**SMALL), FoldsLearner)
    assert not isinstance(catalogue()["lightgbm"].make({}), FoldsLearner)


def test_numbers_are_centred_scaled_and_bent_by_the_training_rows_alone():
    layout = Layout.of(MATRIX)
    inputs = Inputs.fitted(MATRIX.values[:80], layout)
    numbers = inputs.numbers(MATRIX.values[:80])
    assert np.median(numbers[:, 0]) == pytest.approx(0.0, abs=0.02)
    assert np.abs(numbers).max() < 3.0
    assert np.array_equal(numbers[:, 2], np.isnan(MATRIX.values[:80, 2]))
    changed = MATRIX.values.copy()
    changed[80:, 0] = 1e6
    assert np.array_equal(Inputs.fitted(changed[:80], layout).numbers(changed[:80]), numbers)


def test_rare_and_unseen_levels_share_a_slot():
    column = np.array([0, 0, 1, 1, 2, np.nan, np.nan])[:, None]
    inputs = Inputs.fitted(column, Layout((5,), (True,)))
    new = np.array([0, 1, 2, 3, 4, np.nan])[:, None]
    assert inputs.slots(new)[:, 0].tolist() == [2, 3, 0, 0, 0, 1]


def test_a_missing_level_that_was_never_met_is_unseen():
    inputs = Inputs.fitted(np.array([[0.0], [0.0], [1.0], [1.0]]), Layout((2,), (False,)))
    assert inputs.slots(np.array([[np.nan]])).tolist() == [[0]]


def test_bins_hold_the_same_number_of_rows():
    numbers = np.column_stack([np.arange(9), np.repeat([0, 5, 8], 3)]).astype(np.float32)
    edges = edges_of(numbers, 4)
    assert edges[0].tolist() == [0, 2, 4, 6, 8]
    assert edges[1].tolist() == [0, 5, 8, 8, 8]
