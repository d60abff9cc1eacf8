"""Temperature scaling."""

import numpy as np
import pytest

from autopipe.operators.calibration import Temperature
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
