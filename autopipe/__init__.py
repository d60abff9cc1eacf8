"""Tabular AutoML: pipelines evolved under cross-validation and ensembled, within a budget.

>>> from autopipe import AutoClassifier  # the libraries behind it are imported on first use
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autopipe.datasets.knowledge import Knowledge
    from autopipe.estimators import AutoClassifier, AutoRegressor, load
    from autopipe.operators.own import learner
    from autopipe.relations.schema import Relations

__all__ = ["AutoClassifier", "AutoRegressor", "Knowledge", "Relations", "learner", "load"]

_HOME = {
    "AutoClassifier": "autopipe.estimators",
    "AutoRegressor": "autopipe.estimators",
    "Knowledge": "autopipe.datasets.knowledge",
    "Relations": "autopipe.relations.schema",
    "learner": "autopipe.operators.own",
    "load": "autopipe.estimators",
}


def __getattr__(name: str) -> object:
    """Open the front lazily, so that a room can import a neighbour without waking it."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
