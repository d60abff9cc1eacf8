"""The live line that says how a run is going."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from autopipe.clock import Clock
from autopipe.metrics import Metric
from autopipe.trial import Trial


class Progress:
    """Shows trials, scores and the time that is left, on a terminal; elsewhere nothing.

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
        self._ensemble: float | None = None
        self._family = ""
        console = Console(stderr=True)
        self._live: Live | None = None
        if verbose and console.is_terminal:
            self._live = Live(
                self,
                console=console,
                refresh_per_second=4,
                redirect_stdout=False,  # the user's output is the user's
                redirect_stderr=False,
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, trial: Trial, ensemble_score: float | None) -> None:
        """Take note of a finished trial and of the ensemble after it."""
        self._trials += 1
        self._failed += not trial.is_complete
        self._family = trial.tree.op
        self._ensemble = ensemble_score
        if trial.score is not None and (self._best is None or trial.score > self._best):
            self._best = trial.score

    def __rich__(self) -> Text:
        words = [f"{self._trials} trials"]
        if self._failed:
            words.append(f"{self._failed} failed")
        for name, score in (("best", self._best), ("ensemble", self._ensemble)):
            if score is not None:
                words.append(f"{name} {self._metric.shown_name} {self._metric.shown(score):.5g}")
        if self._family:
            words.append(f"last {self._family}")
        if self._clock.budget is not None:
            words.append(f"{max(0.0, self._clock.left):.0f} s left")
        return Text("autopipe  " + " · ".join(words))
