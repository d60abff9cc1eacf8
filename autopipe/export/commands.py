"""The command lines of exported scripts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from autopipe.errors import AutopipeError
from autopipe.export.delivered import Delivered, write_predictions
from autopipe.intake.alignment import features_and_target
from autopipe.intake.labels import labelled


def fit_command(build: Callable[[], Any]) -> None:
    """Fit to one file, and predict the rows of another."""
    parser = argparse.ArgumentParser(description="Fit to one table and predict another.")
    parser.add_argument("train", help="CSV or Parquet file with the target in it")
    parser.add_argument("--target", required=True, help="name of the column to predict")
    parser.add_argument("--predict", required=True, help="CSV or Parquet file of new rows")
    parser.add_argument("-o", "--out", help="CSV or Parquet file (default: stdout)")
    arguments = parser.parse_args()
    try:
        X, y = labelled(*features_and_target(arguments.train, arguments.target))
        model = build().fit(X, y)
        frame = model.model_.told(arguments.predict)
        write_predictions(frame, arguments.out)
    except (AutopipeError, OSError) as error:
        parser.error(str(error))


def predict_command(load: Callable[[], Delivered]) -> None:
    """Predict the rows of a file."""
    parser = argparse.ArgumentParser(description="Predict the rows of a table.")
    parser.add_argument("data", help="CSV or Parquet file with the columns of training")
    parser.add_argument("-o", "--out", help="CSV or Parquet file (default: stdout)")
    arguments = parser.parse_args()
    try:
        frame = load().told(arguments.data)
        write_predictions(frame, arguments.out)
    except (AutopipeError, OSError) as error:
        parser.error(str(error))
