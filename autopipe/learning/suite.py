"""Folders of data sets: what there is in one, and each as a frame with a target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from autopipe.errors import InputError
from autopipe.intake import cells
from autopipe.intake.alignment import split_target
from autopipe.intake.labels import TargetCoding, has_target, labelled
from autopipe.intake.reading import read_table
from autopipe.intake.recognition import learn_column
from autopipe.roles import Role

log = logging.getLogger(__name__)

_SUITE = "suite.csv"
_ENDINGS = (".csv", ".parquet")
_MOST_CLASSES = 20  # distinct whole numbers that are still taken for classes
_ROWS_PER_CLASS = 5  # and the rows that each of them needs on average


@dataclass(frozen=True)
class DataSet:
    """One data set, read when it is asked for.

    Parameters
    ----------
    name : within its folder
    read : gives the features and the target of the rows that have one
    is_classes : whether the target is of classes; None where the values have to tell
    """

    name: str
    read: Callable[[], tuple[pd.DataFrame, pd.Series[Any]]]
    is_classes: bool | None = None


def data_sets(folder: Path) -> list[DataSet]:
    """The data sets of a folder, in the order of their names.

    Either `suite.csv` lists them (columns name, file, task, target), or every CSV and Parquet
    file is one, whose last column is the target.

    Raises
    ------
    InputError
        If there is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder. Give one with CSV or Parquet files.")
    found = list(_listed(folder) if (folder / _SUITE).is_file() else _lying_in(folder))
    if not found:
        raise InputError(f"{folder} holds no data set: neither {_SUITE} nor CSV or Parquet.")
    return sorted(found, key=lambda one: one.name)


def _listed(folder: Path) -> Iterator[DataSet]:
    suite = read_table(folder / _SUITE)
    missing = {"name", "file", "task", "target"} - set(suite.columns)
    if missing:
        raise InputError(f"{folder / _SUITE} lacks the columns {', '.join(sorted(missing))}.")
    for row in suite.to_dict("records"):
        read = _reader(folder / str(row["file"]), str(row["target"]))
        yield DataSet(str(row["name"]), read, row["task"] != "regression")


def _lying_in(folder: Path) -> Iterator[DataSet]:
    for path in folder.iterdir():
        if path.suffix in _ENDINGS:
            yield DataSet(path.stem, _reader(path, None))


def _reader(
    path: Path, target: str | None
) -> Callable[[], tuple[pd.DataFrame, pd.Series[Any]]]:
    def read() -> tuple[pd.DataFrame, pd.Series[Any]]:
        frame = read_table(path)
        return labelled(*split_target(frame, frame.columns[-1] if target is None else target))

    return read


def holds_classes(y: pd.Series[Any]) -> bool:
    """Whether a target reads as names of classes rather than as numbers or amounts."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    y = y[has_target(y)]
    if is_bool_dtype(y):
        return True
    if not is_numeric_dtype(y):
        try:
            coding = TargetCoding.learn(y, classify=False)
        except InputError:
            return True
        if coding.notation is None and not _are_plain_numbers(y):
            return True
        y = pd.Series(coding.read(y))
    distinct = y.unique()
    most = max(2, min(_MOST_CLASSES, len(y) // _ROWS_PER_CLASS))
    return len(distinct) <= most and bool((distinct % 1 == 0).all())


def _are_plain_numbers(y: pd.Series[Any]) -> bool:
    """Whether cells that need no notation are numbers, or texts that columns read as such."""
    kind = cells.kind(y)
    is_text = kind in ("text", "mixed")
    return kind == "number" or (is_text and learn_column(y).role is Role.NUMERIC)


def own_data_sets() -> list[DataSet]:
    """Those that scikit-learn carries with it."""
    from sklearn import datasets

    def reader(load: Any) -> Callable[[], tuple[pd.DataFrame, pd.Series[Any]]]:
        def read() -> tuple[pd.DataFrame, pd.Series[Any]]:
            X, y = load(return_X_y=True, as_frame=True)
            return X, y

        return read

    return [
        DataSet(name, reader(getattr(datasets, f"load_{name}")), name != "diabetes")
        for name in ("breast_cancer", "diabetes", "digits", "iris", "wine")
    ]
