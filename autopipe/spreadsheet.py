"""Tables that leave as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import Any

import pandas as pd

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a quote before every text that a spreadsheet would run, names included.

    Examples
    --------
    >>> without_formulas(pd.DataFrame({"=a": ["@b", "-1", "c"]})).to_csv(index=False)
    "'=a\\n'@b\\n-1\\nc\\n"
    """
    return frame.map(_as_data).set_axis([_as_data(name) for name in frame.columns], axis=1)


def _as_data(cell: Any) -> Any:  # whatever stands in a table
    if not isinstance(cell, str) or not cell.startswith(_FORMULA_STARTS):
        return cell
    if len(cell) == 1:
        return cell  # a lone sign is no formula
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell  # a number, which does nothing
