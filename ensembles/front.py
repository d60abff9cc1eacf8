"""Which smaller models there are in an ensemble: score against time and size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import IO, Any, Self

import numpy as np

from autopipe.ensembles.predictor import Member, pipelines_of
from autopipe.task import FloatArray, IntArray, Target, TaskKind

_SIZES = (1, 2, 3, 5, 8, 13)  # members; between them little changes
_FOLDS = (1, 2, 4)  # models of each member, where there are more


@dataclass(frozen=True)
class Cost:
    """What fold models cost.

    Parameters
    ----------
    row_ms : milliseconds for one row alone
    thousand_ms : for a thousand rows together
    megabytes : of its fitted state
    """

    row_ms: float
    thousand_ms: float
    megabytes: float


@dataclass(frozen=True)
class Point:
    """A model that can be made of what a fit left.

    Parameters
    ----------
    weights : by number of the trial, their sum is 1
    folds : models of each member at most; light ones have fewer. With fewer the score is the
        same, as each row is judged by one; new rows are predicted better by the average of
        more.
    score : mean over the folds of the members' average as it is, larger is better
    row_ms, thousand_ms : milliseconds for one row alone, and for a thousand
    megabytes : of the fitted state
    judged : the score with what comes after the members, such as a threshold; not a number
        where that could not be found out, None until somebody asks
    """

    weights: Mapping[int, float]
    folds: int
    score: float
    row_ms: float
    thousand_ms: float
    megabytes: float
    judged: float | None = None

    def is_within(self, max_latency_ms: float | None, max_size_mb: float | None) -> bool:
        """Whether it keeps both limits, of which None is none."""
        is_quick = max_latency_ms is None or self.row_ms <= max_latency_ms
        return is_quick and (max_size_mb is None or self.megabytes <= max_size_mb)

    def dominates(self, other: Point) -> bool:
        """Whether it is no worse in any way, and better in one."""
        ours = (self.score, self.folds, -self.row_ms, -self.megabytes)
        theirs = (other.score, other.folds, -other.row_ms, -other.megabytes)
        return ours != theirs and all(a >= b for a, b in zip(ours, theirs, strict=True))

    def state(self) -> dict[str, Any]:
        """All there is to know, ready for JSON, but what can be judged again."""
        return {name: value for name, value in asdict(self).items() if name != "judged"}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """The point whose `state` this is."""
        weights = {int(number): weight for number, weight in state["weights"].items()}
        return cls(**{**state, "weights": weights})


@dataclass(frozen=True, eq=False)
class Evidence:
    """Out-of-fold predictions of some rows, by which any of the points can be judged anew.

    Parameters
    ----------
    predictions : by number of the trial, of shape (rows, outputs)
    target : of these rows
    folds : the fold that each row was held out by, shape (rows,)
    rows : that they were drawn from
    table_rows : of the whole table, those that were never held out included; None where an
        earlier version wrote the file
    """

    predictions: Mapping[int, FloatArray]
    target: Target
    folds: IntArray
    rows: int
    table_rows: int | None = None


@dataclass(frozen=True, eq=False)
class Front:
    """What a fit left to choose from.

    Parameters
    ----------
    points : the models that can be made, the best score first
    members : by number; those of all points, with all their models
    evidence : of all members
    """

    points: tuple[Point, ...]
    members: Mapping[int, Member]
    evidence: Evidence

    @property
    def whole(self) -> Point:
        """The largest: of the most members, with the most models of each."""
        return max(self.points, key=lambda point: (len(point.weights), point.folds))

    def chosen(self, point: Point) -> tuple[Member, ...]:
        """The members of a point, with as many models as it has."""
        return tuple(
            replace(_cut(self.members[number], point.folds), weight=weight)
            for number, weight in point.weights.items()
        )

    def with_firsts(self, singles: Sequence[Member]) -> Front:
        """The front where points of single models have these."""
        better = {
            one.number: replace(one, models=(*one.models, *self.members[one.number].models[1:]))
            for one in singles
        }
        return replace(self, members={**self.members, **better})

    def made_of(self, members: Sequence[Member]) -> Front:
        """What is left to choose where these members, of one point, are all there are."""
        held = pipelines_of(members)
        points = tuple(
            point
            for point in self.points
            if all(
                n in held
                and len(held[n].models) >= len(_cut(self.members[n], point.folds).models)
                for n in point.weights
            )
        )
        predictions = {n: told for n, told in self.evidence.predictions.items() if n in held}
        return Front(points, held, replace(self.evidence, predictions=predictions))


def _cut(member: Member, count: int) -> Member:
    inputs = tuple(_cut(one, count) for one in member.inputs)
    return replace(member, models=member.models[:count], inputs=inputs)


def points_of(
    weights: Mapping[int, float],
    singles: Sequence[int],
    folds: int,
    score: Callable[[Mapping[int, float]], float],
    cost: Callable[[Mapping[int, float], int], Cost],
    overhead: Cost,
    has_time: Callable[[], bool] = lambda: True,
) -> tuple[Point, ...]:
    """The whole ensemble, and the points that none dominates, the best score first.

    Parameters
    ----------
    weights : of the whole ensemble
    singles : further members, each to stand alone
    folds : models of a member
    score : of a weighted average
    cost : of so many fold models of every member with a weight
    overhead : what comes to that for any model
    has_time : whether one more subset of the members may be scored
    """
    points: list[Point] = []
    for some in _subsets(weights, singles):
        if points and not has_time():
            break
        reached = score(some)
        for count in sorted({folds, *(few for few in _FOLDS if few < folds)}, reverse=True):
            made = cost(some, count)
            points.append(
                Point(
                    some,
                    count,
                    reached,
                    overhead.row_ms + made.row_ms,
                    overhead.thousand_ms + made.thousand_ms,
                    overhead.megabytes + made.megabytes,
                )
            )
    kept = [one for one in points[1:] if not any(each.dominates(one) for each in points)]
    return tuple(sorted([points[0], *kept], key=lambda point: (-point.score, -point.folds)))


def _subsets(
    weights: Mapping[int, float], singles: Sequence[int]
) -> Iterator[Mapping[int, float]]:
    """The whole ensemble, its heaviest members, and single ones."""
    ordered = sorted(weights, key=lambda number: (-weights[number], number))
    yield dict(weights)
    for size in _SIZES:
        if size < len(ordered):
            total = sum(weights[number] for number in ordered[:size])
            yield {number: weights[number] / total for number in ordered[:size]}
    for number in (*ordered[1:], *singles):
        yield {number: 1.0}


def best_within(
    points: Sequence[Point],
    max_latency_ms: float | None,
    max_size_mb: float | None,
    score: Callable[[Point], float] = lambda point: point.score,
) -> Point | None:
    """The point of the best score, then of most models, that keeps the limits; None if none."""
    feasible = [one for one in points if one.is_within(max_latency_ms, max_size_mb)]
    return max(feasible, key=lambda one: (score(one), one.folds), default=None)


def write_front(file: IO[bytes], front: Front) -> None:
    """Write points and evidence as one .npz; the members are kept elsewhere."""
    target, folds = front.evidence.target, front.evidence.folds
    head = {
        "points": [point.state() for point in front.points],
        "kind": target.kind.value,
        "n_classes": target.n_classes,
        "rows": front.evidence.rows,
        "table_rows": front.evidence.table_rows,
    }
    arrays = {f"of {number}": told for number, told in front.evidence.predictions.items()}
    if target.weights is not None:
        arrays["weights"] = target.weights
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    np.savez(file, head=text, y=target.y, folds=folds, **arrays)  # type: ignore[arg-type]  # the stub takes keywords for a flag


def read_front(file: IO[bytes], members: Sequence[Member]) -> Front:
    """What `write_front` wrote, with the members of the model."""
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    head = json.loads(arrays["head"].tobytes().decode())
    kind, n_classes = TaskKind(head["kind"]), head["n_classes"]
    target = Target(kind, arrays["y"], n_classes, arrays.get("weights"))
    predictions = {
        int(name.removeprefix("of ")): told
        for name, told in arrays.items()
        if name.startswith("of ")
    }
    return Front(
        tuple(Point.restore(point) for point in head["points"]),
        pipelines_of(members),
        Evidence(predictions, target, arrays["folds"], head["rows"], head.get("table_rows")),
    )
