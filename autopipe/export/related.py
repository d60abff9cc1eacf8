"""Exported models of several tables: they make the columns of the others, then predict."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autopipe.errors import AutopipeError
from autopipe.export.delivered import HEAD, Delivered, read_folder, write_predictions
from autopipe.intake.alignment import features_and_target
from autopipe.intake.frames import as_frame
from autopipe.intake.labels import labelled
from autopipe.relations.joining import Joining, frames_of
from autopipe.relations.words import tables_named
from autopipe.task import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Related:
    """A fitted model of several tables.

    Parameters
    ----------
    delivered : predicts for a table with the columns that are made of others
    joining : makes them
    """

    delivered: Delivered
    joining: Joining

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted; empty where numbers are predicted."""
        return self.delivered.classes_

    def _joined(self, X: Any, tables: object) -> pd.DataFrame:
        frame = as_frame(X, {**self.joining.known_keys, **self.delivered.coding.known})
        return self.joining.joined(frame, frames_of(tables, self.joining.known))

    def predict(self, X: Any, tables: object) -> np.ndarray:
        """The class of every row, or a number, shape (rows,)."""
        return self.delivered.predict(self._joined(X, tables))

    def predict_proba(self, X: Any, tables: object) -> FloatArray:
        """Probabilities of shape (rows, classes), in the order of `classes_`."""
        return self.delivered.predict_proba(self._joined(X, tables))

    def outputs(self, X: Any, tables: object) -> FloatArray:
        """Probabilities of the classes, or one number, of shape (rows, outputs)."""
        return self.delivered.outputs(self._joined(X, tables))

    def told(self, X: Any, tables: object) -> pd.DataFrame:
        """The column `prediction`, then one of probabilities for every class."""
        return self.delivered.told(self._joined(X, tables))


class RelatedEstimator:
    """An estimator of several tables: it is fitted to the columns that are made of them.

    Parameters
    ----------
    estimator : of one table, not fitted
    joining : how the columns were made of other tables, by formula
    """

    def __init__(self, estimator: Any, joining: Mapping[str, Any]) -> None:
        self.estimator = estimator
        self.joining = joining

    def set_params(self, **arguments: Any) -> Self:
        """Set arguments of the estimator."""
        self.estimator.set_params(**arguments)
        return self

    def fit(self, X: Any, y: Any, tables: object, **given: Any) -> Self:
        """Fit all pipelines to a table and its target, which may be named by its column."""
        joining = Joining.restore(self.joining)
        X, y = features_and_target(X, y, joining.known_keys)
        self.estimator.fit(joining.joined(X, frames_of(tables, joining.known)), y, **given)
        self.model_ = Related(self.estimator.model_, joining)
        return self

    def predict(self, X: Any, tables: object) -> np.ndarray:
        """The class of every row, or a number, shape (rows,)."""
        return self.model_.predict(X, tables)

    def predict_proba(self, X: Any, tables: object) -> FloatArray:
        """Probabilities of shape (rows, classes)."""
        return self.model_.predict_proba(X, tables)


def read_related(folder: Path) -> Related:
    """The model of several tables that lies in a folder."""
    head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    return Related(read_folder(folder), Joining.restore(head["joining"]))


def fit_related_command(build: Callable[[], Any]) -> None:
    """Fit to one file and the tables beside it, and predict the rows of another."""
    parser = argparse.ArgumentParser(description="Fit to several tables and predict another.")
    parser.add_argument("train", help="CSV or Parquet file with the target in it")
    parser.add_argument("--target", required=True, help="name of the column to predict")
    parser.add_argument("--predict", required=True, help="CSV or Parquet file of new rows")
    _add_tables(parser)
    parser.add_argument("-o", "--out", help="CSV or Parquet file (default: stdout)")
    arguments = parser.parse_args()
    try:
        tables = tables_named(arguments.tables)
        estimator = build()
        keys = Joining.restore(estimator.joining).known_keys
        X, y = labelled(*features_and_target(arguments.train, arguments.target, keys))
        model = estimator.fit(X, y, tables)
        frame = model.model_.told(arguments.predict, tables)
        write_predictions(frame, arguments.out)
    except (AutopipeError, OSError) as error:
        parser.error(str(error))


def predict_related_command(load: Callable[[], Related]) -> None:
    """Predict the rows of a file by the tables beside it."""
    parser = argparse.ArgumentParser(description="Predict the rows of a table.")
    parser.add_argument("data", help="CSV or Parquet file with the columns of training")
    _add_tables(parser)
    parser.add_argument("-o", "--out", help="CSV or Parquet file (default: stdout)")
    arguments = parser.parse_args()
    try:
        frame = load().told(arguments.data, tables_named(arguments.tables))
        write_predictions(frame, arguments.out)
    except (AutopipeError, OSError) as error:
        parser.error(str(error))


def _add_tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tables",
        nargs="+",
        required=True,
        metavar="name=file",
        help="the other tables, such as orders=orders.csv",
    )
