"""Work that tells where it is done; `job.tree` says how much of it there is."""

from __future__ import annotations

import os
import time

from autopipe.execution.executor import Outcome
from autopipe.trial import Status


def judge(job, folder):
    while "waits" in job.tree and not (folder / "go").exists():
        time.sleep(0.01)
    told = f"{job.device} {os.getppid()} {job.limit}"
    return Outcome(job.number, Status.COMPLETE, failure=told)
