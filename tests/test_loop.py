"""The run's loop, with a false clock, a false executor and a search that counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from autopipe.clock import Clock
from autopipe.errors import StoreError
from autopipe.execution.cost_model import CostModel
from autopipe.execution.executor import Job, Outcome
from autopipe.execution.files import oof_path, write_oof
from autopipe.execution.loop import Loop
from autopipe.execution.pacing import Pace
from autopipe.execution.store import Store
from autopipe.folds import Folds
from autopipe.operators.cost import Shape
from autopipe.tree import TABLE, Node
from autopipe.trial import Proposal, Source, Status, Trial


class Time:
    """A clock's hand, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Instant:
    """An executor that takes `seconds` for every job, on the false clock."""

    def __init__(self, folder, time: Time, seconds: float, room: int = 1) -> None:
        self.folder, self.time, self.seconds, self.room = folder, time, seconds, room
        self.running: list[Job] = []
        self.jobs: list[Job] = []
        self.status: Callable[[int], Status] = lambda number: Status.COMPLETE

    def has_room(self) -> bool:
        return len(self.running) < self.room

    def submit(self, job: Job) -> None:
        self.running.append(job)
        self.jobs.append(job)

    def finished(self, timeout: float) -> Sequence[Outcome]:
        self.time.now += self.seconds
        job = self.running.pop(0)
        status = self.status(job.number)
        if status is Status.COMPLETE:
            values = np.full((4, 1), float(job.number), np.float32)
            path = oof_path(self.folder, job.number)
            write_oof(path, values)
        return [Outcome(job.number, status, seconds=self.seconds)]

    def cancel(self) -> Sequence[Outcome]:
        cancelled = [Outcome(job.number, Status.CANCELLED) for job in self.running]
        self.running = []
        return cancelled

    def close(self) -> None:
        self.cancel()


class Counting:
    """A search that proposes one tree after the other."""

    learner, name = "ridge", "alpha"

    def __init__(self) -> None:
        self.asked = 0
        self.told: list[Trial] = []
        self.announced: list[Proposal] = []

    def ask(self) -> Proposal | None:
        number, self.asked = self.asked, self.asked + 1
        below = Node("codes", (), (TABLE,))
        tree = Node(self.learner, ((self.name, float(number + 1)),), (below,))
        return Proposal(number, tree, Source.PORTFOLIO)

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)


@pytest.fixture
def parts(tmp_path):
    time, search = Time(), Counting()
    executor = Instant(tmp_path, time, seconds=2.0)
    with Store.begin(tmp_path) as store:
        yield time, search, executor, store


def loop_of(parts, budget: float | None, **options) -> Loop:
    time, search, executor, store = parts
    clock = Clock(budget, time)
    search_end = clock.end - 2.0 if budget is not None else float("inf")
    rows = options.pop("rows", 10)
    folds = Folds(((np.arange(1, rows), np.arange(1)),), rows)
    pace = Pace(CostModel(Shape(rows, 2), folds), clock, search_end)
    return Loop(
        ask=search.ask,
        tell=search.tell,
        announce=search.announced.append,
        pace=pace,
        executor=executor,
        store=store,
        clock=clock,
        score=options.pop("score", lambda predictions: (1.0, 3.0)),
        observe=options.pop("observe", lambda trial, predictions: False),
        seed=0,
        search_end=search_end,
        **options,
    )


def test_every_finished_trial_is_stored_and_told(parts) -> None:
    loop_of(parts, None, max_trials=5).run()
    _, search, _, store = parts
    assert [trial.number for trial in search.told] == list(range(5))
    assert store.trials() == search.told
    assert all(trial.score == 2.0 for trial in search.told)


def test_nothing_is_started_after_the_search_has_to_end(parts) -> None:
    loop_of(parts, 20.0).run()
    time, _, executor, _ = parts
    assert 18.0 <= time.now <= 20.0
    assert all(job.deadline <= 18.0 for job in executor.jobs)
    assert all(job.limit <= 19.0 for job in executor.jobs)


def test_the_first_trial_is_given_less_time_than_the_others(parts) -> None:
    loop_of(parts, 20.0).run()
    first, *others = parts[2].jobs
    assert all(first.seconds < job.seconds for job in others)


def test_failures_are_recorded_with_their_reason(parts) -> None:
    parts[2].status = lambda number: Status.CRASH if number == 1 else Status.COMPLETE
    loop_of(parts, None, max_trials=3).run()
    assert [trial.status for trial in parts[3].trials()] == [
        Status.COMPLETE,
        Status.CRASH,
        Status.COMPLETE,
    ]


def test_a_score_that_is_not_finite_is_a_failure(parts) -> None:
    loop_of(parts, None, max_trials=1, score=lambda predictions: (1.0, float("nan"))).run()
    (trial,) = parts[3].trials()
    assert trial.status is Status.NONFINITE
    assert trial.score is None


class Screening(Counting):
    """A search that wants all its trees screened on a sixteenth of the rows."""

    def ask(self) -> Proposal | None:
        proposal = super().ask()
        return None if proposal is None else replace(proposal, share=1 / 16)


def test_once_there_is_a_model_a_screen_is_a_partial_trial_that_nobody_observes(parts) -> None:
    time, _, executor, store = parts
    seen = []
    loop = loop_of(
        (time, Screening(), executor, store),
        60.0,
        screen=lambda predictions: (7.0,),
        observe=lambda trial, predictions: seen.append(predictions) or trial.number == 2,
    )
    loop.run()
    first, *others = store.trials()
    assert (first.status, first.score, first.train_share) == (Status.COMPLETE, 2.0, 1.0)
    assert [trial.status for trial in others] == [Status.PARTIAL] * 2
    assert [trial.score for trial in others] == [None] * 2
    assert [trial.fold_scores for trial in others] == [(7.0,)] * 2
    assert [trial.train_share for trial in others] == [1 / 16] * 2
    assert [predictions is None for predictions in seen] == [False, True, True]
    assert [job.is_screen for job in executor.jobs[:3]] == [False, True, True]
    assert executor.jobs[1].seconds < executor.jobs[0].seconds


def test_an_observer_can_end_the_run(parts) -> None:
    loop_of(parts, None, observe=lambda trial, predictions: trial.number == 2).run()
    assert len(parts[3].trials()) == 3


def test_an_interrupt_keeps_what_had_finished_and_cancels_the_rest(parts) -> None:
    _, _, executor, store = parts
    executor.room = 2

    def interrupt(trial: Trial, predictions) -> bool:
        if trial.number == 1:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        loop_of(parts, None, observe=interrupt).run()
    assert [trial.number for trial in store.trials()] == [0, 1]
    assert not executor.running


def test_an_interrupt_keeps_what_had_ended_at_the_same_time(parts) -> None:
    _, search, executor, store = parts
    executor.room = 2
    one_by_one = executor.finished
    executor.finished = lambda timeout: [*one_by_one(timeout), *one_by_one(timeout)]

    def interrupt(trial: Trial, predictions) -> bool:
        if trial.number == 0:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        loop_of(parts, None, observe=interrupt).run()
    assert [trial.number for trial in store.trials()] == [0, 1]
    assert store.trials() == search.told


def test_an_interrupt_while_the_search_is_told_loses_no_trial(parts) -> None:
    _, search, _, store = parts
    tell, times, seen = search.tell, [], []

    def interrupted(trial: Trial) -> None:
        times.append(trial)
        if len(times) == 1:
            raise KeyboardInterrupt
        tell(trial)

    search.tell = interrupted

    def observe(trial: Trial, predictions) -> bool:
        seen.append(trial.number)
        return False

    with pytest.raises(KeyboardInterrupt):
        loop_of(parts, None, observe=observe).run()
    assert seen == [trial.number for trial in store.trials()] == [0]


def test_an_interrupt_right_after_a_trial_was_stored_keeps_it_once(parts, monkeypatch) -> None:
    _, search, _, store = parts
    add = store.add

    def interrupted(trial: Trial) -> None:
        add(trial)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "add", interrupted)
    loop = loop_of(parts, None)
    with pytest.raises(KeyboardInterrupt):
        loop.run()
    assert loop.unsaved is None
    assert len(store.trials()) == 1 and store.trials() == search.told


def test_a_trial_that_cannot_be_saved_ends_the_run_and_is_told(parts) -> None:
    _, search, executor, store = parts
    executor.status = lambda number: Status.UNSAVED if number == 1 else Status.COMPLETE
    loop = loop_of(parts, None)
    loop.run()
    assert loop.unsaved is not None
    assert [trial.number for trial in store.trials()] == [0]
    assert [trial.number for trial in search.told] == [0, 1]


def test_a_trial_whose_predictions_are_gone_ends_the_run(parts, monkeypatch) -> None:
    def gone(number: int):
        raise StoreError("torn")

    monkeypatch.setattr(parts[3], "oof", gone)
    loop = loop_of(parts, None)
    loop.run()
    assert loop.unsaved == "torn"
    assert [trial.status for trial in parts[1].told] == [Status.UNSAVED]


def test_trials_of_a_former_call_are_counted(parts) -> None:
    former = [Trial(n, TABLE, Source.INIT, Status.ERROR) for n in range(10, 13)]
    loop_of(parts, None, max_trials=5, former=former).run()
    assert len(parts[1].told) == 2


def test_without_a_clock_there_is_no_deadline(parts) -> None:
    loop_of(parts, None, max_trials=2).run()
    assert all(job.deadline == job.seconds == float("inf") for job in parts[2].jobs)
    assert all(job.limit < float("inf") for job in parts[2].jobs)


def test_what_is_started_is_announced(parts) -> None:
    loop_of(parts, None, max_trials=3).run()
    assert [proposal.number for proposal in parts[1].announced] == [0, 1, 2]


def test_a_trial_says_what_share_of_the_rows_it_had(parts) -> None:
    parts[1].learner, parts[1].name = "catboost", "l2_leaf_reg"
    loop_of(parts, 20.0, rows=2_000_000).run()
    job = parts[2].jobs[0]
    assert job.train_share < 1.0
    assert parts[3].trials()[0].train_share == job.train_share


def test_a_tree_that_cannot_end_is_told_but_neither_run_nor_stored(parts) -> None:
    """Of ten million rows: only the first is tried, for there is no model yet."""
    _, search, executor, store = parts
    search.learner, search.name = "catboost", "l2_leaf_reg"
    loop_of(parts, 20.0, rows=10_000_000).run()
    assert len(executor.jobs) == len(store.trials()) == 1
    declined = [trial for trial in search.told if trial.status is Status.CANCELLED]
    assert len(declined) == search.asked - 1
    assert [proposal.number for proposal in search.announced] == [0]
