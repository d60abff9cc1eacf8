"""Processes that a job has started, and theirs: found in /proc, and killed.

A process that has called `adopt_orphans` becomes the parent of every descendant whose own
parent dies, so that none is lost by a double fork or a session of its own. Without /proc
nothing is found; process groups have to do then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_KILL_SECONDS = 1.0  # the killed die within milliseconds; those that fork meanwhile, later


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int, spared: Collection[int] = ()) -> list[int]:
    """The living processes below one; `spared` are left out, and what is below them.

    Costs a millisecond for a hundred processes on the machine.
    """
    children: dict[int, list[int]] = {}
    for child, parent in _parents().items():
        if child not in spared:
            children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:  # grows meanwhile
        found += children.get(one, ())
    return found


def end_descendants() -> bool:
    """Kill and bury everything below this process; whether anything was still alive."""
    were_any = False
    end = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < end:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # none is left: all this costs a job that left nothing
            break
        if not ended:
            were_any = True
            kill(descendants(os.getpid()))
            time.sleep(0.001)
    return were_any


def kill(pids: Collection[int]) -> None:
    """Kill processes, those that are gone by now included."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """The parent of every living process."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                found[int(entry.name)] = int(parent)
    return found
