"""Ctrl-C at a moment when a little patience keeps a model."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def patience() -> Iterator[None]:
    """Let the first Ctrl-C pass with a word, and only the next one interrupt.

    In threads other than the main one, which no Ctrl-C reaches, and where the caller handles it
    in a way of its own, nothing is changed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    former = signal.getsignal(signal.SIGINT)
    if not is_main or former is not signal.default_int_handler:
        yield
        return

    def tell(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, former)
        print("autopipe: nearly done; Ctrl-C again gives the model up.", file=sys.stderr)

    signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
