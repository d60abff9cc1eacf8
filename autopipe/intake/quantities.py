"""Numbers as people write them: units, currencies, grouped digits, decimal commas, times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_CURRENCIES = "US$|USD|EUR|GBP|CHF|JPY|CNY|INR|RUB|Rs\\.?"
_SIGNS = "$€£¥₹₽₩₺₴¢"
_GROUP = {".": ",'’", ",": ".'’"}  # what may group digits beside the decimal mark
_SPACES = " \u00a0\u202f"
_LAST_HOUR = 24  # of a day
# In place of a decimal mark, as seconds:
TIMES = ":"  # times of day and lengths of time, of which "12:34" has hours and minutes
LENGTHS = "m:"  # of time, of which it has minutes and seconds


@dataclass(frozen=True)
class Notation:
    """How the numbers of one column are written.

    Parameters
    ----------
    decimal : the decimal mark, "." or ",", or one of `TIMES` and `LENGTHS`
    unit : what stands behind most of the numbers, without spaces; such as "km" or "%"

    Examples
    --------
    >>> Notation(",").read("€ 1.234,5")
    1234.5
    >>> Notation(unit="bhp").read("74 bhp")
    74.0
    >>> Notation(unit="bhp").read("74 kW") is None
    True
    >>> Notation(TIMES).read("7:30 pm")
    70200.0
    """

    decimal: str = "."
    unit: str = ""

    def read(self, text: str) -> float | None:
        """The number that a text states, or None where it states none in this notation."""
        if self.decimal in (TIMES, LENGTHS):
            return _seconds(text, begins_with_minutes=self.decimal == LENGTHS)
        match = _PATTERNS[self.decimal].fullmatch(text)
        if match is None or match["unit"] not in ("", self.unit):
            return None
        digits = re.sub(rf"[^\d{self.decimal}eE+-]", "", match["digits"])
        number = float(digits.replace(",", "."))
        return -number if (match["sign"] or match["late_sign"]) in ("-", "−") else number


def find_notation(texts: Sequence[str]) -> Notation:
    """The notation in which most of the texts are numbers.

    Between a decimal comma and commas that group digits, it is the reading that fits more
    texts; where both fit all of them, as in "1,234", commas group. "12:34" is minutes and
    seconds where "59:59" and "1:00:05" stand beside it.
    """
    found = [Notation(mark, _usual_unit(texts, mark)) for mark in (".", ",")]
    times = [match for match in map(_TIME.fullmatch, texts) if match is not None]
    are_lengths = any(match["seconds"] for match in times) and any(
        not match["seconds"] and int(match["hours"]) > _LAST_HOUR for match in times
    )
    found.append(Notation(LENGTHS if are_lengths else TIMES))
    return max(found, key=lambda notation: readable_count(notation, texts))


def readable_count(notation: Notation, texts: Iterable[str]) -> int:
    """How many of the texts state a number in this notation."""
    return sum(notation.read(text) is not None for text in texts)


def read_strange(text: str) -> float | None:
    """The number a text states where no notation was learned, if it can mean only one.

    "3,5" does, and "3 days 07:24:07" its seconds; "1,234" may be a thousand and more, or a bit
    above one.
    """
    if " day" in text:
        return _seconds(text, begins_with_minutes=False)
    readings = {Notation(mark).read(text) for mark in (".", ",")} - {None}
    return readings.pop() if len(readings) == 1 else None


def _seconds(text: str, begins_with_minutes: bool) -> float | None:
    """What "19:30", "7:30 pm", "12:05:59.5" or "3 days 07:24:07" stand for."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours = int(match["hours"])
    if match["half"]:
        hours = hours % 12 + 12 * (match["half"] in "pP")
    days = int(match["days"] or 0)
    first = 86_400.0 * days + 3600.0 * hours + 60.0 * int(match["minutes"])
    if not match["seconds"]:
        return first / 60 if begins_with_minutes else first
    return first + float(match["seconds"])


def _usual_unit(texts: Sequence[str], decimal: str) -> str:
    """The unit that stands behind most numbers, or none where most have none."""
    matches = (_PATTERNS[decimal].fullmatch(text) for text in texts)
    counts = Counter(match["unit"] for match in matches if match is not None)
    return max(sorted(counts), key=counts.__getitem__) if counts else ""


def _pattern_of(decimal: str) -> re.Pattern[str]:
    group, mark = f"[{_GROUP[decimal]}{_SPACES}]", re.escape(decimal)
    digits = (
        rf"(?:[1-9]\d{{0,2}}(?:{group}\d{{3}})+(?:{mark}\d+)?"
        rf"|\d+(?:{mark}\d*)?(?:[eE][+-]?\d+)?|{mark}\d+)"
    )
    currency = rf"(?:{_CURRENCIES}|[{_SIGNS}])[{_SPACES}]?"
    return re.compile(
        rf"\s*(?:(?P<sign>[-+−]?)(?:{currency})?|{currency}(?P<late_sign>[-+−]))"
        rf"(?P<digits>{digits})"
        rf"[{_SPACES}]?(?P<unit>[^\W\d_][^\d\s,;:|]{{0,11}}|[%‰°{_SIGNS}][^\W\d_]?|)\s*"
    )


_PATTERNS = {mark: _pattern_of(mark) for mark in _GROUP}
_TIME = re.compile(
    r"\s*(?:(?P<days>-?\d+) days?,? \+?)?(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d)"
    r"(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
    r"(?:\s?(?P<half>[aApP])\.?[mM]\.?)?\s*"
)
