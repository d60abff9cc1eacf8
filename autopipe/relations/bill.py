"""What columns of child tables will cost, told before they are made."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from autopipe.relations import synthesis
from autopipe.relations.learning import Proposal

_PROBES = (500, 2_000)  # rows of the frame, and the line through what they take
_PROBED = 2  # features of a kind
_MOST_FEATURES = 500
_LEAST_FEATURES, _ROWS_PER_FEATURE = 50, 20
_BYTES = {True: 8, False: 4}  # of a number, of a category's code


@dataclass(frozen=True)
class Caps:
    """What columns of child tables may cost.

    Parameters
    ----------
    features : how many there may be; None for as many as the rows can tell apart
    bytes, seconds : of all together
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
        rows are seen is done in earnest, and counts as it is
    features : a line for every feature that could be made, the most promising first, with
        `formula`, `depth`, `seconds`, and `left_out`, which says what cap it is beyond; empty
        for those that are made
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
    before, seconds = _seconds(proposal) if is_timed else (0.0, [0.0] * len(proposal.features))
    left = {"max_features": most, "memory": caps.bytes, "time": caps.seconds - before}
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
    return Bill(rows, total["max_features"], total["memory"], before + total["time"], features)


def _seconds(proposal: Proposal) -> tuple[float, list[float]]:
    """What it takes to lay out the tables, and then for every feature."""
    rows = len(proposal.view)
    sizes = [
        min(size, max(1, rows // part)) for size, part in zip(_PROBES, (4, 1), strict=True)
    ]
    kinds: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place, feature in enumerate(proposal.features):
        kinds[feature.primitive.name, feature.where is not None].append(place)
    laid_out: list[float] = []
    taken: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for size in sizes:
        some = np.unique(np.linspace(0, rows - 1, size).astype(int))
        begin = time.monotonic()
        entities = proposal.joining.entities(proposal.view, some, proposal.tables)
        laid_out.append(time.monotonic() - begin)
        for kind, places in kinds.items():
            probed = [proposal.features[place] for place in places[:_PROBED]]
            begin = time.monotonic()
            synthesis.computed(probed, entities)
            taken[kind].append((time.monotonic() - begin) / len(probed))
    begin = time.monotonic()
    synthesis.computed(proposal.features, entities)
    alone = sum(taken[kind][-1] * len(places) for kind, places in kinds.items())
    shared = min(1.0, (time.monotonic() - begin) / alone)  # as features have work in common
    seconds = [0.0] * len(proposal.features)
    for kind, places in kinds.items():
        for place in places:
            seconds[place] = shared * _on_line(sizes, taken[kind], rows)
    return proposal.seconds + _on_line(sizes, laid_out, rows), seconds


def _on_line(sizes: Sequence[int], seconds: Sequence[float], rows: int) -> float:
    """What so many rows take, drawn on from two measurements."""
    (few, many), (less, more) = sizes, seconds
    slope = max(0.0, more - less) / max(1, many - few)
    return more + slope * (rows - many)
