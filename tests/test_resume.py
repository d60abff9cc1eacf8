"""A run goes on where it was cut off, with everything that had finished."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from counted_runs import account, fitted, toy

from autopipe import AutoClassifier, cli, load, sampling
from autopipe.errors import RunLockedError, StoreError
from autopipe.execution.files import data_path, fitted_path, oof_path
from autopipe.execution.lock import FolderLock
from autopipe.execution.store import Store
from autopipe.resuming import facts_in
from autopipe.table import Table

TRIALS = 5


@pytest.fixture(scope="module")
def undisturbed():
    return account(fitted(TRIALS))


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folder = tmp_path_factory.mktemp("begun")
    fitted(3, path=folder)
    return folder


@pytest.fixture
def run(begun, tmp_path):
    """A folder with the first three trials."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def counted(trials: list) -> list[int]:
    return [trial.number for trial in trials]


def test_a_resumed_run_is_as_if_it_had_not_been_cut_off(run, undisturbed):
    told = []
    model = fitted(TRIALS, path=run, callbacks=[told.append])
    assert account(model) == undisturbed
    assert counted(told) == [3, 4]
    assert model.history_["number"].tolist() == list(range(TRIALS))


def test_a_finished_run_gives_the_same_model_and_runs_nothing(run, undisturbed):
    fitted(TRIALS, path=run)
    told = []
    assert account(fitted(TRIALS, path=run, callbacks=[told.append])) == undisturbed
    assert not told


def test_a_time_budget_is_of_this_call_and_the_trials_are_of_all(run):
    more = {"max_trials": None, "time_budget": "100s", "random_state": None, "cv": None}
    model = fitted(3, path=run, **more, callbacks=[lambda trial: True])
    assert model.history_["number"].tolist() == list(range(4))


def test_a_run_on_a_sample_goes_on_with_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "_FEWEST_ROWS", 60)
    monkeypatch.setattr(sampling, "_VALUE_SECONDS", 1e9)
    timed = {"path": tmp_path, "time_budget": "50s", "callbacks": [lambda trial: True]}
    with pytest.warns(UserWarning, match="the run looks at 60 of them"):
        fitted(3, **timed)
    monkeypatch.undo()
    assert fitted(3, **timed).history_["number"].tolist() == [0, 1]
    assert facts_in(tmp_path)["rows"] == 60


def test_a_run_without_a_seed_goes_on_by_its_own(tmp_path):
    fitted(2, path=tmp_path, random_state=None)
    model = fitted(4, path=tmp_path, random_state=None)
    seed = Store.open(tmp_path).facts["seed"]
    assert account(model) == account(fitted(4, random_state=seed))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"scoring": "accuracy"}, "another metric: 'neg_log_loss' there, 'accuracy' here"),
        ({"random_state": 1}, "another random_state: 0 there, 1 here"),
        ({"cv": 3}, "other folds"),
    ],
)
def test_a_run_that_was_begun_otherwise_is_refused_before_any_time_is_spent(
    run, arguments, told
):
    trials = []
    with pytest.raises(StoreError, match=f"holds a run with {told}.*or another path"):
        fitted(TRIALS, path=run, callbacks=[trials.append], **arguments)
    assert not trials


def test_other_rows_labels_or_weights_are_refused(run):
    X, y = toy()
    model = AutoClassifier(path=run)
    with pytest.raises(StoreError, match="another table"):
        model.fit(X.assign(age=X["age"] + 1), y)
    with pytest.raises(StoreError, match="another target"):
        model.fit(X, y[::-1])
    with pytest.raises(StoreError, match="another target"):
        model.fit(X, y, sample_weight=np.linspace(1, 2, len(y)))


def test_a_run_that_another_controller_works_in_is_refused(run):
    with Store.open(run), pytest.raises(RunLockedError, match=str(os.getpid())):
        fitted(TRIALS, path=run)


def test_a_table_that_is_whole_is_not_written_again(run):
    before = {path: path.stat().st_mtime_ns for path in data_path(run).iterdir()}
    fitted(TRIALS, path=run)
    assert {path: path.stat().st_mtime_ns for path in data_path(run).iterdir()} == before


@pytest.mark.parametrize(
    ("name", "share"),
    [("numbers.npy", 0.9), ("schema.json", 0.5), ("y.npy", 0.0), ("task.json", None)],
)
def test_a_table_that_was_cut_off_is_written_again(run, undisturbed, name, share):
    path = data_path(run) / name
    whole = path.read_bytes()
    path.unlink() if share is None else os.truncate(path, int(share * len(whole)))
    assert account(fitted(TRIALS, path=run)) == undisturbed
    assert path.read_bytes() == whole


def test_a_run_that_was_cut_off_as_it_wrote_its_table_goes_on(
    undisturbed, tmp_path, monkeypatch
):
    def cut_off(table, folder):
        (folder / "schema.json").write_text("{")
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(Table, "save", cut_off)
        fitted(TRIALS, path=tmp_path)
    assert list(data_path(tmp_path).iterdir())
    assert account(fitted(TRIALS, path=tmp_path)) == undisturbed


def test_a_trial_whose_files_are_damaged_is_left_out(run, undisturbed, caplog):
    numbers = [number for number in range(3) if oof_path(run, number).exists()]
    os.truncate(oof_path(run, numbers[0]), 100)
    damaged = fitted_path(run, numbers[1])
    damaged.write_bytes(damaged.read_bytes()[::-1])
    told = account(fitted(TRIALS, path=run))
    assert told["trials"] == undisturbed["trials"]
    assert told["weights"] and not {str(number) for number in numbers[:2]} & set(
        told["weights"]
    )
    assert f"Trial {numbers[0]} is left out of the ensemble" in caplog.text


def test_a_trial_whose_number_was_in_flight_is_judged_again(run, undisturbed):
    store = Store.open(run)
    store._database.execute("DELETE FROM trial WHERE number = 1")
    store.close()
    assert account(fitted(TRIALS, path=run)) == undisturbed


# The command line


@pytest.fixture
def data(tmp_path):
    X, y = toy()
    X.assign(bought=y).to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def command(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_a_command_line_run_goes_on_by_its_folder_alone(data, tmp_path, capsys, monkeypatch):
    out, quick = tmp_path / "run", ["--budget", "4s", "--metric", "neg_log_loss"]
    fit = ["fit", data, "--target", "bought", "--out", out, "--max-trials", 1, *quick]
    assert command(*fit) == 0
    assert command(*fit) == 2
    assert f"`autopipe resume {out}` goes on with it" in capsys.readouterr().err
    monkeypatch.chdir("/")
    assert command("resume", out, "--max-trials", 2) == 0
    assert "log_loss" in capsys.readouterr().out
    assert load(out / "model.autopipe").history_["number"].tolist() == [0, 1]
    assert {0, 1} <= set(pd.read_csv(out / "leaderboard.csv")["number"])
    assert command("resume", out, "--budget", "5s") == 0  # trials are no longer counted
    assert len(load(out / "model.autopipe").history_) > 2


def test_only_what_the_command_line_began_can_be_resumed_by_it(run, tmp_path, capsys):
    assert command("resume", run) == 2
    assert "was begun in Python" in capsys.readouterr().err
    assert command("resume", tmp_path / "none") == 2
    assert "holds no run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 0, marks=pytest.mark.slow)],
)
def test_a_signal_keeps_the_best_so_far(data, tmp_path, number, code):
    out = tmp_path / "run"
    words = ["fit", data, "--target", "bought", "--out", out, "--budget", "4m", "--jobs", 1]
    main = "import sys; from autopipe.cli import main; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", main, *map(str, words)])
    while not list((out / "trials").glob("*.fitted.npz")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait() == code
    model = load(out / "model.autopipe")
    assert model.interrupted_


def test_a_fork_that_lives_on_does_not_keep_the_folder(tmp_path):
    lock = FolderLock(tmp_path)
    held = os.dup(lock._descriptor)  # as a fork has it
    lock.release()
    FolderLock(tmp_path).release()
    os.close(held)
