"""The meta-learning database: what earlier data sets taught, ours and the user's own."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from autopipe.datasets import knowledge_file
from autopipe.datasets.experience import Experience, Result, experience
from autopipe.datasets.fingerprint import SAME, Fingerprint, fingerprint, similarity
from autopipe.datasets.metafeatures import metafeatures
from autopipe.datasets.portfolio import Situation, is_affordable, paced, portfolio
from autopipe.datasets.recommendation import Subject, Trust, adapted, is_among, recommended
from autopipe.errors import OptionError, StoreError, TreeError, UnknownOperatorError
from autopipe.table import Table
from autopipe.task import FloatArray, Target
from autopipe.tree import Node, parse

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).with_name("knowledge.sqlite")
"""The experiences that come with autopipe."""

ITSELF = "itself"
_FEWEST_ROWS = 200  # of a table from which there is anything to learn
_MOST_ROWS = 20_000  # the shipped experiences are of samples of 1,000 rows
_RECOMMENDED = 10  # trees at most: offspring of good ones are worth as much


@dataclass(frozen=True)
class Knowledge:
    """What earlier data sets taught: it decides which trees a run begins with.

    Parameters
    ----------
    exclude : names of data sets that are left out, with all that look like parts of them;
        "itself" leaves out whatever looks like a part of the table that is fitted. For
        benchmarks, which would otherwise know the answers.
    learn : whether what a run finds is added to what is known on this machine. Kept are the
        trees with their scores and seconds, and rounded statistics of the table; no row, no
        name of a column, no category.
    trust : how much other data sets say about this one

    Examples
    --------
    >>> Knowledge(exclude=["adult"], learn=False)
    Knowledge(exclude=('adult',), learn=False)
    """

    exclude: Sequence[str] = ()
    learn: bool = True
    trust: Trust = field(default=Trust(), repr=False)

    def __post_init__(self) -> None:
        names = (self.exclude,) if isinstance(self.exclude, str) else tuple(self.exclude)
        if not all(isinstance(name, str) for name in names):
            raise OptionError(f"exclude={self.exclude!r}: give names of data sets, as texts.")
        object.__setattr__(self, "exclude", names)

    def experiences(self, table: Fingerprint = (), own: bool = True) -> list[Experience]:
        """All that is known and not excluded.

        Parameters
        ----------
        table : fingerprint of the one that is fitted
        own : whether what was learned on this machine counts
        """
        found = [*_read(SHIPPED), *(_read(own_path()) if own else ())]
        left_out = [one.fingerprint for one in found if one.name in self.exclude]
        left_out += [table] * (ITSELF in self.exclude)
        return [
            one
            for one in found
            if one.name not in self.exclude
            and not any(similarity(one.fingerprint, other) >= SAME for other in left_out)
        ]

    def first_trees(
        self,
        situation: Situation,
        table: Table,
        target: Target,
        completed: Callable[[Node], Node],
        own: bool = True,
    ) -> list[Node]:
        """The trees that a run begins with: the built-in list, then what else has paid.

        Where a part of the same data set is known, what paid there comes first, but for the
        first tree of the list, which is fast on any table.

        Parameters
        ----------
        completed : gives a tree with all its hyperparameters, or raises what `Grammar` does
        own : whether what was learned on this machine counts
        """
        built_in = [parse(text) for text in portfolio(situation)]
        if situation.rows > _MOST_ROWS or situation.is_wide:
            return built_in
        print_ = fingerprint(table)
        experiences = self.experiences(print_, own)
        if not experiences:
            return built_in
        subject = Subject(
            situation.kind,
            metafeatures(table, target),
            print_,
            situation.has_categories,
            situation.has_texts,
        )
        comes_first = is_among(subject, experiences)
        if (
            not comes_first
            and sum(map(situation.seconds_of, built_in)) > situation.core_seconds
        ):
            return built_in  # which is not got through: choosing more takes 0.3 s for nothing
        trees = suiting(experiences, situation, completed)
        order = recommended(
            subject,
            experiences,
            trees,
            lambda tree: situation.seconds_of(parse(paced(str(tree), situation))),
            _RECOMMENDED,
            self.trust,
            () if comes_first else _unpaced(situation, completed),
        )
        found = [parse(paced(text, situation)) for text in order]
        return [built_in[0], *found, *built_in[1:]] if comes_first else [*built_in, *found]

    def note(
        self,
        metric: str,
        table: Table,
        target: Target,
        results: Sequence[Result],
        predictions: FloatArray,
    ) -> None:
        """Add what a run has found to what is known on this machine; never fails.

        A later run on the same table takes the place of the former.

        Parameters
        ----------
        results : complete ones
        predictions : array of shape (results, rows, outputs), NaN where never held out
        """
        path = own_path()
        is_test = "PYTEST_CURRENT_TEST" in os.environ
        if not self.learn or is_test or path is None or len(table) < _FEWEST_ROWS:
            return
        try:
            print_ = json.dumps([target.kind, metric, fingerprint(table)])
            name = f"own-{hashlib.blake2b(print_.encode(), digest_size=4).hexdigest()}"
            one = experience(name, metric, table, target, results, predictions)
            knowledge_file.add(path, [one])
        except Exception as error:  # a model must not be lost for what later runs may learn
            log.warning("What this run has found is not kept: %s", error)


def own_path() -> Path | None:
    """The file that keeps what was learned on this machine.

    The environment variable AUTOPIPE_HOME names its folder; where it is empty, nothing is
    kept.
    """
    home = os.environ.get("AUTOPIPE_HOME")
    if home is None:
        import platformdirs

        home = platformdirs.user_data_dir("autopipe")
    return Path(os.path.expanduser(home)) / "knowledge.sqlite" if home else None


def _read(path: Path | None) -> list[Experience]:
    """What a file holds; nothing where it cannot be read, with a warning."""
    if path is None or (path != SHIPPED and not os.path.exists(path)):  # or may not be seen
        return []
    try:
        return knowledge_file.read(path)
    except StoreError as error:
        warnings.warn(f"{error} The run goes on without it.", stacklevel=2)
        return []


def suiting(
    experiences: Sequence[Experience],
    situation: Situation,
    completed: Callable[[Node], Node],
) -> dict[str, Node]:
    """The trees that were tried for this kind of task, and suit table and budget, by text."""
    found: dict[str, Node] = {}
    for text in dict.fromkeys(_tried(experiences, situation)):
        try:  # an earlier version may have known fewer hyperparameters
            tree = adapted(parse(text), situation.has_categories, situation.has_texts)
            full = str(completed(tree))
        except (TreeError, UnknownOperatorError):  # of operators that decline, or are gone
            continue
        if full not in found and is_affordable(full, situation):
            found[full] = tree
    return {str(tree): tree for tree in found.values()}


def _unpaced(situation: Situation, completed: Callable[[Node], Node]) -> list[str]:
    """The built-in list as text with all hyperparameters, as if there were time for all."""
    found = []
    for text in portfolio(replace(situation, core_seconds=math.inf)):
        with suppress(TreeError, UnknownOperatorError):  # of operators that decline
            found.append(str(completed(parse(text))))
    return found


def _tried(experiences: Sequence[Experience], situation: Situation) -> Iterator[str]:
    for one in experiences:
        if one.kind is situation.kind:
            yield from (result.tree for result in one.complete)
