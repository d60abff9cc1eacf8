"""Workers: what a job may do to one, and that it costs one trial."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autopipe.errors import RunError
from autopipe.execution import launcher, post
from autopipe.execution.executor import Job
from autopipe.execution.launcher import warm
from autopipe.execution.processes import Processes
from autopipe.trial import Status

WORK = "nasty_work:judge"
HERE = Path(__file__).parent
PATIENCE = 60.0  # s; for machines that are busy, never waited for in full


@pytest.fixture(autouse=True)
def _nasty_work_is_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def processes(tmp_path):
    started = []

    def start(workers=1, **options):
        started.append(Processes(tmp_path, workers, WORK, **options))
        return started[-1]

    yield start
    for executor in started:
        executor.close()


def outcomes(executor, count):
    """The outcomes of `count` jobs, by number."""
    told = {}
    end = time.monotonic() + PATIENCE
    while len(told) < count and time.monotonic() < end:
        told.update((outcome.number, outcome) for outcome in executor.finished(1.0))
    return told


def run(executor, *jobs):
    """Submit jobs as room allows; their outcomes by number."""
    told, waiting = {}, list(jobs)
    end = time.monotonic() + PATIENCE
    while len(told) < len(jobs) and time.monotonic() < end:
        while waiting and executor.has_room():
            executor.submit(waiting.pop(0))
        told.update((outcome.number, outcome) for outcome in executor.finished(1.0))
    return told


def appears(path):
    """The number that a job writes once it is where it wants to be."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


def is_alive(pid):
    """Whether a process lives; the dead that nobody has waited for do not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(pid):
    end = time.monotonic() + PATIENCE
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_alive(pid)


def descendants():
    """All processes that this one, or its zygote, has started and that live."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(entry.name)] = int(parent)
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


ENDS = {
    "raises": (Status.ERROR, "ValueError: the learner is unhappy"),
    "leaves": (Status.ERROR, "SystemExit: 4"),
    "starves": (Status.MEMORY, "MemoryError: no more"),
    "raises_bad_alloc": (Status.MEMORY, "RuntimeError: std::bad_alloc"),
    "aborts_for_bad_alloc": (Status.MEMORY, "killed by signal 6 (SIGABRT)"),
    "is_killed": (Status.CRASH, "killed by signal 9 (SIGKILL)"),
    "exits": (Status.CRASH, "exited with code 3"),
    "segfaults": (Status.CRASH, "killed by signal 11 (SIGSEGV)"),
    "prints_and_aborts": (Status.CRASH, "killed by signal 6 (SIGABRT)"),
    "closes_its_pipe": (Status.CRASH, "killed by signal 9 (SIGKILL)"),
    "spawns_threads": (Status.COMPLETE, ""),
    "leaves_a_grandchild": (Status.COMPLETE, ""),
    "leaves_a_fork": (Status.COMPLETE, ""),
    "leaves_a_daemon": (Status.COMPLETE, ""),
    "leaves_descriptors": (Status.COMPLETE, ""),
}


@pytest.mark.parametrize("deed", ENDS)
def test_a_nasty_job_costs_one_trial(processes, deed):
    told = run(processes(), Job(0, deed, 0), Job(1, "fine", 0))
    assert (told[0].status, told[0].failure) == ENDS[deed]
    assert told[1].status is Status.COMPLETE


@pytest.mark.parametrize("deed", ["hangs", "sleeps_holding_the_gil"])
def test_a_job_that_hangs_is_killed_at_its_limit(processes, deed):
    executor = processes()
    run(executor, Job(0, "fine", 0))
    limit = time.monotonic() + 0.2
    told = run(executor, Job(1, deed, 0, limit=limit), Job(2, "fine", 0))
    assert (told[1].status, told[1].failure) == (Status.TIMEOUT, "killed at its time limit")
    assert told[1].seconds > 0
    assert told[2].status is Status.COMPLETE


def test_a_job_whose_limit_is_over_before_a_worker_is_up_is_a_timeout(processes):
    told = run(processes(), Job(0, "fine", 0, limit=0.0), Job(1, "fine", 0))
    assert told[0].status in (Status.TIMEOUT, Status.COMPLETE)
    assert told[1].status is Status.COMPLETE


def test_a_job_is_killed_at_the_memory_limit(processes):
    executor = processes(memory_limit_mb=600)
    told = run(executor, Job(0, "allocates", 0), Job(1, "fine", 0))
    assert told[0].status is Status.MEMORY
    assert "600 MB" in told[0].failure
    assert told[0].peak_megabytes > 600
    assert told[1].status is Status.COMPLETE


def test_the_memory_limit_counts_what_a_job_has_started(processes):
    told = run(processes(memory_limit_mb=600), Job(0, "lets_a_child_allocate", 0))
    assert told[0].status is Status.MEMORY


def test_workers_share_the_memory_limit_and_the_largest_goes(processes, tmp_path):
    executor = processes(workers=2, memory_limit_mb=600)
    executor.submit(Job(0, "hangs", 0))
    pid = appears(tmp_path / "hanging")
    told = run(executor, Job(1, "allocates", 0), Job(2, "fine", 0))
    assert [told[number].status for number in (1, 2)] == [Status.MEMORY, Status.COMPLETE]
    assert told[1].peak_megabytes > 400
    assert is_alive(pid)


def test_a_kill_by_a_system_short_of_memory_is_told_as_such(processes, monkeypatch):
    counts = iter(range(100))
    monkeypatch.setattr(post, "system_kills", lambda: next(counts))
    told = run(processes(), Job(0, "is_killed", 0))
    assert told[0].status is Status.MEMORY
    assert "short of memory" in told[0].failure


def test_the_peak_of_a_crash_is_known(processes):
    told = run(processes(), Job(0, "fine", 0), Job(1, "holds_and_crashes", 0))
    assert told[1].peak_megabytes > told[0].peak_megabytes + 100


def test_the_peak_is_that_of_the_job_alone(processes):
    told = run(processes(), Job(0, "holds", 0), Job(1, "fine", 0))
    assert told[0].peak_megabytes > told[1].peak_megabytes + 100


def test_a_crash_tells_where_it_happened(processes):
    told = run(processes(), Job(0, "segfaults", 0), Job(1, "prints_and_aborts", 0))
    assert "in segfaults" in told[0].traceback
    assert "the library gave up" in told[1].traceback


def test_a_crash_spares_the_other_workers(processes, tmp_path):
    executor = processes(workers=2)
    executor.submit(Job(0, "hangs", 0))
    pid = appears(tmp_path / "hanging")
    told = run(executor, Job(1, "segfaults", 0), Job(2, "exits", 0), Job(3, "fine", 0))
    assert [told[number].status for number in (1, 2, 3)] == ["crash", "crash", "complete"]
    assert is_alive(pid)


def test_workers_are_reused_and_run_on_one_native_thread(processes, tmp_path):
    executor = processes()
    told = run(executor, Job(0, "fine", 0), Job(1, "fine", 0), Job(2, "threads_of", 0))
    assert told[0].megabytes == told[1].megabytes
    assert told[2].failure == f"1 1 PASSIVE {tmp_path}"


@pytest.mark.parametrize(
    "deed", ["spawns_threads", "leaves_descriptors", "leaves_a_grandchild", "keeps"]
)
def test_a_worker_that_is_left_in_disorder_is_replaced(processes, deed):
    executor = processes(memory_limit_mb=600)
    told = run(executor, Job(0, "fine", 0), Job(1, deed, 0), Job(2, "fine", 0))
    assert told[1].status is Status.COMPLETE
    assert told[2].megabytes != told[0].megabytes
    assert ends(int(told[0].megabytes))


# The parent of a spawned worker is the user's process, which adopts none that a crash leaves.
@pytest.mark.parametrize(
    ("deed", "fork"),
    [
        ("leaves_a_daemon", True),
        ("leaves_a_daemon", False),
        ("leaves_a_daemon_and_crashes", True),
    ],
)
def test_nothing_outlives_its_job(processes, tmp_path, deed, fork):
    executor = processes(fork=fork)
    run(executor, Job(0, deed, 0))
    assert ends(appears(tmp_path / "daemon"))


@pytest.mark.parametrize("fork", [True, False])
def test_nothing_outlives_a_worker_that_is_killed(processes, tmp_path, fork):
    executor = processes(fork=fork)
    executor.submit(Job(0, "leaves_a_daemon_and_hangs", 0))
    daemon = appears(tmp_path / "daemon")
    appears(tmp_path / "hanging")
    executor.cancel()
    assert ends(daemon)


def test_cancel_stops_what_runs_and_says_so(processes, tmp_path):
    executor = processes(workers=2)
    executor.submit(Job(0, "hangs", 0))
    executor.submit(Job(1, "hangs", 0))
    pid = appears(tmp_path / "hanging")
    assert {outcome.status for outcome in executor.cancel()} == {Status.CANCELLED}
    assert not is_alive(pid)
    assert run(executor, Job(2, "fine", 0))[2].status is Status.COMPLETE


def test_a_job_that_is_being_killed_is_not_cancelled(processes):
    executor = processes()
    run(executor, Job(0, "fine", 0))
    executor.submit(Job(1, "hangs", 0, limit=time.monotonic() + 0.2))
    end = time.monotonic() + PATIENCE
    while not any(post.verdict for post in executor._posts) and not executor._outcomes:
        assert time.monotonic() < end
        time.sleep(0.0005)
    (outcome,) = executor.cancel()
    assert outcome.status is Status.TIMEOUT


def test_cancel_returns_at_once_where_nothing_runs(processes):
    executor = processes()
    assert list(executor.cancel()) == []
    assert executor.has_room()


def test_jobs_and_waits_may_have_no_end(processes):
    executor = processes()
    executor.submit(Job(0, "fine", 0, limit=float("inf")))
    assert executor.finished(float("inf"))[0].status is Status.COMPLETE
    assert run(executor, Job(1, "fine", 0, limit=1e12))[1].status is Status.COMPLETE


def test_close_leaves_no_process(processes, tmp_path):
    run(processes(), Job(0, "fine", 0))  # the zygote is there
    before = descendants()
    executor = processes(workers=2)
    run(executor, Job(1, "leaves_a_grandchild", 0), Job(2, "spawns_threads", 0))
    grandchild = appears(tmp_path / "grandchild")
    executor.submit(Job(3, "hangs", 0))
    appears(tmp_path / "hanging")
    executor.close()
    executor.close()
    assert ends(grandchild)
    assert descendants() <= before


def test_a_job_after_close_is_refused(processes):
    executor = processes()
    executor.close()
    with pytest.raises(RunError, match="Start new ones"):
        executor.submit(Job(0, "fine", 0))


@pytest.mark.parametrize("fork", [True, False])
def test_all_jobs_are_answered_while_workers_are_killed(processes, fork):
    executor = processes(workers=2, fork=fork)
    rng = random.Random(0)
    count = 200 if fork else 40
    jobs = [Job(number, "fine", 0) for number in range(count)]
    told, killed = {}, 0
    end = time.monotonic() + PATIENCE
    while len(told) < count and time.monotonic() < end:
        while jobs and executor.has_room():
            executor.submit(jobs.pop())
        for outcome in executor.finished(1.0):
            told[outcome.number] = outcome
            if outcome.status is Status.COMPLETE and rng.random() < 0.1:
                os.kill(int(outcome.megabytes), signal.SIGKILL)
                killed += 1
    assert killed > 0
    assert sorted(told) == list(range(count))
    assert {outcome.status for outcome in told.values()} <= {Status.COMPLETE, Status.CRASH}


def test_a_zygote_that_dies_is_replaced(processes, tmp_path):
    executor = processes()
    executor.submit(Job(0, "hangs", 0))
    pid = appears(tmp_path / "hanging")
    os.kill(launcher._zygote._process.pid, signal.SIGKILL)
    told = outcomes(executor, 1)
    assert (told[0].status, told[0].failure) == (
        Status.CRASH,
        "lost the process it came from",
    )
    assert ends(pid)
    assert run(executor, Job(1, "fine", 0))[1].status is Status.COMPLETE


def test_work_that_cannot_be_imported_is_told(tmp_path):
    executor = Processes(tmp_path, 1, "no_such_module:judge")
    executor.submit(Job(0, "fine", 0))
    with pytest.raises(RunError, match="No module named 'no_such_module'"):
        executor.finished(PATIENCE)
    executor.close()


def test_a_python_that_cannot_be_started_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    executor = Processes(tmp_path, 1, WORK, fork=False)
    executor.submit(Job(0, "fine", 0))
    with pytest.raises(RunError, match='executor="inline"'):
        executor.finished(PATIENCE)
    executor.close()


def test_a_library_that_crashes_as_it_is_imported_is_left_to_its_trials(processes, monkeypatch):
    monkeypatch.setattr(launcher, "_zygote", None)
    monkeypatch.setattr(launcher, "_preloaded", ("crashing_library",))
    assert run(processes(), Job(0, "fine", 0))[0].status is Status.COMPLETE
    assert launcher._preloaded == ()
    launcher._retire_zygote()


def test_a_zygote_that_never_comes_up_is_told(tmp_path, monkeypatch):
    start = launcher._python
    broken = "raise SystemExit('no library works here')  # %d"
    monkeypatch.setattr(launcher, "_zygote", None)
    monkeypatch.setattr(launcher, "_preloaded", launcher._preloaded)
    monkeypatch.setattr(launcher, "_python", lambda program, *rest: start(broken, *rest))
    executor = Processes(tmp_path, 1, WORK)
    executor.submit(Job(0, "fine", 0))
    with pytest.raises(RunError, match=r"Check free memory[\s\S]*no library works here"):
        executor.finished(PATIENCE)
    executor.close()
    launcher._retire_zygote()


@pytest.mark.parametrize("deed", ["exits", "segfaults", "hangs", "raises"])
def test_a_spawned_worker_keeps_the_same_contract(processes, deed):
    executor = processes(fork=False)
    run(executor, Job(0, "fine", 0))
    limit = time.monotonic() + (0.2 if deed == "hangs" else PATIENCE)
    told = run(executor, Job(1, deed, 0, limit=limit), Job(2, "fine", 0))
    expected = ENDS.get(deed, (Status.TIMEOUT, "killed at its time limit"))
    assert (told[1].status, told[1].failure) == expected
    assert told[2].status is Status.COMPLETE


def test_an_interrupt_loses_nothing(processes, tmp_path):
    executor = processes()
    executor.submit(Job(0, "hangs", 0))
    pid = appears(tmp_path / "hanging")
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            executor.finished(PATIENCE)
    finally:
        signal.signal(signal.SIGALRM, previous)
    os.kill(pid, signal.SIGINT)  # as from the terminal: ignored
    assert is_alive(pid)
    assert [outcome.number for outcome in executor.cancel()] == [0]
    assert run(executor, Job(1, "fine", 0))[1].status is Status.COMPLETE


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from autopipe.execution.executor import Job
from autopipe.execution.processes import Processes
print("the script runs")
executor = Processes(Path({folder!r}), 1, "nasty_work:judge")
executor.submit(Job(0, {deed!r}, 0))
for outcome in executor.finished(60.0):
    print(outcome.status, "the script" in outcome.failure)
executor.close()
"""


def test_a_script_from_standard_input_is_run_once(tmp_path):
    script = SCRIPT.format(here=str(HERE), folder=str(tmp_path), deed="main_of")
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == ("the script runs\ncomplete False\n", "")


def test_nothing_is_left_when_the_controller_is_killed(tmp_path):
    deed = "leaves_a_daemon_and_hangs"
    script = SCRIPT.format(here=str(HERE), folder=str(tmp_path), deed=deed)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
        worker = appears(tmp_path / "hanging")
        process.kill()
    assert ends(worker)
    assert ends(appears(tmp_path / "daemon"))


def test_a_fork_of_the_controller_gets_a_zygote_of_its_own(processes):
    run(processes(), Job(0, "fine", 0))
    ours = launcher._zygote
    child = os.fork()
    if child == 0:
        os._exit(0 if launcher._zygote is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    warm()
    assert launcher._zygote is ours
    assert ours.is_alive()
