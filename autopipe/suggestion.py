"""The end of a message about a name that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """A sentence with the known name that is nearest, after a space; empty if none is near.

    Examples
    --------
    >>> did_you_mean("lgoistic", ["logistic", "pca"])
    " Did you mean 'logistic'?"
    """
    near = difflib.get_close_matches(str(name), [str(other) for other in known], n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
