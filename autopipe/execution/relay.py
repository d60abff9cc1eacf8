"""The first job here, the others in workers: a model is there before workers are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autopipe.execution.executor import Executor, Job, Outcome


class Relay(Executor):
    """Runs the first job in one executor and hands the others to a second one.

    For budgets so short that the imports of the first worker would take most of them: these
    go on meanwhile.

    Parameters
    ----------
    first, rest : the executors; both are closed with this one
    is_trusted : whether a job may run in `first`, where nothing may protect us from it
    """

    def __init__(
        self, first: Executor, rest: Executor, is_trusted: Callable[[Job], bool]
    ) -> None:
        self._first = first
        self._rest = rest
        self._is_trusted = is_trusted
        self._is_fresh = True

    def has_room(self) -> bool:
        return self._first.has_room() and self._rest.has_room()

    def submit(self, job: Job) -> None:
        is_fresh, self._is_fresh = self._is_fresh, False
        (self._first if is_fresh and self._is_trusted(job) else self._rest).submit(job)

    def finished(self, timeout: float) -> Sequence[Outcome]:
        return self._first.finished(0.0) or self._rest.finished(timeout)

    def cancel(self) -> Sequence[Outcome]:
        return [*self._first.cancel(), *self._rest.cancel()]

    def close(self) -> None:
        self._first.close()
        self._rest.close()
