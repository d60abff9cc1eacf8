"""The commands `learn` and `knowledge`: making, reading and passing on what is known."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autopipe.errors import AutopipeError, InputError, OptionError
from autopipe.versions import library_versions

if TYPE_CHECKING:
    from autopipe.datasets.experience import Experience

_BASE = "knowledge.sqlite"
_RUNS = "runs"
_SHOWN_TREES = 15


def learn(arguments: argparse.Namespace) -> None:
    """Judge designed trees on the data sets of a folder, and write what they tell."""
    from autopipe.learning.gathering import Terms, gather, learned
    from autopipe.learning.suite import data_sets, own_data_sets
    from autopipe.placement import core_count

    sets = [] if arguments.folder is None else data_sets(arguments.folder)
    sets += own_data_sets() if arguments.scikit_learn else []
    if not sets:
        raise OptionError(
            "Nothing to learn from: give a folder of data sets, or --scikit-learn."
        )
    terms = Terms(arguments.rows, arguments.trial_seconds, arguments.trees, arguments.seed)
    until = time.monotonic() + (arguments.budget or float("inf"))
    runs = arguments.out / _RUNS
    jobs = core_count(arguments.jobs)
    try:
        count = gather(sets, runs, terms, jobs, until, _say)
    finally:  # Ctrl-C too leaves a base of what there is
        from autopipe.datasets import knowledge_file

        experiences = []
        for one in sets:
            try:
                experiences.append(learned(runs / one.name))
            except AutopipeError as error:
                _say(f"{one.name} is left out: {error}")
        notes = {
            "command": f"autopipe learn --rows {terms.most_rows} --trial-seconds "
            f"{terms.trial_seconds:g} --trees {terms.trees} --seed {terms.seed}",
            "seed": str(terms.seed),
            **{f"version of {name}": told for name, told in library_versions().items()},
        }
        knowledge_file.add(arguments.out / _BASE, experiences, notes)
    trials = sum(len(one.results) for one in experiences)
    print(f"{count} new trials, {trials} in all on {len(experiences)} data sets.")
    _say(
        f"Wrote {arguments.out / _BASE}. The same command goes on; `autopipe knowledge merge "
        f"{arguments.out / _BASE}` lets your runs know it."
    )


def knowledge(arguments: argparse.Namespace) -> None:
    """List, show, merge or export what is known."""
    from autopipe.datasets import knowledge_file
    from autopipe.datasets.knowledge import own_path

    own = own_path()
    if arguments.action in ("list", "show"):
        found = _known(arguments.file)
        if arguments.action == "list":
            _list(found)
        else:
            _show(found, arguments.name)
        return
    if own is None:
        raise OptionError("AUTOPIPE_HOME is empty: no knowledge is kept on this machine.")
    source, goal = (
        (arguments.file, own) if arguments.action == "merge" else (own, arguments.file)
    )
    experiences = knowledge_file.read(source)
    knowledge_file.add(goal, experiences)
    _say(f"Added what is known of {len(experiences)} data sets to {goal}.")


def _known(file: Path | None) -> list[Experience]:
    from autopipe.datasets import knowledge_file
    from autopipe.datasets.knowledge import SHIPPED, own_path

    if file is not None:
        return knowledge_file.read(file)
    own = own_path()
    is_there = own is not None and os.path.exists(own)
    return [
        *knowledge_file.read(SHIPPED),
        *(knowledge_file.read(own) if is_there and own is not None else ()),
    ]


def _list(experiences: Sequence[Experience]) -> None:
    print("name,task,metric,rows,columns,classes,trees,complete,core_seconds")
    for one in experiences:
        sizes = (round(one.metafeatures[name]) for name in ("rows", "columns", "classes"))
        seconds = sum(result.seconds for result in one.results)
        print(
            *(one.name, one.kind.value, one.metric, *sizes),
            *(len(one.results), len(one.complete), f"{seconds:.1f}"),
            sep=",",
        )


def _show(experiences: Sequence[Experience], name: str) -> None:
    from autopipe.datasets.metafeatures import METAFEATURES
    from autopipe.suggestion import did_you_mean

    by_name = {one.name: one for one in experiences}
    if name not in by_name:
        raise InputError(
            f"No data set is called {name!r}.{did_you_mean(name, by_name)} "
            "`autopipe knowledge list` names them."
        )
    one = by_name[name]
    print(f"{one.name}: {one.kind.value}, {one.metric}")
    for key, told in METAFEATURES.items():
        print(f"  {key:16} {one.metafeatures[key]:<12g} {told.meaning}")
    errors = one.errors.diagonal()
    order = sorted(range(len(errors)), key=lambda place: float(errors[place]))
    print("square error by the prior's, core-seconds, tree:")
    for place in order[:_SHOWN_TREES]:
        result = one.complete[place]
        print(f"  {errors[place]:.4f} {result.seconds:8.2f} {result.tree}")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
