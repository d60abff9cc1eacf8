"""Tables that were never a user's, made from what a model knows of those it was fitted to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from autopipe.probes import probe_cells
from autopipe.relations.joining import Joining

_CHILDREN = 3  # of a row, on average


def probe_tables(
    joining: Joining, frame: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Made-up rows with keys and cutoffs, and made-up tables below them.

    Parameters
    ----------
    frame : made-up rows with the columns of the coding, those of other tables among them
    """
    rng = np.random.default_rng(0)
    frame = frame.drop(columns=list(joining.formulas))
    if joining.cutoff is not None:
        name, coding = joining.cutoff
        frame[name] = probe_cells(coding, len(frame), rng)
    tables: dict[str, pd.DataFrame] = {}
    for child in joining.children:
        above = tables.get(child.link.parent, frame)
        keys = _keys(above, child.link.key)
        above[child.link.key] = keys
        rows = _CHILDREN * len(above)
        columns = {
            name: probe_cells(coding, rows, rng) for name, coding in child.columns.items()
        }
        foreign = rng.choice(keys, rows)
        tables[child.name] = pd.DataFrame({**columns, child.link.foreign: foreign})
    return frame, tables


def _keys(table: pd.DataFrame, name: str) -> np.ndarray:
    """Keys that are all different; texts where the column holds such, so that it still does."""
    numbers = np.arange(len(table))
    if name not in table or table[name].dtype != object:
        return numbers
    return np.array(
        [f"{cell} {number}" for cell, number in zip(table[name], numbers, strict=True)]
    )
