"""What a run is about, as facts in its store, and whether another call may go on with it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autopipe.errors import StoreError
from autopipe.execution.files import database_path
from autopipe.execution.run_data import RunData
from autopipe.execution.store import Json, Store
from autopipe.metrics import Metric
from autopipe.seeds import Seeds
from autopipe.versions import library_versions

_MUST_AGREE = {
    "table": "another table (other rows, columns, roles or monotone)",
    "target": "another target (other values, classes, weights or groups, or of other scoring)",
    "metric": "another metric",
    "seed": "another random_state",
    "folds": "other folds (cv, groups)",
}


def facts_of(data: RunData, metric: Metric, seeds: Seeds) -> dict[str, Json]:
    """What is known of a run as a whole before its first trial."""
    return {
        "versions": {**library_versions()},
        "hardware": {"machine": platform.machine(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        "seed": seeds.root,
        "rows": len(data.table),
        "kind": data.target.kind.value,
        "metric": metric.name,
        "fold_count": len(data.folds),
        **data.fingerprints,
    }


def facts_in(folder: Path) -> dict[str, Any]:  # JSON
    """The facts of the run that a folder holds; none where there is no run yet."""
    if not database_path(folder).is_file():
        return {}
    with Store.begin(folder) as store:
        return store.facts


def check_agreement(former: Mapping[str, Json], now: Mapping[str, Json], folder: Path) -> None:
    """Whether a run that was begun with one set of facts may go on with another.

    Raises
    ------
    StoreError
        If they differ in what its scores depend on.
    """
    differing = {name for name in _MUST_AGREE if former.get(name) != now[name]}
    if differing & {"table", "target", "seed"}:
        differing.discard("folds")  # they are drawn from these
    if differing:
        told = [
            f"{words}: {former.get(name)!r} there, {now[name]!r} here"
            if name in ("metric", "seed")
            else words
            for name, words in _MUST_AGREE.items()
            if name in differing
        ]
        raise StoreError(
            f"{folder} holds a run with {'; '.join(told)}. Give what it was begun with to go "
            "on, or another path to begin anew."
        )
