"""What one row alone takes, and a thousand: the default model, its parts, and what is told.

    AUTOPIPE_DATA=folder python tests/benchmarks/latency.py --budget 30 --only adult

`row_ms` and `thousand_ms` are medians of some calls of `predict` or `predict_proba` with a
table of pandas; `told` is what `front_` says of it, `members` what the members take for the
coded thousand one after the other, on one core. Then the same for the quickest model there is.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from held_out import HeldOut, held_out, parser

from autopipe.deployment import milliseconds

SETS = "titanic,midwest_survey,employee_salaries,telco_churn,satimage,adult,wine_quality"


def line_of(fit: HeldOut, which: str) -> dict[str, Any]:
    """One model's times beside what was told of them."""
    model = fit.model
    predict = model.predict if fit.task == "regression" else model.predict_proba
    told = model.front_[model.front_["is_chosen"]].iloc[0]
    thousand = fit.X.iloc[np.arange(1000) % len(fit.X)]
    one, table = thousand.iloc[:1], model._model.coding.encode(thousand)
    members = model._model.predictor.members
    parts = sum(
        milliseconds(lambda m=m: m.predict(table)) for each in members for m in each.models
    )
    return {
        "set": fit.name,
        "model": which,
        "models": sum(len(each.models) for each in members),
        "megabytes": told["megabytes"],
        "row_ms": milliseconds(lambda: predict(one)),
        "row_told": told["row_ms"],
        "thousand_ms": milliseconds(lambda: predict(thousand)),
        "thousand_told": told["thousand_ms"],
        "members": parts,
    }


def main() -> None:
    lines = []
    for fit in held_out(parser(__doc__.splitlines()[0], SETS).parse_args()):
        lines.append(line_of(fit, "default"))
        begin = time.monotonic()
        fit.model.select(max_latency_ms=fit.model.front_["row_ms"].min() * 1.0001)
        seconds = time.monotonic() - begin
        lines.append({**line_of(fit, "quickest"), "select_s": seconds})
        print(pd.DataFrame(lines[-2:]).round(3).to_string(index=False), flush=True)
    print(pd.DataFrame(lines).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
