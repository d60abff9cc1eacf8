"""Where trials run: on how many cores, in which processes, on which device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np

from autopipe.clock import Clock
from autopipe.devices import CPU
from autopipe.errors import OptionError
from autopipe.execution.executor import Executor, Job
from autopipe.execution.inline import Inline
from autopipe.execution.processes import Processes
from autopipe.execution.relay import Relay
from autopipe.operators.catalogue import catalogue
from autopipe.tree import TABLE_NAME, Node, parse

_SHORTEST_FOR_WORKERS = 5.0  # s; below, the first trial does not wait for their imports


def core_count(n_jobs: int | None) -> int:
    """Cores that `n_jobs` asks for, in joblib's sense: -1 is all that this process may use."""
    cores = int(joblib.cpu_count())
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, (int, np.integer)) or isinstance(n_jobs, bool) or n_jobs == 0:
        raise OptionError(f"n_jobs={n_jobs!r}: give a number of cores, or -1 for all of them.")
    return max(1, min(n_jobs, cores) if n_jobs > 0 else cores + 1 + n_jobs)


def device_gains(device: str, rows: int) -> Callable[[Node], bool]:
    """Whether a tree has an operator that is fitted on the device for so many rows."""
    known = {} if device == CPU else catalogue()
    least = {name: operator.device_rows for name, operator in known.items()}
    names = {name for name, fewest in least.items() if fewest is not None and fewest <= rows}
    return lambda tree: any(node.op in names for _, node in tree.walk())


def chosen_executor(
    choice: Executor | str | None,
    folder: Path,
    workers: int,
    memory_mb: float,
    clock: Clock,
    device: str,
    is_for_device: Callable[[Node], bool],
) -> Executor:
    """What runs the jobs of a fit.

    Parameters
    ----------
    choice : of the user
    memory_mb : that all workers may hold together
    is_for_device : whether a tree is fitted on the device
    """
    if choice == "inline":
        return Inline(folder)
    if choice in (None, "processes"):
        processes = Processes(
            folder,
            workers,
            memory_limit_mb=memory_mb,
            device=device,
            is_for_device=lambda job: is_for_device(parse(job.tree)),
        )
        if choice is None and clock.budget is not None and clock.budget < _SHORTEST_FOR_WORKERS:
            return Relay(Inline(folder), processes, _is_ours)
        return processes
    if isinstance(choice, str):
        raise OptionError(f'executor="{choice}": give "processes", "inline" or an Executor.')
    return choice


def _is_ours(job: Job) -> bool:
    """Whether a job has operators of the catalogue alone, which heed their deadline."""
    return all(node.op in {TABLE_NAME, *catalogue()} for _, node in parse(job.tree).walk())
