"""The rows that a model is fitted to: read, checked and coded, whoever fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from autopipe.errors import InputError
from autopipe.intake.alignment import check_groups, check_rows, check_weights
from autopipe.intake.coding import Coding
from autopipe.intake.frames import as_frame, is_named
from autopipe.intake.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.monotone import constrained
from autopipe.table import Table
from autopipe.task import Loss, Target

_LEAST_SHARE = 1e-3  # of the mean, where a metric wants predictions above zero


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """A table and its target, and how both were read."""

    frame: pd.DataFrame
    coding: Coding
    target_coding: TargetCoding
    table: Table
    target: Target

    def aimed_at(self, metric: Metric) -> tuple[TrainingRows, Metric]:
        """The same rows, with the target coded and the loss chosen as serves the metric.

        And the metric, for predictions as they then are.

        Columns that bind predictions leave squares alone: boosters put medians into leaves
        that are grown already, whatever binds them.

        Raises
        ------
        InputError
            If the target holds numbers that the metric cannot judge.
        """
        target, coding = self.target, self.target_coding
        if target.is_classification:
            return self, metric
        if metric.is_of_positive:
            try:
                metric.score(target, np.tile(target.prior(), (len(target.y), 1)))
            except ValueError as error:
                raise InputError(
                    f"scoring={metric.name!r} cannot judge this target: {error} Take another."
                ) from error
            mean = float(np.average(target.y, weights=target.weights))
            coding = replace(coding, least=_LEAST_SHARE * mean)
        coding = replace(coding, is_logarithmic=metric.is_logarithmic)
        y = coding.coded(np.asarray(target.y, np.float64))
        loss = Loss.SQUARED if self.table.schema.is_monotone else metric.loss
        rows = replace(self, target_coding=coding, target=replace(target, y=y, loss=loss))
        return rows, metric.raised_to(coding.least)


def training_rows(
    X: Any,
    y: Any,
    classify: bool,
    groups: Any = None,
    sample_weight: Any = None,
    roles: Mapping[Any, str] | None = None,
    monotone: Mapping[Any, int] | None = None,
    former: Coding | None = None,
) -> TrainingRows:
    """Read what `fit` is given.

    Parameters
    ----------
    X, y, groups, sample_weight, roles, monotone : as for `fit`, X without its target
    former : of other rows, as for `Coding.learn`

    Raises
    ------
    InputError
        If the data cannot be used.
    """
    frame = as_frame(X)
    told = frame if is_named(X) else X  # which is not converted again
    coding = Coding.learn(told, roles, former)
    check_rows(frame, y, frame is X, sample_weight=sample_weight, groups=groups)
    group_numbers = check_groups(groups, len(frame))
    table = coding.encode(told)
    target_coding = TargetCoding.learn(y, classify=classify)
    target = target_coding.target(y, check_weights(sample_weight, len(table)))
    target = replace(target, groups=group_numbers)
    if monotone is not None:
        table = constrained(table, coding, monotone, target.kind)
    return TrainingRows(frame, coding, target_coding, table, target)
