"""What a contest came to, as Markdown, and as a picture of score against budget.

    python tests/benchmarks/contest_report.py contest.csv more.csv --plot contest.svg

Scores are means over the folds that all tools were run on, the best of each data set bold. A
normalised score is 0 for the prior and 1 for the best that any row has on that fold, whatever
its budget; what failed, or is worse than the prior, has 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

US = "autopipe"
KEYS = ["dataset", "fold"]
_DIGITS = 5  # in which scores differ, or are the same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="CSV files of contest.py")
    parser.add_argument("--plot", type=Path, help="SVG or PNG file to draw")
    options = parser.parse_args()
    rows = read(options.files)
    for budget, some in rows.groupby("budget"):
        print(f"## {budget:g} s\n")
        print(told(some))
    if options.plot:
        draw(rows, options.plot)


def read(files: list[Path]) -> pd.DataFrame:
    """The rows of all files, with what each is worth, and normalised."""
    rows = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    sign = np.where(rows["metric"] == "roc_auc", 1.0, -1.0)
    rows["worth"] = (sign * rows["score"]).where(rows["status"] == "ok")
    best = rows.groupby(KEYS)["worth"].transform("max")
    least = sign * rows["prior_score"]
    share = (rows["worth"] - least) / (best - least)
    rows["normalised"] = share.fillna(0.0).clip(lower=0.0)
    return rows


def told(rows: pd.DataFrame) -> str:
    """Tables for one budget: scores, and every tool beside ours."""
    worth = rows.pivot_table(index=KEYS, columns="framework", values="worth", dropna=False)
    is_run = rows.pivot_table(index=KEYS, columns="framework", values="normalised").notna()
    shared = worth[is_run.all(axis=1)]
    return f"{scores(rows, shared)}\n\n{beside(rows, shared)}\n"


def scores(rows: pd.DataFrame, shared: pd.DataFrame) -> str:
    """A line for each data set."""
    means = shared.groupby("dataset").mean().round(_DIGITS)
    spreads = shared.groupby("dataset").std()
    metrics = rows.groupby("dataset")["metric"].first()
    lines = []
    for name, worth in means.iterrows():
        cells = []
        for tool, value in worth.items():
            spread = spreads.loc[name, tool]
            cell = "failed" if np.isnan(value) else f"{abs(value):.5g}"
            cell += "" if np.isnan(spread) else f" ± {spread:.2g}"
            cells.append(f"**{cell}**" if value == worth.max() else cell)
        lines.append([f"{name}, {metrics[name]}", *cells])
    return markdown(["data set", *means.columns], lines)


def beside(rows: pd.DataFrame, shared: pd.DataFrame) -> str:
    """A line for each tool."""
    rounded = shared.round(_DIGITS)
    ranks = rounded.rank(axis=1, ascending=False, na_option="bottom").mean()
    filled = rounded.fillna(-np.inf)
    same_folds = rows.set_index(KEYS).loc[shared.index]
    lines = []
    for tool in ranks.sort_values().index:
        some = same_folds[same_folds["framework"] == tool]
        ours = filled.get(US, np.inf)
        wins, losses = (ours > filled[tool]).sum(), (ours < filled[tool]).sum()
        lines.append(
            [
                " ".join([tool, *some["version"].dropna().unique()]),
                f"{ranks[tool]:.2f}",
                "" if tool == US else f"{wins} : {losses}",
                f"{some['normalised'].mean():.4f}",
                f"{(some['fit_s'] / some['budget']).max():.2f}",
                f"{some['single_row_ms'].median():.1f}",
                f"{(some['status'] != 'ok').sum()}",
            ]
        )
    heads = ["tool", "mean rank", f"{US} wins : loses", "normalised", "longest / budget"]
    return markdown([*heads, "one row, ms", "failed"], lines)


def markdown(heads: list[str], lines: list[list[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """The mean normalised score against the budget, on what every tool ran on."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    table = rows.pivot_table(index=KEYS, columns=["framework", "budget"], values="normalised")
    means = table.dropna().mean()
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for tool, curve in means.groupby(level="framework"):
        curve = curve.droplevel("framework")
        axes.plot(curve.index, curve, marker="o", label=tool, lw=2.5 if tool == US else 1)
    axes.set_xscale("log")
    budgets = sorted(rows["budget"].unique())
    axes.set_xticks(budgets, [f"{budget:g}" for budget in budgets])
    axes.set_xlabel("budget, seconds")
    axes.set_ylabel("normalised score, mean over data sets")
    axes.minorticks_off()
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
