"""The constructor's arguments, checked and resolved before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autopipe.clock import parse_seconds
from autopipe.errors import NotSupportedError, OptionError
from autopipe.fitting import Options
from autopipe.memory import parse_megabytes
from autopipe.presets import preset_named

NOT_YET: dict[str, tuple[object, ...]] = {
    "space": (None,),
    "init": (None,),
    "knowledge": ("auto", None),
    "max_latency_ms": (None,),
    "max_size_mb": (None,),
    "device": ("auto", "cpu"),
}
"""Arguments that do not work yet, with the values that mean "not used"."""


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
    NotSupportedError
        If an argument is used that does not work yet.
    """
    _refuse_what_does_not_work(arguments)
    _check_max_trials(arguments["max_trials"])
    callbacks = arguments["callbacks"]
    if callable(callbacks) or not all(callable(callback) for callback in callbacks):
        raise OptionError(f"callbacks={callbacks!r}: give a list of functions of a trial.")
    preset = preset_named(arguments["preset"])
    include, ensemble, search = (arguments[n] for n in ("include", "ensemble", "search"))
    path, memory_limit = arguments["path"], arguments["memory_limit"]
    return Options(
        max_trials=arguments["max_trials"],
        cv=arguments["cv"],
        fold_factor=preset.folds,
        groups=groups,
        include=preset.include if include is None else include,
        exclude=arguments["exclude"],
        search=None if isinstance(search, str) else search,
        ensemble=preset.ensemble if ensemble == "auto" else ensemble,
        n_jobs=arguments["n_jobs"],
        memory_limit_mb=None if memory_limit is None else parse_megabytes(memory_limit),
        executor=arguments["executor"],
        path=None if path is None else Path(path),
        callbacks=tuple(callbacks),
        verbose=arguments["verbose"],
        notes=notes or {},
    )


def _refuse_what_does_not_work(arguments: Mapping[str, Any]) -> None:
    for name, unused in NOT_YET.items():
        value = arguments[name]
        is_unused = value is None or (isinstance(value, str) and value in unused)
        if not (is_unused and value in unused):
            raise NotSupportedError(
                f"{name}={value!r} is not supported yet; leave it at {unused[0]!r}."
            )
    search, ensemble = arguments["search"], arguments["ensemble"]
    if isinstance(search, str) and search != "evolution":
        raise NotSupportedError(
            f'search="{search}" is not supported yet; leave it at "evolution", or give '
            "an object with ask and tell."
        )
    if ensemble not in ("auto", "greedy", "none"):
        raise NotSupportedError(
            f'ensemble="{ensemble}" is not supported yet; give "auto", "greedy" or "none".'
        )


def _check_max_trials(count: Any) -> None:
    is_number = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
    is_count = is_number and int(count) >= 1
    if count is not None and not is_count:
        raise OptionError(f"max_trials={count!r}: give 1 or more, or None.")
