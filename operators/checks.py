"""What every operator promises, as checks that anybody's operator can be put through.

    for check in operator_checks():
        check(operator)

A check raises AssertionError where a promise is broken. Toy data come read-only, so an
operator that writes into what it is given fails all of them. An operator that declines, for
want of its library, passes.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autopipe.datasets.synthetic import toy_schema, toy_table
from autopipe.errors import DeadlineReached
from autopipe.matrix import Matrix
from autopipe.operators.declaration import Complete, Dense, Limits, Operator, Predictions, Raw
from autopipe.roles import Role
from autopipe.space import Value, defaults, draw
from autopipe.table import Schema, Table
from autopipe.task import FloatArray, IntArray, Target, TaskKind

Check = Callable[[Operator], None]
_Data = Table | Matrix | FloatArray

_ROWS = 60
_TRAIN = 40  # rows that a learner is fitted on; the others are its validation rows
_DRAWS = 3  # of the hyperparameters
_SECONDS = 1.0  # for a fit that may go on for long: a truncated one will do
_CLOSE = 1e-6  # relative: float32 sums in another order differ as much

_GROUND = frozenset(
    f"autopipe.{name}"
    for name in ("devices", "errors", "matrix", "roles", "space", "table", "task")
)
"""What the source of an estimator may import of autopipe, beside the like of itself."""


def operator_checks() -> tuple[Check, ...]:
    """All checks."""
    return (
        check_defaults_and_draws_can_be_fitted,
        check_state_survives_files,
        check_rows_do_not_meet,
        check_input_stays_as_it_is,
        check_new_rows_may_be_awkward,
        check_rare_and_absent_classes,
        check_same_seed_same_result,
        check_weights_are_heeded,
        check_fit_predicts_what_predict_does,
        check_a_passed_deadline_stops_the_fit,
        check_declared_flags_hold,
        check_monotone_is_kept,
        check_source_can_be_exported,
    )


def check_defaults_and_draws_can_be_fitted(op: Operator) -> None:
    """Defaults lie in the space; these and draws give an output of the promised form."""
    assert all(value in op.space[name] for name, value in defaults(op.space).items())
    rng = np.random.default_rng(0)
    drawn = [draw(op.space, rng) for _ in range(_DRAWS if op.space else 0)]
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        for params in (defaults(op.space), *drawn):
            estimator, fitted = _fit(op, data, target, params=params, seconds=_SECONDS)
            _assert_form(op, fitted, target)
            _assert_form(op, _apply(op, estimator, data), target)


def check_state_survives_files(op: Operator) -> None:
    """An estimator restored from arrays and JSON gives the same output, to the bit."""
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        estimator, _ = _fit(op, data, target)
        restored: Any = op.make(defaults(op.space))
        restored = restored.restore(_through_files(estimator.state()))
        _assert_equal(_apply(op, restored, data), _apply(op, estimator, data), exact=True)


def check_rows_do_not_meet(op: Operator) -> None:
    """The output of new rows does not depend on their order, number or company."""
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        estimator, _ = _fit(op, data, target)
        whole = _apply(op, estimator, data)
        shuffled = np.random.default_rng(0).permutation(len(data))
        for rows in (shuffled, np.arange(7), np.array([3]), np.arange(0)):
            _assert_equal(_apply(op, estimator, _take(data, rows)), _take(whole, rows))


def check_input_stays_as_it_is(op: Operator) -> None:
    """Input that could be written to is not."""
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        copied, y = _copied(data), target.y.copy()
        estimator, _ = _fit(op, copied, replace(target, y=y))
        _apply(op, estimator, copied)
        assert np.array_equal(y, target.y)
        for before, after in zip(_arrays(data), _arrays(copied), strict=True):
            assert np.array_equal(before, after, equal_nan=True)


def check_new_rows_may_be_awkward(op: Operator) -> None:
    """Missing values, unseen categories and extreme numbers at prediction are fine."""
    if Predictions in op.takes:
        return
    for kind in _kinds(op):
        data, target = _toy(op, kind, missing=0.0)
        estimator, _ = _fit(op, data, target)
        new, _ = _toy(op, kind, seed=1, missing=0.7)
        _assert_form(op, _apply(op, estimator, new), target)
        _assert_form(op, _apply(op, estimator, _magnified(new)), target)


def check_rare_and_absent_classes(op: Operator) -> None:
    """A class with one training row, or with none, still has its column."""
    for kind in _kinds(op):
        data, target = _toy(op, kind, is_rare=True)
        _, fitted = _fit(op, data, target, seconds=_SECONDS)
        _assert_form(op, fitted, target)
        if kind is TaskKind.MULTICLASS:  # two classes are left; folds see to that elsewhere
            rows = np.arange(1, _ROWS)
            _, fitted = _fit(op, _take(data, rows), target.take(rows), seconds=_SECONDS)
            _assert_form(op, fitted, target)


def check_same_seed_same_result(op: Operator) -> None:
    """The same seed gives the same estimator."""
    for kind in _kinds(op):
        data, target = _toy(op, kind, is_weighted=True)
        first, first_output = _fit(op, data, target, seed=7)
        second, second_output = _fit(op, data, target, seed=7)
        _assert_equal(first_output, second_output, exact=True)
        _assert_equal(_apply(op, first, data), _apply(op, second, data), exact=True)


def check_weights_are_heeded(op: Operator) -> None:
    """Heavy rows draw the predictions of a learner towards their targets."""
    if not op.is_learner:
        return
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        # The last column is the probability of the last class, or the number itself.
        is_high = (
            target.y > np.median(target.y)
            if kind is TaskKind.REGRESSION
            else (target.y == target.n_classes - 1)
        )
        heavy = replace(target, weights=np.where(is_high, 20.0, 1.0))
        _, plain = _fit(op, data, target)
        _, drawn = _fit(op, data, heavy)
        assert _values(drawn)[:, -1].mean() > _values(plain)[:, -1].mean()


def check_fit_predicts_what_predict_does(op: Operator) -> None:
    """The predictions that `fit` returns are those of `predict`, in the order asked for."""
    if not op.is_learner:
        return
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        estimator: Any = op.make(defaults(op.space))
        order = np.random.default_rng(0).permutation(_ROWS)
        valid = order[_TRAIN:]
        prepared = estimator.prepare(data, target, Limits())
        fitted = estimator.fit(prepared, order[:_TRAIN], valid, 0, Limits())
        _assert_equal(fitted, estimator.predict(_take(data, valid)))


def check_a_passed_deadline_stops_the_fit(op: Operator) -> None:
    """A fit that is late from the start raises, or gives a usable model and says so."""
    if not op.is_learner:
        return
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        estimator: Any = op.make(defaults(op.space))
        rows = np.arange(_ROWS)
        prepared = estimator.prepare(data, target, Limits())
        late = Limits(time.monotonic() - 1.0)
        try:
            fitted = estimator.fit(prepared, rows[:_TRAIN], rows[_TRAIN:], 0, late)
        except DeadlineReached:
            continue
        assert estimator.is_truncated
        _assert_form(op, fitted, target)


def check_declared_flags_hold(op: Operator) -> None:
    """A stateless transformer learns nothing; one that spares the target does not read it."""
    if op.is_learner or op.is_calibrator:
        return
    for kind in _kinds(op):
        data, target = _toy(op, kind)
        _, fitted = _fit(op, data, target)
        if not op.uses_target:
            _, other = _fit(op, data, replace(target, y=target.y[::-1]))
            _assert_equal(fitted, other, exact=True)
        if op.is_stateless:
            rows = np.arange(5)
            _, alone = _fit(op, _take(data, rows), target.take(rows))
            _assert_equal(alone, _take(fitted, rows), exact=True)


def check_monotone_is_kept(op: Operator) -> None:
    """A column marked as monotone keeps its mark and its order, and predictions heed it."""
    if not op.keeps_monotone:
        return
    for kind in _kinds(op):
        if kind is TaskKind.MULTICLASS:  # nothing says which class rises
            continue
        data, target = _toy(op, kind)
        if op.is_calibrator:
            estimator, _ = _fit(op, data, target)
            shares = np.linspace(0.0, 1.0, _ROWS)
            corrected = _apply(op, estimator, np.column_stack([1.0 - shares, shares]))
            assert (np.diff(_values(corrected)[:, 1]) >= -_CLOSE).all()
            continue
        estimator, _ = _fit(op, _falling(data), target, seconds=_SECONDS)
        steps = [_apply(op, estimator, _raised(_falling(data), x)) for x in np.linspace(-3, 3)]
        if isinstance(steps[0], Table):
            marks = {column.name: column.monotone for column in steps[0].schema.columns}
            assert marks["c0"] == -1 and np.count_nonzero(list(marks.values())) == 1
            continue
        values = np.stack([_values(step) for step in steps])
        if op.is_learner:
            assert (np.diff(values[:, :, -1], axis=0) <= _CLOSE * np.abs(values).max()).all()
            continue
        assert isinstance(steps[0], Matrix)
        is_marked = np.array(steps[0].monotone) == -1
        assert is_marked.sum() == 1 and (np.diff(values[:, :, is_marked], axis=0) >= 0).all()
        others = values[:, :, ~is_marked]
        assert np.array_equal(others, np.broadcast_to(others[0], others.shape), equal_nan=True)


def check_source_can_be_exported(op: Operator) -> None:
    """The source imports public libraries and the ground alone, heavy ones when first used."""
    name = str(op.build).split(":")[0]
    _assert_exportable(name, set())
    for node in ast.parse(inspect.getsource(importlib.import_module(name))).body:
        for imported in _imports(node):
            is_light = imported.split(".")[0] in {"numpy", "autopipe", *sys.stdlib_module_names}
            is_inside = not isinstance(node, (ast.Import, ast.ImportFrom))
            assert is_light or is_inside, f"{name} imports {imported} before it is needed"


def _assert_exportable(name: str, seen: set[str]) -> None:
    seen.add(name)
    source = inspect.getsource(importlib.import_module(name))
    for imported in _imports(ast.parse(source)):
        if imported.startswith("autopipe") and imported not in _GROUND | seen:
            assert imported.startswith("autopipe.operators."), (
                f"{name} imports {imported}, which cannot stand in an export"
            )
            _assert_exportable(imported, seen)


def _imports(node: ast.AST) -> Iterator[str]:
    for below in ast.walk(node):
        if isinstance(below, ast.Import):
            yield from (alias.name for alias in below.names)
        elif isinstance(below, ast.ImportFrom):
            yield below.module or "."


def _kinds(op: Operator) -> Iterator[TaskKind]:
    """The kinds of task that the operator serves here and now."""
    return (kind for kind in TaskKind if not op.declines(toy_schema(), kind))


def _toy(
    op: Operator, kind: TaskKind, *, seed: int = 0, missing: float = 0.15, **awkward: bool
) -> tuple[_Data, Target]:
    """Read-only data such as the operator takes, and a target."""
    table, target = toy_table(kind, _ROWS, seed, missing=missing, **awkward)
    data: _Data = table
    if Predictions in op.takes:
        noise = np.random.default_rng(seed).dirichlet(np.ones(target.outputs), size=_ROWS)
        data = 0.5 * target.truth + 0.5 * noise
    elif Raw not in op.takes:
        data = _matrix(table, op.takes[0])
    for array in (*_arrays(data), target.y):
        array.flags.writeable = False
    return data, target


def _matrix(table: Table, wanted: type) -> Matrix:
    columns = [column for column in table.schema.columns if column.role is not Role.TEXT]
    values = np.column_stack([table.values(column) for column in columns]).astype(np.float32)
    levels = tuple(column.levels for column in columns)
    values[:, np.array(levels) > 0] = np.where(table.codes < 0, np.nan, table.codes)
    if issubclass(wanted, Complete):
        values = np.nan_to_num(values)
    if issubclass(wanted, Dense):
        spread = values.std(axis=0)
        values = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        levels = (0,) * len(levels)
    return Matrix(values, levels, tuple(column.name for column in columns))


def _falling(data: _Data) -> _Data:
    """The same data with c0 marked, against the way that the target goes with it."""
    if isinstance(data, Matrix):
        return replace(data, monotone=(-1, *[0] * (len(data.names) - 1)))
    assert isinstance(data, Table)
    first, *others = data.schema.columns
    return replace(data, schema=Schema((replace(first, monotone=-1), *others)))


def _raised(data: _Data, value: float) -> _Data:
    """The same data with c0 at this value everywhere."""
    if isinstance(data, Table):
        numbers = data.numbers.copy()
        numbers[:, 0] = value
        return replace(data, numbers=numbers)
    assert isinstance(data, Matrix)
    values = data.values.copy()
    values[:, 0] = value
    return replace(data, values=values)


def _magnified(data: _Data) -> _Data:
    """The same data with enormous numbers, codes and times apart."""
    if isinstance(data, Table):
        return replace(data, numbers=data.numbers * np.float32(1e30))
    assert isinstance(data, Matrix)
    factors = np.where(np.array(data.levels) > 0, 1.0, 1e25).astype(np.float32)
    return replace(data, values=data.values * factors)


def _fit(
    op: Operator,
    data: _Data,
    target: Target,
    *,
    params: Mapping[str, Value] | None = None,
    seed: int = 0,
    seconds: float = float("inf"),
) -> tuple[Any, _Data]:
    """A fitted estimator, and the output of its fit."""
    estimator: Any = op.make(defaults(op.space) if params is None else params)
    if op.is_calibrator:
        return estimator.fit(data, target), estimator.transform(data)
    if not op.is_learner:
        return estimator, estimator.fit_transform(data, target, seed)
    rows = np.arange(len(data))
    prepared = estimator.prepare(data, target, Limits())  # which may import for seconds
    limits = Limits(time.monotonic() + seconds)
    output = estimator.fit(prepared, rows[:_TRAIN], rows[_TRAIN:], seed, limits)
    assert len(output) == len(rows[_TRAIN:])
    return estimator, output


def _apply(op: Operator, estimator: Any, data: _Data) -> _Data:
    """What the fitted estimator makes of new rows."""
    output: _Data = estimator.predict(data) if op.is_learner else estimator.transform(data)
    assert len(output) == len(data)
    return output


def _take(data: _Data, rows: IntArray) -> _Data:
    return data[rows] if isinstance(data, np.ndarray) else data.take(rows)


def _arrays(data: _Data) -> tuple[NDArray[Any], ...]:
    if isinstance(data, Table):
        texts = (array for text in data.texts for array in (text.buffer, text.offsets))
        return data.numbers, data.precise, data.codes, *texts
    return (_values(data),)


def _values(data: _Data) -> NDArray[Any]:
    assert not isinstance(data, Table)
    return data.values if isinstance(data, Matrix) else data


def _copied(data: _Data) -> _Data:
    if isinstance(data, Table):
        return data.take(np.arange(len(data)))
    return replace(data, values=data.values.copy()) if isinstance(data, Matrix) else data.copy()


def _through_files(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state after a way through .npy files and JSON, pickles refused."""
    restored: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            file = io.BytesIO()
            np.save(file, value, allow_pickle=False)
            file.seek(0)
            restored[name] = np.load(file, allow_pickle=False)
        else:
            restored[name] = json.loads(json.dumps(value))
    return restored


def _assert_equal(first: _Data, second: _Data, *, exact: bool = False) -> None:
    if isinstance(first, Matrix) and isinstance(second, Matrix):
        assert first.names == second.names and first.levels == second.levels
    if isinstance(first, Table) and isinstance(second, Table):
        assert first.schema == second.schema
    near = 0.0 if exact else _CLOSE
    for one, other in zip(_arrays(first), _arrays(second), strict=True):
        assert np.allclose(one, other, rtol=near, atol=near, equal_nan=True)


def _assert_form(op: Operator, output: _Data, target: Target) -> None:
    """The output keeps what its state of the data promises."""
    if op.gives is Raw:
        _assert_extended(output)
        return
    values = _values(output)
    if op.gives is Predictions:
        assert values.shape[1] == target.outputs and np.isfinite(values).all()
        if target.is_classification:
            assert (values >= 0.0).all() and np.allclose(values.sum(axis=1), 1.0, atol=1e-5)
        return
    assert isinstance(output, Matrix)
    if issubclass(op.gives, Complete):
        assert np.isfinite(values).all()
    if issubclass(op.gives, Dense):
        assert not output.categorical
    for index in output.categorical:
        codes = values[:, index][~np.isnan(values[:, index])]
        assert np.isin(codes, np.arange(output.levels[index])).all()


def _assert_extended(output: _Data) -> None:
    """The toy table's columns come first, then others; every column has its own name."""
    assert isinstance(output, Table)
    columns, known = output.schema.columns, toy_schema().columns
    assert columns[: len(known)] == known
    assert len({column.name for column in columns}) == len(columns)
    for block in ("numbers", "precise", "codes"):
        places = [column.index for column in columns if column.block == block]
        width = getattr(output, block).shape[1]
        assert sorted(places) == list(range(width))
