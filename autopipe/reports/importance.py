"""How much a model loses when a column tells it nothing: importance by permutation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import numpy as np
import pandas as pd

from autopipe.metrics import Metric
from autopipe.task import FloatArray, Target

_MOST_ROWS = 5_000  # more are predicted in vain: the spread is small by then
_DRAWS = 100  # of the rows, for the interval
_MISS = 0.05  # on either side of it


def permutation_importance(
    frame: pd.DataFrame,
    target: Target,
    metric: Metric,
    predict: Callable[[pd.DataFrame], FloatArray],
    is_used: Mapping[Hashable, bool],
    repeats: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """What the score falls by when the cells of one column are shuffled among the rows.

    Columns that tell the same share what they are worth: each alone may look idle. Costs a
    prediction of up to 5,000 rows for every column and repeat.

    Parameters
    ----------
    frame : rows that the model has not seen
    predict : from such a frame to predictions of shape (rows, outputs)
    is_used : by column, whether the model reads it; the others are 0 for sure
    repeats : shuffles of every column

    Returns
    -------
    DataFrame
        One line for every column, the most important first: its importance, and the 90 %
        interval over shuffles and draws of the rows.

    References
    ----------
    Breiman, Random Forests, Machine Learning 2001, section 10. Fisher et al., All Models are
    Wrong, but Many are Useful, JMLR 2019, section 3: of a fitted model, on new rows.
    """
    if len(frame) > _MOST_ROWS:
        rows = np.sort(rng.choice(len(frame), _MOST_ROWS, replace=False))
        frame, target = frame.iloc[rows], target.take(rows)
    frame = frame.reset_index(drop=True)
    plain = predict(frame)
    draws = [rng.integers(len(frame), size=len(frame)) for _ in range(_DRAWS)]
    scores = np.array([metric.score(target.take(draw), plain[draw]) for draw in draws])
    score = metric.score(target, plain)
    lines = []
    for place, name in enumerate(frame.columns):
        if not is_used[name]:
            lines.append((name, 0.0, 0.0, 0.0))
            continue
        means, losses = [], np.empty(_DRAWS)
        for repeat in range(repeats):
            shuffled = frame.copy(deep=False)
            cells = frame.iloc[rng.permutation(len(frame)), place]
            shuffled.isetitem(place, cells.array)
            blind = predict(shuffled)
            means.append(score - metric.score(target, blind))
            for index in range(repeat, _DRAWS, repeats):
                draw = draws[index]
                losses[index] = scores[index] - metric.score(target.take(draw), blind[draw])
        low, high = np.quantile(losses, [_MISS, 1.0 - _MISS])
        lines.append((name, float(np.mean(means)), float(low), float(high)))
    table = pd.DataFrame(lines, columns=["column", "importance", "low", "high"])
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
