"""How often intervals and sets hold the truth of rows that were held out.

    AUTOPIPE_DATA=folder python tests/benchmarks/coverage.py --budget 10

Three rows in ten, of up to 12,000 of a data set, are held out; that takes two minutes. The
width of an interval is told as a share of that between the 5 % and the 95 % quantile of all
targets.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from held_out import held_out, parser

SETS = (
    "california_housing,ames_housing,concrete,wine_quality,cardekho,auto_mpg,bike_sharing,"
    "diamonds,taxi_tips,employee_salaries"
)
COVERAGE = 0.9


def main() -> None:
    lines = []
    for one in held_out(parser(__doc__.splitlines()[0], SETS).parse_args()):
        y = one.y.to_numpy()
        if one.task == "regression":
            low, high = one.model.predict_interval(one.X, COVERAGE).T
            is_inside = (low <= y) & (y <= high)
            size = np.mean(high - low) / np.subtract(*np.quantile(y, [0.95, 0.05]))
        else:
            sets = one.model.predict_set(one.X, COVERAGE)
            is_inside = sets[np.arange(len(y)), np.searchsorted(one.model.classes_, y)]
            size = sets.sum(axis=1).mean()
        share = is_inside.mean()
        known = one.model.score_.estimate.rows  # whose luck counts too
        error = np.sqrt(COVERAGE * (1 - COVERAGE) * (1 / len(y) + 1 / known))
        lines.append((one.name, len(y), share, (share - COVERAGE) / error, size))
        print(f"{one.name}: {share:.3f} of {len(y)} rows, size {size:.3f}", flush=True)
    table = pd.DataFrame(lines, columns=["name", "rows", "coverage", "errors_off", "size"])
    print(table.round(3).to_string(index=False))
    farthest = table["errors_off"].abs().max()
    print(
        f"mean coverage {table['coverage'].mean():.4f}, the farthest {farthest:.1f} errors off"
    )


if __name__ == "__main__":
    main()
