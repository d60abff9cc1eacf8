"""The worker for a graphics card, beside those for the cores."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from sklearn.datasets import make_classification

from autopipe import AutoClassifier, devices
from autopipe.execution import processes
from autopipe.execution.executor import Job
from autopipe.execution.processes import Processes

PATIENCE = 60.0  # s; for machines that are busy, never waited for in full


@pytest.fixture
def executor(tmp_path, monkeypatch):
    """One worker for a core, one for a device that takes trees with a net."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    executor = Processes(
        tmp_path,
        1,
        "device_work:judge",
        device="card",
        is_for_device=lambda job: "net" in job.tree,
    )
    yield executor
    executor.close()


def told(executor, count):
    """What jobs told of themselves, by number: device, parent, limit."""
    found = {}
    end = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        for outcome in executor.finished(1.0):
            found[outcome.number] = outcome.failure.split()
    return found


def test_a_net_runs_in_a_spawned_worker_and_a_tree_in_a_forked_one(executor):
    executor.submit(Job(0, "net", 0))
    executor.submit(Job(1, "tree", 0))
    found = told(executor, 2)
    assert found[0][:2] == ["card", str(os.getpid())]
    assert found[1][0] == "cpu" and found[1][1] != str(os.getpid())


def test_a_device_does_not_wait_for_the_cores(executor, tmp_path):
    executor.submit(Job(0, "tree that waits", 0))
    assert executor.has_room()
    executor.submit(Job(1, "net", 0))
    assert list(told(executor, 1)) == [1]
    (tmp_path / "go").touch()
    assert list(told(executor, 1)) == [0]


def test_nets_wait_for_the_device_until_there_are_many(executor, tmp_path):
    for number in range(6):
        executor.submit(Job(number, "net that waits", 0))
    (tmp_path / "go").touch()
    devices = [device for _, (device, *_) in sorted(told(executor, 6).items())]
    assert devices == ["card"] * 4 + ["cpu"] * 2


def test_a_job_that_has_to_wait_has_its_time_all_the_same(executor, tmp_path):
    limit = time.monotonic() + PATIENCE
    executor.submit(Job(0, "net that waits", 0, limit=limit))
    executor.submit(Job(1, "net", 0, limit=limit))
    (tmp_path / "go").touch()
    found = told(executor, 2)
    assert float(found[0][2]) < float(found[1][2])


def test_a_device_that_does_not_work_leaves_its_jobs_to_the_cores(
    tmp_path, monkeypatch, caplog
):
    really_launch = processes.launch

    def launch(work, fork, device):
        worker = really_launch(work, fork, device)
        if device != "cpu":
            worker.kill()
        return worker

    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(processes, "launch", launch)
    executor = Processes(tmp_path, 1, "device_work:judge", device="card")
    try:
        for number in range(2):
            executor.submit(Job(number, "net", 0))
            assert told(executor, 1)[number][0] == "cpu"
    finally:
        executor.close()
    assert "the CPU takes its jobs" in caplog.text


@pytest.mark.slow
def test_a_run_gives_networks_to_the_worker_for_the_device(monkeypatch):
    monkeypatch.setattr(devices, "has_cuda", lambda: True)  # which torch will not find
    model = AutoClassifier(
        device="cuda", include=["mlp", "logistic"], cv=2, max_trials=4, verbose=0
    )
    X, y = make_classification(200, random_state=0)
    history = model.fit(X, y).history_
    is_network = history["tree"].str.startswith("mlp")
    assert is_network.any() and not is_network.all()
    told = history["failure"].str.contains("sees no graphics card")
    assert (told == is_network).all()
