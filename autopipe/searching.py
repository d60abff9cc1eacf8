"""Which search a run has, and the trees that it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autopipe.errors import OptionError
from autopipe.evolution.evolution import Evolution
from autopipe.evolution.gain import Gains
from autopipe.evolution.grammar import Grammar
from autopipe.evolution.grid import Grid
from autopipe.evolution.ladder import Ladder
from autopipe.evolution.samplers import Sampled
from autopipe.evolution.search import Search
from autopipe.evolution.studies import SAMPLERS
from autopipe.operators.catalogue import learner_of
from autopipe.seeds import Seeds
from autopipe.suggestion import did_you_mean
from autopipe.tree import Node

_LAG = 8  # trials; see `Steady`: no more workers than this keep a counted run reproducible

# Of these, a complete trial takes seconds, and a sixteenth of them tells learners apart. Only
# what samples widely is screened: offspring of good trees were better off without it on three
# data sets of 60,000 to 400,000 rows (20 s, one run each).
_LADDER_ROWS = 10_000

SEARCHES = ("evolution", "grid", *SAMPLERS)
"""The searches by the names that users give."""


def search_named(search: Any) -> str | Search:
    """The name of a search, or an object that is one.

    Raises
    ------
    OptionError
        If it is neither.
    """
    if isinstance(search, str) and search in SEARCHES:
        return search
    if all(callable(getattr(search, name, None)) for name in ("ask", "tell")):
        given: Search = search
        return given
    raise OptionError(
        f"search={search!r}: there is no such search.{did_you_mean(search, SEARCHES)} "
        f"Known: {', '.join(SEARCHES)}; or give an object with ask and tell."
    )


def made_search(
    search: str | Search,
    portfolio: Sequence[Node],
    init: Sequence[Node],
    grammar: Grammar,
    seeds: Seeds,
    is_counted: bool,
    gains: Gains | None = None,
    rows: int = 0,
) -> Search:
    """The search that proposes the trees of a run.

    The samplers begin with the first tree of the portfolio alone, so that there is a model
    early: what they find is their own.

    Parameters
    ----------
    search : a name, or an object that is taken as it is
    portfolio, init : trees to begin with
    is_counted : whether the run ends after so many trials, and can be repeated
    gains : what evolution breeds by; None where the best trial alone is wanted
    rows : that a complete trial is fitted to, in each fold
    """
    if not isinstance(search, str):
        return search
    lag = _LAG if is_counted else None
    if search == "evolution":
        return Evolution(portfolio, grammar, seeds, lag=lag, init=init, gains=gains)
    is_large = rows >= _LADDER_ROWS and not is_counted
    ladder = Ladder(lambda trial: learner_of(trial.tree)) if is_large else None
    if search == "grid":
        return Grid(portfolio[:1], grammar, seeds, lag, init, ladder)
    return Sampled(portfolio[:1], grammar, seeds, search, lag, init, ladder)
