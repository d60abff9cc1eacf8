"""What was learned on one data set: the trees that were tried, and how their errors relate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autopipe.datasets.fingerprint import Fingerprint, fingerprint
from autopipe.datasets.metafeatures import metafeatures
from autopipe.errors import ShapeError
from autopipe.table import Table
from autopipe.task import FloatArray, Target, TaskKind
from autopipe.trial import Trial

_MOST_ROWS = 20_000  # that errors are averaged over
_MOST_CELLS = 5_000_000  # and predictions of all members for these


@dataclass(frozen=True)
class Result:
    """A tree on a data set.

    Parameters
    ----------
    tree : as text
    status : how it ended; only complete ones count in `errors`
    fold_scores : larger is better
    seconds : of a core, for all folds
    megabytes : the most that the trial held
    """

    tree: str
    status: str
    fold_scores: tuple[float, ...] = ()
    seconds: float = 0.0
    megabytes: float = 0.0

    @classmethod
    def of(cls, trial: Trial) -> Result:
        """What a trial tells."""
        return cls(
            str(trial.tree),
            trial.status.value,
            trial.fold_scores,
            trial.seconds,
            trial.peak_megabytes,
        )

    @property
    def is_complete(self) -> bool:
        """Whether every fold was judged."""
        return self.status == "complete"


@dataclass(frozen=True, eq=False)
class Experience:
    """What was learned on one data set.

    Parameters
    ----------
    name : of the data set
    kind : of the task
    metric : that the scores are of
    metafeatures : by name
    fingerprint : of the table
    results : of all trees that were tried
    errors : float32 array of shape (complete results, complete results)
        The mean product of two trees' errors, in units of the square error of the prior. So
        the square error of any weighted average of the trees is `weights @ errors @ weights`,
        and what a tree would add to an ensemble follows without a single prediction.
    """

    name: str
    kind: TaskKind
    metric: str
    metafeatures: Mapping[str, float]
    fingerprint: Fingerprint
    results: tuple[Result, ...]
    errors: FloatArray

    def __post_init__(self) -> None:
        count = len(self.complete)
        if self.errors.shape != (count, count):
            raise ShapeError(f"errors of shape {self.errors.shape} for {count} complete trees.")

    @property
    def complete(self) -> tuple[Result, ...]:
        """The results that `errors` is of."""
        return tuple(result for result in self.results if result.is_complete)

    @property
    def has_categories(self) -> bool:
        """Whether the table had a column of categories."""
        return self.metafeatures["categorical"] > 0

    @property
    def has_texts(self) -> bool:
        """Whether the table had a column of texts."""
        return self.metafeatures["text"] > 0


def experience(
    name: str,
    metric: str,
    table: Table,
    target: Target,
    results: Sequence[Result],
    predictions: FloatArray,
) -> Experience:
    """What these results tell; nothing of the table's rows is kept.

    Parameters
    ----------
    predictions : array of shape (complete results, rows, outputs)
        Out-of-fold; rows that were never held out are NaN.
    """
    return Experience(
        name,
        target.kind,
        metric,
        metafeatures(table, target),
        fingerprint(table),
        tuple(results),
        joint_errors(predictions, target),
    )


def joint_errors(predictions: FloatArray, target: Target) -> FloatArray:
    """The mean product of any two members' errors, that of the prior with itself being 1.

    For classes it is the sum over their probabilities, as in the Brier score.

    Parameters
    ----------
    predictions : array of shape (members, rows, outputs)

    Returns
    -------
    float32 array of shape (members, members)
    """
    rows = np.flatnonzero(np.isfinite(predictions).all(axis=(0, 2)))
    members, _, outputs = predictions.shape
    most = min(_MOST_ROWS, _MOST_CELLS // max(1, members * outputs))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    target = target.take(rows)
    truth, weights = target.truth, target.row_weights
    share = np.sqrt(weights / weights.sum())[:, None]
    prior = np.square(share * (truth - np.average(truth, axis=0, weights=weights))).sum()
    errors = ((predictions[:, rows] - truth) * share).reshape(len(predictions), -1)
    return np.asarray(errors @ errors.T / max(float(prior), 1e-300), dtype=np.float32)
