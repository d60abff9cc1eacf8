"""The process that workers are forked from: it imports and forks, and computes nothing.

A fork after any OpenMP region may hang in its first one, so the user's process is never
forked, and the zygote never trains. It has the libraries imported already, so that a
worker is up within milliseconds. Linux alone.

A request is one packet with three descriptors: the worker's pipe, the pipe on which the
zygote reports how the worker ended, and the file that takes the worker's output. It needs
no answer, hence requests can be made before the imports are done.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from autopipe.execution.descendants import (
    adopt_orphans,
    descendants,
    end_descendants,
    kill,
)
from autopipe.execution.worker import isolate, serve

_MAX_BYTES = 2**20  # of a request; it holds a few paths
_STANDARD = 3  # descriptors: input, output, errors


def main(descriptor: int, preloaded: Sequence[str]) -> None:
    """Fork a worker for every request; end, and the workers with it, at end of file."""
    control = socket.socket(fileno=descriptor)
    adopt_orphans()
    for name in preloaded:
        # Whatever is wrong with a library is told by the trial that needs it.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()  # a collection in a worker would otherwise copy every page of the imports
    children = _Children()
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(children.bell, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if children.bell in ready:
                children.reap()
            if control in ready:
                request, descriptors, _, _ = socket.recv_fds(control, _MAX_BYTES, 3)
                if not request:
                    break
                if children.fork(descriptors[1]) == 0:
                    selector.close()
                    control.close()
                    _become_worker(request, descriptors)
                for number in (descriptors[0], descriptors[2]):
                    os.close(number)
    end_descendants()
    os._exit(0)


class _Children:
    """The living workers and where their end is to be reported."""

    def __init__(self) -> None:
        self._reports: dict[int, int] = {}
        self.bell, self._rung = socket.socketpair()
        self.bell.setblocking(False)
        self._rung.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._rung.fileno(), warn_on_full_buffer=False)

    def fork(self, report: int) -> int:
        """As `os.fork`; no process to be had is told by a report that ends empty."""
        try:
            pid = os.fork()
        except OSError:
            os.close(report)
            return -1
        if pid:
            self._reports[pid] = report
        else:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.bell.close()
            self._rung.close()
        return pid

    def reap(self) -> None:
        """Report how workers have ended; kill what they have left, which is ours now."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(_MAX_BYTES)
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        has_reaped = False
        with contextlib.suppress(ChildProcessError):  # nobody is left
            while ended := os.waitid(os.P_ALL, 0, flags):
                _kill_group(ended.si_pid)  # its number is not free before it is waited for
                _, status, usage = os.wait4(ended.si_pid, 0)
                has_reaped = True
                report = self._reports.pop(ended.si_pid, None)
                if report is not None:
                    code = os.waitstatus_to_exitcode(status)
                    with contextlib.suppress(OSError):  # nobody wants to know
                        os.write(report, f"{code} {usage.ru_maxrss}".encode())
                    os.close(report)
        if has_reaped:  # its children have got a new parent; so will theirs
            kill(descendants(os.getpid(), spared=self._reports))


def _become_worker(request: bytes, descriptors: list[int]) -> None:
    """Turn a fresh fork into a worker; never returns."""
    try:
        os.setsid()
        pipe, _, log = descriptors
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.set_inheritable(pipe, False)
        os.closerange(_STANDARD, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
        isolate()
        wanted = json.loads(request)
        sys.path[:] = wanted["path"]
        serve(Connection(pipe), wanted["work"])
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
