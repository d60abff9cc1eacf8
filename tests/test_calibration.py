"""Calibration, on predictions whose true shares are known."""

import numpy as np
import pytest

from autopipe.operators.calibration import Isotonic, Sigmoid, Temperature
from autopipe.task import Target, TaskKind


def confident(share, right, rows=100, weights=None):
    """Rows that all give `share` to class 0, which is right in so many of them."""
    predictions = np.tile([share, 1.0 - share], (rows, 1))
    y = (np.arange(rows) >= right).astype(np.int32)
    return predictions, Target(TaskKind.BINARY, y, 2, weights)


def test_the_temperature_brings_confidence_to_the_share_that_is_right():
    predictions, target = confident(0.9, right=75)
    calibrator = Temperature().fit(predictions, target)
    # log 9 / T = log 3
    assert calibrator.temperature == pytest.approx(2.0, rel=1e-3)
    assert calibrator.transform(predictions)[0, 0] == pytest.approx(0.75, abs=1e-3)


def test_calibrated_predictions_stay_as_they_are():
    predictions, target = confident(0.75, right=75)
    corrected = Temperature().fit(predictions, target).transform(predictions)
    np.testing.assert_allclose(corrected, predictions, atol=1e-3)


def test_weights_count_as_rows():
    weights = np.where(np.arange(4) < 3, 1.0, 3.0)  # 3 right, 3 wrong
    predictions, target = confident(0.9, right=3, rows=4, weights=weights)
    corrected = Temperature().fit(predictions, target).transform(predictions)
    assert corrected[0, 0] == pytest.approx(0.5, abs=0.06)  # the hottest there is


def test_a_probability_of_zero_is_survived():
    predictions = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    target = Target(TaskKind.BINARY, np.array([0, 1, 0, 0], np.int32), 2)
    corrected = Temperature().fit(predictions, target).transform(predictions)
    assert np.isfinite(np.log(corrected)).all()
    assert (corrected.argmax(axis=1) == predictions.argmax(axis=1)).all()


@pytest.mark.parametrize("calibrator", [Sigmoid(), Isotonic()], ids=["sigmoid", "isotonic"])
def test_the_share_that_is_right_is_learned(calibrator):
    low, high = confident(0.9, right=70), confident(0.2, right=40)
    predictions = np.concatenate([low[0], high[0]])
    y = np.concatenate([low[1].y, high[1].y])
    calibrator.fit(predictions, Target(TaskKind.BINARY, y, 2))
    corrected = calibrator.transform(np.array([[0.9, 0.1], [0.2, 0.8]]))
    np.testing.assert_allclose(corrected[:, 0], [0.7, 0.4], atol=0.01)


@pytest.mark.parametrize("calibrator", [Sigmoid(), Isotonic()], ids=["sigmoid", "isotonic"])
def test_no_probability_becomes_zero(calibrator):
    predictions, target = confident(1.0, right=50, rows=50)
    corrected = calibrator.fit(predictions, target).transform(predictions)
    assert corrected.min() > 0.0


def test_a_falling_curve_is_not_followed():
    predictions = np.concatenate([confident(share, right=0)[0] for share in (0.9, 0.1)])
    y = np.repeat(np.array([1, 0], np.int32), 100)  # wrong throughout
    calibrator = Sigmoid().fit(predictions, Target(TaskKind.BINARY, y, 2))
    np.testing.assert_allclose(calibrator.transform(predictions), 0.5, atol=1e-6)
