"""What earlier runs taught, brought into a run, and what the run found, kept for later ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autopipe.datasets.experience import Result
from autopipe.datasets.knowledge import Knowledge
from autopipe.datasets.portfolio import Situation, portfolio
from autopipe.errors import OptionError
from autopipe.evolution.grammar import Grammar
from autopipe.metrics import Metric
from autopipe.operators.catalogue import catalogue
from autopipe.table import Table
from autopipe.task import FloatArray, IntArray, Target
from autopipe.tree import TABLE_NAME, Node, parse
from autopipe.trial import Source, Trial


def knowledge_named(knowledge: object) -> Knowledge | None:
    """What the argument `knowledge` stands for.

    Raises
    ------
    OptionError
        If it is neither "auto", None nor a `Knowledge`.
    """
    if knowledge is None or isinstance(knowledge, Knowledge):
        return knowledge
    if isinstance(knowledge, str) and knowledge == "auto":
        return Knowledge()
    raise OptionError(f'knowledge={knowledge!r}: give "auto", None, or a Knowledge(...).')


def first_trees(
    knowledge: Knowledge | None,
    situation: Situation,
    table: Table,
    target: Target,
    grammar: Grammar,
    is_counted: bool,
) -> list[Node]:
    """The trees that a run begins with; the built-in list where nothing is to be known.

    Parameters
    ----------
    is_counted : whether the run ends after so many trials, and can be repeated: then what was
        learned on this machine does not count
    """
    if knowledge is None:
        return [parse(text) for text in portfolio(situation)]
    own = not is_counted
    return knowledge.first_trees(situation, table, target, grammar.completed, own)


def remember(
    knowledge: Knowledge,
    metric: Metric,
    table: Table,
    target: Target,
    trials: Sequence[Trial],
    numbers: Sequence[int],
    rows: IntArray,
    predictions: FloatArray,
) -> None:
    """Keep what a run has found.

    Trials that were cut short, and those with operators of the user's own, tell later runs
    nothing.

    Parameters
    ----------
    numbers : of the trials that `predictions` are of
    rows : that `predictions` are of
    predictions : array of shape (numbers, rows, outputs)
    """
    by_number = {trial.number: trial for trial in trials if _tells(trial)}
    places = [place for place, number in enumerate(numbers) if number in by_number]
    kept = [by_number[numbers[place]] for place in places]
    if not kept:
        return
    results = [Result.of(trial) for trial in kept]
    whole = np.full((len(kept), len(table), predictions.shape[2]), np.nan, predictions.dtype)
    whole[:, rows] = predictions[places]
    knowledge.note(metric.name, table, target, results, whole)


def _tells(trial: Trial) -> bool:
    known = {TABLE_NAME, *catalogue()}
    return (
        trial.is_complete
        and not trial.is_truncated
        and trial.train_share == 1.0
        and trial.source is not Source.STACK
        and all(node.op in known for _, node in trial.tree.walk())
    )
