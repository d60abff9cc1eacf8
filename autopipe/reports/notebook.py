"""A line that keeps itself current below a cell of a Jupyter notebook."""

from __future__ import annotations

import contextvars
import html
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

_SECONDS = 0.5  # between updates: a browser shows no more, and few trials are shorter


def is_notebook() -> bool:
    """Whether a Jupyter kernel runs this; IPython in a terminal has none."""
    ipython: Any = sys.modules.get("IPython")  # a kernel has imported it
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookLine:
    """One output of the running cell, written anew while a fit goes on; needs no widgets.

    Parameters
    ----------
    text : gives the line as it should read now
    """

    def __init__(self, text: Callable[[], str], seconds: float = _SECONDS) -> None:
        self._text = text
        self._seconds = seconds
        self._shown = ""
        self._has_ended = threading.Event()
        # The kernel finds the cell that an output belongs to in the context of the thread.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._refresh,), daemon=True)

    def start(self) -> None:
        """Show the line, and keep it current from now on."""
        ipython: Any = importlib.import_module("IPython.display")  # brings no types
        self._shown = self._text()
        self._handle = ipython.display(_bundle(self._shown), raw=True, display_id=True)
        self._thread.start()

    def stop(self) -> None:
        """Show the line for the last time; it stays."""
        self._has_ended.set()
        self._thread.join()
        self._update()

    def _refresh(self) -> None:
        while not self._has_ended.wait(self._seconds):
            self._update()

    def _update(self) -> None:
        text = self._text()
        if text != self._shown:
            self._shown = text
            self._handle.update(_bundle(text), raw=True)


def _bundle(text: str) -> dict[str, str]:
    return {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}
