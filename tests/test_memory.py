"""Limits as people write them, and what the system says is free."""

from __future__ import annotations

import numpy as np
import pytest

from autopipe.errors import OptionError
from autopipe.memory import (
    free_megabytes,
    parse_megabytes,
    peak_megabytes,
    private_megabytes,
    reset_peak,
    tells_of_memory,
)

GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("limit", "megabytes"),
    [
        ("4GB", 4000.0),
        ("500MB", 500.0),
        (" 1.5 gb ", 1500.0),
        ("1GiB", 1073.741824),
        ("2g", 2000.0),
        (3e9, 3000.0),
        (10**9, 1000.0),
    ],
)
def test_a_limit_is_bytes_or_an_amount_with_its_unit(limit, megabytes):
    assert parse_megabytes(limit) == pytest.approx(megabytes)


@pytest.mark.parametrize("limit", ["much", "4 XB", "-4GB", "", True, None, "GB", "4GB 2"])
def test_what_is_no_amount_is_refused(limit):
    with pytest.raises(OptionError, match=r'memory_limit=.*such as "4GB"'):
        parse_megabytes(limit)


@pytest.mark.parametrize("limit", [4, "4", "100MB", 0, -1.0, float("nan"), float("inf")])
def test_what_no_worker_can_live_on_is_refused(limit):
    with pytest.raises(OptionError, match="a worker needs 250 MB"):
        parse_megabytes(limit)


def a_system(folder, cgroup="", meminfo=8 * GIGABYTE):
    """A folder that looks like /proc."""
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    (folder / "proc/meminfo").write_text(
        f"MemTotal:  99 kB\nMemAvailable:  {meminfo // 1024} kB\n"
    )
    return folder / "proc", folder / "cgroups"


def a_group(folder, limit, use, regained, version=2):
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{use}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {regained}\n")


def test_without_groups_the_free_memory_is_that_of_the_machine(tmp_path):
    assert free_megabytes(*a_system(tmp_path)) == pytest.approx(8000.0, abs=0.01)


def test_where_nobody_tells_memory_is_without_end(tmp_path):
    assert free_megabytes(tmp_path, tmp_path) == float("inf")


@pytest.mark.parametrize(
    ("line", "place", "version"),
    [
        ("0::/a/b", "a/b", 2),
        ("0::/a/b", "a", 2),
        ("0::/", "", 2),
        ("0::/of/the/host", "", 2),
        ("5:cpu:/x\n4:cpuset,memory:/a/b\n0::/", "memory/a/b", 1),
        ("4:memory:/a/b", "memory", 1),
    ],
)
def test_a_group_around_the_process_narrows_it(tmp_path, line, place, version):
    proc, cgroups = a_system(tmp_path, line)
    a_group(cgroups / place, 4 * GIGABYTE, 3 * GIGABYTE, GIGABYTE, version)
    assert free_megabytes(proc, cgroups) == pytest.approx(2000.0)


@pytest.mark.parametrize("limit", ["max", 9223372036854771712])
def test_a_group_without_limit_narrows_nothing(tmp_path, limit):
    proc, cgroups = a_system(tmp_path, "0::/a")
    a_group(cgroups / "a", limit, 3 * GIGABYTE, 0)
    assert free_megabytes(proc, cgroups) == pytest.approx(8000.0, abs=0.01)


def test_a_group_that_is_over_its_limit_leaves_nothing(tmp_path):
    proc, cgroups = a_system(tmp_path, "0::/a")
    a_group(cgroups / "a", GIGABYTE, 2 * GIGABYTE, 0)
    assert free_megabytes(proc, cgroups) == 0.0


def test_memory_that_is_taken_is_seen():
    before = private_megabytes()
    held = np.ones(10**7)
    assert private_megabytes() - before == pytest.approx(held.nbytes / 1e6, rel=0.2)


def test_the_peak_is_remembered_until_it_is_reset():
    reset_peak()
    before = peak_megabytes()
    np.ones(10**7)
    assert peak_megabytes() > before + 70
    reset_peak()
    assert peak_megabytes() < before + 40


def test_a_process_that_is_not_there_holds_nothing():
    assert private_megabytes(2**22 + 1) == 0.0


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("terminate called after throwing an instance of 'std::bad_alloc'", True),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7 TiB", True),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", True),
        ("ValueError: x must be positive", False),
    ],
)
def test_what_libraries_say_about_memory_is_understood(text, does):
    assert tells_of_memory(text) == does
