"""A fitted model on a card, as notebooks show it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from autopipe.model import Model
from autopipe.reports.leaderboard import NOT_USED, leaderboard

_STYLE = "border:1px solid; border-radius:6px; padding:.6em 1em; display:inline-block"


def summary_html(name: str, model: Model) -> str:
    """Score with its interval, best pipeline, members and the ledger of seconds as HTML.

    Whatever comes from the user's table or libraries is escaped.

    Parameters
    ----------
    name : of the estimator
    """
    whole = leaderboard(model)
    ensemble, board = whole.iloc[0], whole.iloc[1:]
    tried = f"{len(model.trials)} pipelines tried, {len(board)} complete"
    if model.facts["interrupted"]:
        tried += ", interrupted"
    if ending := model.facts.get("ending"):  # which older files lack
        tried += f", ended early: {ending}"
    if board.empty:
        body = [_paragraph(f"{tried}: the model predicts the same for every row.")]
    else:
        members = board[board["weight"] > 0].sort_values("weight", ascending=False)
        metric = str(model.facts["score_name"])
        best = board[board["status"] != NOT_USED].iloc[0]
        score, *details = repr(model.score).splitlines()
        body = [
            f"<p><b>{escape(score)}</b> &middot; {ensemble['row_ms']:.3g} ms per row "
            f"&middot; {escape(tried)}</p>",
            *map(_paragraph, details),
            f"<p>Best pipeline: <code>{escape(best['tree'])}</code></p>",
            _table(
                ("weight", metric, "ms per row", "MB", "member"),
                (
                    (f"{row['weight']:.2f}", f"{row[metric]:.5g}", f"{row['row_ms']:.3g}",
                     f"{row['megabytes']:.3g}", row["tree"])
                    for row in members.to_dict("records")
                ),
            ),
        ]  # fmt: skip
    ledger = model.facts["ledger"]
    spent = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in ledger.items())
    body.append(_paragraph(f"{sum(ledger.values()):.1f} s in fit: {spent}"))
    return f'<div style="{_STYLE}"><b>{escape(name)}</b>{"".join(body)}</div>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _table(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    def line(tag: str, cells: Iterable[object]) -> str:
        inner = "".join(
            f'<{tag} style="text-align:left">{escape(str(cell))}</{tag}>' for cell in cells
        )
        return f"<tr>{inner}</tr>"

    return f"<table>{line('th', headings)}{''.join(line('td', row) for row in rows)}</table>"
