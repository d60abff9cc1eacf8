"""The live line that says how a run is going."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from autopipe.clock import Clock
from autopipe.metrics import Metric
from autopipe.reports.notebook import NotebookLine, is_notebook
from autopipe.trial import Trial

_MOST_FAMILIES = 3  # that the line names
_GONE = (OSError, ValueError)  # what writing to a terminal raises that is no longer there


class Progress:
    """Shows trials, scores and the time that is left, on a terminal or in a notebook.

    Elsewhere it shows nothing. On a terminal the line is cut where that ends. At the end a
    line with the result stays.

    Parameters
    ----------
    verbose : 0 shows nothing
    """

    def __init__(self, clock: Clock, metric: Metric, verbose: int) -> None:
        self._clock = clock
        self._metric = metric
        self._trials = 0
        self._failed = 0
        self._best: float | None = None
        self.ensemble_score: float | None = None
        self.ending = ""  # why the search ended before its time
        self._running: dict[int, str] = {}
        self._has_ended = False
        self._display = self._chosen_display() if verbose else None

    def _chosen_display(self) -> Live | NotebookLine | None:
        if is_notebook():  # rich would want ipywidgets there
            return NotebookLine(self.line)
        console = Console(stderr=True)
        if not console.is_terminal:
            return None
        return Live(
            self,
            console=console,
            refresh_per_second=4,
            redirect_stdout=False,  # the user's output is the user's
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        if self._display is not None:
            with suppress(*_GONE):
                self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._has_ended = True
        if self._display is not None:
            with suppress(*_GONE):
                self._display.stop()

    def start(self, number: int, family: str) -> None:
        """Take note of a trial that is about to run, and of its learner's family."""
        self._running = {**self._running, number: family}  # another thread reads it

    def update(self, trial: Trial, ensemble_score: float | None) -> None:
        """Take note of a finished trial and of the ensemble after it."""
        self._trials += 1
        self._failed += trial.has_failed
        self._running = {n: f for n, f in self._running.items() if n != trial.number}
        self.ensemble_score = ensemble_score
        if trial.score is not None and (self._best is None or trial.score > self._best):
            self._best = trial.score

    def line(self) -> str:
        """How the run is going, in one line."""
        words = [f"{self._trials} trial{'s' if self._trials != 1 else ''}"]
        if self._failed:
            words.append(f"{self._failed} failed")
        words.append(self._time())  # before the scores: a narrow terminal cuts the end
        words += [*self._scores(), *[f"ended early: {self.ending}"] * bool(self.ending)]
        families = list(dict.fromkeys(self._running.values()))
        if families and not self._has_ended:
            more = ", ..." if len(families) > _MOST_FAMILIES else ""
            words.append(f"trying {', '.join(families[:_MOST_FAMILIES])}{more}")
        return "autopipe  " + " · ".join(words)

    def __rich__(self) -> Text:
        return Text(self.line(), no_wrap=True, overflow="ellipsis")

    def _time(self) -> str:
        if self._has_ended or self._clock.budget is None:
            return f"{self._clock.elapsed:.0f} s"
        return f"{max(0.0, self._clock.left):.0f} s left"

    def _scores(self) -> list[str]:
        if self._best is None:
            return []
        words = f"{self._metric.shown_name} {self._metric.shown(self._best):.5g}"
        if self.ensemble_score is not None:
            words += f", ensemble {self._metric.shown(self.ensemble_score):.5g}"
        return [words]
