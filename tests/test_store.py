"""The record of a run, and what a crash does to it."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.errors import RunLockedError, StoreError
from autopipe.execution.files import (
    database_path,
    fitted_path,
    oof_path,
    write_atomically,
    write_oof,
)
from autopipe.execution.store import SCHEMA_VERSION, Store
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

TREES = st.sampled_from(
    [
        "lightgbm(codes(table), learning_rate=0.05)",
        "logistic(scale(impute(table), copy=None), penalty='l2', fit=True)",
        "prior(table)",
    ]
).map(parse)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
FACTS = {"seed": 7, "versions": {"autopipe": "0.1.0"}, "folds": [1, 2], "metric": None}


@st.composite
def trials(draw):
    status = draw(st.sampled_from(Status))
    return Trial(
        number=draw(st.integers(0, 2**40)),
        tree=draw(TREES),
        source=draw(st.sampled_from(Source)),
        status=status,
        parents=tuple(draw(st.lists(st.integers(0, 10**6), max_size=3))),
        score=draw(NUMBERS) if status is Status.COMPLETE else None,
        fold_scores=tuple(draw(st.lists(NUMBERS, max_size=5))),
        seconds=draw(NUMBERS),
        predict_seconds=draw(NUMBERS),
        megabytes=draw(NUMBERS),
        is_truncated=draw(st.booleans()),
        failure=draw(st.text()),
        traceback=draw(st.text()),
        peak_megabytes=draw(NUMBERS),
    )


@pytest.fixture
def trial():
    return Trial(3, parse("prior(table)"), Source.INIT, Status.COMPLETE, score=0.5)


@given(told=st.lists(trials(), max_size=5, unique_by=lambda trial: trial.number))
def test_what_is_added_is_read_again(told):
    with tempfile.TemporaryDirectory() as name:
        with Store.begin(Path(name)) as store:
            store.note(FACTS)
            for trial in told:
                store.add(trial)
        with Store.open(Path(name)) as store:
            assert store.trials() == sorted(told, key=lambda trial: trial.number)
            assert store.facts == FACTS


def test_what_is_not_finite_is_stored_as_null(tmp_path, trial):
    odd = replace(
        trial, score=-math.inf, fold_scores=(math.nan, 1.0), seconds=math.inf, failure="\udc80"
    )
    with Store.begin(tmp_path) as store:
        store.add(odd)
        (again,) = store.trials()
    assert math.isnan(again.score) and math.isnan(again.seconds)
    assert math.isnan(again.fold_scores[0]) and again.fold_scores[1] == 1.0
    assert again.failure == r"\udc80"
    database = sqlite3.connect(database_path(tmp_path))
    assert database.execute("SELECT score, seconds FROM trial").fetchone() == (None, None)
    database.close()


def test_a_number_is_recorded_once(tmp_path, trial):
    with Store.begin(tmp_path) as store:
        store.add(trial)
        with pytest.raises(StoreError, match="recorded already"):
            store.add(trial)
        assert store.trials() == [trial]


def test_one_controller_at_a_time(tmp_path):
    with Store.begin(tmp_path), pytest.raises(RunLockedError, match="another folder"):
        Store.open(tmp_path)
    Store.open(tmp_path).close()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match="holds no run"):
        Store.open(tmp_path)


@pytest.mark.parametrize("place", ["data/y.npy", "trials/001.csv", "data"])
def test_a_folder_with_data_or_trials_of_others_is_left_as_it_is(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    before = set(tmp_path.rglob("*"))
    for _ in range(2):  # and the first refusal opens no door to the second
        with pytest.raises(StoreError, match=f"holds '{place[:4]}.*Give another folder"):
            Store.begin(tmp_path)
    assert set(tmp_path.rglob("*")) == before and path.read_text() == "mine"


def test_empty_folders_and_files_of_other_names_hinder_no_run(tmp_path, trial):
    for name in ("data", "trials", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes" / "mine.txt").touch()
    with Store.begin(tmp_path) as store:
        store.add(trial)


def test_a_run_that_was_begun_is_gone_on_with(tmp_path, trial):
    with Store.begin(tmp_path) as store:
        store.note(FACTS)
        store.add(trial)
    with Store.begin(tmp_path) as store:
        store.note({"seed": 8})
        assert store.trials() == [trial]
        assert store.facts == {**FACTS, "seed": 8}


def test_a_run_that_was_killed_before_its_first_transaction_is_begun(tmp_path, trial):
    database = sqlite3.connect(database_path(tmp_path))
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    with Store.begin(tmp_path) as store:
        store.add(trial)


def test_facts_that_are_no_json_change_nothing(tmp_path):
    with Store.begin(tmp_path) as store:
        store.note(FACTS)
        with pytest.raises(TypeError):
            store.note({"seed": 1, "odd": object()})
        assert store.facts == FACTS


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_told(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="a file"):
        Store.begin(tmp_path / place)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match=f"{os.strerror(code)}. Give a folder that can be"):
        Store.begin(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    database_path(tmp_path).write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(tmp_path)


def test_a_database_of_another_program_is_refused(tmp_path):
    database = sqlite3.connect(database_path(tmp_path))
    database.execute("CREATE TABLE cats (name)")
    database.close()
    with pytest.raises(StoreError, match="not a run of autopipe"):
        Store.open(tmp_path)


def test_a_damaged_run_is_refused(tmp_path, trial):
    with Store.begin(tmp_path) as store:
        for number in range(200):
            store.add(replace(trial, number=number, traceback="x" * 500))
    content = bytearray(database_path(tmp_path).read_bytes())
    content[4096:-4096] = bytes(len(content) - 8192)
    database_path(tmp_path).write_bytes(content)
    with pytest.raises(StoreError):
        Store.open(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    Store.begin(tmp_path).close()
    database = sqlite3.connect(database_path(tmp_path))
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    with pytest.raises(StoreError, match="newer autopipe"):
        Store.open(tmp_path)


def test_a_run_of_the_first_schema_is_taken_over(tmp_path, trial):
    Store.begin(tmp_path).close()
    database = sqlite3.connect(database_path(tmp_path))
    database.execute("ALTER TABLE trial DROP COLUMN features")
    database.execute("PRAGMA user_version = 1")
    database.close()
    with Store.open(tmp_path) as store:
        told = replace(trial, features=("ratio(c0, c1)",))
        store.add(told)
        assert store.trials() == [told]


def test_a_tree_that_does_not_parse_is_told(tmp_path, trial):
    with Store.begin(tmp_path) as store:
        store.add(trial)
        store._database.execute("UPDATE trial SET tree = 'no tree ('")
        with pytest.raises(StoreError, match="cannot be understood"):
            store.trials()


def test_predictions_are_read_and_discarded(tmp_path):
    predictions = np.arange(6.0).reshape(3, 2)
    with Store.begin(tmp_path) as store:
        write_oof(oof_path(tmp_path, 12), predictions)
        write_atomically(fitted_path(tmp_path, 12), lambda file: file.write(b"state"))
        np.testing.assert_array_equal(store.oof(12), predictions)
        store.discard(12)
        store.discard(12)
        assert list((tmp_path / "trials").iterdir()) == []
        with pytest.raises(StoreError, match="There is no"):
            store.oof(12)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_predictions_that_were_cut_off_are_told(tmp_path, share):
    path = oof_path(tmp_path, 0)
    with Store.begin(tmp_path) as store:
        write_oof(path, np.arange(60.0).reshape(30, 2))
        os.truncate(path, int(share * path.stat().st_size))
        with pytest.raises(StoreError, match="damaged"):
            store.oof(0)


def test_predictions_with_a_byte_changed_are_told_or_equal(tmp_path):
    path, predictions = oof_path(tmp_path, 0), np.arange(60.0).reshape(30, 2)
    with Store.begin(tmp_path) as store:
        write_oof(path, predictions)
        whole = path.read_bytes()
        for place in range(0, len(whole), 5):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 32]) + whole[place + 1 :])
            with contextlib.suppress(StoreError):
                np.testing.assert_array_equal(store.oof(0), predictions)


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_and_workers_left_is_swept(tmp_path, trial):
    with Store.begin(tmp_path) as store:
        store.add(trial)
    kept, untold = oof_path(tmp_path, trial.number), oof_path(tmp_path, trial.number + 1)
    half = kept.with_name(".part-99-" + kept.name)
    for path in (kept, untold, half):
        write_oof(path, np.zeros((2, 1)))
    Store.open(tmp_path).close()
    assert list((tmp_path / "trials").iterdir()) == [kept]


def test_files_of_other_names_than_ours_are_not_swept(tmp_path):
    Store.begin(tmp_path).close()
    names = {"001.csv", "000007.csv", "7.oof.npz", ".part-time", "000007.oof.npz.bak"}
    for name in (*names, "000007.oof.npz", ".part-9-000007.fitted.npz"):
        write_atomically(tmp_path / "trials" / name, lambda file: None)
    Store.open(tmp_path).close()
    assert {path.name for path in (tmp_path / "trials").iterdir()} == names


WRITER = """
from pathlib import Path
from autopipe.execution.store import Store
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial
store = Store.begin(Path({folder!r}))
number = 0
while True:
    store.add(Trial(number, parse("prior(table)"), Source.INIT, Status.ERROR))
    print(number, flush=True)
    number += 1
"""


def test_a_killed_writer_loses_no_trial_that_it_had_acknowledged(tmp_path):
    command = [sys.executable, "-c", WRITER.format(folder=str(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    with Store.open(tmp_path) as store:
        numbers = [trial.number for trial in store.trials()]
    assert numbers[: len(acknowledged)] == acknowledged
    assert len(numbers) <= len(acknowledged) + 1


def test_threads_may_write_the_same_file(tmp_path):
    path, both = tmp_path / "model", threading.Barrier(2, timeout=60)

    def write(content):
        def slowly(file):
            file.write(content)
            both.wait()  # while the other one writes too

        write_atomically(path, slowly)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (b"one", b"other")))
    assert path.read_bytes() in (b"one", b"other")
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
