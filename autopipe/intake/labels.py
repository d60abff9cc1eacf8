"""The target: classes as codes, numbers or their logarithms."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autopipe.errors import InputError, ShapeError
from autopipe.intake import cells
from autopipe.intake.alignment import NO_TARGET, without_mask
from autopipe.intake.quantities import Notation, find_notation, readable_count
from autopipe.intake.values import is_blank, numbers
from autopipe.plain import from_json, plain, to_json
from autopipe.task import FloatArray, IntArray, Target, TaskKind

log = logging.getLogger(__name__)

# Fractions that repeat are grades such as 0.5, 1.0, 1.5; more of them are measurements.
_MAX_FRACTIONAL_CLASSES = 20
_WHOLE = 2.0**53  # below which float64 tells whole numbers apart
_MOST_TEXTS = 1_000  # that tell how numbers are written


@dataclass(frozen=True, eq=False)
class TargetCoding:
    """How the target is coded, as learned from the training rows.

    Parameters
    ----------
    kind : the kind of prediction
    classes : array of shape (classes,), sorted, of the type given; empty for regression
    is_logarithmic : whether numbers are coded as log(1 + y), so that squared errors are those
        of logarithms
    least : below which no number is predicted; None for no such bound
    notation : how texts state the numbers; None where they need none

    Examples
    --------
    >>> coding = TargetCoding.learn(["no", "yes", "no"], classify=True)
    >>> coding.encode(["yes", "no"])
    array([1, 0], dtype=int32)
    """

    kind: TaskKind
    classes: NDArray[Any]
    is_logarithmic: bool = False
    least: float | None = None
    notation: Notation | None = None

    @classmethod
    def learn(cls, y: Any, classify: bool) -> TargetCoding:
        """Learn the classes, or check that the target is a number.

        Raises
        ------
        InputError
            If the target has missing or infinite values, one class, or a class for every
            row; or if it is not of the kind wanted.
        """
        column = _as_column(y)
        if not classify:
            notation = _notation_of(column)
            values = _numbers(column, notation)
            if len(values):
                log.info("y is read as numbers from %g to %g", values.min(), values.max())
            return cls(TaskKind.REGRESSION, np.empty(0), notation=notation)
        _check_present(column)
        classes = _sorted_classes(column)
        if np.asarray(y).dtype.kind == "U" and all(isinstance(c, str) for c in classes):
            classes = classes.astype(str)  # pandas has no texts of fixed width
        _check_classes(classes, column)
        log.info("y is read as %d classes: %s", len(classes), _shown(classes))
        kind = TaskKind.BINARY if len(classes) == 2 else TaskKind.MULTICLASS
        return cls(kind, classes)

    def encode(self, y: Any) -> FloatArray | IntArray:
        """The target as int32 codes of classes, or as coded float64 numbers, shape (rows,).

        Raises
        ------
        InputError
            If the target has missing values, classes that were not learned, or numbers that
            have no logarithm.
        """
        column = _as_column(y)
        if self.kind is TaskKind.REGRESSION:
            return self.coded(self.read(column))
        codes = self.codes(column)
        if (codes < 0).any():
            self._refuse(column.iloc[int(np.argmin(codes))])
        return codes

    def read(self, y: Any) -> FloatArray:
        """The numbers that a target states, shape (rows,).

        Raises
        ------
        InputError
            If some are missing, or no numbers.
        """
        return _numbers(_as_column(y), self.notation)

    @property
    def is_written(self) -> bool:
        """Whether classes, or amounts, are texts."""
        is_named = any(isinstance(label, str) for label in self.classes.tolist())
        return is_named or self.notation is not None

    def codes(self, y: Any) -> IntArray:
        """The codes of classes, -1 for those that were not learned, shape (rows,).

        True and false are 1 and 0 where these were learned, and the other way round.

        Raises
        ------
        InputError
            If the target has missing values, or numbers where texts were learned.
        """
        column = _as_column(y)
        _check_present(column)
        places, distinct = cells.distinct(column)
        code_of = {_key(label): code for code, label in enumerate(self.classes.tolist())}
        codes = np.array(
            [code_of.get(_key(each), code_of.get(_twin(each), -1)) for each in distinct],
            dtype=np.int32,
        )
        is_text = any(isinstance(label, str) for label in distinct)
        if (codes < 0).all() and len(codes) and is_text != self.is_written:
            self._refuse(distinct[0])
        return codes[places]

    def _refuse(self, label: object) -> NoReturn:
        raise InputError(
            f"y holds {plain(label)!r}, which is none of the {len(self.classes)} classes seen "
            f"in fit: {_shown(self.classes)}. Drop such rows, or fit again."
        )

    def target(self, y: Any, weights: FloatArray | None = None) -> Target:
        """The coded target with the weights of its rows.

        Raises
        ------
        InputError
            If the rows that have weight are all of one class.
        """
        target = Target(self.kind, self.encode(y), len(self.classes), weights)
        counted = None if weights is None else np.unique(target.y[weights > 0])
        if target.is_classification and counted is not None and len(counted) < 2:
            raise InputError(
                "sample_weight leaves rows of one class alone; a classifier needs two classes "
                "with weight."
            )
        return target

    def decode(self, codes: IntArray) -> NDArray[Any]:
        """The classes of some codes."""
        return np.asarray(self.classes[codes])

    def coded(self, values: FloatArray) -> FloatArray:
        """Numbers as they are coded."""
        if not self.is_logarithmic:
            return values
        if values.min(initial=0.0) <= -1.0:
            raise InputError(
                f"y holds {values.min():g}, and an error of logarithms is one of log(1 + y): "
                "numbers above -1 are wanted. Take another scoring, or shift the target."
            )
        return np.log1p(values)

    def numbers(self, coded: FloatArray) -> FloatArray:
        """Numbers that were coded, in the unit of the target."""
        values = np.expm1(coded) if self.is_logarithmic else coded
        return values if self.least is None else np.maximum(values, self.least)

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON."""
        values = [to_json(plain(label)) for label in self.classes.tolist()]
        return {
            "kind": self.kind.value,
            "dtype": self.classes.dtype.str,
            "classes": values,
            "is_logarithmic": self.is_logarithmic,
            "least": self.least,
            "notation": None if self.notation is None else asdict(self.notation),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> TargetCoding:
        """The coding whose `state` this is."""
        values = [from_json(label) for label in state["classes"]]
        classes = _array(values, np.dtype(state["dtype"]))
        kind = TaskKind(state["kind"])
        notation = state.get("notation")  # which files of before have not
        return cls(
            kind,
            classes,
            state["is_logarithmic"],
            state["least"],
            None if notation is None else Notation(**notation),
        )


def _notation_of(column: pd.Series[Any]) -> Notation | None:
    """How the texts of a target state numbers; None where it needs no notation.

    Raises
    ------
    InputError
        If most of them state none.
    """
    if column.dtype.kind in "iufbcmM":
        return None
    distinct = cells.distinct(column)[1]
    texts = sorted(cell for cell in distinct if isinstance(cell, str) and not is_blank(cell))
    sample = texts[:: len(texts) // _MOST_TEXTS + 1]
    if not pd.to_numeric(pd.Series(sample, dtype=object), errors="coerce").isna().any():
        return None
    notation = find_notation(sample)
    if readable_count(notation, sample) < len(sample) / 2:
        raise InputError(
            f"y holds names such as {sample[0]!r}, and a regressor needs numbers. Use "
            "AutoClassifier, or give another column."
        )
    return notation


def has_target(y: pd.Series[Any]) -> pd.Series[bool]:
    """Which rows have a target; among texts of numbers, a blank such as "?" is none.

    Raises
    ------
    InputError
        If a cell holds more than one value.
    """
    is_present = y.notna()
    if cells.kind(y) not in ("text", "mixed"):
        return is_present
    places, distinct = cells.distinct(y)
    is_filled = is_present & ~np.array([*map(is_blank, distinct), True])[places]
    if is_filled.equals(is_present):
        return is_present
    try:
        _numbers(y[is_filled], _notation_of(y[is_filled]))
    except InputError:  # a class may be called "none"
        return is_present
    return is_filled


def labelled(X: pd.DataFrame, y: pd.Series[Any]) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """The rows that have a target, whole numbers as they were before others were missing."""
    is_labelled = has_target(y)
    if is_labelled.all():
        return X, y
    X, y = X[is_labelled], y[is_labelled]
    if y.dtype.kind != "f":
        return X, y
    values = y.to_numpy(dtype="float64")
    are_whole = ((values == np.floor(values)) & (abs(values) < _WHOLE)).all()
    return X, y.astype("int64") if are_whole else y


def _as_column(y: Any) -> pd.Series[Any]:
    """The target as a series with positions for an index."""
    if y is None:
        raise InputError(NO_TARGET)
    if hasattr(y, "to_pandas"):
        y = y.to_pandas()
    if isinstance(y, np.ma.MaskedArray):
        y = without_mask(y)
    if isinstance(y, pd.DataFrame):
        y = _only_column(y)
    elif not isinstance(y, (pd.Series, pd.api.extensions.ExtensionArray)):
        cells_given, y = y, _as_array(y)
        if (
            y.dtype.kind == "U"
            and y.ndim == 1
            and not all(isinstance(c, str) for c in cells_given)
        ):
            # numpy would write a missing label as "nan"
            y = np.array(cells_given, dtype=object)
        if y.ndim != 1:
            y = _only_column(y)
    column = pd.Series(y).reset_index(drop=True).rename("y")
    if isinstance(column.dtype, pd.CategoricalDtype):  # whose categories may be of other rows
        column = column.cat.remove_unused_categories()
    kind = cells.kind(column)
    if kind == "complex":
        raise InputError("Complex data not supported: y holds complex numbers.")
    if kind == "number" and column.dtype == object:  # such as decimals, which no file keeps
        return column.map(cells.number, na_action="ignore").infer_objects()
    return column


def _as_array(y: Any) -> np.ndarray:
    try:
        return np.asarray(y)
    except ValueError as error:  # lists of several lengths
        raise ShapeError(
            "y holds several values for a row. Give one value for every row, and fit one model "
            "for every target."
        ) from error


def _only_column(y: Any) -> Any:
    """The one column of a frame or array, which a list of values would have been enough for."""
    if y.ndim != 2 or y.shape[1] != 1:
        raise ShapeError(
            f"y should be a 1d array, got an array of shape {y.shape} instead. "
            "Give one value for every row, and fit one model for every target."
        )
    # Imported here, as scikit-learn takes a second to import and is seldom needed for this.
    from sklearn.exceptions import DataConversionWarning

    warnings.warn(
        "A column-vector y was passed when a 1d array was expected: its only column is taken. "
        "Give y.ravel() instead.",
        DataConversionWarning,
        stacklevel=2,
    )
    return y.iloc[:, 0] if isinstance(y, pd.DataFrame) else y[:, 0]


def _check_present(column: pd.Series[Any]) -> None:
    missing = int(column.isna().sum())
    if missing:
        raise InputError(
            f"Input y contains NaN: {missing} of {len(column)} values are missing. Drop their "
            "rows with keep = ~pandas.isna(y); X, y = X[keep], y[keep]."
        )
    if column.dtype.kind == "f" and np.isinf(column.to_numpy(dtype="float64")).any():
        raise InputError("Input y contains infinity or a value too large. Drop such rows.")


def _numbers(column: pd.Series[Any], notation: Notation | None) -> FloatArray:
    if column.dtype.kind == "m":
        raise InputError(
            "y holds lengths of time; a regressor needs numbers. Give y.dt.total_seconds()."
        )
    if column.dtype.kind == "M":
        raise InputError(
            "y holds times; a regressor needs numbers. Give the seconds since a fixed time."
        )
    values = numbers(column, notation)
    _check_present(pd.Series(values))
    return values


def _sorted_classes(column: pd.Series[Any]) -> NDArray[Any]:
    """The distinct labels as `numpy.unique` sorts them, or by text where that fails."""
    if cells.kind(column) in ("time", "duration"):
        raise InputError("y holds times; a classifier needs names. Give y.astype(str).")
    if isinstance(column.dtype, np.dtype) and column.dtype != object:
        return np.unique(column.to_numpy())
    places, distinct = cells.distinct(column)
    cells.check_cells(column, distinct)
    labels = [distinct[place] for place in np.unique(places)]
    try:
        labels.sort()
    except TypeError:
        labels.sort(key=cells.text)  # of several types: only their texts have an order
    kind = cells.kind_of_objects(_array(labels, np.dtype(object)))
    if kind in ("number", "boolean") and column.dtype != object:
        return np.array(labels)  # nullable or categorical numbers come back as plain ones
    return _array(labels, np.dtype(object))


def _check_classes(classes: NDArray[Any], column: pd.Series[Any]) -> None:
    rows = len(column)
    if len(classes) < 2:
        raise InputError(
            f"y holds {len(classes)} class ({_shown(classes)}) in {rows} rows; a classifier "
            "needs at least 2. Was the target column filtered?"
        )
    measured = classes.dtype.kind == "f" and (classes != np.round(classes)).any()
    if measured and len(classes) > min(_MAX_FRACTIONAL_CLASSES, rows / 2):
        raise InputError(
            f"Unknown label type: continuous. y holds {len(classes)} distinct fractions such "
            f"as {classes[0]}; a classifier expects discrete classes. Use AutoRegressor."
        )
    if len(classes) == rows:
        raise InputError(
            f"y holds a class of its own for each of {rows} rows: the target looks like an "
            "identifier. Was the right column chosen? For numbers use AutoRegressor."
        )


def named_costs(costs: Any) -> Any:  # the user's own
    """A frame with named rows and columns by (true, predicted); anything else as it is."""
    if not isinstance(costs, pd.DataFrame):
        return costs
    if all(isinstance(axis, pd.RangeIndex) for axis in costs.axes):
        return costs.to_numpy()
    return costs.stack().to_dict()


def _key(label: Any) -> Any:
    """A label as a key for which True is not 1, but 1.0 is."""
    label = plain(label)
    return (bool, label) if isinstance(label, bool) else label


def _twin(label: Any) -> Any:
    """The key of what says the same in another type: 1 for true, and true for 1."""
    label = plain(label)
    if isinstance(label, bool):
        return int(label)
    return (bool, bool(label)) if label in (0, 1) else None


def _array(values: list[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=dtype)
    array[:] = values
    return array


def _shown(classes: NDArray[Any]) -> str:
    shown = ", ".join(repr(label) for label in classes.tolist()[:10])
    return shown + (", ..." if len(classes) > 10 else "")
