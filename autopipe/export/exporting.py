"""A model as a script or a folder that needs no autopipe, proven before it is there."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autopipe.ensembles.predictor import Member
from autopipe.errors import ExportError, InputError
from autopipe.execution.files import write_atomically
from autopipe.export.delivered import HEAD, Delivered
from autopipe.export.proof import Rehearsal, difference
from autopipe.export.scripts import arguments_of, fit_script, predict_script
from autopipe.intake.alignment import check_rows
from autopipe.intake.frames import as_frame
from autopipe.model import Model
from autopipe.operators.catalogue import operator_named
from autopipe.operators.fitted import packed
from autopipe.probes import probe_rows, probe_target
from autopipe.relations.joining import frames_of
from autopipe.relations.probes import probe_tables
from autopipe.tree import TABLE_NAME

_PROBES = 200  # rows that are made up; enough for every branch, few enough for a minute
_PROBES_PER_CLASS = 8
_MOST_ROWS = 2_000  # of either
_FOLDS = 2  # that a script is fitted in to be proven
_TOLERANCE = 1e-6
_TOLERANCE_OF_NETWORKS = 1e-4  # whose training sums in no fixed order on some devices
_ENDINGS = {"lightgbm": "txt", "xgboost": "ubj", "catboost": "cbm"}


def export_script(
    model: Model, path: Path, X: Any = None, y: Any = None, tables: Any = None
) -> None:
    """Write a script that fits the pipelines of a model, once it is proven to.

    Parameters
    ----------
    X, y, tables : rows that it is proven on, and the tables below; by default made up
    """
    from autopipe.export.standalone import Classifier, Regressor

    if path.is_dir():
        raise ExportError(f"{path} is a folder; give the name of a file, such as pipeline.py.")
    rows, target, told, below = _labelled_rows(model, X, y, tables)
    name = path.name if path.name.isascii() and path.stem.isidentifier() else "pipeline.py"
    build = Classifier if len(model.target_coding.classes) else Regressor
    arguments = arguments_of(model)
    arguments["folds"] = folds = min(_FOLDS, arguments["folds"])
    with tempfile.TemporaryDirectory(prefix="autopipe-") as folder:
        script = Path(folder) / "exported.py"
        script.write_text(fit_script(model, name, ""), encoding="utf-8")
        with Rehearsal(script, rows, target, below, folds=folds) as rehearsal:
            live = build(**arguments)
            rows = model.joined(rows, below)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    live.fit(rows, target)
                except Exception as error:  # a learner's, about rows that no user has seen
                    raise ExportError(
                        f"The pipelines cannot be fitted to {told}, so nothing is proven "
                        f"({type(error).__name__}: {error}). Give others to `export`: X and y."
                    ) from error
            largest = _agreement(rehearsal, live.model_, rows, _tolerance(model))
    proof = (
        "Proven before it was written: in a fresh interpreter without autopipe this script, "
        f"fitted in {folds} fold{'s' * (folds > 1)} to {told}, predicts what autopipe does "
        f"when it fits the same trees to them (largest difference {largest:.1g})."
    )
    text = fit_script(model, name, proof)

    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    write_atomically(path, write)


def export_folder(model: Model, path: Path, X: Any = None, tables: Any = None) -> None:
    """Write a fitted model as a folder with a script that predicts, once it is proven to.

    Parameters
    ----------
    X, tables : rows that it is proven on, and the tables below; by default made up
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise ExportError(f"{path} is there already; give the name of a new folder.")
    if X is None:
        rows, tables = _made_up(model, _PROBES)
        told = f"{_PROBES} made-up rows with the columns of training"
    else:
        frame = as_frame(X, model.known)
        rows = frame.iloc[_spread(len(frame))]
        tables = _frames(model, tables)
        told = f"{len(rows)} rows that the user gave"
    path = path.absolute()  # the script is tried in another folder
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".autopipe-", dir=path.parent) as folder:
        built = Path(folder) / "predictor"
        _write_state(model, built)
        script = built / "predict.py"
        script.write_text(predict_script(model, ""), encoding="utf-8")
        parts = model.coding, model.target_coding, model.predictor, model.decision
        with Rehearsal(script, rows, None, tables) as rehearsal:
            joined = model.joined(rows, tables)
            largest = _agreement(rehearsal, Delivered(*parts), joined, _tolerance(model))
        proof = (
            "Proven before it was written: in a fresh interpreter without autopipe this folder "
            f"predicts what the model does, for {told} (largest difference {largest:.1g})."
        )
        script.write_text(predict_script(model, proof), encoding="utf-8")
        if path.is_dir():
            path.rmdir()
        shutil.move(built, path)


def _frames(model: Model, tables: Any) -> dict[str, Any] | None:
    """The tables that a user gives beside some rows, if any."""
    if tables is None:
        return None
    return frames_of(tables, None if model.joining is None else model.joining.known)


def _spread(rows: int) -> np.ndarray:
    """Places of as many rows as are looked at, from first to last."""
    return np.unique(np.linspace(0, rows - 1, min(rows, _MOST_ROWS)).astype(int))


def _made_up(model: Model, rows: int) -> tuple[Any, dict[str, Any] | None]:
    """Rows with the columns of training, and the tables below them where there are such."""
    frame = probe_rows(model.coding, rows)
    if model.joining is None:
        return frame, None
    return probe_tables(model.joining, frame)


def _labelled_rows(
    model: Model, X: Any, y: Any, tables: Any
) -> tuple[Any, np.ndarray, str, dict[str, Any] | None]:
    """Rows and targets to prove a script on, what they are, and the tables below."""
    if X is not None:
        X, y = model.features_and_target(X, y)
        if y is None:
            raise InputError("export(X=...) needs y too: the script is fitted to these rows.")
        check_rows(frame := as_frame(X), y, frame is X)
        places = _spread(len(frame))
        told = f"{len(places)} rows that the user gave"
        below = _frames(model, tables)
        return frame.iloc[places], np.asarray(y)[places], told, below
    count = max(_PROBES, _PROBES_PER_CLASS * len(model.target_coding.classes))
    count = min(count, _MOST_ROWS)
    rows, below = _made_up(model, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = model.coding.encode(model.joined(rows, below))
    target = probe_target(model.target_coding, table)
    return rows, target, f"{count} made-up rows with the columns of training", below


def _agreement(rehearsal: Rehearsal, live: Delivered, rows: Any, tolerance: float) -> float:
    """How far a script is from a model, which has to agree in labels too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, said = live.outputs(rows), live.predict(rows)
    theirs, their_said = rehearsal.result()
    largest = difference(ours, theirs, tolerance)
    same = (ours == theirs).all(axis=1)
    if not (said[same] == their_said[same]).all():
        raise ExportError("The exported script names other classes; nothing was written.")
    return largest


def _tolerance(model: Model) -> float:
    trees = [part.models[0].tree for part in model.parts]
    ops = {node.op for tree in trees for _, node in tree.walk()} - {TABLE_NAME}
    is_neural = any(operator_named(op).requires == "torch" for op in ops)
    return _TOLERANCE_OF_NETWORKS if is_neural else _TOLERANCE


def _write_state(model: Model, folder: Path) -> None:
    """Write what was learned into a new folder."""
    (folder / "members").mkdir(parents=True)
    temperature, decision = model.predictor.temperature, model.decision
    head = {
        "coding": model.coding.state(),
        "target": model.target_coding.state(),
        "prior": model.predictor.prior.tolist(),
        "temperature": None if temperature is None else dict(temperature.state()),
        "costs": None if decision is None else decision.costs.tolist(),
        "members": [member.number for member in model.predictor.members],
        "parts": [_write_part(part, folder) for part in model.parts],
    }
    if model.joining is not None:
        head["joining"] = model.joining.state()
    (folder / HEAD).write_text(json.dumps(head, indent=1), encoding="utf-8")


def _write_part(part: Member, folder: Path) -> dict[str, Any]:
    """Write the states of a member's models, and tell where they are."""
    arrays, plain = packed(part.models)
    tree = part.models[0].tree
    boosters = {}
    for key in list(arrays):
        index, *path, name = key.split("/")
        ending = _ENDINGS.get(tree.at(tuple(map(int, path))).op)
        if ending and name == "model":
            boosters[key] = f"members/{part.number}-{'-'.join([index, *path])}.{ending}"
            (folder / boosters[key]).write_bytes(arrays.pop(key).tobytes())
    place = f"members/{part.number}.npz"
    np.savez(folder / place, **arrays)  # type: ignore[arg-type]  # the stub takes keywords for a flag
    return {
        "number": part.number,
        "weight": part.weight,
        "tree": str(tree),
        "inputs": [each.number for each in part.inputs],
        "models": len(part.models),
        "arrays": place,
        "boosters": boosters,
        "plain": plain,
    }
