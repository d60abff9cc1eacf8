"""A fitted model as one file of arrays and JSON; reading it runs nothing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from autopipe.archive import Archive, Writer, open_archive, write_archive
from autopipe.ensembles.decisions import Decision
from autopipe.ensembles.front import read_front, write_front
from autopipe.ensembles.intervals import Conformal
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError, UnknownOperatorError
from autopipe.execution.files import DAMAGE, write_atomically
from autopipe.execution.store import row_of, trial_of
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.model import Model
from autopipe.operators.calibration import Temperature
from autopipe.operators.catalogue import add_operators
from autopipe.operators.declaration import Operator
from autopipe.operators.fitted import FittedTree, read_fitted, write_fitted
from autopipe.probes import probe_rows
from autopipe.relations.joining import Joining
from autopipe.task import Loss
from autopipe.versions import library_versions

FORMAT = 4
"""Counts the changes of the file's layout."""

_FRONT = "front.npz"
_PROBES = 50  # made-up rows that a file has to predict the same before it is kept


def write_model(model: Model, path: Path) -> None:
    """Write a model to one zip file.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    members, temperature = model.predictor.members, model.predictor.temperature
    head = {
        "format": FORMAT,
        "versions": library_versions(),
        "coding": model.coding.state(),
        "target": model.target_coding.state(),
        "prior": model.predictor.prior.tolist(),
        "temperature": None if temperature is None else temperature.state(),
        "costs": None if model.decision is None else model.decision.costs.tolist(),
        "conformal": model.conformal.state(),
        "members": [[member.number, member.weight] for member in members],
        "inputs": {
            member.number: [part.number for part in member.inputs]
            for member in members
            if member.inputs
        },
        "trials": [list(row_of(trial)) for trial in model.trials],
        "facts": dict(model.facts),
        "joining": None if model.joining is None else model.joining.state(),
    }

    files: dict[str, Writer] = {
        _member_name(part.number): partial(_write_models, part.models) for part in model.parts
    }
    if model.front is not None:
        front = model.front.made_of(members)
        files[_FRONT] = lambda file: write_front(file, front)

    def write(file: BinaryIO) -> None:
        write_archive(file, head, files)
        file.flush()
        _check_copy(model, Path(file.name))

    try:
        write_atomically(path, write)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error


def _write_models(models: Sequence[FittedTree], file: IO[bytes]) -> None:
    write_fitted(file, models)


def _check_copy(model: Model, path: Path) -> None:
    """Refuse to keep a file that does not predict what the model does, for made-up rows."""
    with open_archive(path) as archive:
        copy = _model_of(archive, None)
    rows = probe_rows(model.coding, _PROBES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = (one.predictor.predict(one.coding.encode(rows)) for one in (model, copy))
    if not np.array_equal(ours, theirs, equal_nan=True):
        largest = np.abs(ours - theirs).max()
        raise StoreError(
            f"The model was not saved: read back, it predicts other values, by {largest:.3g} "
            "at most. Please report which learners it has."
        )


def read_model(path: Path, operators: Sequence[Operator] = ()) -> Model:
    """The model that `write_model` wrote; nothing in the file is ever run.

    Parameters
    ----------
    operators : the user's own that the model may have; these may unpickle what they wrote

    Raises
    ------
    StoreError
        If there is no such file, it is damaged or too large, or a newer autopipe wrote it; or
        if it has operators that are neither autopipe's nor given.
    """
    add_operators(operators)
    try:
        with open_archive(path) as archive:
            return _model_of(archive, [operator.name for operator in operators])
    except FileNotFoundError as error:
        raise StoreError(f"There is no file {path}. Give the one that save wrote.") from error
    except UnknownOperatorError as error:
        raise StoreError(
            f"{path} was made with operators of your own: {error} If you trust the file, give "
            "them again, as in load(path, operators=[...])."
        ) from error
    except (*DAMAGE, MemoryError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"{path} is no model of autopipe, or is damaged: {error}. Give "
            "another file, or fit again."
        ) from error


def _model_of(archive: Archive, own: Collection[str] | None) -> Model:
    """The model in an archive of this version or an earlier one.

    Parameters
    ----------
    own : names of operators beside the catalogue's that are allowed; None for any
    """
    head = _migrated(archive.head)
    inputs = head["inputs"]
    models: dict[int, tuple[FittedTree, ...]] = {}

    def member(number: int, weight: float = 1.0) -> Member:
        if number not in models:
            models[number] = tuple(read_fitted(archive.part(_member_name(number)), own))
        below = tuple(map(member, inputs.get(str(number), ())))
        return Member(number, weight, models[number], below)

    members = tuple(member(*pair) for pair in head["members"])
    temperature, costs, joining = head["temperature"], head["costs"], head.get("joining")
    return Model(
        Coding.restore(head["coding"]),
        TargetCoding.restore(head["target"]),
        Predictor(
            members,
            np.array(head["prior"]),
            None if temperature is None else Temperature().restore(temperature),
        ),
        None if costs is None else Decision(np.array(costs)),
        Conformal.restore(head["conformal"]),
        tuple(trial_of(tuple(row)) for row in head["trials"]),
        head["facts"],
        read_front(archive.part(_FRONT), members) if _FRONT in archive else None,
        None if joining is None else Joining.restore(joining),
    )


def _migrated(head: dict[str, Any]) -> dict[str, Any]:
    """A head as this version writes it, from one of an earlier version."""
    if head["format"] > FORMAT:
        raise StoreError(
            f"The file has format {head['format']} of a newer autopipe, and this one reads up "
            f"to {FORMAT}: pip install -U autopipe."
        )
    for step in range(head["format"], FORMAT):
        head = _MIGRATIONS[step](head)
    return head


def _with_inputs(head: dict[str, Any]) -> dict[str, Any]:
    """From format 2, in which no member was stacked."""
    return {**head, "inputs": {}, "format": 3}


def _with_coded_numbers(head: dict[str, Any]) -> dict[str, Any]:
    """From format 3, in which numbers were predicted as they are, by squared errors."""
    target = {**head["target"], "is_logarithmic": False, "least": None}
    facts = {**head["facts"], "loss": Loss.SQUARED.value}
    return {**head, "target": target, "facts": facts, "format": 4}


_MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    2: _with_inputs,
    3: _with_coded_numbers,
}
"""By the format that each begins with."""


def _member_name(number: int) -> str:
    return f"members/{number:06d}.npz"
