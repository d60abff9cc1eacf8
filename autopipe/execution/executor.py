"""What the engine is asked to do, what it answers, and the narrow protocol between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autopipe.devices import CPU
from autopipe.trial import Status


@dataclass(frozen=True)
class Job:
    """A tree to be cross-fitted.

    Parameters
    ----------
    number : of the trial
    tree : as text
    seed : the run's root seed; seeds of nodes are drawn from it by name
    seconds : time that learners may take, counted from when the job is taken up
    deadline : time on `time.monotonic`'s axis by which they stop in any case
    limit : time on the same axis at which the worker is killed
    fold_threads : folds that are fitted at the same time, each on one native thread
    train_share : of each fold's training rows, that are used; 1 is all
    device : that learners may use
    most_loss : of the mean over the folds so far, beyond which the others are spared
    is_screen : whether a glimpse of one fold is enough, and nothing fitted is kept
    is_lasting : whether what is written has to survive a power cut
    """

    number: int
    tree: str
    seed: int
    seconds: float = float("inf")
    deadline: float = float("inf")
    limit: float = float("inf")
    fold_threads: int = 1
    train_share: float = 1.0
    device: str = CPU
    most_loss: float = float("inf")
    is_screen: bool = False
    is_lasting: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of a job; its arrays lie in the run folder, written before this is sent.

    Parameters are those of `Trial`; scores are computed by the controller.
    """

    number: int
    status: Status
    seconds: float = 0.0
    predict_seconds: float = 0.0
    megabytes: float = 0.0
    is_truncated: bool = False
    failure: str = ""
    traceback: str = ""
    peak_megabytes: float = 0.0
    features: tuple[str, ...] = ()


class Executor(Protocol):
    """Runs jobs; never raises for what a job does."""

    def has_room(self) -> bool:
        """Whether a job that is submitted now starts at once."""
        ...

    def submit(self, job: Job) -> None:
        """Start a job."""
        ...

    def finished(self, timeout: float) -> Sequence[Outcome]:
        """What has ended since the last call; waits up to `timeout` seconds for the first."""
        ...

    def cancel(self) -> Sequence[Outcome]:
        """Stop what runs, and say so: outcomes with the status cancelled."""
        ...

    def close(self) -> None:
        """Stop everything and free it; more calls do no harm."""
        ...
