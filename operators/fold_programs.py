"""In how many programs networks are trained, and on what hardware."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, pairwise, repeat
from threading import Lock

from autopipe.devices import CPU
from autopipe.operators.batched_training import train
from autopipe.operators.declaration import Limits
from autopipe.operators.layers import Network
from autopipe.operators.recipes import PROGRAMS, FoldData, Recipe, Trained

log = logging.getLogger(__name__)

Job = tuple[Network, Recipe, FoldData]
"""The training of one fold of one configuration."""


def train_folds(jobs: Sequence[Job], limits: Limits, precision: str = "auto") -> list[Trained]:
    """The trained networks of all jobs, each program in its share of the time.

    A graphics card trains those of one shape together, whatever their recipes.

    Parameters
    ----------
    precision : as of `train`; "auto" is bfloat16 where the hardware multiplies in it
    """
    import torch

    device, note = limits.device, ""
    if device != CPU and not torch.cuda.is_available():
        device, note = CPU, f"torch {torch.__version__} sees no graphics card"
    if precision == "auto":
        precision = _precision(device)
    kinds: dict[tuple[Network, int, int], dict[Recipe, list[int]]] = {}
    for place, (network, recipe, data) in enumerate(jobs):
        kind = network, *recipe.shape(len(data.train))
        kinds.setdefault(kind, {}).setdefault(recipe, []).append(place)
    count = PROGRAMS if device == CPU else 1
    programs = ([*chain(*kind.values())] for kind in kinds.values())
    parts = [part for places in programs for part in _split(places, count)]
    workers = max(1, min(limits.threads, count))
    trained: dict[int, Trained] = {}

    def fitted(part: list[int], until: Limits) -> list[Trained]:
        networks, recipes, folds = zip(*(jobs[place] for place in part), strict=True)
        return _within_memory(networks[0], recipes, folds, until, device, precision)

    with _one_torch_thread, ThreadPoolExecutor(workers) as pool:
        for begin in range(0, len(parts), workers):
            now, side_by_side = time.monotonic(), parts[begin : begin + workers]
            share = sum(map(len, side_by_side)) / (len(jobs) - len(trained))
            until = Limits(now + (limits.deadline - now) * share)
            results = pool.map(fitted, side_by_side, repeat(until))
            for part, networks in zip(side_by_side, results, strict=True):
                trained |= zip(part, networks, strict=True)
    in_order = (trained[place] for place in range(len(jobs)))
    return [replace(one, note=one.note or note) for one in in_order]


def _split(places: list[int], count: int) -> list[list[int]]:
    """The places in so many parts, or fewer where there are not so many."""
    bounds = [round(len(places) * part / count) for part in range(count + 1)]
    return [places[low:high] for low, high in pairwise(bounds) if low < high]


class _OneTorchThread:
    """Lets operations of torch take one thread: the last digits depend on their number.

    Of fits that overlap the first one in sets it, and the last one out gives back what was.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._fits, self._before = 0, 1

    def __enter__(self) -> None:
        import torch

        with self._lock:
            if not self._fits:
                self._before = torch.get_num_threads()
                torch.set_num_threads(1)
            self._fits += 1

    def __exit__(self, *_: object) -> None:
        import torch

        with self._lock:
            self._fits -= 1
            if not self._fits:
                torch.set_num_threads(self._before)


_one_torch_thread = _OneTorchThread()


def _within_memory(
    network: Network,
    recipes: Sequence[Recipe],
    folds: Sequence[FoldData],
    limits: Limits,
    device: str,
    precision: str,
) -> list[Trained]:
    """As `train`; folds that a device cannot hold together are trained in halves.

    One that it cannot hold alone is trained on the processor.
    """
    import torch

    try:
        return train(network, recipes, folds, limits, device, precision)
    except torch.OutOfMemoryError:
        note = f"{device} had no memory for {len(folds)} networks at once"
    log.info("%s.", note)
    if len(folds) == 1:
        trained = train(network, recipes, folds, limits, CPU, _precision(CPU))
        return [replace(one, note=note) for one in trained]
    middle = len(folds) // 2
    now = time.monotonic()
    half = Limits(now + (limits.deadline - now) * middle / len(folds))
    trained = []
    for some, until in ((slice(None, middle), half), (slice(middle, None), limits)):
        trained += _within_memory(network, recipes[some], folds[some], until, device, precision)
    return [replace(one, note=note) for one in trained]


def _precision(device: str) -> str:
    """What products are made in: twice as fast in bfloat16, where there is hardware for it."""
    import torch

    if device == CPU:
        known = torch.cpu.get_capabilities()
        has_it = known.get("amx_bf16", False) or known.get("avx512_bf16", False)
    else:
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if has_it else "float32"
