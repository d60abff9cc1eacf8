"""What a time or a text says by itself: calendar parts, and the shape of a text.

Nothing is learned. All encoders give these columns, so that they stand under every learner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autopipe.table import Texts
from autopipe.task import FloatArray, IntArray

Feature = tuple[NDArray[np.number | np.bool_], int, str]
"""Values of shape (rows,), the levels of a category or 0, and the name."""

_DAY = 86_400  # seconds


def date_parts(name: str, seconds: FloatArray) -> list[Feature]:
    """Calendar parts of times in seconds since 1970, each exact in float32."""
    is_known = np.isfinite(seconds)
    whole = np.floor(np.where(is_known, seconds, 0.0)).astype(np.int64)
    days = whole // _DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    parts = {
        "days": days,
        "second": whole % _DAY,
        "year": dates.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (dates - months).astype(np.int64) + 1,
        "weekday": (days + 3) % 7,  # 1970 began on a Thursday; Monday is 0
        "yearday": (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1,
    }
    return [
        (np.where(is_known, values, np.nan), 0, f"{name} {part}")
        for part, values in parts.items()
    ]


def text_shape(name: str, texts: Texts) -> list[Feature]:
    """Characters, words, and the shares of digits and capitals; 0 where there is no text.

    Capitals and digits are those of ASCII, and blanks part words.
    """
    values = texts.once("shape", lambda: _shape(texts))
    names = ("characters", "words", "digits", "capitals")
    return [(each, 0, f"{name} {what}") for what, each in zip(names, values, strict=True)]


def _shape(texts: Texts) -> tuple[NDArray[np.number], ...]:
    buffer, offsets = np.asarray(texts.buffer), np.asarray(texts.offsets)
    is_blank = buffer <= ord(" ")
    begins = ~is_blank
    begins[1:] &= is_blank[:-1]
    first = offsets[:-1][offsets[:-1] < offsets[1:]]  # of every text that is not empty
    begins[first] = ~is_blank[first]

    def counted(of: NDArray[np.bool_]) -> IntArray:
        return np.diff(np.concatenate([[0], np.cumsum(of)])[offsets])

    characters = counted((buffer & 0xC0) != 0x80)  # all bytes but those that continue one
    digits = counted((buffer >= ord("0")) & (buffer <= ord("9")))
    capitals = counted((buffer >= ord("A")) & (buffer <= ord("Z")))
    least = np.maximum(characters, 1)
    return characters, counted(begins), digits / least, capitals / least
