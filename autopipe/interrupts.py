"""Ctrl-C and SIGTERM at a moment when a little patience keeps a model."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Termination:
    """A command's handler of SIGTERM: ends it as Ctrl-C does, and knows that it came."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: object) -> None:
        self.came = True
        raise KeyboardInterrupt


@contextmanager
def patience() -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM pass with a word, and only the next one interrupt.

    In threads other than the main one, which no signal reaches, and where the caller handles a
    signal in a way of its own, nothing is changed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    handlers = {int(number): signal.getsignal(number) for number in numbers}
    former = {
        number: handler
        for number, handler in handlers.items()
        if handler is signal.default_int_handler or isinstance(handler, Termination)
    }

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def tell(number: int, frame: object) -> None:
        restore()
        if isinstance(handler := former[number], Termination):
            handler.came = True
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        with suppress(OSError, ValueError):  # of a terminal that has gone
            print(f"autopipe: nearly done; {name} again gives the model up.", file=sys.stderr)

    for number in former:
        signal.signal(number, tell)
    try:
        yield
    finally:
        restore()
