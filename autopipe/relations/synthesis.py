"""The only door to featuretools: what can be made of child tables, and making it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from autopipe.errors import OptionError

_INDEX, _PARENT = "copy", "parent"  # of the columns of a table; the others are c0, c1, ...
_COUNT = "count"
_WHERE_PRIMITIVES = ("count", "mean")
_REMEDY = 'pip install "featuretools>=1.31" "pandas<3" "setuptools<81", or leave tables out.'


class Below(NamedTuple):
    """The copies of the rows of a child table.

    Parameters
    ----------
    name, above : of the table, and of the one it is below
    parents : the place of the row above, for every copy
    values : of every column, numbers or categories
    """

    name: str
    above: str
    parents: Any
    values: Mapping[str, Any]


def library() -> Any:  # featuretools carries no types
    """featuretools.

    Raises
    ------
    OptionError
        If it is not installed, or does not work with the pandas that is.
    """
    if int(pd.__version__.partition(".")[0]) >= 3:
        raise OptionError(
            f"tables=...: featuretools needs pandas before 3, and here is {pd.__version__}: "
            f"{_REMEDY}"
        )
    chained = pd.options.mode.chained_assignment
    try:
        with _quiet():
            import featuretools
    except ImportError as error:
        raise OptionError(
            f"tables=...: featuretools is needed, which cannot be imported ({error}): {_REMEDY}"
        ) from error
    finally:
        pd.options.mode.chained_assignment = chained
    return featuretools


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def definitions(
    name: str,
    entities: Any,
    depth: int,
    primitives: Sequence[str],
    where: Mapping[str, Mapping[str, Sequence[Any]]],
) -> list[Any]:
    """All features that can be made for the rows of a table, the most promising first.

    Parameters
    ----------
    name : of the table in `entities`
    where : values of the columns of a table, whose rows are looked at on their own
    """
    with _quiet():
        for table, values in where.items():
            if values:
                entities.add_interesting_values(dataframe_name=table, values=dict(values))
        found = library().dfs(
            entityset=entities,
            target_dataframe_name=name,
            agg_primitives=list(primitives),
            trans_primitives=[],
            where_primitives=[name for name in primitives if name in _WHERE_PRIMITIVES],
            max_depth=depth,
            features_only=True,
        )

    def promise(feature: Any) -> tuple[Any, ...]:
        rank, place = primitives.index(feature.primitive.name), -1
        if feature.where is not None:
            (column,) = feature.where.base_features
            values = where[str(feature.child_dataframe_name)][column.column_name]
            place = values.index(feature.where.primitive.value)
        return depth_of(feature), place >= 0, rank, place, feature.get_name()

    return sorted(filter(_is_usable, found), key=promise)


def _is_usable(feature: Any) -> bool:
    """Whether it is made of what stands in the rows below, and of that alone.

    Features that children get from their parents tell nothing new; a copy's own number and
    that of its parent depend on the other rows.
    """
    kinds = library().feature_base
    if not isinstance(feature, kinds.AggregationFeature):
        return False
    parts = [feature, *feature.get_dependencies(deep=True)]
    if any(isinstance(part, kinds.DirectFeature) for part in parts):
        return False
    numbered = [
        part
        for part in parts
        if isinstance(part, kinds.AggregationFeature) and part.primitive.name != _COUNT
    ]
    bases = [base for part in numbered for base in part.base_features]
    return not any(getattr(base, "column_name", "") in (_INDEX, _PARENT) for base in bases)


def is_number(feature: Any) -> bool:
    """Whether its values are numbers; otherwise they are categories."""
    return "numeric" in feature.column_schema.semantic_tags


def depth_of(feature: Any) -> int:
    """How many steps of aggregation a feature takes."""
    if not hasattr(feature, "child_dataframe_name"):
        return 0
    return 1 + max(depth_of(base) for base in feature.base_features)


def tables_in_order(feature: Any) -> set[str]:
    """The tables whose order of rows a feature depends on."""
    parts = [feature, *feature.get_dependencies(deep=True)]
    ordered = ("first", "last")
    return {
        str(part.child_dataframe_name)
        for part in parts
        if hasattr(part, "child_dataframe_name") and part.primitive.name in ordered
    }


def formula(feature: Any, shown: Callable[[str, str], str]) -> str:
    """What a feature is, such as `mean(orders.amount where status = "late")`.

    Parameters
    ----------
    shown : what a column of a table is called
    """
    child = str(feature.child_dataframe_name)
    (base,) = feature.base_features
    if feature.primitive.name == _COUNT:
        inner = child
    elif hasattr(base, "child_dataframe_name"):
        inner = f"{child}.{formula(base, shown)}"
    else:
        inner = shown(child, base.column_name)
    where = ""
    if feature.where is not None:
        (column,) = feature.where.base_features
        name = shown(child, column.column_name).removeprefix(f"{child}.")
        value = json.dumps(feature.where.primitive.value, ensure_ascii=False)
        where = f" where {name} = {value}"
    return f"{feature.primitive.name}({inner}{where})"


def written(features: Sequence[Any]) -> str:
    """Features as JSON, without any data."""
    with _quiet():
        return str(library().save_features(list(features)))


@lru_cache(maxsize=8)
def read(text: str) -> tuple[Any, ...]:
    """The features that `written` wrote."""
    with _quiet():
        return tuple(library().load_features(text))


def computed(features: Sequence[Any], entities: Any) -> pd.DataFrame:
    """The values of features, a column for each, of numbers or of categories."""
    with _quiet():
        matrix = library().calculate_feature_matrix(list(features), entities)
    matrix = matrix.reindex(np.arange(len(matrix)))
    columns = {}
    for place, feature in enumerate(features):
        column = matrix[feature.get_name()]
        if is_number(feature):
            columns[place] = pd.Series(column.to_numpy("float64", na_value=np.nan))
        else:
            columns[place] = pd.Series(column.to_numpy(object)).astype("category")
    return pd.DataFrame(columns, copy=False)


def entities_of(name: str, rows: int, below: Sequence[Below]) -> Any:
    """The tables as featuretools wants them.

    Of the rows that features are made for nothing is told but their number, so that there is
    nothing to leak.

    Parameters
    ----------
    name : of the table of these rows
    """
    entities = library().EntitySet("autopipe")
    root = pd.DataFrame({_INDEX: np.arange(rows)})
    with _quiet():
        entities.add_dataframe(root, name, index=_INDEX, logical_types={_INDEX: "Integer"})
        for table in below:
            numbers = {_INDEX: np.arange(len(table.parents)), _PARENT: table.parents}
            types = {
                name: "Categorical" if isinstance(values, pd.Categorical) else "Double"
                for name, values in table.values.items()
            }
            entities.add_dataframe(
                pd.DataFrame({**numbers, **table.values}),
                table.name,
                index=_INDEX,
                logical_types={**dict.fromkeys(numbers, "Integer"), **types},
            )
            entities.add_relationship(table.above, _INDEX, table.name, _PARENT)
    return entities
