"""In how many programs the networks of the folds are trained, and on what hardware."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise, repeat

from autopipe.operators.batched_training import FoldData, Recipe, Trained, train
from autopipe.operators.declaration import Limits
from autopipe.operators.layers import Network

log = logging.getLogger(__name__)

Job = tuple[Network, Recipe, FoldData]
"""The training of one fold."""

# Folds are trained in two programs, which may run side by side. More together gained little
# on a processor; a number that followed the threads would change the last digits.
_PARTS = 2


def train_folds(
    jobs: Sequence[Job], limits: Limits, device: str = "auto", precision: str = "auto"
) -> list[Trained]:
    """The trained networks of all folds, each program in its share of the time.

    Parameters
    ----------
    device : "cpu", "cuda", or "auto" for the latter where there is one
    precision : as of `train`; "auto" is bfloat16 where the hardware multiplies in it
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = _precision(device)
    kinds: dict[tuple[Network, Recipe, int], list[int]] = {}
    for place, (network, recipe, data) in enumerate(jobs):
        kind = network, recipe, recipe.steps(len(data.train))
        kinds.setdefault(kind, []).append(place)
    count = _PARTS if device == "cpu" else 1
    parts = [part for places in kinds.values() for part in _split(places, count)]
    workers = max(1, min(limits.threads, count))
    trained: dict[int, Trained] = {}

    def fitted(part: list[int], until: Limits) -> list[Trained]:
        network, recipe, _ = jobs[part[0]]
        folds = [jobs[place][2] for place in part]
        return _within_memory(network, recipe, folds, until, device, precision)

    with _one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        for begin in range(0, len(parts), workers):
            now, side_by_side = time.monotonic(), parts[begin : begin + workers]
            share = sum(map(len, side_by_side)) / (len(jobs) - len(trained))
            until = Limits(now + (limits.deadline - now) * share)
            results = pool.map(fitted, side_by_side, repeat(until))
            for part, networks in zip(side_by_side, results, strict=True):
                trained |= zip(part, networks, strict=True)
    return [trained[place] for place in range(len(jobs))]


def _split(places: list[int], count: int) -> list[list[int]]:
    """The places in so many parts, or fewer where there are not so many."""
    bounds = [round(len(places) * part / count) for part in range(count + 1)]
    return [places[low:high] for low, high in pairwise(bounds) if low < high]


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Let operations of torch take one thread: the last digits depend on their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _within_memory(
    network: Network,
    recipe: Recipe,
    folds: Sequence[FoldData],
    limits: Limits,
    device: str,
    precision: str,
) -> list[Trained]:
    """As `train`; folds that a device cannot hold together are trained in halves.

    One that it cannot hold alone is trained on the processor.
    """
    import torch

    rest = network, recipe
    try:
        return train(*rest, folds, limits, device, precision)
    except torch.OutOfMemoryError:
        if len(folds) == 1:
            log.warning("The memory of %s does not hold the network; the CPU goes on.", device)
            return train(*rest, folds, limits, "cpu", _precision("cpu"))
        log.info("The memory of %s does not hold %d folds at once.", device, len(folds))
        middle = len(folds) // 2
        now = time.monotonic()
        half = Limits(now + (limits.deadline - now) * middle / len(folds))
        return [
            *_within_memory(*rest, folds[:middle], half, device, precision),
            *_within_memory(*rest, folds[middle:], limits, device, precision),
        ]


def _precision(device: str) -> str:
    """What products are made in: twice as fast in bfloat16, where there is hardware for it."""
    import torch

    if device == "cpu":
        known = torch.cpu.get_capabilities()
        has_it = known.get("amx_bf16", False) or known.get("avx512_bf16", False)
    else:
        has_it = torch.cuda.is_bf16_supported()
    return "bfloat16" if has_it else "float32"
