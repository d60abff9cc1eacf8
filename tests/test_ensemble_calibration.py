"""The temperature of an ensemble: kept where it helps rows that it was not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.ensembles.calibration import calibrated, parts_of
from autopipe.folds import Folds
from autopipe.metrics import metric_for
from autopipe.operators.calibration import Temperature
from autopipe.task import Target, TaskKind

LOG_LOSS = metric_for("neg_log_loss", TaskKind.BINARY, np.arange(2))
AUC = metric_for("roc_auc", TaskKind.BINARY, np.arange(2))


def judged(rows: int, sureness: float, seed: int = 0) -> tuple[np.ndarray, Target, np.ndarray]:
    """Probabilities whose logits are so many times the true ones, the target and the parts."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int32)
    positive = 1 / (1 + np.exp(-sureness * logits))
    predictions = np.stack([1 - positive, positive], axis=1)
    return predictions, Target(TaskKind.BINARY, y, 2), np.arange(rows) % 5


@pytest.mark.parametrize("seed", range(5))
def test_what_is_calibrated_stays_as_it_is(seed):
    predictions, target, parts = judged(4_000, 1.0, seed)
    temperature = calibrated(predictions, target, parts, LOG_LOSS).temperature
    assert temperature is None or temperature.temperature == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("sureness", [0.4, 2.5])
def test_too_much_and_too_little_sureness_are_mended(sureness):
    predictions, target, parts = judged(4_000, sureness)
    result = calibrated(predictions, target, parts, LOG_LOSS)
    assert result.temperature is not None
    assert result.temperature.temperature == pytest.approx(sureness, rel=0.1)
    before, after = (LOG_LOSS.score(target, p) for p in (predictions, result.predictions))
    assert after > before


def test_a_rank_metric_lets_probabilities_be_mended_too():
    predictions, target, parts = judged(2_000, 2.5)
    assert calibrated(predictions, target, parts, AUC).temperature is not None


def test_a_metric_that_would_suffer_prevents_it():
    def likes_extremes(target, predictions):
        return float(np.abs(predictions - 0.5).mean())

    metric = metric_for("neg_log_loss", TaskKind.BINARY, np.arange(2))
    metric = type(metric)("extremes", likes_extremes)
    predictions, target, parts = judged(2_000, 2.5)
    assert calibrated(predictions, target, parts, metric).temperature is None


def test_no_row_is_mended_by_a_temperature_that_knew_it():
    predictions, target, parts = judged(2_000, 2.5)
    flipped = Target(TaskKind.BINARY, np.where(parts == 0, 1 - target.y, target.y), 2)
    one, other = (calibrated(predictions, t, parts, LOG_LOSS) for t in (target, flipped))
    assert (one.predictions[parts == 0] == other.predictions[parts == 0]).all()
    assert (one.predictions[parts == 1] != other.predictions[parts == 1]).any()


def test_few_rows_and_numbers_are_left_alone():
    predictions, target, parts = judged(100, 4.0)
    assert calibrated(predictions, target, parts, LOG_LOSS).temperature is None
    numbers = Target(TaskKind.REGRESSION, np.arange(1_000.0), 0)
    parts = np.arange(1_000) % 5
    assert calibrated(np.zeros((1_000, 1)), numbers, parts, LOG_LOSS).temperature is None


def test_of_many_classes_as_many_rows_are_learned_from_as_a_temperature_needs(monkeypatch):
    rows, n_classes, seen = 1_500, 400, []
    rng, fit = np.random.default_rng(0), Temperature.fit
    predictions = rng.dirichlet(np.ones(n_classes), size=rows)
    target = Target(TaskKind.MULTICLASS, rng.integers(n_classes, size=rows), n_classes)

    def watched(self, told, of):
        seen.append(len(told))
        return fit(self, told, of)

    monkeypatch.setattr(Temperature, "fit", watched)
    metric = metric_for("neg_log_loss", TaskKind.MULTICLASS, np.arange(n_classes))
    assert calibrated(predictions, target, np.arange(rows) % 2, metric).temperature is not None
    assert len(seen) == 3 and seen[-1] == sum(seen[:-1]) == 1_000


def test_parts_are_the_folds_that_first_hold_a_row_out():
    pairs = ((np.array([2, 3]), np.array([0, 1])), (np.array([0]), np.array([1, 2])))
    assert parts_of(Folds(pairs, 4)).tolist() == [0, 0, 1, -1]


def test_many_folds_make_few_parts():
    rows = np.arange(40)
    parts = parts_of(Folds(tuple((np.delete(rows, row), rows[[row]]) for row in rows), 40))
    assert np.bincount(parts).tolist() == [4] * 10


def test_a_single_fold_is_cut_into_parts():
    folds = Folds(((np.arange(10), np.arange(10, 30)),), 30)
    parts = parts_of(folds)
    assert (parts[:10] == -1).all()
    assert np.bincount(parts[10:]).tolist() == [4] * 5
