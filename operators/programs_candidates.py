"""The features that might be made of a table, the most promising columns first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice

from autopipe.operators.programs_formulas import Formula, of

# Of all candidates; a judgement.
_ARITHMETIC_SHARE = 0.56
_KEYS_SHARE = 0.2
_GROUPS_SHARE = 0.2
_TIMES_SHARE = 0.03


def candidates(
    numbers: Sequence[Formula],
    keys: Sequence[Formula],
    times: Sequence[Formula],
    outcomes: int,
    most: int,
) -> list[Formula]:
    """At most so many candidates, of every kind a share.

    Parameters
    ----------
    numbers : with at least three values, most promising first
    keys : with few values, most promising first
    times : columns of times
    outcomes : columns that stand for the target
    """
    shares = (
        (_arithmetic(numbers), _ARITHMETIC_SHARE),
        (_of_keys(keys, outcomes), _KEYS_SHARE),
        (_of_groups(numbers, keys), _GROUPS_SHARE),
        ((of("elapsed", *pair) for pair in combinations(times, 2)), _TIMES_SHARE),
    )
    kinds = [islice(formulas, int(share * most)) for formulas, share in shares]
    return list(dict.fromkeys([of("missing_count"), *chain.from_iterable(kinds)]))


def _arithmetic(numbers: Sequence[Formula]) -> Iterator[Formula]:
    for first, second in _pairs(numbers):
        yield of("ratio", first, second)
        yield of("ratio", second, first)
        yield of("product", first, second)
        yield of("difference", first, second)
        yield of("sum", first, second)


def _of_keys(keys: Sequence[Formula], outcomes: int) -> Iterator[Formula]:
    crosses = [of("cross", *pair) for pair in _pairs(keys)]
    for key in (*keys, *crosses):
        for outcome in range(outcomes):
            yield of("target_mean", key, word=outcome or None)
        yield of("count", key)


def _of_groups(numbers: Sequence[Formula], keys: Sequence[Formula]) -> Iterator[Formula]:
    grid = [(i + j, i, j) for i in range(len(numbers)) for j in range(len(keys))]
    for _, i, j in sorted(grid):
        number, key = numbers[i], keys[j]
        if number == key:
            continue
        mean = of("group_mean", number, key)
        yield mean
        yield of("ratio", number, mean)
        yield of("difference", number, mean)
        yield of("group_rank", number, key)


def _pairs(formulas: Sequence[Formula]) -> Iterator[tuple[Formula, Formula]]:
    """Pairs, those of the first formulas first."""
    for index, second in enumerate(formulas):
        for first in formulas[:index]:
            yield first, second
