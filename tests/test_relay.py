"""The first job in one executor, the others in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopipe.execution.executor import Job
from autopipe.execution.inline import Inline
from autopipe.execution.relay import Relay
from autopipe.trial import Status


class Counted(Inline):
    """Counts the jobs that it is given."""

    jobs = 0

    def submit(self, job):
        self.jobs += 1
        super().submit(job)


@pytest.fixture
def relay(tmp_path, monkeypatch):
    """A relay that does not trust jobs that raise, and its two executors."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    first, rest = (Counted(tmp_path, "nasty_work:judge") for _ in range(2))
    return Relay(first, rest, lambda job: job.tree != "raises"), first, rest


def test_only_the_first_job_stays_here(relay):
    executor, first, rest = relay
    for number in range(3):
        executor.submit(Job(number, "fine", 0))
        assert not executor.has_room()
        assert [outcome.number for outcome in executor.finished(0.0)] == [number]
        assert executor.has_room()
    assert (first.jobs, rest.jobs) == (1, 2)


def test_a_first_job_that_is_not_trusted_goes_away_too(relay):
    executor, first, rest = relay
    executor.submit(Job(0, "raises", 0))
    assert executor.cancel()[0].status is Status.ERROR
    assert (first.jobs, rest.jobs) == (0, 1)
    executor.close()
