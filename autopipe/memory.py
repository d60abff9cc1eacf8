"""Memory: limits as people write them, what is free, what a process holds.

A megabyte is a million bytes throughout, as in "500MB".
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import sys
from collections.abc import Iterator
from numbers import Real
from pathlib import Path

from autopipe.errors import OptionError

_UNITS = {
    **{"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12},
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40},
}
_SHARE = 0.8  # of the free memory: the rest is for the controller and whoever comes later
_LEAST_MEGABYTES = 250.0  # the imports of a worker hold 140 MB before it has done anything
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
# Names of limit, use, and what of the use can be had back at once, in versions 2 and 1.
_CGROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
# What C++, boosters and torch print or raise where an allocation fails.
_COMPLAINTS = (
    *("bad_alloc", "bad allocation", "MemoryError"),
    *("can't allocate memory", "Cannot allocate memory", "out of memory"),
)


def parse_megabytes(limit: float | str) -> float:
    """Megabytes of a limit: a number of bytes, or a text such as "500MB" or "1.5GiB".

    Raises
    ------
    OptionError
        If the text is no amount of memory, or it is less than one worker needs.

    Examples
    --------
    >>> parse_megabytes("4GB")
    4000.0
    """
    if isinstance(limit, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", limit.lower())
        if match is None or match[2] not in _UNITS:
            raise OptionError(_not_an_amount(limit))
        bytes_ = float(match[1]) * _UNITS[match[2]]
    elif isinstance(limit, Real) and not isinstance(limit, bool):
        bytes_ = float(limit)
    else:
        raise OptionError(_not_an_amount(limit))
    if not _LEAST_MEGABYTES <= bytes_ / 1e6 < float("inf"):
        raise OptionError(
            f"memory_limit={limit!r} is {bytes_ / 1e6:g} MB; a worker needs "
            f'{_LEAST_MEGABYTES:g} MB or more. Give a larger amount, such as "4GB".'
        )
    return bytes_ / 1e6


def _not_an_amount(limit: object) -> str:
    shown = f'"{limit}"' if isinstance(limit, str) else repr(limit)
    return (
        f"memory_limit={shown}: give bytes, or a number with MB, GB, MiB or GiB, such as "
        '"4GB"; None for a share of what is free.'
    )


def usable_megabytes() -> float:
    """What workers may hold together by default."""
    return _SHARE * free_megabytes()


def free_megabytes(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> float:
    """What the machine and the control groups around this process still allow.

    Infinite where the system does not tell.
    """
    amounts = list(_group_bytes(proc, cgroups))
    with contextlib.suppress(OSError, KeyError):
        amounts.append(1024 * _table(proc / "meminfo")["MemAvailable:"])
    return max(0.0, min(amounts, default=float("inf")) / 1e6)


def _group_bytes(proc: Path, cgroups: Path) -> Iterator[int]:
    """What is left in each control group that limits this process, and in those around."""
    try:
        lines = (proc / "self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = cgroups / "memory" if controllers else cgroups
        group = Path(name.lstrip("/"))
        for folder in (mount / group, *(mount / above for above in group.parents)):
            for limit, use, regained in _CGROUP_FILES:
                # Absent in the root, and where a container shows another part of the tree.
                with contextlib.suppress(OSError, ValueError, KeyError):
                    most = int((folder / limit).read_text())  # "max" is no number
                    used = int((folder / use).read_text())
                    yield most - used + _table(folder / "memory.stat")[regained]


def _table(path: Path) -> dict[str, int]:
    """The first number of every line, by the word before it."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines}


def private_megabytes(pid: int | str = "self") -> float:
    """Memory of a process that is not mapped from a file: 0 where that cannot be known."""
    try:
        pages = (_PROC / str(pid) / "statm").read_text().split()
    except OSError:
        return 0.0
    return (int(pages[1]) - int(pages[2])) * _PAGE / 1e6


def peak_megabytes() -> float:
    """The most that this process has held since the last `reset_peak`, files included."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # of the number, in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def reset_peak() -> None:
    """Let `peak_megabytes` start anew, where the system allows it."""
    with contextlib.suppress(OSError):
        (_PROC / "self/clear_refs").write_text("5")


def system_kills() -> int:
    """How many processes the system has killed for want of memory; 0 where it hides that."""
    with contextlib.suppress(OSError, KeyError):
        return _table(_PROC / "vmstat")["oom_kill"]
    return 0


def tells_of_memory(text: str) -> bool:
    """Whether what a library has printed or raised says that memory was short."""
    return any(complaint in text for complaint in _COMPLAINTS)
