import pytest
from rich.console import Console

from autopipe.clock import Clock
from autopipe.metrics import metric_for
from autopipe.reports.progress import Progress
from autopipe.task import TaskKind
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

METRIC = metric_for("neg_log_loss", TaskKind.MULTICLASS, None)
TREE = parse("logistic(table, C=1.0)")


class Time:
    """A clock's hand, moved by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(progress: Progress, width: int = 120) -> str:
    return "".join(segment.text for segment in Console(width=width).render(progress))


def trial(number: int, score: float | None) -> Trial:
    status = Status.ERROR if score is None else Status.COMPLETE
    return Trial(number, TREE, Source.PORTFOLIO, status, score=score)


def test_nothing_is_written_where_there_is_no_terminal(capsys):
    with Progress(Clock(10.0, Time()), METRIC, verbose=1) as progress:
        progress.update(trial(0, -0.5), -0.5)
    assert capsys.readouterr() == ("", "")


def test_the_line_tells_trials_scores_and_the_time_left():
    time = Time()
    progress = Progress(Clock(60.0, time), METRIC, verbose=1)
    assert shown(progress) == "autopipe  0 trials · 60 s left\n"
    time.now += 12.0
    progress.update(trial(0, -0.5), -0.5)
    assert shown(progress) == ("autopipe  1 trial · 48 s left · log_loss 0.5, ensemble 0.5\n")
    progress.update(trial(1, None), -0.5)
    progress.update(trial(2, -0.25), -0.125)
    assert shown(progress) == (
        "autopipe  3 trials · 1 failed · 48 s left · log_loss 0.25, ensemble 0.125\n"
    )


def test_the_line_tells_the_families_that_are_being_tried():
    progress = Progress(Clock(60.0, Time()), METRIC, verbose=1)
    progress.start(0, "linear")
    assert progress.line() == "autopipe  0 trials · 60 s left · trying linear"
    for number, family in enumerate(("lightgbm", "linear", "xgboost", "forests"), start=1):
        progress.start(number, family)
    assert progress.line().endswith("trying linear, lightgbm, xgboost, ...")
    progress.update(trial(1, -0.5), None)
    assert progress.line().endswith("trying linear, xgboost, forests")


def test_without_a_budget_the_line_tells_the_time_that_has_passed():
    time = Time()
    progress = Progress(Clock(None, time), METRIC, verbose=1)
    time.now += 7.0
    assert shown(progress) == "autopipe  0 trials · 7 s\n"


def test_time_left_is_never_negative():
    time = Time()
    progress = Progress(Clock(5.0, time), METRIC, verbose=1)
    time.now += 9.0
    assert "0 s left" in shown(progress)


def test_the_last_line_tells_the_time_it_took():
    time = Time()
    with Progress(Clock(60.0, time), METRIC, verbose=1) as progress:
        progress.start(0, "linear")
        progress.start(1, "lightgbm")
        progress.update(trial(0, -0.5), -0.5)
        time.now += 30.0
    assert shown(progress) == "autopipe  1 trial · 30 s · log_loss 0.5, ensemble 0.5\n"


@pytest.mark.parametrize("width", [10, 40, 60])
def test_the_line_is_cut_where_the_terminal_ends(width):
    progress = Progress(Clock(60.0, Time()), METRIC, verbose=1)
    progress.update(trial(0, -0.5), -0.5)
    progress.start(1, "lightgbm")
    (line,) = shown(progress, width).splitlines()
    assert len(line) == width and line.endswith("…")


def test_the_line_says_why_a_search_ended_before_its_time():
    with Progress(Clock(10.0, Time()), METRIC, verbose=0) as progress:
        progress.update(trial(0, -0.5), None)
        assert "ended early" not in progress.line()
        progress.ending = "nothing gains any more"
    assert progress.line().endswith("ended early: nothing gains any more")


def test_a_partial_trial_is_no_failure():
    with Progress(Clock(10.0, Time()), METRIC, verbose=0) as progress:
        progress.update(Trial(0, TREE, Source.RANDOM, Status.PARTIAL, fold_scores=(0.5,)), None)
    assert "failed" not in progress.line()


def test_a_terminal_that_goes_away_costs_no_run():
    class Gone:
        def start(self):
            raise OSError(5, "Input/output error")

        stop = start

    progress = Progress(Clock(10.0, Time()), METRIC, verbose=0)
    progress._display = Gone()
    with progress:
        progress.update(trial(0, -0.5), -0.5)
    assert "ensemble 0.5" in progress.line()
