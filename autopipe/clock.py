"""The budget of a run, and a ledger of where it went."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real

from autopipe.errors import OptionError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_seconds(budget: float | str) -> float:
    """Seconds of a budget: a number, or a text such as "90s", "10m" or "1.5h".

    Raises
    ------
    OptionError
        If the text is no duration, or the duration is not positive and finite.

    Examples
    --------
    >>> parse_seconds("10m")
    600.0
    """
    if isinstance(budget, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([smh]?)\s*", budget)
        if match is None:
            raise OptionError(_not_a_duration(budget))
        seconds = float(match[1]) * _UNITS[match[2]]
    elif isinstance(budget, Real) and not isinstance(budget, bool):
        seconds = float(budget)
    else:
        raise OptionError(_not_a_duration(budget))
    if not 0 < seconds < float("inf"):
        raise OptionError(f"time_budget={budget!r}: a budget is a positive, finite time.")
    return seconds


def _not_a_duration(budget: object) -> str:
    shown = f'"{budget}"' if isinstance(budget, str) else repr(budget)
    return f'time_budget={shown}: give seconds, or a number with s, m or h, such as "10m".'


class Clock:
    """How much of the budget is left, and a ledger of the stages that spent it.

    `time.monotonic` has one origin for all processes of a machine, so that a deadline
    read here holds in a worker too.

    Parameters
    ----------
    budget : seconds, or None for a run that no clock ends
    now : replaced in tests, which never sleep
    """

    def __init__(self, budget: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.start = now()
        self.budget = budget
        self.end = self.start + budget if budget is not None else float("inf")
        self.ledger: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was started."""
        return self.now() - self.start

    @property
    def left(self) -> float:
        """Seconds until the budget ends: infinite without a budget, negative when late."""
        return self.end - self.now()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Enter the seconds of the block under `name` in the ledger."""
        begin = self.now()
        try:
            yield
        finally:
            self.ledger[name] = self.ledger.get(name, 0.0) + self.now() - begin
