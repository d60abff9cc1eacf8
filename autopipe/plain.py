"""Values of a user's table as JSON that gives back the very same values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """A value with a form in JSON: itself if it has one, else its text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, float) and math.isnan(value):
        return "nan"  # is not equal to itself, so it could never be found again
    if value is None or isinstance(value, (str, int, float, bytes, pd.Interval)):
        return value
    return str(value)


def to_json(value: Any) -> Any:
    """JSON of a plain value; types that JSON lacks carry their name.

    Examples
    --------
    >>> to_json(("a", b"b"))
    {'tuple': ['a', {'bytes': '62'}]}
    """
    if isinstance(value, tuple):
        return {"tuple": [to_json(part) for part in value]}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, pd.Interval):
        return {
            "interval": [to_json(plain(value.left)), to_json(plain(value.right)), value.closed]
        }
    if isinstance(value, float) and math.isinf(value):
        return {"float": str(value)}
    return value


def from_json(value: Any) -> Any:
    """The value that `to_json` wrote."""
    if not isinstance(value, dict):
        return value
    ((name, content),) = value.items()
    if name == "tuple":
        return tuple(from_json(part) for part in content)
    if name == "bytes":
        return bytes.fromhex(content)
    if name == "interval":
        left, right, closed = content
        return pd.Interval(from_json(left), from_json(right), closed)
    return float(content)
