"""How many of the trials each source of offspring gets: by what it has been paying lately."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autopipe.trial import Source

_MEMORY = 0.98  # of what was paid before, that counts after one more trial: fifty are lately
_BELIEVED_TRIALS = 10.0  # of every source before any, one of which paid
_BELIEVED_PAID = 1.0
_FLOOR = 0.02  # of all trials, for every source: what pays late would not be found out


class Shares:
    """Shares of the sources, which begin as believed and follow what pays.

    Parameters
    ----------
    believed : share of every source at the beginning; their sum is 1
    """

    def __init__(self, believed: Mapping[Source, float]) -> None:
        self._believed = dict(believed)
        self._paid = dict.fromkeys(believed, 0.0)
        self._tried = dict.fromkeys(believed, 0.0)

    def note(self, source: Source, has_paid: bool) -> None:
        """Take note of a trial and of whether it was worth it."""
        for each in self._believed:
            self._paid[each] *= _MEMORY
            self._tried[each] *= _MEMORY
        if source in self._believed:
            self._paid[source] += has_paid
            self._tried[source] += 1.0

    def current(self) -> dict[Source, float]:
        """The share of every source; their sum is 1."""
        pull = {
            source: believed
            * (self._paid[source] + _BELIEVED_PAID)
            / (self._tried[source] + _BELIEVED_TRIALS)
            for source, believed in self._believed.items()
        }
        free, whole = 1.0 - _FLOOR * len(pull), sum(pull.values())
        return {source: _FLOOR + free * each / whole for source, each in pull.items()}

    def draw(self, rng: np.random.Generator) -> Source:
        """A source, as often as its share says."""
        shares = self.current()
        return list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]
