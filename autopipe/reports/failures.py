"""What went wrong in a run: failed trials by learner and reason."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pandas as pd

from autopipe.operators.catalogue import learner_of
from autopipe.trial import Trial

_COLUMNS = ("learner", "status", "reason", "count", "share", "tree", "traceback")
_MOST_TOLD = 5  # reasons, in a warning


def failures(trials: Sequence[Trial]) -> pd.DataFrame:
    """Failed trials by learner and reason, the most frequent first.

    `share` is that of all trials; `tree` and `traceback` are those of the last such trial.
    """
    groups: dict[tuple[str, str, str], list[Trial]] = {}
    for trial in trials:
        if trial.has_failed:
            key = (learner_of(trial.tree), trial.status.value, trial.reason)
            groups.setdefault(key, []).append(trial)
    rows = [
        (*key, len(alike), len(alike) / len(trials), str(alike[-1].tree), alike[-1].traceback)
        for key, alike in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def warn_if_all_failed(trials: Sequence[Trial], is_timed: bool) -> None:
    """Say why there is no model but the prior.

    Parameters
    ----------
    is_timed : whether a clock ended the run, maybe before any trial
    """
    if any(trial.is_complete for trial in trials):
        return
    if not trials and is_timed:
        warnings.warn(
            "No trial was begun in the time there was, so the model predicts the prior of the "
            "target for every row. Give a larger time_budget, or fewer columns.",
            stacklevel=4,
        )
    if not trials:
        return
    table = failures(trials)
    told = [
        f"{row.learner}, {row.status}: {row.reason} ({row.share:.0%})"
        for row in table.head(_MOST_TOLD).itertuples()
    ]
    if len(table) > _MOST_TOLD:
        told.append("others")
    warnings.warn(
        f"None of the {len(trials)} trials was completed, so the model predicts the prior of "
        f"the target for every row. Reasons: {'; '.join(told)}. failures() tells more.",
        stacklevel=4,  # the line that calls `fit`, which wraps the one that calls this
    )
