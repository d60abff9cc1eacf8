"""Whether what leaves predicts the same: drawn pipelines, and the ensembles of fits.

Run as `AUTOPIPE_DATA=... python tests/benchmarks/exports.py --only a,b,c`. For every data set
thirty pipelines that the grammar draws are fitted and exported in groups, as a folder and as a
script, each proven on rows of the data set; then the ensemble of a fit is, and its size and
the milliseconds for one row are told beside those of the live model.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).parents[1]))
from exported import model_of
from held_out import held_out, parser

from autopipe.errors import AutopipeError
from autopipe.evolution.grammar import Grammar
from autopipe.export.exporting import export_folder, export_script
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import catalogue
from autopipe.task import TaskKind

_ROWS = 300  # of a data set, that drawn pipelines are fitted to
_GROUP = 5  # pipelines that leave together
_REPEATS = 20  # of which the quickest counts


def proven(model: Any, X: Any, y: Any, folder: Path) -> str:
    """Whether both forms predict the same, and the seconds that it took to find out."""
    begin = time.perf_counter()
    try:
        export_folder(model, folder / "predictor", X)
        halfway = time.perf_counter()
        export_script(model, folder / "pipeline.py", X, y)
    except AutopipeError as error:
        return f"NOT THE SAME: {error}"
    return f"the same; {halfway - begin:.0f} s and {time.perf_counter() - halfway:.0f} s"


def drawn(X: pd.DataFrame, y: np.ndarray, count: int, seed: int, only: str) -> None:
    """Export pipelines that the grammar draws for a table."""
    kind = TaskKind.REGRESSION
    if not pd.api.types.is_float_dtype(y):
        kind = TaskKind.BINARY if len(np.unique(y)) == 2 else TaskKind.MULTICLASS
    schema = Coding.learn(X).schema
    grammar = Grammar(list(catalogue().values()), schema, kind, len(X))
    rng = np.random.default_rng(seed)
    trees = [str(grammar.random(rng)) for _ in range(count)]
    for begin in range(0, count, _GROUP):
        with tempfile.TemporaryDirectory() as folder:
            group = trees[begin : begin + _GROUP]
            try:
                model = model_of(X, y, group)
            except Exception as error:  # of a candidate, which costs it alone in a search too
                print(f"{only} {begin}: cannot be fitted: {type(error).__name__}: {error}")
                continue
            told = proven(model, X, y, Path(folder))
            print(f"{only} pipelines {begin} to {begin + len(group) - 1}: {told}", flush=True)


def quickest(predict: Callable[[Any], Any], row: Any) -> float:
    """Milliseconds of one row alone."""
    times = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        predict(row)
        times.append(time.perf_counter() - begin)
    return 1e3 * min(times)


def main() -> None:
    """Print a line for every group of pipelines and for every ensemble."""
    arguments = parser(__doc__ or "", "vehicle,credit_g,concrete")
    arguments.add_argument("--drawn", type=int, default=30, help="pipelines for each data set")
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    for fit in held_out(options):
        X, y = fit.X.head(_ROWS), np.asarray(fit.y)[:_ROWS]
        y = y.astype(float) if fit.task == "regression" else y.astype(str)
        drawn(X, y, options.drawn, options.seed, fit.name)
        folder = Path(tempfile.mkdtemp())
        model = fit.model._model
        told = proven(model, X, fit.y.head(_ROWS), folder)
        print(f"{fit.name} ensemble of {len(model.predictor.members)}: {told}")
        if not (folder / "predictor").is_dir():
            continue
        fit.model.save(folder / "model.autopipe")
        spec = importlib.util.spec_from_file_location(
            f"predict_{fit.name}", folder / "predictor" / "predict.py"
        )
        assert spec is not None and spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        row = fit.X.head(1)
        live, left = quickest(fit.model.predict, row), quickest(module.load().predict, row)
        sizes = {
            path.name: sum(each.stat().st_size for each in [path, *path.rglob("*")]) / 1e6
            for path in sorted(folder.iterdir())
        }
        shown = ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items())
        print(f"{fit.name} one row: live {live:.1f} ms, folder {left:.1f} ms; {shown}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    os.environ.setdefault("AUTOPIPE_HOME", "")
    main()
