"""A worker and what it is doing, as its supervisor keeps it in mind."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from autopipe.devices import CPU
from autopipe.execution.executor import Job, Outcome
from autopipe.execution.launcher import Fate, Worker
from autopipe.execution.memory_use import MemoryUse
from autopipe.memory import system_kills, tells_of_memory
from autopipe.trial import Status


@dataclass(eq=False)
class Post:
    """A worker, its job, and what is known of both."""

    worker: Worker
    device: str = CPU  # that its jobs may use
    job: Job | None = None
    started: float | None = None
    verdict: tuple[Status, str] | None = None  # why we killed it
    is_deaf: bool = False  # its pipe is broken, or no job may come by it; its end is near
    memory: MemoryUse = field(default_factory=MemoryUse)
    _system_kills: int = 0  # before the job

    def give(self, job: Job, folder: str) -> bool:
        """Send a job; false where the worker cannot be spoken to any more."""
        try:
            self.worker.pipe.send((folder, job))
        except OSError:
            self.is_deaf = True
            return False
        self.job, self.started = job, None
        self.memory.peak, self._system_kills = 0.0, system_kills()
        return True

    def outcome(self, job: Job, fate: Fate) -> Outcome:
        """What became of the job of a worker that has ended."""
        printed = self.worker.log()
        status, failure = self.verdict or self._cause(fate, printed)
        return Outcome(
            job.number,
            status,
            seconds=time.monotonic() - self.started if self.started else 0.0,
            failure=failure,
            traceback="" if self.verdict else printed,
            peak_megabytes=fate.peak_megabytes or self.memory.peak,
        )

    def _cause(self, fate: Fate, printed: str) -> tuple[Status, str]:
        """Why a worker died that we did not kill: for want of memory, or of its own."""
        if fate.code == -signal.SIGKILL and system_kills() > self._system_kills:
            return Status.MEMORY, "killed by the system, which was short of memory"
        return Status.MEMORY if tells_of_memory(printed) else Status.CRASH, str(fate)


def largest_beyond(posts: Sequence[Post], most_megabytes: float) -> tuple[Post, float] | None:
    """The busy worker that holds most, and how much, where all hold more than they may."""
    living = [post for post in posts if not (post.verdict or post.is_deaf)]
    busy = [post for post in living if post.job]
    if not busy:
        return None
    held = {post: post.memory.own() for post in living}
    # What a forked worker was born with, it shares with the others.
    forked = max((post.memory.inherited for post in living if post.device == CPU), default=0.0)
    spawned = sum(post.memory.inherited for post in living if post.device != CPU)
    if forked + spawned + sum(held.values()) <= most_megabytes:
        return None
    largest = max(busy, key=held.__getitem__)
    return largest, held[largest]
