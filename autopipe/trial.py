"""One tree judged on the folds: a complete record, failure included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from autopipe.errors import OptionError
from autopipe.tree import Node

_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")


class Source(StrEnum):
    """Where a tree came from."""

    PORTFOLIO = "portfolio"
    INIT = "init"
    CROSSOVER = "crossover"
    MUTATION_SUBTREE = "mutation_subtree"
    MUTATION_INSERT = "mutation_insert"
    MUTATION_SHRINK = "mutation_shrink"
    MUTATION_REPLACE = "mutation_replace"
    MUTATION_HYPERPARAMETER = "mutation_hyperparameter"
    FEATURES = "features"
    TPE = "tpe"
    CMAES = "cmaes"
    GRID = "grid"
    RANDOM = "random"
    STACK = "stack"


class Status(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"  # screened on a part of the rows, or not worth its other folds
    ERROR = "error"  # the pipeline raised
    NONFINITE = "nonfinite"  # predictions are not all finite
    INFEASIBLE = "infeasible"  # slower or larger than the delivered model may be
    TIMEOUT = "timeout"  # nothing usable by the deadline, or killed at the limit
    MEMORY = "memory"  # more memory than a worker may take
    CRASH = "crash"  # the worker died: a signal or an exit of its own
    UNSAVED = "unsaved"  # its files could not be written: the disk is full, or read-only
    CANCELLED = "cancelled"  # the run ended first


@dataclass(frozen=True)
class Proposal:
    """A tree that a search wants judged.

    Parameters
    ----------
    number : counts the proposals of a run from 0
    tree : the tree
    source : where it came from
    parents : numbers of the trials it was made from
    share : of the training rows of one fold that it is to be screened on; 1 for all folds
    """

    number: int
    tree: Node
    source: Source
    parents: tuple[int, ...] = ()
    share: float = 1.0

    @property
    def is_screen(self) -> bool:
        """Whether a part of the rows is enough."""
        return self.share < 1.0


@dataclass(frozen=True)
class Trial:
    """A judged proposal.

    Parameters
    ----------
    number, tree, source, parents : as proposed
    status : how it ended
    score : mean over the folds, larger is better; None unless complete
    fold_scores : one for every fold that was judged
    seconds : wall time of fitting and predicting all folds
    predict_seconds : time to predict one row of a batch with all fold models
    megabytes : size of the fitted state of all folds
    train_share : of each fold's training rows, that it was fitted to
    is_truncated : whether a learner was stopped by its deadline rather than by itself
    failure : one line that says what went wrong, if only for a while in a complete trial
    traceback : at most twenty frames
    peak_megabytes : most memory that the worker held at the end of the trial
    features : formulas of which the screens of all folds were sure, the best first
    """

    number: int
    tree: Node
    source: Source
    status: Status
    parents: tuple[int, ...] = ()
    score: float | None = None
    fold_scores: tuple[float, ...] = ()
    seconds: float = 0.0
    predict_seconds: float = 0.0
    megabytes: float = 0.0
    train_share: float = 1.0
    is_truncated: bool = False
    failure: str = ""
    traceback: str = field(default="", repr=False)
    peak_megabytes: float = 0.0
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.status is Status.COMPLETE) != (self.score is not None):
            raise OptionError(f"Trial {self.number}: exactly the complete trials have a score.")

    @property
    def is_complete(self) -> bool:
        """Whether every fold was judged."""
        return self.status is Status.COMPLETE

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than was meant: a screen is meant to be partial."""
        return self.status not in (Status.COMPLETE, Status.PARTIAL)

    @property
    def reason(self) -> str:
        """What went wrong, as in "killed by signal N (SIGSEGV)": alike ones read alike."""
        line = self.failure.strip().partition("\n")[0] or self.status.value
        return _NUMBERS.sub("N", line)
