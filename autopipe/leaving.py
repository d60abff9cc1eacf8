"""How a fitted model leaves the process that made it: as a file, or as plain Python."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from autopipe.export.exporting import export_folder, export_script
from autopipe.model import Model
from autopipe.persistence import write_model


class Leaving:
    """The methods of both estimators that write a model down."""

    def _fitted(self) -> Model:
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to one file, which `autopipe.load` reads.

        The file holds arrays, text and boosters' own formats; loading it runs no code.
        """
        write_model(self._fitted(), Path(path))

    def export(
        self,
        path: str | PathLike[str],
        fitted: bool = False,
        X: Any = None,
        y: Any = None,
        *,
        tables: Any = None,
    ) -> None:
        """Write the model as plain Python that needs no autopipe.

        Before anything is written, a fresh interpreter without autopipe has to predict what
        the model does: a script after it is fitted, as autopipe fits the same pipelines, to
        at most 2,000 rows; a folder with its fitted state. That takes seconds to a minute.

        Parameters
        ----------
        path : of the script to write, such as "pipeline.py"; or where `fitted`, of a new
            folder
        fitted : whether to write what was learned too: then `python predict.py new.csv -o
            out.csv` predicts, and `from predict import load` gives the model
        X, y, tables : rows that it is proven on, with further tables where the model was
            fitted with such; by default they are made up, with the columns of training. A
            folder needs no `y`.

        Raises
        ------
        ExportError
            If it would not predict the same; then nothing is written.
        """
        model = self._fitted()
        if fitted:
            export_folder(model, Path(path), X, tables)
        else:
            export_script(model, Path(path), X, y, tables)
