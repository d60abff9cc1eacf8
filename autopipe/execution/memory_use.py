"""What a worker holds, and what its job has started holds."""

from __future__ import annotations

import time

from autopipe.execution.descendants import descendants
from autopipe.memory import private_megabytes

_LISTING_SHARE = 0.002  # of the time, for every worker, goes into looking for new processes


class MemoryUse:
    """The private memory of a worker and its descendants, looked at often and cheaply.

    Parameters
    ----------
    pid : of the worker; None while it is not up
    inherited : megabytes that it held at birth, most of them shared with the other workers
    """

    def __init__(self, pid: int | None = None, inherited: float = 0.0) -> None:
        self.inherited = inherited
        self.peak = 0.0  # of all looks since it was last set
        self._pid = pid
        self._descendants: list[int] = []
        self._next_listing = 0.0

    def own(self) -> float:
        """Megabytes that have come since birth.

        Some 20 MB too few: of what was inherited, a worker changes as much, and then has it
        alone. Telling that apart takes the system 4 ms, this here a few microseconds.
        """
        if self._pid is None:
            return 0.0
        begin = time.monotonic()
        if begin >= self._next_listing:
            self._descendants = descendants(self._pid)
            end = time.monotonic()
            self._next_listing = end + (end - begin) / _LISTING_SHARE
        held = sum(private_megabytes(pid) for pid in (self._pid, *self._descendants))
        self.peak = max(self.peak, held)
        return max(0.0, held - self.inherited)
