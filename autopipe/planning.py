"""Several tables before a search: what columns they give, what these cost, and making them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autopipe.arguments import budget_of
from autopipe.intake.alignment import features_and_target
from autopipe.intake.frames import as_frame
from autopipe.memory import free_megabytes, parse_megabytes
from autopipe.relations.bill import Bill, Caps, bill_of
from autopipe.relations.checks import check_given
from autopipe.relations.joining import Joining, frames_of
from autopipe.relations.learning import Proposal, propose
from autopipe.relations.schema import Relations
from autopipe.resuming import facts_in

log = logging.getLogger(__name__)

_BUDGET_SHARE = 0.25  # of the time, that making columns may take; the search has the rest
_MEMORY_SHARE = 0.25  # of what is free, that they may fill; workers share one coded copy


class Planning:
    """What both estimators can tell of several tables before a search."""

    get_params: Callable[..., dict[str, Any]]  # scikit-learn's

    def plan(
        self,
        X: Any,
        y: Any = None,
        *,
        tables: Mapping[str, Any],
        relationships: object,
        cutoff: object = None,
    ) -> Bill:
        """The bill of what `fit` would make of several tables, before anything is made.

        Parameters
        ----------
        X, y, tables, relationships, cutoff : as for `fit`

        Returns
        -------
        Bill
            `count` columns, `bytes` and `seconds`, and in `features` a line for every formula,
            those included that are left out to keep within caps: at most 500 columns, fewer
            for few rows; a quarter of the time budget; a quarter of the free memory. Finding
            that out may take half of that time.
        """
        check_given(tables, relationships, cutoff)
        own, keys = known_keys(tables, relationships)
        X, _ = features_and_target(X, y, own)
        tables = frames_of(tables, keys)
        return bill_of(
            *_proposed(X, tables, relationships, cutoff, self.get_params(deep=False))
        )


def known_keys(
    tables: object, relationships: object
) -> tuple[dict[str, bool], dict[str, dict[str, bool]]]:
    """What is known of the keys in files before they are read: of the frame, and by table."""
    if not isinstance(tables, Mapping) or relationships is None:
        return {}, {}
    keys = Relations.of(relationships).keys
    own = [columns for name, columns in keys.items() if name not in tables]
    return {name: told for columns in own for name, told in columns.items()}, keys


def widened(
    X: Any,
    tables: object,
    relationships: object,
    cutoff: object,
    arguments: Mapping[str, Any],
    is_grouped: bool = False,
) -> tuple[Any, Joining | None, dict[str, Any]]:
    """A table with the columns that are made of others, how they are made again, and notes.

    Without other tables it is returned as it is. The notes are for the run folder: a resumed
    run makes the same columns, however much time and memory there is now.

    Parameters
    ----------
    arguments : of the constructor, for budget, memory and the run folder
    is_grouped : whether rows that belong together are kept on one side of a fold
    """
    if not check_given(tables, relationships, cutoff):
        return X, None, {}
    relations = Relations.of(relationships)
    wanted = repr((replace(relations, relationships=relations.links), cutoff))
    former = {} if arguments["path"] is None else facts_in(Path(arguments["path"]))
    if former.get("relations") == wanted:
        joining = Joining.restore(former["joining"])
        return joining.joined(X, frames_of(tables)), joining, {}
    proposal, caps = _proposed(X, tables, relationships, cutoff, arguments)
    bill = bill_of(proposal, caps, is_timed=np.isfinite(caps.seconds))
    joining = proposal.kept(np.flatnonzero(bill.features["left_out"] == "").tolist())
    if not bill.count:
        warnings.warn(
            "Nothing is made of the other tables, as it would take more than a quarter of the "
            "time budget or of the free memory; plan() tells more.",
            stacklevel=3,
        )
    log.info("Other tables: %s", bill)
    frame = as_frame(X)
    if not is_grouped:
        _warn_of_shared(frame, joining)
    notes = {"relations": wanted, "joining": joining.state()}
    return joining.joined(frame, proposal.tables), joining, notes


def _proposed(
    X: Any, tables: object, relationships: object, cutoff: object, arguments: Mapping[str, Any]
) -> tuple[Proposal, Caps]:
    """What can be made, and what it may cost."""
    relations = Relations.of(relationships)
    proposal = propose(as_frame(X), frames_of(tables), relations, cutoff)
    budget, limit = budget_of(arguments), arguments["memory_limit"]
    megabytes = free_megabytes() if limit is None else parse_megabytes(limit)
    caps = Caps(
        relations.max_features,
        _MEMORY_SHARE * megabytes * 1e6,
        float("inf") if budget is None else _BUDGET_SHARE * budget,
    )
    return proposal, caps


def _warn_of_shared(frame: pd.DataFrame, joining: Joining) -> None:
    """Tell of rows with the same children, which folds would tear apart."""
    for key in {
        child.link.key for child in joining.children if child.link.parent == joining.frame
    }:
        shared = int(frame[key].dropna().duplicated(keep=False).sum())
        if shared:
            warnings.warn(
                f"{shared} rows share their {key!r} with others, and so their rows in other "
                f"tables. Where new rows will have new ones, fit with groups=X[{key!r}], or "
                "the score is too good.",
                stacklevel=4,
            )
