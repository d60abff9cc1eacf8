"""Customers, their orders and the items of these, for tests of several tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from autopipe.relations.bill import Caps, bill_of
from autopipe.relations.joining import frames_of
from autopipe.relations.learning import propose
from autopipe.relations.schema import Relations

ORDERED = ("customers", "id", "orders", "customer")
HELD = ("orders", "order", "items", "order")


def day(number):
    return pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)


def shop(rows=60, seed=0):
    """Customers with a day of asking, orders and items by the day; whoever buys much stays."""
    rng = np.random.default_rng(seed)
    customers = pd.DataFrame(
        {
            "id": [f"k{i}" for i in range(rows)],
            "asked": [day(d) for d in rng.integers(5, 20, rows)],
        }
    )
    count = 6 * rows
    orders = pd.DataFrame(
        {
            "order": rng.permutation(10 * count)[:count],
            "customer": rng.choice(customers["id"][1:], count),
            "at": [day(d) for d in rng.integers(0, 25, count)],
            "amount": rng.exponential(size=count).round(3),
            "status": rng.choice(["late", "sent", None], count),
        }
    )
    items = pd.DataFrame(
        {
            "order": rng.choice(orders["order"], 2 * count),
            "price": rng.normal(size=2 * count),
            "kind": rng.choice(["tea", "pot", "cup"], 2 * count),
        }
    )
    seen = orders.merge(customers, left_on="customer", right_on="id").query("at <= asked")
    spent = seen.groupby("id")["amount"].sum().reindex(customers["id"]).fillna(0)
    spent += rng.normal(scale=0.7, size=rows)
    customers["stays"] = np.where(spent > spent.median(), "yes", "no")
    return customers, {"orders": orders, "items": items}


def learned(frame, tables, relations, cutoff=None):
    """The joining that `fit` would learn, without caps of time and memory."""
    if not isinstance(relations, Relations):
        relations = Relations(relations)
    proposal = propose(frame, frames_of(tables), relations, cutoff)
    bill = bill_of(proposal, Caps(relations.max_features), is_timed=False)
    return proposal.kept(np.flatnonzero(bill.features["left_out"] == "").tolist())
