"""What a column of texts holds: truth values, numbers, dates, names, identifiers or prose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe.intake import cells
from autopipe.intake.cells import Cells
from autopipe.intake.quantities import Notation, find_notation, readable_count
from autopipe.intake.values import ISO, are_days, is_blank, parsed_numbers, parsed_times
from autopipe.roles import Role

_PAIRS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})
# A column of texts such as "0", "1", "2" with few distinct ones holds names, not amounts:
# a number would have been stored as one. With more, the texts are rather a column of
# numbers that was read as text, as happens with blanks in it.
_MAX_NUMBERED_NAMES = 20
_SAMPLE = 500  # distinct texts tried before all of them are
_HOPEFUL_SHARE = 0.8  # of them, for that to be worth its time
_READABLE_SHARE = 0.95  # of the distinct texts, before the others count as missing
# As many rows may lose a text with digits in it, such as "30+" among numbers. Texts without
# digits, such as "unknown", say rather that there is no number.
_LOST_SHARE = 0.05

# Chosen by hand so that what the columns of some fifty public tables are called agrees:
# reviews, titles and names of persons are texts; places, jobs and products are categories.
_MAX_PLAIN_NAMES = 40  # distinct ones; more may be alike in ways that only their texts show
_UNIQUE_SHARE = 0.9  # distinct texts per row, beyond which a category is of no use
_MIN_LETTERS = 3.0  # on average, for a name to be like another one,
_KNOWN_ROWS = 100  # and rows per name, beyond which the rows tell all
_TEXT_SHARE = 0.5  # the same, beyond which several words are rather prose than a name
_TEXT_WORDS = 2.0  # on average
_MIN_NAMED_ROWS = 100  # fewer rows could have names of their own by chance
_CODE_SHARE = 0.98  # of the texts, that look alike where they are identifiers

# Month before day, as pandas has it, unless the other order reads more of the dates.
# fmt: off
_DATES = (
    "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%y", "%m-%d-%Y",
    "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%b-%Y", "%b-%y", "%b %Y", "%B %Y", "%m/%Y",
)
# fmt: on
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")

_WHOLE = re.compile(r"\s*[+-]?\d+\s*$")
_PADDED = re.compile(r"\s*0\d+\s*$")  # such as 01067, a post code
_DAY = re.compile(r"[12]\d{7}", re.ASCII)  # such as 20240131
_YEAR_FIRST = re.compile(r"\s*(\d{4}[-/]\d|\d{8}T\d)")
_CODE = re.compile(r"(?=.*\d)[^\W_](?:[\w:/#-]*[^\W_])?")  # no space, no decimal mark


@dataclass(frozen=True)
class Reading:
    """The role of some texts, and how it reads them."""

    role: Role
    date_format: str = ISO
    notation: Notation | None = None


def reading_of(distinct: Cells, counts: NDArray[np.intp], is_mixed: bool) -> Reading:
    """How to read texts, by what most of them are.

    Parameters
    ----------
    distinct : the texts, each once
    counts : array of shape (texts,)
        In how many rows each of them stands.
    is_mixed : whether they stand among cells of other types, so that numbers are amounts
    """
    is_present = np.array([not is_blank(cell) for cell in distinct], dtype=bool) & (counts > 0)
    distinct, counts = distinct[is_present], counts[is_present]
    # Sorted, or what is found would depend on the order of the rows.
    texts = sorted(map(cells.text, distinct))
    if len(texts) <= 6 and {text.strip().lower() for text in texts} in _PAIRS:
        return Reading(Role.BOOLEAN)
    sample = texts[:: len(texts) // _SAMPLE + 1]
    notation = find_notation(sample)
    count = readable_count(notation, sample)
    days = [float(text) for text in sample if _DAY.fullmatch(text)]
    are_most = len(days) >= _READABLE_SHARE * len(sample)
    if are_most and not is_mixed and are_days(np.array(days)):
        return Reading(Role.DATETIME)
    if sample and count >= _HOPEFUL_SHARE * len(sample):
        plain = None if _plain_count(sample) >= count else notation
        if _are_numbers(distinct, counts, plain):
            is_named = not (is_mixed or notation.unit) and _are_numbered_names(texts)
            return Reading(Role.CATEGORICAL if is_named else Role.NUMERIC, notation=plain)
    if not is_mixed:
        date_format, share = best_date_format(distinct)
        if share >= _READABLE_SHARE:
            return Reading(Role.DATETIME, date_format)
    return Reading(Role.CATEGORICAL, notation=notation)


def best_date_format(distinct: Cells) -> tuple[str, float]:
    """The format that reads the most of some texts, and the share of them it reads."""
    best, best_share = ISO, 0.0
    texts = np.array([cell for cell in distinct if not is_blank(cell)], dtype=object)
    for date_format in _date_formats(sorted(map(str, texts))):
        share = float(parsed_times(texts, date_format)[1].mean())
        if share > best_share:
            best, best_share = date_format, share
    return best, best_share


def judge_names(texts: Sequence[str], rows: int) -> tuple[Role, bool, bool]:
    """The role of texts that are no values, and whether to keep categories and texts.

    Few texts are categories; texts of which nearly every row has its own are identifiers
    if they look like codes, else prose. In between they are kept as both, but for names that
    many rows have each, and called prose where most are of several words and seldom return.

    Parameters
    ----------
    texts : the texts, each once
    rows : in how many rows they stand
    """
    if len(texts) <= _MAX_PLAIN_NAMES:
        return Role.CATEGORICAL, True, False
    share = len(texts) / rows
    if share >= _UNIQUE_SHARE:
        is_id = rows >= _MIN_NAMED_ROWS and _are_codes(texts)
        return (Role.ID, False, False) if is_id else (Role.TEXT, False, True)
    letters = sum(map(len, texts)) / len(texts)
    words = sum(len(text.split()) for text in texts) / len(texts)
    is_prose = share >= _TEXT_SHARE and words >= _TEXT_WORDS
    tells_more = letters >= _MIN_LETTERS and rows < _KNOWN_ROWS * len(texts)
    return (Role.TEXT if is_prose else Role.CATEGORICAL), True, tells_more


def _are_codes(texts: Sequence[str]) -> bool:
    """Whether texts are codes with digits, of one length or alike but for the digits."""
    fewest = _CODE_SHARE * len(texts)
    if sum(_CODE.fullmatch(text) is not None for text in texts) < fewest:
        return False
    shapes = [re.sub(r"\d+", "0", text) for text in texts]
    lengths = [len(text) for text in texts]
    return any(np.unique(of, return_counts=True)[1].max() >= fewest for of in (lengths, shapes))


def _are_numbered_names(texts: Sequence[str]) -> bool:
    return any(map(_PADDED.match, texts)) or (
        len(texts) <= _MAX_NUMBERED_NAMES and all(map(_WHOLE.match, texts))
    )


def _plain_count(texts: Sequence[str]) -> int:
    """How many texts `float` would read."""
    return int(np.isfinite(pd.to_numeric(np.array(texts, object), errors="coerce")).sum())


def _are_numbers(distinct: Cells, counts: NDArray[np.intp], notation: Notation | None) -> bool:
    """Whether so many texts are numbers that the others may count as missing."""
    is_read = parsed_numbers(distinct, notation)[1]
    lost = sum(
        count
        for cell, count in zip(distinct[~is_read], counts[~is_read], strict=True)
        if any(map(str.isdigit, cells.text(cell)))
    )
    # A unit shows that amounts are meant, so a rare other unit may have many amounts.
    has_unit = notation is not None and notation.unit != ""
    share = counts[is_read].sum() / counts.sum() if has_unit else is_read.mean()
    return bool(share >= _READABLE_SHARE and lost <= _LOST_SHARE * counts.sum())


def _date_formats(texts: Sequence[str]) -> list[str]:
    """The formats that one of a few texts follows."""
    few = [text for text in texts[:: len(texts) // 3 + 1] if any(map(str.isdigit, text))]
    if any(map(_YEAR_FIRST.match, few)):
        return [ISO]
    formats = (date + time for date in _DATES for time in _TIMES)
    return [shape for shape in formats if any(_follows(text, shape) for text in few)]


def _follows(text: str, date_format: str) -> bool:
    try:
        datetime.strptime(text, date_format)
    except ValueError:
        return False
    return True
