"""Which rows a run looks at, where its budget is far too short for all of them."""

from __future__ import annotations

import warnings

import numpy as np

from autopipe.folds import spread
from autopipe.seeds import Seeds
from autopipe.table import Table
from autopipe.task import IntArray, Target

# To code every value for a learner and to put it into its bin, which comes before the first
# round and heeds no deadline. LightGBM alone takes 1.5e-7.
_VALUE_SECONDS = 2e-7
_LARGEST_SHARE = 0.5  # of the time that is left, that this may take;
_SAMPLE_SHARE = 0.25  # where it would take more, so much on a sample
_FEWEST_ROWS = 2_000


def affordable_rows(
    table: Table, target: Target, seconds: float, seeds: Seeds, former: int | None = None
) -> IntArray | None:
    """A sample of rows on which there can be a model in time; None where all of them can.

    It has the classes in their shares.

    Parameters
    ----------
    seconds : until the search ends
    former : rows that the run looked at so far, where it is resumed: it goes on with them
    """
    if former is not None:
        return None if former >= len(table) else _sample(target, former, seeds)
    row_seconds = _VALUE_SECONDS * len(table.schema.columns)
    if len(table) * row_seconds <= _LARGEST_SHARE * seconds or len(table) <= _FEWEST_ROWS:
        return None
    count = max(_FEWEST_ROWS, int(_SAMPLE_SHARE * seconds / row_seconds))
    warnings.warn(
        f"{seconds:.1f} s are too short for {len(table)} rows: the run looks at {count} of "
        "them, and learns nothing of the others. Give more time.",
        stacklevel=4,
    )
    return _sample(target, count, seeds)


def _sample(target: Target, count: int, seeds: Seeds) -> IntArray:
    return np.sort(spread(target, seeds.stream("sample"))[:count])
