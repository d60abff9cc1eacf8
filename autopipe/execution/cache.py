"""What a worker remembers of earlier trials, so that shared work is done once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

Value = TypeVar("Value")


class Cache:
    """Values by key, the least recently used given up where they take too much memory.

    Everything that is kept is a function of its key, so that a hit changes no result.

    Parameters
    ----------
    max_bytes : of all values together; 0 keeps nothing
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._values: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(
        self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]
    ) -> Value:
        """The value of a key, made where it is not there.

        Two threads that miss the same key both make it; that costs time and nothing else.

        Parameters
        ----------
        size : bytes of a value
        """
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast(Value, self._values[key][0])
        value = make()
        self._keep(key, value, size(value))
        return value

    def _keep(self, key: Hashable, value: object, size: int) -> None:
        if size > self._max_bytes:
            return
        with self._lock:
            self._bytes += size - self._values.pop(key, (None, 0))[1]
            self._values[key] = (value, size)
            while self._bytes > self._max_bytes:
                _, (_, freed) = self._values.popitem(last=False)
                self._bytes -= freed
