"""The constructor's arguments, checked and resolved before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.clock import parse_seconds
from autopipe.deployment import Demands
from autopipe.devices import device_named
from autopipe.errors import OptionError
from autopipe.fitting import Options
from autopipe.learning.remembering import knowledge_named
from autopipe.memory import parse_megabytes
from autopipe.placement import core_count
from autopipe.presets import preset_named
from autopipe.searching import search_named


def budget_of(arguments: Mapping[str, Any]) -> float | None:
    """Seconds that a fit may take; None where no clock ends it.

    Raises
    ------
    OptionError
        If `time_budget` is no duration, or there is no such preset.
    """
    preset = preset_named(arguments["preset"])
    if arguments["time_budget"] is not None:
        return parse_seconds(arguments["time_budget"])
    return None if arguments["max_trials"] is not None else parse_seconds(preset.time_budget)


def options_of(
    arguments: Mapping[str, Any], groups: Any = None, notes: Mapping[str, Any] | None = None
) -> Options:
    """How a fit is to be run; what is left at its default is filled by the preset.

    Raises
    ------
    OptionError
        If a value is outside what it may be.
    """
    _check_ensemble(arguments["ensemble"])
    _check_max_trials(arguments["max_trials"])
    for name in ("max_latency_ms", "max_size_mb"):
        check_limit(name, arguments[name])
    core_count(arguments["n_jobs"])
    callbacks = arguments["callbacks"] or ()
    if callable(callbacks) or not all(callable(callback) for callback in callbacks):
        raise OptionError(f"callbacks={callbacks!r}: give a list of functions of a trial.")
    preset = preset_named(arguments["preset"])
    include, exclude = arguments["include"], arguments["exclude"]
    ensemble, search = arguments["ensemble"], arguments["search"]
    path, memory_limit = arguments["path"], arguments["memory_limit"]
    return Options(
        max_trials=arguments["max_trials"],
        cv=arguments["cv"],
        fold_factor=preset.folds,
        groups=groups,
        include=preset.include if include is None else include,
        exclude=preset.exclude if exclude is None else exclude,
        space=arguments["space"],
        init=arguments["init"],
        knowledge=knowledge_named(arguments["knowledge"]),
        search=search_named(search),
        ensemble=preset.ensemble if ensemble == "auto" else ensemble,
        n_jobs=arguments["n_jobs"],
        device=device_named(arguments["device"]),
        memory_limit_mb=None if memory_limit is None else parse_megabytes(memory_limit),
        executor=arguments["executor"],
        path=None if path is None else Path(path),
        callbacks=tuple(callbacks),
        verbose=arguments["verbose"],
        demands=Demands(arguments["max_latency_ms"], arguments["max_size_mb"]),
        notes=notes or {},
    )


def _check_ensemble(ensemble: object) -> None:
    if ensemble not in ("auto", "greedy", "stack", "none"):
        raise OptionError(f'ensemble={ensemble!r}: give "auto", "greedy", "stack" or "none".')


def _check_max_trials(count: Any) -> None:
    is_number = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
    is_count = is_number and int(count) >= 1
    if count is not None and not is_count:
        raise OptionError(f"max_trials={count!r}: give 1 or more, or None.")


def check_limit(name: str, limit: Any) -> None:
    """Raise where a limit is neither a positive number nor None."""
    is_number = isinstance(limit, (int, float, np.number)) and not isinstance(limit, bool)
    if limit is not None and not (is_number and limit > 0):
        raise OptionError(f"{name}={limit!r}: give a positive number, or None.")
