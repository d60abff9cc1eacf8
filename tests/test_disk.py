"""A disk that takes no more ends the search, and loses nothing that had finished."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from counted_runs import account, fitted

from autopipe.errors import StoreError
from autopipe.execution import judging
from autopipe.execution.files import oof_path, write_oof
from autopipe.execution.processes import Processes
from autopipe.execution.store import Store

TRIALS = 6
BEFORE = 3  # trials that end before the disk does


@pytest.fixture(scope="module")
def undisturbed():
    return account(fitted(TRIALS))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_trial_that_cannot_be_written_ends_the_search(
    undisturbed, tmp_path, monkeypatch, code
):
    def write(path, *rest):
        if path == oof_path(tmp_path, BEFORE):
            raise OSError(code, os.strerror(code))
        write_oof(path, *rest)

    monkeypatch.setattr(judging, "write_oof", write)
    with pytest.warns(UserWarning, match=rf"{tmp_path}.*{os.strerror(code)}.*Free space"):
        model = fitted(TRIALS, path=tmp_path)
    told = account(model)
    assert told["trials"][:BEFORE] == undisturbed["trials"][:BEFORE]
    assert told["weights"]
    assert model.history_["status"].tolist()[BEFORE:] == ["unsaved"]
    monkeypatch.undo()
    assert account(fitted(TRIALS, path=tmp_path)) == undisturbed


def test_a_trial_that_cannot_be_recorded_ends_the_search_and_is_used(
    undisturbed, tmp_path, monkeypatch
):
    add = Store.add

    def full(store, trial):
        if trial.number == BEFORE:
            raise StoreError("database or disk is full")
        add(store, trial)

    monkeypatch.setattr(Store, "add", full)
    with pytest.warns(UserWarning, match="database or disk is full"):
        told = account(fitted(TRIALS, path=tmp_path))
    monkeypatch.undo()
    assert told == account(fitted(BEFORE + 1))
    assert account(fitted(TRIALS, path=tmp_path)) == undisturbed


def test_workers_on_a_disk_that_is_really_full_leave_a_model(undisturbed, small_disk):
    ballast = small_disk / "ballast"

    def fill(trial):
        if trial.number == BEFORE:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1024))

    folder = small_disk / "run"
    arguments = {"path": folder, "callbacks": [fill]}
    with pytest.warns(UserWarning, match="No space left on device|disk is full"):
        model = fitted(1000, executor=Processes(folder, 1), **arguments)
    told = account(model)
    assert told["trials"][: BEFORE + 1] == undisturbed["trials"][: BEFORE + 1]
    assert told["weights"]
    ballast.unlink()
    assert account(fitted(TRIALS, path=folder)) == undisturbed


def test_a_disk_without_room_for_the_table_is_told_before_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(StoreError, match="No space left on device"):
        fitted(TRIALS, path=tmp_path)


def test_files_beyond_the_allowance_are_removed_but_those_of_members(
    undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setattr("autopipe.fitting._MOST_DISK_BYTES", 1.0)
    model = fitted(TRIALS, path=tmp_path)
    kept = {str(int(path.name[:6])) for path in (tmp_path / "trials").glob("*.fitted.npz")}
    assert kept == set(account(model)["weights"])
    assert account(model)["trials"] == undisturbed["trials"]


@pytest.mark.parametrize("is_given", [True, False])
def test_only_a_folder_that_is_given_waits_for_the_disk(tmp_path, monkeypatch, is_given):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    path = {"path": tmp_path} if is_given else {}
    fitted(2, executor="inline", **path)
    assert bool(synced) == is_given
