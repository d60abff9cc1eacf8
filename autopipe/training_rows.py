"""The rows that a model is fitted to: read, checked and coded, whoever fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from autopipe.intake.alignment import check_groups, check_rows, check_weights
from autopipe.intake.coding import Coding
from autopipe.intake.frames import as_frame
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.monotone import constrained
from autopipe.table import Table
from autopipe.task import Loss, Target


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """A table and its target, and how both were read."""

    frame: pd.DataFrame
    coding: Coding
    target_coding: TargetCoding
    table: Table
    target: Target

    def aimed_at(self, metric: Metric) -> Target:
        """The target with the loss that serves the metric.

        Columns that bind predictions leave squares alone: boosters put medians into leaves
        that are grown already, whatever binds them.
        """
        is_bound = self.table.schema.is_monotone
        return replace(self.target, loss=Loss.SQUARED if is_bound else metric.loss)


def training_rows(
    X: Any,
    y: Any,
    classify: bool,
    groups: Any = None,
    sample_weight: Any = None,
    roles: Mapping[Any, str] | None = None,
    monotone: Mapping[Any, int] | None = None,
) -> TrainingRows:
    """Read what `fit` is given.

    Parameters
    ----------
    X, y, groups, sample_weight, roles, monotone : as for `fit`, X without its target

    Raises
    ------
    InputError
        If the data cannot be used.
    """
    frame = as_frame(X)
    coding = Coding.learn(X, roles)
    check_rows(frame, y, frame is X, sample_weight=sample_weight, groups=groups)
    check_groups(groups, len(frame))
    table = coding.encode(X)
    target_coding = TargetCoding.learn(y, classify=classify)
    target = target_coding.target(y, check_weights(sample_weight, len(table)))
    if monotone is not None:
        table = constrained(table, coding, monotone, target.kind)
    return TrainingRows(frame, coding, target_coding, table, target)
