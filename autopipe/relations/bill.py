"""What columns of child tables will cost, told before they are made."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autopipe.relations import synthesis
from autopipe.relations.learning import Proposal

_PROBES = (500, 2_000)  # rows of the frame, and the line through what they take
_PROBED = 2  # features of a kind
_PROBED_TOGETHER = 100  # for a call to matter little, and the work in common to show
_PROBE_SHARE = 0.5  # of the time, that finding out what is taken may take
_MOST_FEATURES = 500
_LEAST_FEATURES, _ROWS_PER_FEATURE = 50, 20
_BYTES = {True: 8, False: 4}  # of a number, of a category's code


@dataclass(frozen=True)
class Caps:
    """What columns of child tables may cost.

    Parameters
    ----------
    features : how many there may be; None for as many as the rows can tell apart
    bytes, seconds : of all together; the seconds count from when the tables are first looked at
    """

    features: int | None = None
    bytes: float = float("inf")
    seconds: float = float("inf")


@dataclass(frozen=True, eq=False)
class Bill:
    """What columns of child tables cost.

    Parameters
    ----------
    rows : of the frame
    count : columns that are made
    bytes : that they take
    seconds : that making them takes: of every primitive two features are computed for 500
        and for 2,000 rows of the frame, and a line is drawn through both; what finds out which
        rows are seen is done in earnest, and counts as it is. Finding out takes half of the
        time there is at most: where that is too little, the line is drawn from nothing through
        500 rows, or no column is made.
    features : a line for every feature that could be made, the most promising first, with
        `formula`, `depth`, `seconds` (infinite where there was no time to find out), and
        `left_out`, which says what cap it is beyond; empty for those that are made
    """

    rows: int
    count: int
    bytes: int
    seconds: float
    features: pd.DataFrame

    def __str__(self) -> str:
        left_out = len(self.features) - self.count
        more = f"; {left_out} more are left out" if left_out else ""
        return (
            f"{self.count} columns for {self.rows:,} rows: {self.bytes / 1e6:.3g} MB, "
            f"{self.seconds:.3g} s{more}"
        )

    __repr__ = __str__


def bill_of(proposal: Proposal, caps: Caps, is_timed: bool = True) -> Bill:
    """What the features of a proposal cost, of which as many are made as caps allow.

    Parameters
    ----------
    is_timed : whether to find out what they take; otherwise no seconds are counted
    """
    rows = len(proposal.view.which)
    most = caps.features
    if most is None:
        most = min(_MOST_FEATURES, max(_LEAST_FEATURES, rows // _ROWS_PER_FEATURE))
    before, seconds = 0.0, [0.0] * len(proposal.features)
    if is_timed:
        before, seconds = _seconds(proposal, most, _PROBE_SHARE * _time_left(proposal, caps))
    time_left = _time_left(proposal, caps) - before
    left = {"max_features": most, "memory": caps.bytes, "time": time_left}
    total = Counter[str]()
    lines = []
    for feature, formula, took in zip(
        proposal.features, proposal.formulas, seconds, strict=True
    ):
        size = rows * _BYTES[synthesis.is_number(feature)]
        costs = {"max_features": 1, "memory": size, "time": took}
        beyond = [name for name, cost in costs.items() if total[name] + cost > left[name]]
        if not beyond:
            total.update(costs)
        depth = synthesis.depth_of(feature)
        lines.append((formula, depth, took, ", ".join(beyond)))
    features = pd.DataFrame(lines, columns=["formula", "depth", "seconds", "left_out"])
    seconds_in_all = proposal.seconds + before + total["time"]
    return Bill(rows, total["max_features"], total["memory"], seconds_in_all, features)


def _time_left(proposal: Proposal, caps: Caps) -> float:
    return caps.seconds - (time.monotonic() - proposal.begun)


def _seconds(proposal: Proposal, most: int, patience: float) -> tuple[float, list[float]]:
    """What it takes to lay out the tables, and then for every feature.

    Parameters
    ----------
    most : features that are made
    patience : seconds to find out; what is not found out in them takes forever
    """
    begin = time.monotonic()
    rows, at_once = len(proposal.view), len(next(proposal.view.chunks()))
    kinds = [(one.primitive.name, one.where is not None) for one in proposal.features]
    of_kind: dict[tuple[str, bool], list[Any]] = defaultdict(list)
    for kind, feature in zip(kinds, proposal.features, strict=True):
        of_kind[kind].append(feature)
    together = proposal.features[: min(most, _PROBED_TOGETHER)]
    probes = [*(some[:_PROBED] for some in of_kind.values()), together]
    sizes: list[int] = []
    taken: list[list[float]] = []  # for each size, what laying out takes, then every probe
    for size, part in zip(_PROBES, (4, 1), strict=True):
        size = min(size, max(1, at_once // part))
        ahead = sum(taken[0]) * size / sizes[0] if taken else 0.0
        end = begin + patience
        found = None if time.monotonic() + ahead > end else _probed(proposal, probes, size, end)
        if found is None:
            break
        sizes.append(size)
        taken.append(found)
    if not taken:
        return 0.0, [float("inf")] * len(kinds)
    laid_out, *each, whole = zip(*taken, strict=True)
    alone = {
        kind: [one / len(probe) for one in seconds]
        for kind, probe, seconds in zip(of_kind, probes, each, strict=False)
    }
    # As features have work in common.
    shared = min(1.0, whole[-1] / sum(alone[kind][-1] for kind in kinds[: len(together)]))
    costs = {kind: shared * _on_line(sizes, seconds, rows) for kind, seconds in alone.items()}
    return _on_line(sizes, laid_out, rows), [costs[kind] for kind in kinds]


def _probed(
    proposal: Proposal, probes: Sequence[Sequence[Any]], size: int, end: float
) -> list[float] | None:
    """What laying out the tables takes for some rows, and each list of features.

    None where the end comes before the last of them.
    """
    some = np.unique(np.linspace(0, len(proposal.view) - 1, size).astype(int))
    begin = time.monotonic()
    entities = proposal.joining.entities(proposal.view, some, proposal.tables)
    moments = [begin, time.monotonic()]
    for probe in probes:
        if moments[-1] > end:
            return None
        synthesis.computed(probe, entities)
        moments.append(time.monotonic())
    return np.diff(moments).tolist()


def _on_line(sizes: Sequence[int], seconds: Sequence[float], rows: int) -> float:
    """What so many rows take, drawn on from two measurements, or from nothing and one."""
    (few, many), (less, more) = [0, *sizes][-2:], [0.0, *seconds][-2:]
    slope = max(0.0, more - less) / max(1, many - few)
    return more + slope * (rows - many)
