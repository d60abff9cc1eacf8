"""The executor of this process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from counted_runs import QUICK, toy

from autopipe import AutoClassifier
from autopipe.execution.executor import Job
from autopipe.execution.inline import Inline
from autopipe.trial import Status


@pytest.fixture
def inline(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return Inline(tmp_path, "nasty_work:judge")


def test_a_job_is_done_when_it_is_submitted(inline):
    inline.submit(Job(7, "fine", 0))
    assert not inline.has_room()
    assert [outcome.number for outcome in inline.finished(0.0)] == [7]
    assert inline.has_room()


@pytest.mark.parametrize(
    ("deed", "status", "failure"),
    [
        ("raises", Status.ERROR, "ValueError: the learner is unhappy"),
        ("leaves", Status.ERROR, "SystemExit: 4"),
        ("starves", Status.MEMORY, "MemoryError: no more"),
    ],
)
def test_what_the_work_raises_becomes_an_outcome(inline, deed, status, failure):
    inline.submit(Job(0, deed, 0))
    (outcome,) = inline.finished(0.0)
    assert (outcome.status, outcome.failure) == (status, failure)
    assert f"in {deed}" in outcome.traceback


def test_work_that_raises_has_taken_its_time(inline, monkeypatch):
    now = iter([5.0, 7.5])
    monkeypatch.setattr("autopipe.execution.worker.time.monotonic", lambda: next(now))
    inline.submit(Job(0, "raises", 0))
    (outcome,) = inline.finished(0.0)
    assert outcome.seconds == 2.5


def test_cancel_gives_what_was_not_fetched(inline):
    inline.submit(Job(0, "fine", 0))
    assert [outcome.number for outcome in inline.cancel()] == [0]
    assert list(inline.cancel()) == []


def test_close_frees_the_outcomes(inline):
    inline.submit(Job(0, "fine", 0))
    inline.close()
    inline.close()
    assert list(inline.finished(0.0)) == []


def test_a_folder_that_holds_another_run_gives_that_runs_data(tmp_path):
    for kept in (slice(None), slice(20, None)):  # the second table has fewer rows
        X, y = toy()
        fit = AutoClassifier(**QUICK, max_trials=1, path=tmp_path / "run").fit(X[kept], y[kept])
        assert fit.leaderboard()["status"].tolist()[-1] != "error" and not len(fit.failures())
        shutil.rmtree(tmp_path / "run")
