"""The libraries that decide what a run finds and what its models predict."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = (
    "autopipe", "numpy", "scikit-learn", "lightgbm", "xgboost", "catboost", "torch", "deap",
)  # fmt: skip


def library_versions() -> dict[str, str]:
    """The version of each of them that is installed, by name."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):  # of an extra
            found[name] = version(name)
    return found
