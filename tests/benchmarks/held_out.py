"""Data sets with some rows held out, and a model of the others; for the other benchmarks."""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from sklearn.model_selection import train_test_split

from autopipe import AutoClassifier, AutoRegressor, Knowledge

_MOST_ROWS = 12_000  # of a data set: a few seconds have to be enough
_SHARE = 0.3  # of the rows that are held out


class HeldOut(NamedTuple):
    """A fitted model, and the rows that it has not seen."""

    name: str
    task: str
    model: Any
    X: pd.DataFrame
    y: pd.Series[Any]
    seconds: float


def parser(description: str, only: str) -> argparse.ArgumentParser:
    """The arguments that these benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--budget", type=float, default=12.0, help="seconds for each fit")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the fit")
    parser.add_argument("--only", default=only, help="a,b,c; default: %(default)s")
    return parser


def held_out(
    options: argparse.Namespace, rows: int | None = None, **arguments: Any
) -> Iterator[HeldOut]:
    """A fit on most rows of every data set that is asked for.

    Parameters
    ----------
    rows : that are fitted to at most: the fewer, the more exact is what the others tell
    arguments : further ones of the estimator
    """
    warnings.simplefilter("ignore")
    folder = Path(os.environ["AUTOPIPE_DATA"])
    suite = pd.read_csv(folder / "suite.csv").set_index("name")
    for name in options.only.split(","):
        row = suite.loc[name]
        table = pd.read_parquet(folder / row.file)
        table = table[table[row.target].notna()]
        table = table.sample(min(len(table), _MOST_ROWS), random_state=options.seed)
        y = table[row.target]
        is_classes = row.task != "regression"
        if is_classes:  # what the split cannot have on both sides
            table = table[y.map(y.value_counts()) >= 4]
            y = table[row.target]
        X, X_new, y, y_new = train_test_split(
            table.drop(columns=row.target),
            y,
            test_size=_SHARE if rows is None else max(_SHARE, 1 - rows / len(table)),
            random_state=options.seed,
            stratify=y if is_classes else None,
        )
        build = AutoClassifier if is_classes else AutoRegressor
        model = build(
            time_budget=options.budget,
            random_state=options.seed,
            verbose=0,
            knowledge=Knowledge(exclude=["itself"], learn=False),
            **arguments,
        )
        begin = time.monotonic()
        model.fit(X, y)
        yield HeldOut(name, row.task, model, X_new, y_new, time.monotonic() - begin)
