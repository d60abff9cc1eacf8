"""Jobs in this process, one after the other: for tests and tiny budgets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autopipe.execution.executor import Executor, Job, Outcome
from autopipe.execution.judging import forget
from autopipe.execution.worker import attempt, work_named


class Inline(Executor):
    """Runs a job while it is submitted; nothing protects this process from it.

    Parameters
    ----------
    folder : of the run; where the work leaves its files
    work : dotted name of the function that judges a job, as "module:function"
    """

    def __init__(self, folder: Path, work: str = "autopipe.execution.judging:judge") -> None:
        self._folder = folder.absolute()
        self._work = work
        self._outcomes: list[Outcome] = []

    def has_room(self) -> bool:
        return not self._outcomes

    def submit(self, job: Job) -> None:
        self._outcomes.append(attempt(work_named(self._work), job, self._folder))

    def finished(self, timeout: float) -> Sequence[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def cancel(self) -> Sequence[Outcome]:
        """Gives what had ended and was not yet fetched; nothing runs between calls."""
        return self.finished(0.0)

    def close(self) -> None:
        """Forget outcomes that were not fetched, and the data of the run."""
        self._outcomes = []
        forget()
