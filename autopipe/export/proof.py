"""What an exported file does where there is no autopipe."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from autopipe.errors import ExportError
from autopipe.task import FloatArray

_MOST_SECONDS = 600.0

# Runs in a fresh interpreter, which finds no autopipe even where it is installed.
_DRIVER = """
import importlib.abc, importlib.util, pickle, sys, warnings

class NoAutopipe(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "autopipe":
            raise ModuleNotFoundError(f"{name} is not to be imported here")

sys.meta_path.insert(0, NoAutopipe())
warnings.simplefilter("ignore")
script, given, result = sys.argv[1:]
spec = importlib.util.spec_from_file_location("exported", script)
exported = sys.modules["exported"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)
with open(given, "rb") as file:
    rows, target, build, tables = pickle.load(file)
below = () if tables is None else (tables,)
if target is None:
    model = exported.load()
else:
    estimator = exported.build().set_params(**build).fit(rows, target, *below)
    model = estimator.model_
with open(result, "wb") as file:
    pickle.dump((model.outputs(rows, *below), model.predict(rows, *below)), file)
assert not any(name.partition(".")[0] == "autopipe" for name in sys.modules)
"""


class Rehearsal:
    """A script at work in a fresh interpreter without autopipe, side by side with us.

    Parameters
    ----------
    script : that has `build`, or `load` where no target is given
    rows : a pandas frame
    target : of the rows, or None
    tables : below the rows, where the model is of several
    arguments : of the estimator, beside its own
    """

    def __init__(
        self,
        script: Path,
        rows: Any,
        target: np.ndarray | None,
        tables: Mapping[str, Any] | None = None,
        **arguments: object,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="autopipe-")
        given = Path(self._folder.name) / "given.pickle"
        given.write_bytes(pickle.dumps((rows, target, arguments, tables)))
        self._result = given.with_name("result.pickle")
        command = [sys.executable, "-P", "-c", _DRIVER, script, given, self._result]
        found = os.pathsep.join(map(os.path.abspath, sys.path))  # as libraries are found here
        self._process = subprocess.Popen(
            list(map(str, command)),
            cwd=self._folder.name,
            env={**os.environ, "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def result(self) -> tuple[FloatArray, np.ndarray]:
        """What the script predicts for the rows: outputs, and labels or numbers.

        Raises
        ------
        ExportError
            If it fails or takes too long.
        """
        try:
            _, told = self._process.communicate(timeout=_MOST_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                f"The exported script took more than {_MOST_SECONDS:g} s to be tried; nothing "
                "was written."
            ) from error
        if self._process.returncode:
            raise ExportError(
                f"The exported script fails without autopipe; nothing was written.\n{told}"
            )
        outputs, said = pickle.loads(self._result.read_bytes())
        return outputs, said


def difference(ours: FloatArray, theirs: FloatArray, tolerance: float) -> float:
    """The largest difference of predictions, by the largest prediction of the column.

    Raises
    ------
    ExportError
        If it is larger than is allowed.
    """
    if ours.shape != theirs.shape:
        raise ExportError(
            f"The exported script gives predictions of shape {theirs.shape} where the model "
            f"gives {ours.shape}; nothing was written."
        )
    scale = np.abs(ours).max(axis=0, initial=0.0)
    differences = np.abs(ours - theirs) / np.where(scale > 0, scale, 1.0)
    largest = float(differences.max(initial=0.0))
    if not largest <= tolerance:  # also where one is not a number
        place = int(np.nanargmax(differences.max(axis=1)))
        raise ExportError(
            f"The exported script differs from the model by {largest:.3g}, more than "
            f"{tolerance:g}: {theirs[place]} instead of {ours[place]} in row {place} of those "
            "tried. Nothing was written."
        )
    return largest
