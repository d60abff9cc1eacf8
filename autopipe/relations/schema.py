"""How tables hang together, as the user says it, and what is to be made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from autopipe.errors import InputError, OptionError
from autopipe.suggestion import did_you_mean

PRIMITIVES = ("count", "mean", "sum", "max", "min", "std", "last", "num_unique", "mode")
_KNOWN = (*PRIMITIVES, "first", "median", "skew", "entropy")  # of one row's children alone
_WHERE = 10  # values of a category
_EXAMPLE = '[("customers", "id", "orders", "customer_id")]'


class Link(NamedTuple):
    """A relationship: `foreign` of the child table holds values of `key` of the parent."""

    parent: str
    key: str
    child: str
    foreign: str

    def __str__(self) -> str:
        return f"{self.parent}.{self.key} = {self.child}.{self.foreign}"


@dataclass(frozen=True)
class Relations:
    """How tables hang together, and what is made of them.

    Parameters
    ----------
    relationships : (parent table, its key, child table, the column that holds the key) of
        each; the one name that is not among the tables is that of the frame itself
    depth : how many steps a formula may take: `mean(orders.count(items))` takes two
    primitives : featuretools' names of what is computed of a row's children, the most
        promising first. Known are count, mean, sum, max, min, std, last, num_unique, mode,
        first, median, skew and entropy; first and last need to know the time of a row.
    where : of how many values of a category, the most frequent ones, the children are counted
        and averaged on their own, 0 for none; or the values, as
        {"orders.status": ["late", "lost"]}
    max_features : the most columns to make; by default 500, and fewer for few rows

    Examples
    --------
    >>> Relations([("customers", "id", "orders", "customer_id")], where={}).depth
    2
    """

    relationships: Sequence[tuple[str, str, str, str]]
    depth: int = 2
    primitives: Sequence[str] = PRIMITIVES
    where: int | Mapping[str, Sequence[Any]] = _WHERE
    max_features: int | None = None

    def __post_init__(self) -> None:
        for name in ("depth", "max_features"):
            value = getattr(self, name)
            is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if not is_count and not (name == "max_features" and value is None):
                raise OptionError(f"Relations({name}={value!r}): give a number from 1 up.")
        if not _tells_values(self.where):
            raise OptionError(
                f"Relations(where={self.where!r}): give a number from 0 up, of the most "
                'frequent values, or lists of values by column, as {"orders.status": ["late", '
                '"lost"]}.'
            )
        for name in self.primitives:
            if name not in _KNOWN:
                raise OptionError(
                    f"Relations(primitives=[{name!r}]): there is none of this name that looks "
                    f"at the children of one row alone.{did_you_mean(name, _KNOWN)} Known: "
                    f"{', '.join(_KNOWN)}. What tells the time since a row needs no name: "
                    "times are counted back from the cutoff, so `min` is the time since the "
                    "last one."
                )

    @classmethod
    def of(cls, given: object) -> Relations:
        """What the argument `relationships` stands for.

        Raises
        ------
        OptionError
            If it is neither `Relations` nor a list of four names each.
        """
        if isinstance(given, Relations):
            return given
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise OptionError(f"relationships={given!r}: give a list such as {_EXAMPLE}.")
        return cls(given)

    @property
    def links(self) -> tuple[Link, ...]:
        """The relationships.

        Raises
        ------
        OptionError
            If one is not made of four names, or there is none.
        """
        for each in self.relationships:
            is_fourfold = isinstance(each, (tuple, list)) and len(each) == len(Link._fields)
            if not is_fourfold or not all(isinstance(name, str) for name in each):
                raise OptionError(
                    f"relationships holds {each!r}; wanted (parent table, key, child table, "
                    f"column that holds the key), as in {_EXAMPLE}."
                )
        if not self.relationships:
            raise OptionError(f"relationships is empty; give one or more, as in {_EXAMPLE}.")
        return tuple(Link(*each) for each in self.relationships)

    @property
    def keys(self) -> dict[str, dict[str, bool]]:
        """The columns of keys by table, for `read_table`: none of texts where digits do.

        One file may pad with zeros what another one does not.
        """
        keys: dict[str, dict[str, bool]] = {}
        for link in self.links:
            keys.setdefault(link.parent, {})[link.key] = False
            keys.setdefault(link.child, {})[link.foreign] = False
        return keys

    def tree(self, tables: Collection[str]) -> tuple[str, tuple[Link, ...]]:
        """The name of the frame, and the relationships with parents before their children.

        Raises
        ------
        InputError
            If the tables do not make up a tree below the frame.
        """
        links = self.links
        frame = _frame_name(links, tables)
        _check_parents(links, frame)
        ordered: list[Link] = []
        above = {frame}
        while above:
            found = [link for link in links if link.parent in above]
            ordered += found
            above = {link.child for link in found}
        if len(ordered) < len(links):
            rest = ", ".join(str(link) for link in links if link not in ordered)
            raise InputError(
                f"The relationships {rest} run in a circle, and never lead to {frame!r}, the "
                "frame. Leave one of them out, or name another parent."
            )
        return frame, tuple(ordered)


def _tells_values(where: object) -> bool:
    if isinstance(where, Mapping):
        return all(
            isinstance(values, Collection) and not isinstance(values, str)
            for values in where.values()
        )
    return isinstance(where, int) and not isinstance(where, bool) and where >= 0


def _frame_name(links: Sequence[Link], tables: Collection[str]) -> str:
    named = dict.fromkeys(name for link in links for name in (link.parent, link.child))
    others = [name for name in named if name not in tables]
    if len(others) != 1:
        met = ", ".join(map(repr, others)) if others else "none"
        hint = "".join(did_you_mean(name, tables) for name in others)
        raise InputError(
            f"One name in relationships has to be missing in tables, that of the frame itself; "
            f"there is {met}. tables has {', '.join(map(repr, tables))}.{hint}"
        )
    idle = [name for name in tables if name not in named]
    if idle:
        raise InputError(
            f"tables has {', '.join(map(repr, idle))}, which no relationship names. Give one "
            f"as in {_EXAMPLE}, or leave the table out."
        )
    return others[0]


def _check_parents(links: Sequence[Link], frame: str) -> None:
    for link in links:
        if link.child == frame:
            raise InputError(
                f"The relationship {link} makes the frame the child of {link.parent!r}. Only "
                f"tables below the frame are followed: merge the columns of {link.parent!r} "
                f'into it, as with frame.merge({link.parent}, left_on="{link.foreign}", '
                f'right_on="{link.key}").'
            )
    counts = Counter(link.child for link in links)
    for child, count in counts.items():
        if count > 1:
            ways = " and ".join(str(link) for link in links if link.child == child)
            raise InputError(
                f"{child!r} has {count} parents, {ways}, so that there is more than one way "
                "to it; wanted one. Give it once for each under names of their own, or merge "
                "the columns of one parent into it."
            )
