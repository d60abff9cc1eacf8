"""What may happen to a whole fit: interrupts, threads, too little memory."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from autopipe import AutoClassifier, fitting
from autopipe.errors import OptionError, RunError
from autopipe.execution.inline import Inline
from autopipe.execution.lock import FolderLock
from autopipe.execution.store import Store
from autopipe.run import Run

X = pd.DataFrame({"size": np.linspace(0, 1, 60), "step": np.arange(60) % 7})
Y = np.where(X["size"] > 0.4, "yes", "no")
ARGUMENTS = {
    "max_trials": 4,
    "n_jobs": 2,
    "cv": 2,
    "verbose": 0,
    "random_state": 0,
    "include": ["linear"],
}


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_once():
    """A callback that interrupts at the first trial; others may end meanwhile."""
    deeds = iter([interrupt])
    return lambda trial: next(deeds, lambda: None)()


def numbers_in(folder):
    with Store.open(folder) as store:
        return [trial.number for trial in store.trials()]


def test_ctrl_c_ends_the_search_and_keeps_what_was_found(tmp_path):
    arguments = {**ARGUMENTS, "max_trials": 50, "path": tmp_path, "executor": "inline"}
    model = AutoClassifier(**arguments, callbacks=[interrupt_once()]).fit(X, Y)
    assert model.interrupted_
    assert model.score(X, Y) > 0.8
    assert model.history_["number"].tolist() == numbers_in(tmp_path)
    assert 0 < len(model.history_) < 50


class Interrupted(Inline):
    """Is interrupted again while the first interrupt is ending the search."""

    def cancel(self):
        interrupt()
        return super().cancel()


def test_a_second_ctrl_c_ends_the_fit_and_leaves_the_store_whole(tmp_path):
    model = AutoClassifier(
        **ARGUMENTS, path=tmp_path, callbacks=[interrupt_once()], executor=Interrupted(tmp_path)
    )
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert numbers_in(tmp_path) == [0]


class Failing(Inline):
    """Loses its workers after so many trials."""

    def __init__(self, folder, trials):
        super().__init__(folder)
        self.left = trials

    def finished(self, timeout):
        if self.left == 0:
            raise RunError("5 workers in a row ended before their first job.")
        self.left -= 1
        return super().finished(timeout)


def test_workers_that_are_lost_end_the_search_and_not_the_fit(tmp_path):
    model = AutoClassifier(**ARGUMENTS, path=tmp_path, executor=Failing(tmp_path, 2))
    with pytest.warns(UserWarning, match="ended early, for its workers failed: 5 workers"):
        model.fit(X, Y)
    assert len(model.history_) == 2
    assert model.score(X, Y) > 0.8


def test_workers_that_never_were_are_told(tmp_path):
    model = AutoClassifier(**ARGUMENTS, path=tmp_path, executor=Failing(tmp_path, 0))
    with pytest.raises(RunError, match="5 workers in a row"):
        model.fit(X, Y)


def test_fits_in_other_threads_do_not_disturb_each_other():
    def fitted(_):
        return AutoClassifier(**ARGUMENTS, executor="processes").fit(X, Y)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(fitted, range(2))
    assert first.history_["status"].eq("complete").all()
    assert (first.predict_proba(X) == second.predict_proba(X)).all()
    assert first.history_["tree"].tolist() == second.history_["tree"].tolist()


def test_the_memory_limit_reaches_the_workers(monkeypatch):
    given = []

    def processes(folder, workers, memory_limit_mb, **_):
        given.append(memory_limit_mb)
        return Inline(folder)

    monkeypatch.setattr("autopipe.placement.Processes", processes)
    monkeypatch.setattr("autopipe.memory.free_megabytes", lambda: 1000.0)
    for limit in ("2GB", 300e6, None):
        AutoClassifier(**{**ARGUMENTS, "max_trials": 1}, memory_limit=limit).fit(X, Y)
    assert given == [2000.0, 300.0, 800.0]


def test_a_memory_limit_that_is_none_is_refused():
    with pytest.raises(OptionError, match='memory_limit="4 gigs"'):
        AutoClassifier(**ARGUMENTS, memory_limit="4 gigs").fit(X, Y)


def test_ctrl_c_while_the_run_is_put_away_loses_no_model(monkeypatch, capsys):
    remove = fitting.shutil.rmtree

    def interrupted(folder, **options):
        interrupt()
        remove(folder, **options)

    monkeypatch.setattr(fitting.shutil, "rmtree", interrupted)
    model = AutoClassifier(**{**ARGUMENTS, "max_trials": 1, "executor": "inline"})
    assert model.fit(X, Y).score(X, Y) > 0.8
    assert "Ctrl-C again gives the model up" in capsys.readouterr().err


def test_a_callback_that_changes_the_folder_loses_no_trial(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    arguments = {**ARGUMENTS, "n_jobs": 1, "path": "run"}
    model = AutoClassifier(**arguments, callbacks=[lambda trial: os.chdir("elsewhere")])
    with pytest.warns(UserWarning, match="A callback raised FileNotFoundError"):
        model.fit(X, Y)
    assert model.history_["status"].eq("complete").all()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_killed_runs_left_is_removed_and_what_runs_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr(fitting.tempfile, "tempdir", str(tmp_path))
    long_ago = time.time() - 3_600
    dead, alive, young, foreign = (
        tmp_path / f"autopipe-run-{name}" for name in ("dead", "alive", "young", "foreign")
    )
    for folder in (dead, alive, young, foreign):
        folder.mkdir()
    locks = [FolderLock(folder) for folder in (dead, alive, young)]
    for folder in (dead, alive):
        os.utime(folder / "run.lock", (long_ago, long_ago))
    locks[0].release()
    locks[2].release()
    AutoClassifier(**{**ARGUMENTS, "max_trials": 1, "executor": "inline"}).fit(X, Y)
    assert sorted(tmp_path.iterdir()) == [alive, foreign, young]
    locks[1].release()


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_the_model_is_finished_needs_a_second_one(monkeypatch, capsys, times):
    made = Run.result

    def result(self, *given):
        for _ in range(times):
            interrupt()
        return made(self, *given)

    monkeypatch.setattr(Run, "result", result)
    model = AutoClassifier(**{**ARGUMENTS, "max_trials": 1, "executor": "inline"})
    if times == 1:
        assert model.fit(X, Y).score(X, Y) > 0.8
    else:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y)
    assert "Ctrl-C again gives the model up" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
