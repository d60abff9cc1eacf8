"""Tables, relationships and cutoffs as words of a command line."""

from __future__ import annotations

from collections.abc import Sequence

from autopipe.errors import InputError


def tables_named(words: Sequence[str]) -> dict[str, str]:
    """Files by the name of their table.

    Raises
    ------
    InputError
        If a word is not of this form.

    Examples
    --------
    >>> tables_named(["orders=data/orders.csv"])
    {'orders': 'data/orders.csv'}
    """
    return dict(_halves("--tables", word, "orders=orders.csv") for word in words)


def relationships_named(words: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Relationships, from the key of a parent table and the column of a child that holds it.

    Raises
    ------
    InputError
        If a word is not of this form.

    Examples
    --------
    >>> relationships_named(["customers.id=orders.customer_id"])
    [('customers', 'id', 'orders', 'customer_id')]
    """
    example = "customers.id=orders.customer_id"
    found = []
    for word in words:
        parent, child = (
            half.partition(".") for half in _halves("--relationships", word, example)
        )
        if not (parent[2] and child[2]):
            raise InputError(f"--relationships {word}: give table.column twice, as {example}.")
        found.append((parent[0], parent[2], child[0], child[2]))
    return found


def cutoff_named(words: Sequence[str]) -> str | dict[str, str]:
    """The column of a cutoff, or columns by table.

    Raises
    ------
    InputError
        If several words are not of the form table=column.

    Examples
    --------
    >>> cutoff_named(["asked_on"]), cutoff_named(["customers=asked_on", "orders=at"])
    ('asked_on', {'customers': 'asked_on', 'orders': 'at'})
    """
    if len(words) == 1 and "=" not in words[0]:
        return words[0]
    return dict(_halves("--cutoff", word, "orders=ordered_at") for word in words)


def _halves(option: str, word: str, example: str) -> tuple[str, str]:
    before, _, after = word.partition("=")
    if not (before and after):
        raise InputError(f"{option} {word}: wanted two names with = between, as {example}.")
    return before, after
